"""Probability that a run of one configuration beats a run of another."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from robusttune.stats._checks import FloatArray, as_sample, check_resampling
from robusttune.stats.estimates.estimate import Estimate

PERMUTE_BELOW = 10  # seeds; with more, the t approximation holds


def probability_of_improvement(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    level: float = 0.95,
    n_resamples: int = 4000,
    rng: np.random.Generator,
) -> Estimate:
    """Return P(first > second), ties counting one half, with an interval that holds at few seeds.

    Parameters
    ----------
    first, second : array_like, shape (n_seeds,)
        Scores of two configurations; at least two seeds each.
    level : float
        Confidence level.
    n_resamples : int
        Permutations, used below ten seeds.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    ValueError
        If a score is not finite, a sample has fewer than two seeds, or an option breaks its rule.

    Notes
    -----
    Brunner and Munzel's studentised statistic on the logit scale; below ten seeds its distribution comes
    from permutations. Where one configuration beats the other in every pair there is no variance to go by;
    the bound is then Clopper and Pearson's for as many independent pairs as there are seeds.

    References
    ----------
    Brunner and Munzel (2000), doi:10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U;
    Pauly, Asendorf and Konietschke (2016), doi:10.1002/bimj.201500105.
    """
    x, y = as_sample(first, name="first", min_n=2), as_sample(second, name="second", min_n=2)
    check_resampling(level, n_resamples, rng)
    p, variance, df = (float(part[0]) for part in _placements(np.concatenate([x, y])[None, :], x.size))
    fewest = min(x.size, y.size)
    method = "Brunner-Munzel, logit"
    side = (1 - level) / 2
    if variance <= 0.0:
        low, high, method = _separated(p, fewest, side)
    else:
        upper = float(special.stdtrit(df, 1 - side))
        lower = -upper
        if fewest < PERMUTE_BELOW:
            lower, upper = _permuted(x, y, side, n_resamples, rng)
            method += ", permuted"
        error = math.sqrt(variance) / (p * (1 - p))
        low, high = (float(special.expit(special.logit(p) - q * error)) for q in (upper, lower))
    return Estimate(
        statistic="P(first > second)",
        method=method,
        estimate=p,
        low=low,
        high=high,
        standard_error=math.sqrt(max(variance, 0.0)),
        df=df,
        level=level,
        n=fewest,
    )


def _placements(pooled: FloatArray, n_first: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return P(first > second), its variance and degrees of freedom for each row of pooled samples."""
    x, y = pooled[:, :n_first], pooled[:, n_first:]
    n, m = x.shape[1], y.shape[1]
    if len(pooled) == 1:
        beaten, beating = _beaten(x, y[0]), n - _beaten(y, x[0])
    else:  # permutations are of few seeds
        wins = (x[:, :, None] > y[:, None, :]) + 0.5 * (x[:, :, None] == y[:, None, :])
        beaten, beating = wins.sum(axis=2), wins.sum(axis=1)
    p = beaten.sum(axis=1) / (n * m)
    first = (beaten / m).var(axis=1, ddof=1) / n
    second = (beating / n).var(axis=1, ddof=1) / m
    variance = first + second
    with np.errstate(divide="ignore", invalid="ignore"):
        df = variance**2 / (first**2 / (n - 1) + second**2 / (m - 1))
    return p, variance, df


def _beaten(scores: FloatArray, others: FloatArray) -> FloatArray:
    """Return how many of the others each score exceeds, ties counting one half."""
    others = np.sort(others)
    below = np.searchsorted(others, scores, "left")
    up_to = below.copy()
    tied = others[np.minimum(below, others.size - 1)] == scores  # few; a search takes most of the time
    up_to[tied] = np.searchsorted(others, scores[tied], "right")
    return np.asarray((below + up_to) / 2, dtype=np.float64)


def _permuted(
    x: FloatArray, y: FloatArray, side: float, n_resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the outer quantiles of the studentised logit under permutation of all scores."""
    pooled = np.tile(np.concatenate([x, y]), (n_resamples, 1))
    p, variance, _ = _placements(rng.permuted(pooled, axis=1), x.size)
    # A permutation that separates the samples has no variance: count it as extreme, never as missing.
    extreme = (variance <= 0.0) | (p <= 0.0) | (p >= 1.0)
    inner = np.clip(p, 1e-9, 1 - 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = special.logit(inner) * inner * (1 - inner) / np.sqrt(variance)
    t = np.where(extreme, np.copysign(np.inf, p - 0.5), t)
    t = np.nan_to_num(t, nan=0.0, posinf=np.inf, neginf=-np.inf)
    return (
        float(np.quantile(t, side, method="lower")),
        float(np.quantile(t, 1 - side, method="higher")),
    )


def _separated(p: float, fewest: int, side: float) -> tuple[float, float, str]:
    reach = side ** (1 / fewest)
    if p >= 1.0:
        return reach, 1.0, "Clopper-Pearson on independent pairs"
    if p <= 0.0:
        return 0.0, 1.0 - reach, "Clopper-Pearson on independent pairs"
    return 0.0, 1.0, "no interval: every pair is a tie"
