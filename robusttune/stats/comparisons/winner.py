"""The winner's curse: an interval for the configuration that was chosen because its mean is the highest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import FloatArray, as_flags, as_runs, as_sample, check_count, check_level
from robusttune.stats.estimates.estimate import Estimate, mean_interval
from robusttune.stats.estimates.headline import headline_intervals, with_variance
from robusttune.stats.estimates.variance import drawn_towards, variances

CORRECTED = "t, borrowed spread, corrected for selection"
CONFIRMED = "t, borrowed spread, confirmation seeds alone"
BORROWED_DF = 4  # weight of the mean variance; `python -m benchmarks.interval_shapes` compares it with others


def winner_interval(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike],
    *,
    winner: int,
    is_control: Sequence[bool] | None = None,
    confirmation: npt.ArrayLike | None = None,
    plain: Estimate | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the mean of a configuration that was chosen from several, with an interval that allows for that.

    Parameters
    ----------
    scores : array_like, shape (n_configs, n_seeds), or sequence of arrays of shape (n_seeds_i,)
        Scores of all configurations from which it was chosen.
    winner : int
        Position of the chosen one.
    is_control : sequence of bool, optional
        Which configurations are controls, which lend and borrow no spread; default none.
    confirmation : array_like, shape (n_confirmation_seeds,), optional
        Its scores on seeds that no selection has seen: then the mean is theirs alone, and unbiased.
    plain : Estimate, optional
        The interval that is printed beside; the corrected one contains it. Default `headline_intervals`.
    level : float
        Confidence level.

    Raises
    ------
    ValueError
        If a score is not finite, `winner` is not one of the positions, or the level is not between 0 and 1.

    Notes
    -----
    A winner is chosen for the failures that its seeds did not show, so it borrows the mean variance of all
    trials, which has seen theirs: v = max(s², (4 mean_j s_j² + (n - 1) s²) / (n + 3)), n + 3 degrees of freedom.
    Being chosen for a high mean can only push it up, so the quantile of the lower bound is that of the largest
    of k independent variables (level .975**(1/k) for 95 %), and the upper one stays. Without confirmation the
    mean itself is biased upwards. With equal means and configurations that seldom fail no correction is
    enough (see docs/statistics.md); fresh seeds are.

    References
    ----------
    Andrews, Kitagawa and McCloskey (2024), Inference on Winners. doi:10.1093/qje/qjad043
    """
    runs = as_runs(scores)
    check_level(level)
    if check_count(winner, name="winner") >= len(runs):
        raise ValueError(
            f"`winner < {len(runs)}` (the number of configurations) must hold, but got {winner}."
        )
    controls = as_flags(is_control, len(runs))
    own = variances(runs)
    lent = own[np.isfinite(own) & ~controls & ~controls[winner]]  # a control that wins borrows nothing
    if confirmation is not None:
        return _borrow(as_sample(confirmation, name="confirmation"), lent, CONFIRMED, level)
    upper = (0.5 + level / 2) ** (1 / len(runs))
    found = _borrow(runs[winner], lent, CORRECTED, level, upper=upper)
    beside = plain or headline_intervals(runs, is_control=is_control, level=level)[winner]
    return replace(found, low=min(found.low, beside.low), high=max(found.high, beside.high))


def _borrow(x: FloatArray, lent: FloatArray, method: str, level: float, *, upper: float = 0.0) -> Estimate:
    """Return the interval of a mean that borrows the mean of the lent variances; Student's with fewer than two."""
    student = mean_interval(x, level=level)
    if x.size < 2:
        return student
    variance, df = float(variances([x])[0]), x.size - 1
    if lent.size > 1:
        variance = max(variance, float(drawn_towards(lent.mean(), variance, df, weight=BORROWED_DF)))
        df += BORROWED_DF
    return with_variance(student, variance, method=method, df=df, quantile_df=df, upper=upper)
