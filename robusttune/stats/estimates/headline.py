"""The means with the intervals to print: trials borrow the typical spread of all trials."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy.typing as npt
from scipy import special

from robusttune.stats._checks import FloatArray, as_flags, as_runs, check_level
from robusttune.stats.estimates.estimate import Estimate, mean_interval
from robusttune.stats.estimates.variance import PRIOR_DF, drawn_towards, typical_sd, variances

METHOD = "t, borrowed spread"
_BORROWED = "no variation seen in these runs: the spread is borrowed"


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


def _borrow(student: Estimate, x: FloatArray, common: float) -> Estimate:
    """Return Student's interval with a variance that is drawn towards a common one, and n + 1 degrees of freedom.

    The interval keeps the quantile of n - 1, because a mean of few skewed scores is further off than a normal one.
    """
    own, df = float(variances([x])[0]), x.size - 1
    variance = float(drawn_towards(common, own, df))
    return with_variance(student, variance, method=METHOD, df=df + PRIOR_DF, quantile_df=df)


def with_variance(
    student: Estimate, variance: float, *, method: str, df: float, quantile_df: float, upper: float = 0.0
) -> Estimate:
    """Return Student's interval of a mean with another variance between seeds than its own.

    Parameters
    ----------
    student : Estimate
    variance : float
        Some of it borrowed, where the scores themselves show none.
    method : str
        What to call it.
    df, quantile_df : float
        Degrees of freedom of the standard error, and of the quantiles of the interval.
    upper : float
        Quantile of the lower bound, where it is beyond that of the level.
    """
    side, error = 0.5 + student.level / 2, math.sqrt(variance / student.n)
    return replace(
        student,
        method=method,
        low=student.estimate - float(special.stdtrit(quantile_df, max(side, upper))) * error,
        high=student.estimate + float(special.stdtrit(quantile_df, side)) * error,
        standard_error=error,
        df=df,
        note=_BORROWED if student.standard_error == 0.0 < error else student.note,
    )
