"""Which configurations are post-evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from robusttune.declaration.ids import config_id
from robusttune.declaration.post_evaluation import Control
from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.shortlist import Proposal, shortlist
from robusttune.results.records import TrialRecord, TrialState

DEFAULT_CONTROL = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A configuration of the post-evaluation.

    Attributes
    ----------
    name : str
        `"trial 7"`, `"default"` or the name of a control.
    tuning_score : float, optional
        Objective value of the trial, or the score reported for a control.
    tuning_scores : tuple of float
        Scores of the trial's tuning seeds, where all of them have one.
    n_tuning_seeds : int, optional
        On how many seeds its tuning score rests; trials may differ in it. None for a control, where it is unknown.
    trial_number : int, optional
        None for what did not come from the search of this study.
    proposed_by : tuple of str
        The lists that propose the trial, "top" or "model"; empty for what is no trial.
    is_control : bool
        Whether it is there for comparison, and not as the result of a search, here or elsewhere.
    """

    name: str
    config_id: str
    hyperparameters: dict[str, JsonValue]
    tuning_score: float | None = None
    tuning_scores: tuple[float, ...] = ()
    n_tuning_seeds: int | None = None
    trial_number: int | None = None
    proposed_by: tuple[str, ...] = ()
    is_control: bool = False


def select(study: StudySpec, trials: Sequence[TrialRecord]) -> tuple[Candidate, ...]:
    """Return k complete trials by the study's rule, best first, then configurations from elsewhere and the controls.

    A pruned trial is never a candidate, and of trials with equal hyperparameters the best counts. A control whose
    configuration is also a candidate's is that candidate. Where the search is too short or too flat to be modelled,
    the highest objective values choose.
    """
    eligible: dict[str, TrialRecord] = {}
    for trial in sorted(filter(_is_eligible, trials), key=_best_first):
        eligible.setdefault(trial.config_id, trial)
    by_number = {trial.number: trial for trial in eligible.values()}
    candidates = {
        by_number[one.trial].config_id: _from_trial(by_number[one.trial], one.proposed_by)
        for one in _proposals(study, trials, list(by_number))
    }
    for named in _named(study):
        candidates.setdefault(named.config_id, named)
    return tuple(candidates.values())


def tuning_champion(trials: Sequence[TrialRecord]) -> Candidate | None:
    """Return the trial that tuning alone would choose, whether or not it is evaluated; of equal ones the first."""
    best = min(filter(_is_eligible, trials), key=_best_first, default=None)
    return None if best is None else _from_trial(best, ())


def reported_champion(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the configuration from elsewhere that the search which found it would choose."""
    scored = [one for one in candidates if one.tuning_score is not None and not one.is_control]
    return max(scored, key=lambda one: one.tuning_score or 0.0, default=None)


def _proposals(study: StudySpec, trials: Sequence[TrialRecord], top: Sequence[int]) -> tuple[Proposal, ...]:
    post = study.post_evaluation
    if post.select != "top" and top:
        from robusttune.post_evaluation.search_model import SearchModel  # scipy: only where a model is wanted

        if model := SearchModel(study, trials):
            return shortlist(post.select, post.top_k, top=top, model=model.best_first(top))
    return shortlist("top", post.top_k, top=top, model=())


def _best_first(trial: TrialRecord) -> tuple[float, int]:
    return (-(trial.objective_value if trial.objective_value is not None else float("-inf")), trial.number)


def _is_eligible(trial: TrialRecord) -> bool:
    # A trial all of whose runs diverged has only a borrowed value.
    return trial.state is TrialState.COMPLETE and any(score is not None for score in trial.scores)


def _from_trial(trial: TrialRecord, proposed_by: tuple[str, ...]) -> Candidate:
    scores = tuple(score for score in trial.scores if score is not None)
    return Candidate(
        name=f"trial {trial.number}",
        config_id=trial.config_id,
        hyperparameters=trial.hyperparameters,
        tuning_score=trial.objective_value,
        tuning_scores=scores if len(scores) == len(trial.scores) else (),
        n_tuning_seeds=len(trial.scores),
        trial_number=trial.number,
        proposed_by=proposed_by,
    )


def _named(study: StudySpec) -> list[Candidate]:
    post = study.post_evaluation
    default = [Control(name=DEFAULT_CONTROL)] if study.has_default_control else []
    return [
        *(_from_name(one, is_control=False) for one in post.configurations),
        *(_from_name(one, is_control=True) for one in (*default, *post.controls)),
    ]


def _from_name(named: Control, *, is_control: bool) -> Candidate:
    hyperparameters = dict(named.hyperparameters)
    return Candidate(
        name=named.name,
        config_id=config_id(hyperparameters),
        hyperparameters=hyperparameters,
        tuning_score=named.reported_score,
        tuning_scores=() if named.reported_score is None else (named.reported_score,),
        is_control=is_control,
    )
