"""Probability that a run of one method beats a run of another, averaged over tasks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import check_resampling
from robusttune.stats.estimates.resample import resample_counts
from robusttune.stats.tasks.aggregate import AggregateEstimate, as_tasks, percentile_interval


def improvement_over_tasks(
    first: npt.ArrayLike | Iterable[npt.ArrayLike],
    second: npt.ArrayLike | Iterable[npt.ArrayLike],
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    rng: np.random.Generator,
) -> AggregateEstimate:
    """Return the mean over tasks of P(run of first > run of second), ties counting one half.

    Parameters
    ----------
    first, second : ndarray, shape (n_seeds, n_tasks), or sequence of arrays of shape (n_seeds_i,)
        Scores on the same tasks in the same order.
    level : float
        Nominal coverage.
    n_resamples : int
        Number of resamples.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    ValueError
        If scores are not finite, the numbers of tasks differ, or an option breaks its rule.

    Notes
    -----
    Where every run of one beats every run of the other there is no variance to resample; the bound is then Clopper and
    Pearson's for as many independent pairs as the fewest seeds give on every task.

    References
    ----------
    Agarwal et al. (2021), arXiv:2108.13264, section 4.3.
    """
    a, b = as_tasks(first, name="first", min_n=2), as_tasks(second, name="second", min_n=2)
    if len(a) != len(b):
        raise ValueError(f"`second` must have as many tasks as `first`, but got {len(b)} and {len(a)}.")
    check_resampling(level, n_resamples, rng)
    estimates, drawn = np.empty(len(a)), np.zeros(n_resamples)
    for task, (x, y) in enumerate(zip(a, b, strict=True)):
        wins = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
        estimates[task] = wins.mean()
        left = resample_counts(x.size, n_resamples, rng) @ wins
        right = resample_counts(y.size, n_resamples, rng)
        drawn += (left * right).sum(axis=1) / (x.size * y.size * len(a))
    found = percentile_interval("P(first > second)", float(estimates.mean()), drawn, level, a)
    return _separated(found, n_pairs=len(a) * min(x.size for x in (*a, *b)))


def _separated(found: AggregateEstimate, *, n_pairs: int) -> AggregateEstimate:
    """Replace the interval where every run of one beats every run of the other, and so every resample does."""
    reach = ((1 - found.level) / 2) ** (1 / n_pairs)
    if found.estimate == 1.0:
        return dataclasses.replace(found, low=reach)
    return dataclasses.replace(found, high=1 - reach) if found.estimate == 0.0 else found
