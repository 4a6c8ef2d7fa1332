"""One configuration: its mean and interquartile mean, each with an interval that holds at few seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from robusttune.stats._checks import FloatArray, as_sample, check_level

TRIM = 0.25  # the cut at each end that makes a trimmed mean the interquartile mean

# Share of the h - 1 degrees of freedom that the trimmed t really has, by number of values cut at each end
# (normal samples, 400,000 simulated for each n).
DF_SHARE = (1.0, 0.885, 0.845, 0.825, 0.80)

ONE_SEED = "one seed: nothing is known about the spread, so there is no interval"
NO_VARIATION = "no variation seen in the runs that count: the interval is a single value, not a certainty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A statistic of one configuration with its confidence interval.

    Attributes
    ----------
    estimate, low, high : float
        In score units. With one seed the bounds are infinite.
    standard_error, df : float
        Of the estimate (the interval may take a more cautious quantile); nan where the method has none.
    note : str or None
        What a reader has to know before using the interval.
    """

    statistic: str
    method: str
    estimate: float
    low: float
    high: float
    standard_error: float
    df: float
    level: float
    n: int
    note: str | None = None

    @property
    def width(self) -> float:
        """Return the length of the interval, in score units."""
        return self.high - self.low


def skewness(scores: npt.ArrayLike) -> float:
    """Return the moment skewness g1 of the scores; 0 where they do not vary.

    Parameters
    ----------
    scores : array_like, shape (n_seeds,)
        Finite scores.

    Raises
    ------
    ValueError
        If a score is not finite.
    """
    x = as_sample(scores)
    centred = x - x.mean()
    largest = float(np.abs(centred).max())
    if largest <= 1e-12 * (1.0 + float(np.abs(x).max())):
        return 0.0
    return float(stats.skew(centred / largest))  # cubes of raw returns may overflow


def mean_interval(scores: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """Return the mean with Student's t interval.

    Parameters
    ----------
    scores : array_like, shape (n_seeds,)
        One score per seed; finite.
    level : float
        Confidence level.

    Raises
    ------
    ValueError
        If a score is not finite, or the level is not between 0 and 1.

    Notes
    -----
    Assumes independent seeds and a distribution not far from symmetric. When a fraction of seeds fails
    and that fraction is near 1/n or below, no interval for the mean covers: an unseen tail cannot be
    estimated. Look at the worst seed and at the failure fraction too.

    References
    ----------
    Hesterberg (2015), What Teachers Should Know About the Bootstrap. doi:10.1080/00031305.2015.1089789
    """
    x = as_sample(scores)
    check_level(level)
    error = math.sqrt(_variance(x) / x.size) if x.size > 1 else math.nan
    return _student("mean", "t", float(x.mean()), error, x.size - 1, x, level)


def trimmed_parts(x: FloatArray, *, trim: float = TRIM) -> tuple[float, float, float]:
    """Return (trimmed mean, its standard error, degrees of freedom) of an already checked sample.

    Parameters
    ----------
    x : ndarray, shape (n_seeds,)
        Checked scores.
    trim : float
        Share that is cut at each end, rounded down to whole values.

    Notes
    -----
    Squared error (n-1) s_w^2 / (h (h-1)), s_w^2 being the variance of the winsorised sample and h the
    number of values that are kept. The usual h - 1 degrees of freedom are too many (.94 instead of .95 at
    five normal scores); `DF_SHARE` of them reproduces the simulated quantiles at every level from .8 to .99.
    Where the middle does not vary and the ends do, the error is that of the largest cut that sees variation:
    half of the runs at the maximum score are no proof of certainty.
    """
    ordered = np.sort(x)
    cut = int(trim * ordered.size)
    centre = float(ordered[cut : ordered.size - cut].mean())
    error, df = _trimmed_error(ordered, cut)
    while error == 0.0 and cut > 0:
        cut -= 1
        error, df = _trimmed_error(ordered, cut)
    return centre, error, df


def _trimmed_error(ordered: FloatArray, cut: int) -> tuple[float, float]:
    n = ordered.size
    kept = n - 2 * cut
    if kept < 2:
        return math.nan, 0.0
    winsorised = np.clip(ordered, ordered[cut], ordered[n - cut - 1])
    squared = (n - 1) * _variance(winsorised) / (kept * (kept - 1))
    return math.sqrt(squared), DF_SHARE[min(cut, len(DF_SHARE) - 1)] * (kept - 1)


def trimmed_interval(scores: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """Return the interquartile mean (whole values cut) with the trimmed-t interval.

    Parameters
    ----------
    scores : array_like, shape (n_seeds,)
        One score per seed; finite.
    level : float
        Confidence level.

    Raises
    ------
    ValueError
        If a score is not finite, or the level is not between 0 and 1.

    Notes
    -----
    Robust to a few failing seeds, and silent about them. It undercovers where many runs sit at the maximum
    score.

    References
    ----------
    Tukey and McLaughlin (1963), Sankhya A 25:331; Yuen (1974), doi:10.1093/biomet/61.1.165.
    """
    x = as_sample(scores)
    check_level(level)
    centre, error, df = trimmed_parts(x)
    return _student("iqm", "trimmed-t", centre, error, df, x, level)


def _variance(x: FloatArray) -> float:
    """Return the sample variance; exactly 0 where all values are equal (the rounded mean would hide it)."""
    return 0.0 if float(np.ptp(x)) == 0.0 else float(x.var(ddof=1))


def _student(
    statistic: str, method: str, centre: float, error: float, df: float, x: FloatArray, level: float
) -> Estimate:
    note: str | None = None
    if df <= 0:
        half, note = math.inf, ONE_SEED
    else:
        half = float(special.stdtrit(df, 0.5 + level / 2)) * error
        note = NO_VARIATION if error == 0.0 else None
    return Estimate(
        statistic=statistic,
        method=method,
        estimate=centre,
        low=centre - half,
        high=centre + half,
        standard_error=error,
        df=df,
        level=level,
        n=x.size,
        note=note,
    )
