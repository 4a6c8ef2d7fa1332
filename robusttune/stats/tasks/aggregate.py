"""Many environments: aggregate metrics over tasks, with intervals that resample seeds within each task."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import (
    FloatArray,
    as_runs,
    as_sample,
    check_choice,
    check_number,
    check_resampling,
)
from robusttune.stats.estimates.resample import resample_counts, trimmed_weights

METRICS = ("mean", "median", "iqm", "optimality_gap")
BLOCK = 500  # resamples at a time: bounds the memory of the interquartile mean


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateEstimate:
    """A metric over several tasks with its stratified bootstrap interval.

    Attributes
    ----------
    metric : str
        "mean", "median", "iqm", "optimality_gap" or "P(first > second)".
    estimate, low, high : float
        In normalised score units (a probability for the last).
    level : float
        Nominal coverage.
    n_tasks : int
        Number of tasks.
    n_seeds : tuple of int
        Seeds of each task.
    n_resamples : int
        Number of resamples.
    """

    metric: str
    estimate: float
    low: float
    high: float
    level: float
    n_tasks: int
    n_seeds: tuple[int, ...]
    n_resamples: int


def normalise(
    scores: Iterable[npt.ArrayLike], *, low: npt.ArrayLike, high: npt.ArrayLike
) -> tuple[FloatArray, ...]:
    """Return scores of each task, scaled so that `low` becomes 0 and `high` 1.

    Parameters
    ----------
    scores : sequence of arrays, shape (n_seeds_i,)
        One array per task, raw returns.
    low, high : array_like, shape (n_tasks,)
        Reference scores of each task, for example of a random policy and of a human.

    Raises
    ------
    ValueError
        If lengths differ, or a pair of reference scores is equal.
    """
    runs = as_runs(list(scores))
    bottom, top = as_sample(low, name="low"), as_sample(high, name="high")
    if not len(runs) == bottom.size == top.size:
        raise ValueError(
            f"`low` and `high` must have one value per task, but got {bottom.size} and {top.size} "
            f"for {len(runs)} tasks."
        )
    if (bottom == top).any():
        at = int(np.flatnonzero(bottom == top)[0])
        raise ValueError(f"`low != high` must hold for every task, but both are {top[at]} for task {at}.")
    return tuple((x - a) / (b - a) for x, a, b in zip(runs, bottom, top, strict=True))


def as_tasks(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike], *, name: str = "scores", min_n: int = 1
) -> tuple[FloatArray, ...]:
    """Return the scores of each task: a matrix (n_seeds, n_tasks) is split by columns, as rliable has it.

    Parameters
    ----------
    scores : ndarray, shape (n_seeds, n_tasks), or sequence of arrays of shape (n_seeds_i,)
        Normalised scores.
    name : str
        The argument's name, for the message.
    min_n : int
        Fewest seeds of each task: two where seeds are resampled, as one alone would look as if it had no noise.

    Raises
    ------
    ValueError
        If a score is not finite, the shape is wrong or a task has too few seeds.
    """
    if isinstance(scores, np.ndarray) and scores.ndim == 2:
        return as_runs(list(scores.T), name=name, min_n=min_n)
    return as_runs(scores, name=name, min_n=min_n)


def aggregate(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike],
    *,
    metric: str = "iqm",
    target: float = 1.0,
    level: float = 0.95,
    n_resamples: int = 10_000,
    rng: np.random.Generator,
) -> AggregateEstimate:
    """Return a metric over tasks with its stratified percentile interval.

    Parameters
    ----------
    scores : ndarray, shape (n_seeds, n_tasks), or sequence of arrays of shape (n_seeds_i,)
        Normalised scores; a sequence has one array per task.
    metric : {"mean", "median", "iqm", "optimality_gap"}
        Mean or median of the task means; mean of the middle half of all runs; mean shortfall to `target`. Tasks count
        alike, whatever their numbers of seeds.
    target : float
        For the optimality gap.
    level : float
        Nominal coverage.
    n_resamples : int
        Number of resamples.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    ValueError
        If scores are not finite, or an option breaks its rule.

    Notes
    -----
    Definitions of rliable, which wants equally many seeds on each task. The interval speaks about other seeds on the
    same tasks, not about other tasks. Percentile intervals are too short with few seeds and few tasks.
    The median over tasks wastes most of the data.

    References
    ----------
    Agarwal et al. (2021), Deep RL at the Edge of the Statistical Precipice. arXiv:2108.13264
    """
    tasks = as_tasks(scores, min_n=2)
    check_choice(metric, name="metric", choices=METRICS)
    check_number(target, name="target")
    check_resampling(level, n_resamples, rng)
    if metric == "optimality_gap":
        tasks = tuple(target - np.minimum(x, target) for x in tasks)
    counts = [np.ones((1, x.size), dtype=np.int64) for x in tasks]
    estimate = float(_metric(tasks, counts, metric)[0])
    drawn = np.concatenate(
        [
            _metric(tasks, [resample_counts(x.size, size, rng) for x in tasks], metric)
            for size in _blocks(n_resamples)
        ]
    )
    return percentile_interval(metric, estimate, drawn, level, tasks)


def _metric(tasks: Sequence[FloatArray], counts: Sequence[npt.NDArray[np.int64]], metric: str) -> FloatArray:
    """Return the metric of every resample, given how often each seed of each task was drawn."""
    if metric == "iqm":
        return _iqm(tasks, counts)
    means = np.stack([drawn @ x / x.size for x, drawn in zip(tasks, counts, strict=True)])
    return np.asarray(
        np.median(means, axis=0) if metric == "median" else means.mean(axis=0), dtype=np.float64
    )


def _iqm(tasks: Sequence[FloatArray], counts: Sequence[npt.NDArray[np.int64]]) -> FloatArray:
    """Return the mean of the middle half of all runs, where each task has the same weight in all."""
    pooled = np.concatenate(tasks)
    order = np.argsort(pooled, kind="stable")
    # As if every run were repeated until all tasks have equally many; then whole runs are cut, as rliable does.
    n_repeated = len(tasks) * math.lcm(*(x.size for x in tasks))
    cut = (n_repeated // 4) / n_repeated * pooled.size
    shares = [drawn * (pooled.size / (len(tasks) * x.size)) for x, drawn in zip(tasks, counts, strict=True)]
    found: FloatArray = trimmed_weights(np.concatenate(shares, axis=1)[:, order], cut) @ pooled[order]
    return found


def _blocks(n_resamples: int) -> list[int]:
    whole, rest = divmod(n_resamples, BLOCK)
    return [BLOCK] * whole + ([rest] if rest else [])


def percentile_interval(
    metric: str, estimate: float, drawn: FloatArray, level: float, tasks: Sequence[FloatArray]
) -> AggregateEstimate:
    """Return an estimate with the interval between the quantiles of its resamples.

    Parameters
    ----------
    metric : str
    estimate : float
    drawn : ndarray, shape (n_resamples,)
        The metric of every resample.
    level : float
        Nominal coverage.
    tasks : sequence of arrays
        Scores of each task.
    """
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return AggregateEstimate(
        metric=metric,
        estimate=estimate,
        low=float(low),
        high=float(high),
        level=level,
        n_tasks=len(tasks),
        n_seeds=tuple(x.size for x in tasks),
        n_resamples=drawn.size,
    )
