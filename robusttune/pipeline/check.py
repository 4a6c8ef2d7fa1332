"""Before anything runs, and while it does: what a study asks for, and how far it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from robusttune.declaration.study import StudySpec
from robusttune.pipeline.place import DEFAULT_OUT, open_store, place_of
from robusttune.post_evaluation.evaluate import planned_runs
from robusttune.post_evaluation.rounds import replay
from robusttune.post_evaluation.select import select
from robusttune.results.claims import Claims
from robusttune.results.records import RunStatus, TrialState
from robusttune.seeds import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much a study asks for, at most.

    Attributes
    ----------
    n_trials, n_tuning_runs : int or None
        None where only a timeout ends the search. Runs: as many as if every trial were a would-be incumbent.
    n_candidates : int
        Trials and controls that are judged.
    n_post_evaluation_runs : int
        An adaptive allocation may stop before it has made them all.
    n_timesteps : int or None
        Training steps of all runs.
    trainer : str
        Who trains.
    why_not_lockstep : str, optional
        Why seeds cannot train together, where the study leaves the choice open.
    """

    n_trials: int | None
    n_tuning_runs: int | None
    n_candidates: int
    n_post_evaluation_runs: int
    n_timesteps: int | None
    trainer: str
    why_not_lockstep: str | None


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


def check_study(study: StudySpec) -> Plan:
    """Return what a study asks for, after making its environment once, if it has one.

    Raises
    ------
    SpecError
        If the environment cannot be made, the algorithm cannot act in it, or there are more runs than seeds.
    """
    from robusttune.training.environments import check_environment
    from robusttune.training.stackable import with_trainer

    if study.algorithm.trainer == "tabular":
        from robusttune.training.tabular import check_table

        check_table(study)
    elif study.algorithm.trainer != "synthetic":
        check_environment(study.environment, study.algorithm.name)
    study, reason = with_trainer(study)
    tuning, post = study.tuning, study.post_evaluation
    controls = select(study, ())
    if not post.allocation.is_adaptive:
        planned_runs(study, controls)  # refuses more seeds than the layout has room for
    n_trials = study.n_trials
    n_tuning_runs = None if n_trials is None else n_trials * tuning.max_seeds_per_trial
    n_judged = post.top_k if n_trials is None else min(post.top_k, n_trials)
    n_post = post.allocation.max_runs(n_judged + len(controls), post.n_seeds)
    return Plan(
        n_trials=n_trials,
        n_tuning_runs=n_tuning_runs,
        n_candidates=n_judged + len(controls),
        n_post_evaluation_runs=n_post,
        trainer=str(study.algorithm.trainer),
        why_not_lockstep=reason,
        n_timesteps=None
        if n_tuning_runs is None
        else (n_tuning_runs + n_post) * study.algorithm.total_timesteps,
    )


def study_status(study: StudySpec, *, out: str | Path = DEFAULT_OUT, storage: str | None = None) -> Status:
    """Return what is stored of a study.

    Raises
    ------
    StudyError
        If there are no results yet.
    """
    from robusttune.training.stackable import with_trainer

    study, _ = with_trainer(study)
    store = open_store(place_of(study, out=out, storage=storage), create=False)
    try:
        trials = store.trials(study.tuning_id)
        candidates = select(study, trials)
        planned = [run.run_id for run in replay(study, candidates, store.results).in_turn()]
        results = store.results([*planned, *(run_id for trial in trials for run_id in trial.run_ids)])
        judged = [results[run_id] for run_id in planned if run_id in results]
        return Status(
            trials=dict(Counter(trial.state for trial in trials)),
            runs=dict(Counter((result.stage, result.status) for result in results.values())),
            n_planned=len(planned),
            n_missing=len(planned) - sum(result.status.is_outcome for result in judged),
            n_workers=Claims(store.engine).n_workers(),
        )
    finally:
        store.close()
