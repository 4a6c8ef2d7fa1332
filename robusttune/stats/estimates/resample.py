"""Resampling as matrices of weights: one matrix serves every configuration with the same number of seeds.

A bootstrap resample of n sorted scores is a row of n counts. Means, trimmed means and winsorised moments are
linear in the sorted scores once the counts are known, so all resamples of all configurations are one matrix
product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robusttune.stats._checks import FloatArray, IntArray
from robusttune.stats.estimates.estimate import TRIM


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Resampled estimates and their variances, each of shape (n_configs, n_resamples)."""

    estimate: FloatArray
    variance: FloatArray


def resample_counts(n: int, n_resamples: int, rng: np.random.Generator) -> IntArray:
    """Return how often each of n seeds is drawn, shape (n_resamples, n); each row sums to n.

    Parameters
    ----------
    n, n_resamples : int
        Number of seeds; number of resamples.
    rng : numpy.random.Generator
        Source of randomness.
    """
    drawn = rng.integers(0, n, size=(n_resamples, n))
    drawn += n * np.arange(n_resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=n * n_resamples).reshape(n_resamples, n)


def trimmed_weights(counts: IntArray | FloatArray, cut: float) -> FloatArray:
    """Return the weight of each sorted seed in the trimmed mean of each resample; rows sum to 1.

    Parameters
    ----------
    counts : ndarray, shape (n_resamples, n)
        Counts in the order of the sorted scores; rows sum to n.
    cut : float
        How many values of the resample are cut at each end; a fraction cuts a fraction.
    """
    n = counts.shape[1]
    right = np.cumsum(counts, axis=1)
    kept = np.minimum(right, n - cut) - np.maximum(right - counts, cut)
    weights: FloatArray = np.clip(kept, 0.0, None) / (n - 2 * cut)
    return weights


def winsorised_weights(counts: IntArray, cut: int) -> FloatArray:
    """Return the weight of each sorted seed in the winsorised mean of each resample; rows sum to 1.

    Parameters
    ----------
    counts : ndarray of int, shape (n_resamples, n)
        Counts in the order of the sorted scores.
    cut : int
        How many values at each end are replaced by the nearest value that is kept.
    """
    n = counts.shape[1]
    right = np.cumsum(counts, axis=1)
    left = right - counts
    weights = trimmed_weights(counts, cut) * (n - 2 * cut)
    for position in (cut, n - 1 - cut):
        weights += cut * ((left <= position) & (position < right))
    share: FloatArray = weights / n
    return share


def resampled_moments(matrix: FloatArray, counts: IntArray, *, statistic: str = "mean") -> Moments:
    """Return estimate and variance of the estimate in every resample, centred at the sample's own mean.

    Parameters
    ----------
    matrix : ndarray, shape (n_configs, n)
        Scores.
    counts : ndarray of int, shape (n_resamples, n)
        Resamples; shared by all configurations, so that columns of different rows are dependent.
    statistic : {"mean", "iqm"}
        Which estimate.

    Notes
    -----
    Estimates are returned as deviations from the sample estimate. A resample of equal values has variance
    exactly 0.
    """
    n = matrix.shape[1]
    ordered = np.sort(matrix, axis=1)
    ordered = ordered - ordered.mean(axis=1, keepdims=True)
    scale = np.abs(ordered).max(axis=1, keepdims=True)
    scale[scale == 0.0] = 1.0
    unit = ordered / scale
    if statistic == "mean":
        weights = counts / n
        estimate = unit @ weights.T
        spread, centre, factor, own = unit**2 @ weights.T, estimate, 1.0 / (n - 1), unit.mean(axis=1)
    else:
        cut = int(TRIM * n)
        kept = n - 2 * cut
        estimate = unit @ trimmed_weights(counts, cut).T
        weights = winsorised_weights(counts, cut)
        spread, centre = unit**2 @ weights.T, unit @ weights.T
        factor, own = n / (kept * (kept - 1)), unit[:, cut : n - cut].mean(axis=1)
    variance = (spread - centre**2) * factor
    variance[variance < 1e-14] = 0.0  # what rounding leaves of a resample of equal values
    return Moments(estimate=(estimate - own[:, None]) * scale, variance=variance * scale**2)
