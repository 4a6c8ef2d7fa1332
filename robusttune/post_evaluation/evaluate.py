"""Runs of the post-evaluation: those that are wanted and not yet there."""

from __future__ import annotations

from collections.abc import Sequence

from robusttune.execution.driver import Driver, Task
from robusttune.execution.executors import Job
from robusttune.execution.progress import Reporter
from robusttune.post_evaluation.select import Candidate
from robusttune.results.records import RunResult, RunStatus
from robusttune.results.store import ResultStore
from robusttune.spec.plan import post_evaluation_runs
from robusttune.spec.run import RunSpec
from robusttune.spec.study import StudySpec
from robusttune.training.groups import group_runs

_LOOK_AHEAD = 32  # runs that other processes are at; more would only make polling slow


def planned_runs(study: StudySpec, candidates: Sequence[Candidate]) -> dict[str, tuple[RunSpec, ...]]:
    """Return config_id → runs, one per seed."""
    return post_evaluation_runs(study, {c.config_id: c.hyperparameters for c in candidates})


def evaluate(
    study: StudySpec,
    candidates: Sequence[Candidate],
    *,
    store: ResultStore,
    driver: Driver,
    reporter: Reporter,
) -> None:
    """Run every candidate on all its seeds; what is stored is not run again.

    The first seed of all candidates comes first, then the second: whenever it is cut off, the stage is as balanced
    as can be.
    """
    planned = planned_runs(study, candidates)
    names = {candidate.config_id: candidate.name for candidate in candidates}
    runs = [run for one_seed in zip(*planned.values(), strict=True) for run in one_seed]
    stored = store.results(run.run_id for run in runs)
    missing = [run for run in runs if run.run_id not in stored or not stored[run.run_id].status.is_outcome]
    if not missing:
        return
    reporter.stage("post-evaluation", done=len(runs) - len(missing), total=len(runs))
    groups = group_runs(missing, n_workers=driver.n_workers)
    for results in driver.drive((_group(runs) for runs in groups), look_ahead=_LOOK_AHEAD):
        for result in results:
            reporter.advance(_line(names[result.config_id], result))


def _group(runs: tuple[RunSpec, ...]) -> Task[list[RunResult]]:
    results = yield [Job(specs=runs)]
    return results


def _line(name: str, result: RunResult) -> str:
    outcome = f"{result.score:.4g}" if result.score is not None else result.status.value
    if result.status is RunStatus.FAILED and result.error:
        outcome += f": {result.error.strip().splitlines()[-1]}"
    return f"{name}, seed {result.seed}: {outcome}"
