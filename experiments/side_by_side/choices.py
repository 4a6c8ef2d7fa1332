"""What each way of choosing recommends after a search, and what that is worth on seeds that nothing else has seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.side_by_side.gathering import StoredRuns
from robusttune import StudySpec
from robusttune.declaration.run import RunSpec
from robusttune.declaration.study_runs import confirmation_runs, post_evaluation_runs
from robusttune.post_evaluation.result import candidates_of, stored_post_evaluation
from robusttune.post_evaluation.select import Candidate, tuning_champion
from robusttune.report.build import best_set_first
from robusttune.results.records import RunOutcome, RunResult, TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One way of choosing after one search.

    Attributes
    ----------
    study : StudySpec
        With the post-evaluation of this way.
    trials : tuple of TrialRecord
        What it chooses from.
    believes : bool
        Whether the highest tuning score is believed; otherwise the candidates get fresh seeds.
    columns : mapping
        What tells it from others in the table.
    """

    study: StudySpec
    trials: tuple[TrialRecord, ...]
    believes: bool
    columns: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one plan recommends, and the score that it reports."""

    plan: Plan
    candidate: Candidate
    reported: float


def choose_all(plans: Sequence[Plan], runs: StoredRuns) -> list[Choice]:
    """Return what each plan recommends, after running the fresh seeds that they ask for."""
    candidates = {i: candidates_of(p.study, p.trials) for i, p in enumerate(plans) if not p.believes}
    specs = [
        spec
        for i, own in candidates.items()
        for fresh in post_evaluation_runs(
            plans[i].study, {c.config_id: c.hyperparameters for c in own}
        ).values()
        for spec in fresh
    ]
    known = runs.results(specs)

    def lookup(run_ids: Iterable[str]) -> dict[str, RunOutcome]:
        return {run_id: known[run_id].outcome for run_id in run_ids if run_id in known}

    choices = []
    for i, plan in enumerate(plans):
        if plan.believes:
            champion = tuning_champion(plan.trials)
            assert champion is not None
            assert champion.tuning_score is not None
            choices.append(Choice(plan=plan, candidate=champion, reported=champion.tuning_score))
            continue
        found = stored_post_evaluation(plan.study, candidates[i], lookup)
        best = best_set_first(plan.study, plan.trials, found)[0]
        mean = float(np.mean(found.scores.scores[found.scores.config_ids.index(best)]))
        chosen = next(c for c in candidates[i] if c.config_id == best)
        choices.append(Choice(plan=plan, candidate=chosen, reported=mean))
    return choices


def rows(choices: Sequence[Choice], runs: StoredRuns) -> pd.DataFrame:
    """Return a row per choice, judged on the confirmation seeds of its study."""
    judging = [_judging(choice) for choice in choices]
    known = runs.results([spec for own in judging for spec in own])
    return pd.DataFrame(
        {
            **choice.plan.columns,
            "trial": choice.candidate.trial_number,
            **choice.candidate.hyperparameters,
            "reported": round(choice.reported, 3),
            "true": round(float(np.mean([_score(known[spec.run_id]) for spec in own])), 3),
            "n_judging": len(own),
        }
        for choice, own in zip(choices, judging, strict=True)
    )


def _judging(choice: Choice) -> Sequence[RunSpec]:
    own = {choice.candidate.config_id: choice.candidate.hyperparameters}
    return confirmation_runs(choice.plan.study, own, own)[choice.candidate.config_id]


def _score(result: RunResult) -> float:
    if result.score is None:
        raise RuntimeError(f"A run has no score: {result.status}, {result.error}")
    return result.score
