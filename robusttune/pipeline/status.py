"""The progress of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from robusttune.declaration.study import StudySpec
from robusttune.execution.board import Board, Outlook, in_flight
from robusttune.execution.time_left import Batch, time_left
from robusttune.pipeline.location import DEFAULT_OUT, Location, location_of
from robusttune.pipeline.reading import Results, open_results
from robusttune.post_evaluation.rounds import replay
from robusttune.post_evaluation.select import select
from robusttune.results.claims import Claims
from robusttune.results.records import RunStatus, TrialRecord, TrialState
from robusttune.results.running import Note, noted_runs, read_note
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
        Runs of post-evaluation and confirmation, at most, and those of them without an outcome.
    n_workers : int
        Invocations that use the results database now.
    is_finished : bool
        Whether nothing is left to be run.
    outlook : Outlook
        What is running, and how long the rest takes if as much goes on running.
    """

    trials: dict[TrialState, int]
    runs: dict[tuple[Stage, RunStatus], int]
    n_planned: int
    n_missing: int
    n_workers: int
    is_finished: bool
    outlook: Outlook


def study_status(study: StudySpec, *, out: str | Path = DEFAULT_OUT, storage: str | None = None) -> Status:
    """Return what is stored of a study.

    Raises
    ------
    StudyError
        If there are no results yet.
    """
    location = location_of(study, out=out, storage=storage)
    with open_results(study, location) as found:
        trials, post = found.trials(), found.study.post_evaluation
        candidates, is_tuned = select(found.study, trials), _is_tuned(found, trials)
        # Scores are read only where they decide on what is wanted.
        scores_decide = post.allocation.is_adaptive or post.confirm
        rounds = replay(found.study, candidates, found.store.outcomes if scores_decide else lambda _: {})
        planned = [run_id for runs in rounds.runs.values() for run_id in runs.run_ids]
        n_candidates = len(candidates) if is_tuned else found.study.n_candidates
        n_planned = post.allocation.max_runs(n_candidates, post.n_seeds)
        n_confirm = post.n_confirmation_runs(n_candidates)
        if is_tuned:
            n_planned = max(rounds.n_runs, n_planned) if rounds.stop is None else rounds.n_runs
        if post.confirm and rounds.n_runs and rounds.is_done(found.study):
            confirmed = [run_id for runs in found.confirmation_runs().values() for run_id in runs.run_ids]
            planned, n_confirm = planned + confirmed, len(confirmed)
        config_ids = {one.config_id for one in trials} | {one.config_id for one in candidates}
        stored = found.store.statuses(config_ids)
        wanted = dict.fromkeys([*(run_id for trial in trials for run_id in trial.run_ids), *planned])
        runs = {key: len(own) for key, ids in stored.items() if (own := ids & wanted.keys())}
        done = set(planned)
        n_done = sum(len(done & ids) for (_, status), ids in stored.items() if status.is_outcome)
        n_missing = n_planned + n_confirm - n_done
        n_trials = found.study.n_trials
        n_open = None if n_trials is None else max(0, n_trials - _n_finished(trials))
        n_runs = None if n_open is None else n_open * found.study.tuning.seeds_per_trial + n_missing
        return Status(
            trials=dict(Counter(trial.state for trial in trials)),
            runs=runs,
            n_planned=n_planned + n_confirm,
            n_missing=n_missing,
            n_workers=Claims(found.store.engine).n_workers(),
            is_finished=is_tuned and not n_missing,
            outlook=_outlook(found, location, [*wanted], set[str]().union(*stored.values()), n_runs),
        )


def _n_finished(trials: Sequence[TrialRecord]) -> int:
    return sum(trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in trials)


def _is_tuned(found: Results, trials: Sequence[TrialRecord]) -> bool:
    """Return whether the search has ended, by its trials or by its time."""
    study, timeout_s = found.study, found.study.tuning.timeout_s
    is_out_of_time = timeout_s is not None and found.store.tuning_time(study.tuning_id)[0] >= timeout_s
    return is_out_of_time or (study.n_trials is not None and _n_finished(trials) >= study.n_trials)


def _notes(found: Results, location: Location) -> list[Note]:
    """Return what jobs note whose processes are alive."""
    claims, notes = Claims(found.store.engine), []
    for run_id in noted_runs(location.running):
        owner, note = claims.owner(f"run:{run_id}"), read_note(location.running, run_id)
        if note is not None and owner is not None and claims.is_alive(owner):
            notes.append(note)
    return notes


def _outlook(
    found: Results, location: Location, wanted: Sequence[str], stored: Set[str], n_runs: int | None
) -> Outlook:
    study, notes = found.study, _notes(found, location)
    jobs = [in_flight(note) for note in notes]
    board = Board(len(jobs), location.running)
    if jobs:
        known = [run_id for run_id in wanted if run_id in stored]
        board.learn(known, found.store.results, study.trainer.name)
    left = None
    if n_runs is not None and jobs:
        n_waiting = max(0, n_runs - sum(job.n_runs for job in jobs))
        batches = [Batch(n_jobs=n_waiting, steps=study.training.total_timesteps)]
        left = time_left(jobs, batches, pace=board.pace(jobs), n_workers=len(jobs))
    shares = tuple((note.label, job.share) for note, job in zip(notes, jobs, strict=True))
    return Outlook(running=shares, left_s=left)
