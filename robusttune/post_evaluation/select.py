"""Which configurations are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from robusttune.declaration.ids import config_id
from robusttune.declaration.study import StudySpec
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
        On how many seeds its tuning score rests; trials may differ in it. None for a control: nobody said.
    trial_number : int, optional
        None for a control.
    """

    name: str
    config_id: str
    hyperparameters: dict[str, JsonValue]
    tuning_score: float | None = None
    tuning_scores: tuple[float, ...] = ()
    n_tuning_seeds: int | None = None
    trial_number: int | None = None

    @property
    def is_control(self) -> bool:
        """Whether it did not come from the search."""
        return self.trial_number is None


def select(study: StudySpec, trials: Sequence[TrialRecord]) -> tuple[Candidate, ...]:
    """Return the top k complete trials, best first, and then the controls.

    A pruned trial is never a candidate, and of trials with equal hyperparameters the best counts. A control whose
    configuration is also a candidate's is that candidate.
    """
    candidates: dict[str, Candidate] = {}
    for trial in sorted(trials, key=_best_first):
        if len(candidates) == study.post_evaluation.top_k:
            break
        if _is_eligible(trial) and trial.config_id not in candidates:
            candidates[trial.config_id] = _from_trial(trial)
    for control in _controls(study):
        candidates.setdefault(control.config_id, control)
    return tuple(candidates.values())


def _best_first(trial: TrialRecord) -> tuple[float, int]:
    return (-(trial.objective_value if trial.objective_value is not None else float("-inf")), trial.number)


def _is_eligible(trial: TrialRecord) -> bool:
    # A trial all of whose runs diverged has only a borrowed value.
    return trial.state is TrialState.COMPLETE and any(score is not None for score in trial.scores)


def _from_trial(trial: TrialRecord) -> Candidate:
    scores = tuple(score for score in trial.scores if score is not None)
    return Candidate(
        name=f"trial {trial.number}",
        config_id=trial.config_id,
        hyperparameters=trial.hyperparameters,
        tuning_score=trial.objective_value,
        tuning_scores=scores if len(scores) == len(trial.scores) else (),
        n_tuning_seeds=len(trial.scores),
        trial_number=trial.number,
    )


def _controls(study: StudySpec) -> list[Candidate]:
    controls = []
    if study.post_evaluation.default_control:
        controls.append(Candidate(name=DEFAULT_CONTROL, config_id=config_id({}), hyperparameters={}))
    for control in study.post_evaluation.controls:
        hyperparameters = dict(control.hyperparameters)
        controls.append(
            Candidate(
                name=control.name,
                config_id=config_id(hyperparameters),
                hyperparameters=hyperparameters,
                tuning_score=control.reported_score,
                tuning_scores=() if control.reported_score is None else (control.reported_score,),
            )
        )
    return controls
