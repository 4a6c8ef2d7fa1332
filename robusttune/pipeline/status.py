"""The progress of a study."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from robusttune.declaration.study import StudySpec
from robusttune.pipeline.location import DEFAULT_OUT, location_of
from robusttune.pipeline.reading import open_results
from robusttune.post_evaluation.rounds import replay
from robusttune.post_evaluation.select import select
from robusttune.results.claims import Claims
from robusttune.results.records import RunStatus, TrialState
from robusttune.seeds import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is stored of a study.

    Attributes
    ----------
    trials : dict of TrialState to int
    runs : dict of (Stage, RunStatus) to int
        Among the runs that the study wants now.
    n_planned, n_missing : int
        Post-evaluation runs asked for so far, and those of them without an outcome.
    n_workers : int
        Invocations that use the results database now.
    """

    trials: dict[TrialState, int]
    runs: dict[tuple[Stage, RunStatus], int]
    n_planned: int
    n_missing: int
    n_workers: int


def study_status(study: StudySpec, *, out: str | Path = DEFAULT_OUT, storage: str | None = None) -> Status:
    """Return what is stored of a study.

    Raises
    ------
    StudyError
        If there are no results yet.
    """
    with open_results(study, location_of(study, out=out, storage=storage)) as found:
        trials, lookup = found.trials(), found.store.results
        rounds = replay(found.study, select(found.study, trials), lookup)
        planned = [run.run_id for run in rounds.in_turn()]
        if found.study.post_evaluation.confirm and rounds.n_runs and rounds.is_done(found.study):
            planned += [run.run_id for run in found.confirmation_runs()]
        results = lookup([*planned, *(run_id for trial in trials for run_id in trial.run_ids)])
        done = [results[run_id] for run_id in planned if run_id in results]
        return Status(
            trials=dict(Counter(trial.state for trial in trials)),
            runs=dict(Counter((result.stage, result.status) for result in results.values())),
            n_planned=len(planned),
            n_missing=len(planned) - sum(result.status.is_outcome for result in done),
            n_workers=Claims(found.store.engine).n_workers(),
        )
