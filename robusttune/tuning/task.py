"""The task of one trial: its runs, when its pruner is asked, and its objective value."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from robusttune.declaration.run import RunSpec
from robusttune.declaration.tuning import TuningSpec
from robusttune.execution.executors import Job
from robusttune.execution.tasks import Task
from robusttune.results.records import RunResult, RunStatus, TrialState, evaluations_together
from robusttune.tuning.aggregation import aggregate, counted
from robusttune.tuning.pruning import PruningView

_ACCIDENTS = (RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.CRASHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOutcome:
    """How a trial ended.

    Attributes
    ----------
    reports : tuple of (int, float)
        Intermediate values by step, as the pruner saw them.
    results : tuple of RunResult
        Of the runs that were asked for, in that order.
    counted : tuple of float
        What the objective value was made of: the scores, with the worst one known for a diverged run.
    note : str
        What else happened, for people.
    """

    number: int
    state: TrialState
    objective_value: float | None = None
    reports: tuple[tuple[int, float], ...]
    results: tuple[RunResult, ...]
    counted: tuple[float, ...] = ()
    error: str | None = None
    note: str = ""


def trial_task(
    number: int,
    specs: Sequence[RunSpec],
    tuning: TuningSpec,
    *,
    view: PruningView | None,
    worst: float | None,
    together: bool = False,
) -> Task[TrialOutcome]:
    """Return the task of one trial, on the seeds that every trial has.

    Parameters
    ----------
    number : int
        Of the trial.
    specs : sequence of RunSpec
        One per tuning seed.
    tuning : TuningSpec
    view : PruningView, optional
        Decides on pruning; None never prunes.
    worst : float, optional
        Worst score of the search when the trial began; a diverged run counts as it.
    together : bool
        Whether the trainer takes many runs at once.
    """
    if view is None:
        wanted = jobs(specs, together=together, label=f"trial {number}")
        return _at_evaluations(number, wanted, tuning, None, worst)
    if tuning.pruning_steps == "evaluations":
        job = Job(specs=tuple(specs), stop_rule=view, label=f"trial {number}")
        return _at_evaluations(number, [job], tuning, view, worst)
    return _seed_by_seed(number, specs, tuning, view, worst)


def jobs(specs: Sequence[RunSpec], *, together: bool, label: str) -> list[Job]:
    """Return jobs of runs that nothing prunes: one for all of them where the trainer takes many at once."""
    groups = [tuple(specs)] if together else [(spec,) for spec in specs]
    return [Job(specs=group, label=label) for group in groups]


def _at_evaluations(
    number: int, jobs: Sequence[Job], tuning: TuningSpec, view: PruningView | None, worst: float | None
) -> Task[TrialOutcome]:
    """Run all seeds; report their aggregate at each evaluation, and prune there if there is a pruner."""
    results = yield jobs
    # NaN and infinity are never reported: the aggregation decides how a diverged run counts.
    reports = tuple(
        (index, value)
        for index, means in evaluations_together(results)
        if (value := aggregate([_finite(mean) for mean in means], tuning, worst=worst)) is not None
    )
    n_seen = None if view is None else _replay(view, reports)
    if n_seen is not None and all(result.status.is_outcome for result in results):
        return TrialOutcome(
            number=number, state=TrialState.PRUNED, reports=reports[:n_seen], results=tuple(results)
        )
    return ended(number, results, tuning, worst, (*reports, *_last_report(results, tuning, worst)))


def _replay(view: PruningView, reports: Sequence[tuple[int, float]]) -> int | None:
    """Report to the view here what the runs were stopped by elsewhere; return after how many reports it stops.

    The runs may have been trained in a worker process, by another invocation before a crash, or for a search without
    this pruner: what the pruner notes, and what it decides, must not depend on that.
    """
    view.forget()
    for n_seen, (step, value) in enumerate(reports, start=1):
        if view.report(step, value):
            return n_seen
    return None


def _last_report(
    results: Sequence[RunResult], tuning: TuningSpec, worst: float | None
) -> list[tuple[int, float]]:
    """Return the report of the evaluation after training, on which nothing is decided any more."""
    completed = [result for result in results if result.status is RunStatus.COMPLETED]
    means = [r.curve[-1].mean_return if r.status is RunStatus.COMPLETED else None for r in results]
    value = aggregate(means, tuning, worst=worst)
    return [(completed[0].curve[-1].index, value)] if completed and value is not None else []


def _finite(mean: float) -> float | None:
    return mean if math.isfinite(mean) else None


def _seed_by_seed(
    number: int, specs: Sequence[RunSpec], tuning: TuningSpec, view: PruningView, worst: float | None
) -> Task[TrialOutcome]:
    """Run one seed after the other and ask the pruner in between.

    What it sees is the aggregate over the seeds so far, never one seed's score as if it were progress. The Wilcoxon
    pruner alone is made to compare trials seed by seed, and is given each seed's own score.
    """
    results: list[RunResult] = []
    reports: list[tuple[int, float]] = []
    for step, spec in enumerate(specs):
        results += yield [Job(specs=(spec,), label=f"trial {number}")]
        if results[-1].status in _ACCIDENTS:
            break
        seen = results[-1:] if tuning.pruner == "wilcoxon" else results
        value = aggregate([result.score for result in seen], tuning, worst=worst)
        if value is None:
            continue  # every run so far diverged, and there is nothing yet to compare with
        reports.append((step, value))
        is_last = step == len(specs) - 1
        if view.report(step, value) and not is_last:
            return TrialOutcome(
                number=number, state=TrialState.PRUNED, reports=tuple(reports), results=tuple(results)
            )
    return ended(number, results, tuning, worst, tuple(reports))


def ended(
    number: int,
    results: Sequence[RunResult],
    tuning: TuningSpec,
    worst: float | None,
    reports: tuple[tuple[int, float], ...],
) -> TrialOutcome:
    """Return how a trial ended whose runs have all come back."""
    outcome = functools.partial(TrialOutcome, number=number, reports=reports, results=tuple(results))
    failed = next((result for result in results if result.status in _ACCIDENTS), None)
    if failed is not None:
        return outcome(state=TrialState.FAILED, error=failed.error)
    if any(result.status is RunStatus.PRUNED for result in results):
        return outcome(state=TrialState.PRUNED)
    scores = [result.score for result in results]
    value = aggregate(scores, tuning, worst=worst)
    if value is None:
        reason = "every run of the trial diverged before any run of the study gave a score"
        return outcome(state=TrialState.FAILED, error=f"{reason}: {results[0].error}")
    effective = tuple(counted(scores, worst=worst))
    return outcome(state=TrialState.COMPLETE, objective_value=value, counted=effective)
