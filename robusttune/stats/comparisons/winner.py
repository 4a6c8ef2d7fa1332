"""The winner's curse: an interval for the configuration that was chosen because its mean is the highest."""

from __future__ import annotations

import numpy.typing as npt
from scipy import special

from robusttune.stats._checks import as_sample, check_count, check_level
from robusttune.stats.estimates.estimate import Estimate, mean_interval


def winner_interval(scores: npt.ArrayLike, *, n_configs: int, level: float = 0.95) -> Estimate:
    """Return the mean of a configuration that was chosen as the best of several, with its corrected interval.

    Parameters
    ----------
    scores : array_like, shape (n_seeds,)
        Scores of the configuration with the highest mean.
    n_configs : int
        How many configurations it was chosen from.
    level : float
        Confidence level.

    Raises
    ------
    ValueError
        If a score is not finite, `n_configs` is below 1, or the level is not between 0 and 1.

    Notes
    -----
    To be chosen for a high mean can only push the mean up, so only the lower bound is moved: its quantile
    is that of the largest of `n_configs` independent t variables (level 0.975**(1/n_configs) for 95 %).
    The mean itself is still biased upwards; run fresh seeds to be rid of that.

    References
    ----------
    Andrews, Kitagawa and McCloskey (2024), Inference on Winners. doi:10.1093/qje/qjad043
    """
    x = as_sample(scores)
    check_level(level)
    check_count(n_configs, name="n_configs", minimum=1)
    plain = mean_interval(x, level=level)
    if x.size < 2:
        return plain
    upper = 0.5 + level / 2
    critical = float(special.stdtrit(x.size - 1, upper ** (1 / n_configs)))
    return Estimate(
        statistic="mean",
        method="t, corrected for selection",
        estimate=plain.estimate,
        low=plain.estimate - critical * plain.standard_error,
        high=plain.high,
        standard_error=plain.standard_error,
        df=plain.df,
        level=level,
        n=plain.n,
        note=plain.note,
    )
