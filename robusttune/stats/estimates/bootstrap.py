"""Bootstrap intervals of many configurations at once: bootstrap-t, and percentile and BCa for comparison."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from robusttune.stats._checks import (
    FloatArray,
    as_runs,
    check_choice,
    check_count,
    check_level,
    check_rng,
)
from robusttune.stats.comparisons.contrasts import ROBUST_FROM_N, ROBUST_FROM_SKEW
from robusttune.stats.estimates.estimate import (
    NO_VARIATION,
    ONE_SEED,
    TRIM,
    Estimate,
    iqm_rliable,
    mean_interval,
    skewness,
)
from robusttune.stats.estimates.location import STATISTICS, locate
from robusttune.stats.estimates.resample import resample_counts, resampled_moments, trimmed_weights

METHODS = ("studentised", "percentile", "bca")
FEW_SEEDS = 20  # below it percentile and BCa intervals are too short to be printed without a warning


def bootstrap_intervals(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike],
    *,
    statistic: str = "mean",
    method: str = "studentised",
    level: float = 0.95,
    n_resamples: int = 50_000,
    rng: np.random.Generator,
) -> tuple[Estimate, ...]:
    """Return a bootstrap interval for each configuration.

    Parameters
    ----------
    scores : array_like, shape (n_configs, n_seeds), or sequence of arrays of shape (n_seeds_i,)
        One score per seed; finite.
    statistic : {"mean", "iqm"}
        The interquartile mean cuts whole values, as rliable's.
    method : {"studentised", "percentile", "bca"}
        Percentile and BCa are for comparison with other tools.
    level : float
        Confidence level of each interval.
    n_resamples : int
        Number of resamples.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    ValueError
        If scores are not finite, have the shape of episodes, or an option breaks its rule.

    Notes
    -----
    Configurations with equally many seeds share their resamples: each interval is right, and they are not to
    be combined into a joint statement. Percentile and BCa cover .75 at three seeds and .89 at ten (normal
    scores). Bootstrap-t covers, at the price of an infinite width at three seeds.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, 12.5, 13.3, 14.3.
    doi:10.1201/9780429246593
    """
    runs = as_runs(scores)
    check_choice(statistic, name="statistic", choices=STATISTICS)
    check_choice(method, name="method", choices=METHODS)
    check_level(level)
    check_count(n_resamples, name="n_resamples", minimum=100)
    check_rng(rng)
    found: dict[int, Estimate] = {}
    for n in sorted({x.size for x in runs}):
        members = [i for i, x in enumerate(runs) if x.size == n]
        matrix = np.stack([runs[i] for i in members])
        bounds = _bounds(matrix, statistic, method, level, n_resamples, rng)
        for i, (low, high, error) in zip(members, bounds, strict=True):
            found[i] = _estimate(runs[i], statistic, method, level, low, high, error)
    return tuple(found[i] for i in range(len(runs)))


def headline_intervals(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike],
    *,
    level: float = 0.95,
    n_resamples: int = 10_000,
    rng: np.random.Generator,
) -> tuple[Estimate, ...]:
    """Return the means with the intervals to print: t, or bootstrap-t with ten seeds and skewed scores.

    Parameters
    ----------
    scores : array_like, shape (n_configs, n_seeds), or sequence of arrays of shape (n_seeds_i,)
        One score per seed; finite.
    level : float
        Confidence level.
    n_resamples : int
        Number of resamples, where they are needed.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    ValueError
        If a score is not finite, or an option breaks its rule.
    """
    runs = as_runs(scores)
    check_rng(rng)
    found = [mean_interval(x, level=level) for x in runs]
    skewed = [
        i for i, x in enumerate(runs) if x.size >= ROBUST_FROM_N and abs(skewness(x)) > ROBUST_FROM_SKEW
    ]
    if skewed:
        better = bootstrap_intervals([runs[i] for i in skewed], level=level, n_resamples=n_resamples, rng=rng)
        for i, one in zip(skewed, better, strict=True):
            if math.isfinite(one.width):
                found[i] = one
    return tuple(found)


def _bounds(
    matrix: FloatArray,
    statistic: str,
    method: str,
    level: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> Sequence[tuple[float, float, float]]:
    k, n = matrix.shape
    if n < 2:
        return [(-math.inf, math.inf, math.nan)] * k
    counts = resample_counts(n, n_resamples, rng)
    sides = np.array([(1 - level) / 2, (1 + level) / 2])
    locations = locate(list(matrix), statistic=statistic)
    error = np.sqrt(locations.variance)
    if method == "studentised":
        moments = resampled_moments(matrix, counts, statistic=statistic)
        spread = np.sqrt(np.maximum(moments.variance, locations.floor[:, None]))
        t = moments.estimate / spread
        low = locations.estimate - _outer(t, sides[1], "higher") * error
        high = locations.estimate - _outer(t, sides[0], "lower") * error
        constant = np.ptp(matrix, axis=1) == 0.0
        low[constant] = high[constant] = locations.estimate[constant]
    else:
        ordered = np.sort(matrix, axis=1)
        cut = int(TRIM * n) if statistic == "iqm" else 0
        drawn = ordered @ trimmed_weights(counts, cut).T if cut else ordered @ (counts / n).T
        levels = np.tile(sides, (k, 1))
        if method == "bca":
            levels = np.stack([_bca_levels(ordered[i], drawn[i], cut, sides) for i in range(k)])
        else:
            drawn.partition(_positions(sides, n_resamples), axis=1)
        low, high = (
            np.array([_pick(drawn[i], levels[i, side], method) for i in range(k)]) for side in (0, 1)
        )
    return list(zip(low.tolist(), high.tolist(), error.tolist(), strict=True))


def _positions(sides: FloatArray, size: int) -> list[int]:
    return sorted({min(size - 1, max(0, round(float(q) * (size - 1)))) for q in sides})


def _pick(row: FloatArray, level: float, method: str) -> float:
    """Return a quantile of one row; rows of the percentile method are already partitioned there."""
    if method == "percentile":
        return float(row[_positions(np.array([level]), row.size)[0]])
    return float(np.quantile(row, level))


def _outer(t: FloatArray, level: float, method: str) -> FloatArray:
    found: FloatArray = (
        np.quantile(t, level, axis=1, method="higher")
        if method == "higher"
        else np.quantile(t, level, axis=1, method="lower")
    )
    return found


def _bca_levels(ordered: FloatArray, drawn: FloatArray, cut: int, sides: FloatArray) -> FloatArray:
    """Return the corrected levels; Efron and Tibshirani (1993), eq. 14.10, 14.14 and 14.15."""
    n = ordered.size
    if float(np.ptp(ordered)) == 0.0:
        return sides
    centre = float(ordered[cut : n - cut].mean())
    below = float((drawn < centre).mean() + 0.5 * (drawn == centre).mean())
    bias = float(special.ndtri(np.clip(below, 1 / drawn.size, 1 - 1 / drawn.size)))
    left_out = np.array([iqm_or_mean(np.delete(ordered, j), cut) for j in range(n)])
    away = left_out.mean() - left_out
    size = float((away**2).sum()) ** 1.5
    acceleration = float((away**3).sum()) / (6 * size) if size > 0 else 0.0
    z = bias + special.ndtri(sides)
    levels: FloatArray = special.ndtr(bias + z / (1 - acceleration * z))
    return levels


def iqm_or_mean(scores: FloatArray, cut: int) -> float:
    """Return the interquartile mean if anything is cut, else the mean."""
    return iqm_rliable(scores) if cut else float(scores.mean())


def _estimate(
    x: FloatArray, statistic: str, method: str, level: float, low: float, high: float, error: float
) -> Estimate:
    note = None
    if x.size < 2:
        note = ONE_SEED
    elif float(np.ptp(x)) == 0.0:
        note = NO_VARIATION
    elif method != "studentised" and x.size < FEW_SEEDS:
        note = f"too short: {method} intervals undercover below {FEW_SEEDS} seeds"
    elif not math.isfinite(high - low):
        note = "too few seeds for a finite bootstrap-t interval"
    return Estimate(
        statistic=statistic,
        method=f"bootstrap, {method}",
        estimate=iqm_rliable(x) if statistic == "iqm" else float(x.mean()),
        low=low,
        high=high,
        standard_error=error,
        df=math.nan,
        level=level,
        n=x.size,
        note=note,
    )
