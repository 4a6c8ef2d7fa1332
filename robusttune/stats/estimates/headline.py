"""The means with the intervals to print: trials borrow the typical spread of all trials."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy.typing as npt
from scipy import special

from robusttune.stats._checks import FloatArray, as_flags, as_runs, check_level
from robusttune.stats.estimates.estimate import Estimate, mean_interval
from robusttune.stats.estimates.variance import PRIOR_DF, typical_sd, variances

METHOD = "t, borrowed spread"
BORROWED_SPREAD = "no variation seen in these runs: the spread is borrowed"


def headline_intervals(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike],
    *,
    is_control: Sequence[bool] | None = None,
    level: float = 0.95,
) -> tuple[Estimate, ...]:
    """Return the means with the intervals to print.

    Parameters
    ----------
    scores : array_like, shape (n_configs, n_seeds), or sequence of arrays of shape (n_seeds_i,)
        One score per seed; finite.
    is_control : sequence of bool, optional
        Which configurations are controls; default none.
    level : float
        Confidence level of each interval.

    Raises
    ------
    ValueError
        If a score is not finite, or an option breaks its rule.

    Notes
    -----
    Few seeds of a skewed configuration understate its spread: Student's t covers .82 to .89 on shapes of real
    scores. The variance of a trial is therefore ((n - 1) s² + 2 S²) / (n + 1), with S the median SD of the trials,
    and the quantile that of n - 1 degrees of freedom. Controls are of another kind: they lend and borrow
    nothing, and have Student's t. So has a trial that is alone.

    References
    ----------
    Smyth (2004), Linear Models and Empirical Bayes Methods, eq. 4 of section 3.
    doi:10.2202/1544-6115.1027
    """
    runs = as_runs(scores)
    check_level(level)
    controls = as_flags(is_control, len(runs))
    plain = tuple(mean_interval(x, level=level) for x in runs)
    lenders = [x for x, control in zip(runs, controls, strict=True) if not control and x.size > 1]
    typical = typical_sd(lenders)
    if len(lenders) < 2 or typical is None:
        return plain
    return tuple(
        one if control or x.size < 2 else _borrow(one, x, typical**2)
        for one, x, control in zip(plain, runs, controls, strict=True)
    )


def _borrow(plain: Estimate, x: FloatArray, common: float) -> Estimate:
    """Return Student's interval with a variance that is drawn towards a common one, and n + 1 degrees of freedom.

    The interval keeps the quantile of n - 1, because a mean of few skewed scores is further off than a normal one.
    """
    own, df = float(variances([x])[0]), x.size - 1
    error = math.sqrt((PRIOR_DF * common + df * own) / (PRIOR_DF + df) / x.size)
    half = float(special.stdtrit(df, 0.5 + plain.level / 2)) * error
    return replace(
        plain,
        method=METHOD,
        low=plain.estimate - half,
        high=plain.estimate + half,
        standard_error=error,
        df=plain.df + PRIOR_DF,
        note=BORROWED_SPREAD if own == 0.0 < error else plain.note,
    )
