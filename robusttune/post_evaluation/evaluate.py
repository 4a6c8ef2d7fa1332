"""Runs of the post-evaluation: those that are wanted and not yet there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from robusttune.execution.driver import Driver, Task
from robusttune.execution.executors import Job
from robusttune.execution.progress import Reporter
from robusttune.post_evaluation.select import Candidate
from robusttune.results.records import RunResult, RunStatus
from robusttune.results.store import ResultStore
from robusttune.spec.plan import post_evaluation_runs
from robusttune.spec.run import RunSpec
from robusttune.spec.study import StudySpec

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
    for result in driver.drive(_tasks(missing), look_ahead=_LOOK_AHEAD):
        reporter.advance(_line(names[result.config_id], result))


def _tasks(runs: Sequence[RunSpec]) -> Iterator[Task[RunResult]]:
    for run in runs:
        yield _one_run(run)


def _one_run(run: RunSpec) -> Task[RunResult]:
    results = yield [Job(specs=(run,))]
    return results[0]


def _line(name: str, result: RunResult) -> str:
    outcome = f"{result.score:.4g}" if result.score is not None else result.status.value
    if result.status is RunStatus.FAILED and result.error:
        outcome += f": {result.error.strip().splitlines()[-1]}"
    return f"{name}, seed {result.seed}: {outcome}"
