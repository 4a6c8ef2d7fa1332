"""Several methods on several tasks: every aggregate, pair and profile in one frozen result."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import FloatArray, check_ids, check_level, check_rng
from robusttune.stats.tasks.aggregate import (
    AggregateEstimate,
    aggregate,
    as_tasks,
)
from robusttune.stats.tasks.improvement import improvement_over_tasks
from robusttune.stats.tasks.profiles import TaskProfile, profile_over_tasks
from robusttune.stats.tasks.rliable import rliable_aggregate

METRICS = ("iqm", "median", "mean")
N_THRESHOLDS = 101


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodAnalysis:
    """One method over all tasks; `metrics` maps "iqm", "median", "mean" and, with a target, "optimality_gap"."""

    method: str
    metrics: Mapping[str, AggregateEstimate]
    profile: TaskProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """P(run of the first > run of the second), mean over tasks; the first has the higher interquartile mean."""

    first: str
    second: str
    probability: AggregateEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksAnalysis:
    """Everything that was found over tasks.

    Attributes
    ----------
    tasks : tuple of str
    methods : tuple of MethodAnalysis
        Highest interquartile mean first.
    improvements : tuple of Improvement
        Each unordered pair once, in the order of `methods`.
    target : float or None
        Of the optimality gap, in normalised score units.
    level : float
        Nominal coverage of all intervals.
    rliable_difference : float or None
        Largest difference of a metric to rliable's; None where numbers of seeds are unequal, which rliable cannot take.
    """

    tasks: tuple[str, ...]
    methods: tuple[MethodAnalysis, ...]
    improvements: tuple[Improvement, ...]
    target: float | None
    level: float
    rliable_difference: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, lists, strings and numbers."""
        return dataclasses.asdict(self)


def analyse_tasks(
    scores: Mapping[str, Iterable[npt.ArrayLike]],
    *,
    tasks: Sequence[str],
    target: float | None = None,
    level: float = 0.95,
    n_resamples: int = 10_000,
    rng: np.random.Generator,
) -> TasksAnalysis:
    """Return aggregates, pairwise probabilities of improvement and performance profiles of several methods.

    Parameters
    ----------
    scores : mapping of method to sequence of arrays, shape (n_seeds_i,)
        Normalised scores, one array per task in the order of `tasks`.
    tasks : sequence of str
        Names of the tasks.
    target : float, optional
        Normalised score that is wanted; gives the optimality gap.
    level : float
        Nominal coverage.
    n_resamples : int
        Number of resamples of each interval.
    rng : numpy.random.Generator
        Source of randomness; equal generators and equal scores give equal results.

    Raises
    ------
    ValueError
        If a score is not finite, a method lacks a task or has one seed on it, or an option breaks its rule.

    Notes
    -----
    Stratified percentile intervals, as rliable has them: they speak about other seeds on the same tasks, and are too
    short with few seeds; see `docs/statistics.md`.

    References
    ----------
    Agarwal et al. (2021), Deep RL at the Edge of the Statistical Precipice. arXiv:2108.13264
    """
    names = check_ids(tasks, name="tasks")
    check_level(level)
    check_rng(rng)
    runs = {method: as_tasks(given, name=f"scores[{method!r}]", min_n=2) for method, given in scores.items()}
    if not runs:
        raise ValueError("`scores` must hold at least one method, but it is empty.")
    for method, found in runs.items():
        if len(found) != len(names):
            raise ValueError(
                f"`scores[{method!r}]` must have one array for each of {len(names)} tasks, but got {len(found)}."
            )
    metrics = {method: _metrics(found, target, level, n_resamples, rng) for method, found in runs.items()}
    order = sorted(runs, key=lambda method: -metrics[method]["iqm"].estimate)
    pooled = np.concatenate([x for found in runs.values() for x in found])
    margin = 0.02 * np.ptp(pooled)  # all runs are above the first threshold
    thresholds = np.linspace(pooled.min() - margin, pooled.max(), N_THRESHOLDS)
    profiles = {
        method: profile_over_tasks(found, thresholds=thresholds, level=level, rng=rng)
        for method, found in runs.items()
    }
    return TasksAnalysis(
        tasks=names,
        methods=tuple(
            MethodAnalysis(method=method, metrics=metrics[method], profile=profiles[method])
            for method in order
        ),
        improvements=tuple(
            Improvement(
                first=first,
                second=second,
                probability=improvement_over_tasks(runs[first], runs[second], level=level, rng=rng),
            )
            for first, second in itertools.combinations(order, 2)
        ),
        target=target,
        level=level,
        rliable_difference=_difference_to_rliable(runs, metrics, target),
    )


def _metrics(
    tasks: Sequence[FloatArray],
    target: float | None,
    level: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> dict[str, AggregateEstimate]:
    found = {
        metric: aggregate(tasks, metric=metric, level=level, n_resamples=n_resamples, rng=rng)
        for metric in METRICS
    }
    if target is not None:
        found["optimality_gap"] = aggregate(
            tasks, metric="optimality_gap", target=target, level=level, n_resamples=n_resamples, rng=rng
        )
    return found


def _difference_to_rliable(
    runs: Mapping[str, Sequence[FloatArray]],
    metrics: Mapping[str, Mapping[str, AggregateEstimate]],
    target: float | None,
) -> float | None:
    if any(len({x.size for x in found}) > 1 for found in runs.values()):
        return None
    return max(
        abs(estimate.estimate - rliable_aggregate(runs[method], metric=metric, target=target or 1.0))
        for method, found in metrics.items()
        for metric, estimate in found.items()
    )
