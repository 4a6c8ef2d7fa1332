"""Performance profiles: the share of runs above each threshold, over tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import as_sample, check_resampling
from robusttune.stats.estimates.resample import resample_counts
from robusttune.stats.tasks.aggregate import as_tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProfile:
    """Performance profile over tasks.

    Attributes
    ----------
    thresholds, share : tuple of float
        Thresholds in normalised score units; mean over tasks of the share of runs strictly above.
    low, high : tuple of float
        Pointwise stratified percentile interval.
    level : float
        Nominal pointwise coverage.
    n_tasks, n_resamples : int
        Number of tasks and of resamples.
    """

    thresholds: tuple[float, ...]
    share: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    level: float
    n_tasks: int
    n_resamples: int


def profile_over_tasks(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike],
    *,
    thresholds: npt.ArrayLike,
    level: float = 0.95,
    n_resamples: int = 2000,
    rng: np.random.Generator,
) -> TaskProfile:
    """Return the run-score distribution over tasks.

    Parameters
    ----------
    scores : ndarray, shape (n_seeds, n_tasks), or sequence of arrays of shape (n_seeds_i,)
        Normalised scores.
    thresholds : array_like, shape (n_thresholds,)
        In normalised score units.
    level : float
        Nominal pointwise coverage.
    n_resamples : int
        Number of resamples.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    ValueError
        If a score or threshold is not finite, or an option breaks its rule.

    Notes
    -----
    Definition of rliable's `create_performance_profile` with score distributions. Pointwise: two profiles
    whose bands separate at one threshold have not been shown to differ as a whole.

    References
    ----------
    Agarwal et al. (2021), arXiv:2108.13264, section 4.2.
    """
    tasks = as_tasks(scores, min_n=2)
    at = as_sample(thresholds, name="thresholds")
    check_resampling(level, n_resamples, rng)
    share, drawn = np.zeros(at.size), np.zeros((n_resamples, at.size))
    for x in tasks:
        above = (x[:, None] > at[None, :]) / (x.size * len(tasks))
        share += above.sum(axis=0)
        drawn += resample_counts(x.size, n_resamples, rng) @ above
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return TaskProfile(
        thresholds=tuple(at.tolist()),
        share=tuple(share.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        level=level,
        n_tasks=len(tasks),
        n_resamples=n_resamples,
    )
