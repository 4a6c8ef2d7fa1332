"""Running the post-evaluation: the planned runs that are not yet stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import PlannedRuns
from robusttune.execution.board import batch_of
from robusttune.execution.driver import Driver
from robusttune.execution.executors import Job
from robusttune.execution.jobs import listed
from robusttune.execution.progress import Reporter
from robusttune.execution.tasks import Task
from robusttune.execution.time_left import Batch
from robusttune.post_evaluation.result import (
    PostEvaluation,
    Recommend,
    planned_confirmation,
    stored_post_evaluation,
)
from robusttune.post_evaluation.rounds import have_outcome, in_turn, replay
from robusttune.post_evaluation.select import Candidate
from robusttune.results.interfaces import Store
from robusttune.results.records import RunResult, RunStatus
from robusttune.training.groups import group_runs

_LOOK_AHEAD = 32  # runs of other processes; more would only make polling slow


def evaluate(
    study: StudySpec,
    candidates: Sequence[Candidate],
    *,
    store: Store,
    driver: Driver,
    reporter: Reporter,
    recommend: Recommend | None = None,
    models: Path | None = None,
) -> PostEvaluation:
    """Run every candidate on all its seeds, and return what that found; what is stored is not run again.

    The first seed of all candidates comes first, then the second: wherever it is cut off, the stage is as balanced
    as possible. An adaptive allocation goes round by round: each is decided on the stored results of those before it.
    Last comes the confirmation, if the study asks for one, of those that `recommend` names. The policies of all these
    runs are saved in `models`, if given.

    Raises
    ------
    SpecError
        If no run can succeed.
    StudyError
        If runs have no outcome and the study does not allow missing runs.
    """
    tried: set[str] = set()  # an accident is not tried again in every round
    post, steps = study.post_evaluation, study.training.total_timesteps
    n_confirm = 0 if recommend is None else post.n_confirmation_runs(len(candidates))
    confirming = (batch_of(n_confirm, steps, n_workers=driver.n_workers, trainer=study.trainer),)
    rounds = replay(study, candidates, store.outcomes)
    while missing := in_turn(rounds.runs, without=tried | have_outcome(rounds.results)):
        driver.rehearse()
        most = max(rounds.n_runs, post.allocation.max_runs(len(candidates), post.n_seeds))
        reporter.stage("post-evaluation", done=rounds.n_runs - len(missing), total=most)
        tried.update(run.run_id for run in missing)
        driver.board.learn([*rounds.results], store.results, study.trainer.name)
        driver.board.later = confirming
        later = [batch_of(most - rounds.n_runs, steps, n_workers=driver.n_workers, trainer=study.trainer)]
        _carry_out(missing, _names(rounds.runs, candidates), study, driver, reporter, models, later)
        rounds = replay(study, candidates, store.outcomes, since=rounds)
    if rounds.stop is not None:
        reporter.message(f"Post-evaluation stopped after {rounds.n_runs} runs. {rounds.stop}")
    found = stored_post_evaluation(study, candidates, store.outcomes, rounds=rounds)
    planned = planned_confirmation(study, found, recommend)
    if not planned:
        return found
    run_ids = [run_id for runs in planned.values() for run_id in runs.run_ids]
    if missing := in_turn(planned, without=have_outcome(store.outcomes(run_ids))):
        driver.rehearse()
        reporter.stage("confirmation", done=len(run_ids) - len(missing), total=len(run_ids))
        driver.board.later = ()
        _carry_out(missing, _names(planned, candidates), study, driver, reporter, models)
    return stored_post_evaluation(study, candidates, store.outcomes, rounds=rounds, recommend=recommend)


def _carry_out(
    missing: Sequence[RunSpec],
    names: Mapping[str, str],
    study: StudySpec,
    driver: Driver,
    reporter: Reporter,
    models: Path | None,
    later: Sequence[Batch] = (),
) -> None:
    warned = set()
    groups = group_runs(missing, n_workers=driver.n_workers, trainer=study.trainer)
    steps = len(missing) * study.training.total_timesteps / len(groups)
    driver.board.expect(Batch(n_jobs=len(groups), steps=steps), batches=later)
    tasks = (_group(runs, models, _label(runs, names)) for runs in groups)
    for results in driver.drive(tasks, look_ahead=_LOOK_AHEAD):
        for result in results:
            reporter.advance(_line(names[result.run_id], result))
            if result.warning is not None and result.warning not in warned:
                warned.add(result.warning)
                reporter.message(result.warning)


def _names(runs: Mapping[str, PlannedRuns], candidates: Sequence[Candidate]) -> dict[str, str]:
    """Return run_id → name: copies of one configuration differ in nothing but their runs."""
    return {run_id: c.name for c in candidates if c.config_id in runs for run_id in runs[c.config_id].run_ids}


def _group(runs: tuple[RunSpec, ...], models: Path | None, label: str) -> Task[list[RunResult]]:
    results = yield [Job(specs=runs, models=models, label=label)]
    return results


def _label(runs: Sequence[RunSpec], names: Mapping[str, str]) -> str:
    """Return what a job is called: its configurations, each with the number of its seeds."""
    counts = Counter(names[run.run_id] for run in runs)
    return listed(name if n == 1 else f"{name} ({n} seeds)" for name, n in counts.items())


def _line(name: str, result: RunResult) -> str:
    outcome = f"{result.score:.4g}" if result.score is not None else result.status.value
    if result.status is RunStatus.FAILED and result.error:
        outcome += f": {result.error.strip().splitlines()[-1]}"
    return f"{name}, seed {result.seed}: {outcome}"
