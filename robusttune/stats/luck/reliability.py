"""How much a single tuning score says about a configuration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import FloatArray, as_runs, as_sample, check_level, check_resampling
from robusttune.stats.estimates.noise import icc_interval
from robusttune.stats.estimates.resample import resample_counts

INTERVAL_FROM = 8  # configurations; with fewer, resampling them says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A measure of agreement with its interval.

    Attributes
    ----------
    statistic, method : str
        What, and how.
    estimate : float or None
        None where one side does not vary.
    low, high : float or None
        Interval; None where there are too few configurations.
    n_configs : int
        Number of configurations.
    level : float
        Promised coverage.
    note : str
        How to read it.
    """

    statistic: str
    method: str
    estimate: float | None
    low: float | None
    high: float | None
    n_configs: int
    level: float
    note: str


def single_seed_reliability(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike], *, level: float = 0.95
) -> Correlation:
    """Return the share of the variance of single-seed scores that lies between configurations, ICC(1).

    Parameters
    ----------
    scores : array_like, shape (n_configs, n_seeds), or sequence of arrays of shape (n_seeds_i,)
        Post-evaluation scores.
    level : float
        Confidence level.

    Raises
    ------
    ValueError
        If scores are not finite, have the shape of episodes, or the level is not between 0 and 1.

    Notes
    -----
    The F interval assumes equal variances and normal configurations; with unequal variances it is a guide.

    References
    ----------
    Shrout and Fleiss (1979), doi:10.1037/0033-2909.86.2.420
    """
    runs = as_runs(scores)
    check_level(level)
    sizes = np.array([x.size for x in runs], dtype=np.float64)
    k, total = len(runs), sizes.sum()
    estimate = low = high = None
    df_within = int(total) - k
    if k > 1 and df_within > 0:
        means = np.array([x.mean() for x in runs])
        between = float((sizes * (means - np.average(means, weights=sizes)) ** 2).sum()) / (k - 1)
        within = sum(float(((x - x.mean()) ** 2).sum()) for x in runs) / df_within
        n0 = float((total - (sizes**2).sum() / total) / (k - 1))
        if between + within > 0:
            estimate = (between - within) / (between + (n0 - 1) * within)
            low, high = icc_interval(between, within, k - 1, df_within, n0, level)
    return Correlation(
        statistic="ICC(1)",
        method="one-way analysis of variance, F interval",
        estimate=estimate,
        low=low,
        high=high,
        n_configs=k,
        level=level,
        note="among re-evaluated configurations only: over all trials of the study it is higher",
    )


def tuning_agreement(
    tuning: npt.ArrayLike,
    post: npt.ArrayLike,
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    rng: np.random.Generator,
) -> Correlation:
    """Return Kendall's tau-b between tuning scores and post-evaluation means.

    Parameters
    ----------
    tuning, post : array_like, shape (n_configs,)
        Tuning score and post-evaluation mean of each configuration.
    level : float
        Confidence level.
    n_resamples : int
        Resamples of configurations; the interval needs eight of them.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    ValueError
        If scores are not finite or their lengths differ, or an option breaks its rule.

    Notes
    -----
    Percentile interval over configurations, so a rough one.

    References
    ----------
    Kendall (1945), doi:10.1093/biomet/33.3.239
    """
    x, y = as_sample(tuning, name="tuning"), as_sample(post, name="post")
    if x.size != y.size:
        raise ValueError(f"`tuning` must have as many values as `post`, but got {x.size} and {y.size}.")
    check_resampling(level, n_resamples, rng)
    k = x.size
    a, b = np.sign(x[:, None] - x[None, :]), np.sign(y[:, None] - y[None, :])
    estimate = _tau(a, b, np.ones((1, k)))[0]
    low = high = None
    if k >= INTERVAL_FROM and np.isfinite(estimate):
        drawn = _tau(a, b, resample_counts(k, n_resamples, rng).astype(np.float64))
        drawn = drawn[np.isfinite(drawn)]
        low, high = (float(q) for q in np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]))
    return Correlation(
        statistic="Kendall tau-b",
        method="percentile over configurations",
        estimate=float(estimate) if np.isfinite(estimate) else None,
        low=low,
        high=high,
        n_configs=k,
        level=level,
        note="among re-evaluated configurations only: selection narrows their range and lowers it",
    )


def _tau(a: FloatArray, b: FloatArray, counts: FloatArray) -> FloatArray:
    """Return tau-b of each row of counts, given the sign matrices of the two variables."""
    agree, ties_a, ties_b = (
        np.einsum("bi,bi->b", counts @ matrix, counts) for matrix in (a * b, a * a, b * b)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        tau: FloatArray = agree / np.sqrt(ties_a * ties_b)
    return tau
