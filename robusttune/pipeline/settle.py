"""A declaration is settled once: checked, its open values filled, its runs counted."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass

from robusttune.declaration.study import StudySpec
from robusttune.pipeline.location import Location
from robusttune.pipeline.stored import as_stored, differences, search_differences
from robusttune.post_evaluation.select import select
from robusttune.results.store import StoredStudy


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How much a study asks for, at most.

    Attributes
    ----------
    n_trials, n_tuning_runs : int or None
        None where only a timeout ends the search. Runs: as many as if every trial were a would-be incumbent.
    n_candidates : int
        Trials and controls that are evaluated.
    n_post_evaluation_runs : int
        An adaptive allocation may stop before it has made them all.
    n_confirmation_runs : int
        As if the whole best set were all of them, where the study confirms it.
    budgets : (int, int)
        The fewest and the most timesteps of a run, without controls that have a length of their own.
    n_timesteps : int or None
        Training steps of all runs, each with the most.
    """

    n_trials: int | None
    n_tuning_runs: int | None
    n_candidates: int
    n_post_evaluation_runs: int
    n_confirmation_runs: int
    budgets: tuple[int, int]
    n_timesteps: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A study of which nothing is left open.

    Attributes
    ----------
    study : StudySpec
    declared : StudySpec
        What it was settled from.
    why_not_faster : str, optional
        Why a faster trainer was not taken, where the study leaves the choice open.
    trained_alone : str, optional
        Which configurations are trained one by one though the others train together, and why.
    kept : tuple of str
        Settings whose default has changed since the study first ran: it keeps the old ones.
    replaced : tuple of str
        Where the stored study of this name is another search: what that one was run with. This one begins anew.
    workload : Workload
    policy_bytes : int, optional
        Size of a saved policy, where `check_study` has measured it.
    """

    study: StudySpec
    declared: StudySpec
    why_not_faster: str | None
    trained_alone: str | None
    kept: tuple[str, ...]
    replaced: tuple[str, ...]
    workload: Workload
    policy_bytes: int | None = None


def settle(declared: StudySpec, *, location: Location | None = None) -> Settled:
    """Return a study with nothing left open, after looking at its environment or table once.

    Parameters
    ----------
    declared : StudySpec
    location : Location, optional
        Where it may have been run before: what was left open is then as it was settled there.

    Raises
    ------
    SpecError
        If the environment cannot be made, the algorithm cannot act in it, the table is faulty, or the chosen
        trainer cannot train the study.
    StudyError
        If there is a database that cannot be opened.
    """
    from robusttune.training import check  # gymnasium comes with it: not for those who only read

    stored = [] if location is None else _stored(declared, location)
    before = as_stored(declared, stored)
    latest = None if before is not None or not stored else stored[0].settled
    # The trainer is chosen again: it changes no result, and this machine may have a faster one than the last.
    study = declared
    if before is not None:
        study = dataclasses.replace(before, execution=declared.execution, cluster=declared.cluster)
    choice = check(study)
    settled = study.settled(choice.trainer)
    return Settled(
        study=settled,
        declared=declared,
        why_not_faster=choice.reason,
        trained_alone=choice.alone,
        kept=() if before is None else differences(declared, study),
        replaced=() if latest is None else search_differences(declared, latest),
        workload=workload_of(settled),
    )


def _stored(declared: StudySpec, location: Location) -> list[StoredStudy]:
    store = location.open_if_there()
    if store is None:
        return []
    with contextlib.closing(store):
        return store.studies(declared.name)


def workload_of(study: StudySpec) -> Workload:
    """Return how much a settled study asks for."""
    tuning, post = study.tuning, study.post_evaluation
    controls = select(study, ())
    n_trials = study.n_trials
    n_tuning_runs = None if n_trials is None else n_trials * tuning.max_seeds_per_trial
    n_candidates = (post.top_k if n_trials is None else min(post.top_k, n_trials)) + len(controls)
    n_post = post.allocation.max_runs(n_candidates, post.n_seeds)
    n_confirmation = post.n_confirmation_runs(n_candidates)
    training = study.training
    lengths = {one.name: training.timesteps(one.hyperparameters) for one in controls}
    usual = [one.hyperparameters for one in controls if lengths[one.name] == training.total_timesteps]
    budgets = training.budgets(study.search_space, usual)
    n_longer = sum(max(0, length - training.total_timesteps) for length in lengths.values())
    n_longer *= n_post if post.allocation.is_adaptive else post.n_seeds
    return Workload(
        n_trials=n_trials,
        n_tuning_runs=n_tuning_runs,
        n_candidates=n_candidates,
        n_post_evaluation_runs=n_post,
        n_confirmation_runs=n_confirmation,
        budgets=budgets,
        n_timesteps=None
        if n_tuning_runs is None
        else (n_tuning_runs + n_post + n_confirmation) * budgets[1] + n_longer,
    )
