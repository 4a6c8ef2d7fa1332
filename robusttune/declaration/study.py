"""A whole study: what is tuned, how, and how the best trials are judged afterwards."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from robusttune.declaration._consistency import check_consistency
from robusttune.declaration._messages import explain
from robusttune.declaration.algorithms import AlgorithmName
from robusttune.declaration.post_evaluation import PostEvaluationSpec
from robusttune.declaration.run import EnvironmentSpec, EvaluationSpec, TrainerName, content_id
from robusttune.declaration.space import STRICT, SearchSpace, n_grid_points
from robusttune.declaration.tabular import tabular_of
from robusttune.declaration.tuning import TuningSpec
from robusttune.errors import SpecError
from robusttune.seeds import MAX_ROOT


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AlgorithmSpec:
    """What is trained.

    Attributes
    ----------
    name : str
        Algorithm of Stable-Baselines3, in lower case.
    total_timesteps : int
        Environment steps of one run, all environments together.
    policy : str
        Stable-Baselines3's policy name.
    trainer : {"auto", "sb3", "lockstep", "synthetic", "tabular"}
        Who trains; part of a run's identity. `"lockstep"` trains many seeds at once, several times faster, and
        each as Stable-Baselines3 would; `"auto"` takes it where all runs of the study allow that. `"synthetic"` trains
        nothing and draws runs from the truth that `[synthetic]` declares, `"tabular"` from the table of
        `[tabular]`.
    device : str
        torch device.
    hyperparameters : mapping
        Fixed for all trials; the search space must not repeat them.
    """

    name: AlgorithmName
    total_timesteps: int = Field(ge=1)
    policy: str = "MlpPolicy"
    trainer: Literal["auto"] | TrainerName = "auto"
    device: str = "cpu"
    hyperparameters: Mapping[str, JsonValue] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ExecutionSpec:
    """How runs are carried out; changes no result.

    Attributes
    ----------
    run_timeout_s : float, optional
        A run that takes longer is stopped and counts as timed out. Needs at least one worker process.
    max_attempts : int
        How often a crashed or timed-out run is tried in one invocation.
    """

    run_timeout_s: float | None = Field(default=None, gt=0)
    max_attempts: int = Field(default=2, ge=1)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class StudySpec:
    """A declared study, checked as a whole at construction.

    Attributes
    ----------
    name : str
        Letters, digits, `.`, `_` and `-`; names the results folder.
    environment, algorithm, search_space, tuning, evaluation, post_evaluation, execution
        See their types.
    root_seed : int
        All seeds of the study follow from it.
    description : str
        For readers; shown in the report.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=120)
    environment: EnvironmentSpec
    algorithm: AlgorithmSpec
    tuning: TuningSpec
    search_space: SearchSpace = Field(default_factory=SearchSpace)
    evaluation: EvaluationSpec = Field(default_factory=EvaluationSpec)
    post_evaluation: PostEvaluationSpec = Field(default_factory=PostEvaluationSpec)
    execution: ExecutionSpec = Field(default_factory=ExecutionSpec)
    root_seed: int = Field(default=0, ge=0, le=MAX_ROOT)
    description: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_consistency(self)
        if self.algorithm.trainer == "tabular":
            tabular_of(self.environment)
        return self

    @property
    def n_trials(self) -> int | None:
        """How many finished trials are wanted; a grid has no more than its points. None if only time ends it."""
        if self.tuning.sampler != "grid":
            return self.tuning.n_trials
        n_points = math.prod(n_grid_points(p) or 1 for p in self.search_space.parameters.values())
        return n_points if self.tuning.n_trials is None else min(self.tuning.n_trials, n_points)

    @property
    def n_candidates(self) -> int:
        """How many configurations are judged at most: the best trials and the controls."""
        post = self.post_evaluation
        n_trials = post.top_k if self.n_trials is None else min(post.top_k, self.n_trials)
        return n_trials + len(post.controls) + post.default_control

    @property
    def n_judging_episodes(self) -> int:
        """Evaluation episodes of a post-evaluation run."""
        return self.post_evaluation.n_episodes or self.evaluation.n_episodes

    @property
    def tuning_id(self) -> str:
        """Id of all that determines the trials: studies that differ in it never share a trial.

        How many trials are wanted, and what happens to them afterwards, is not part of it: a study grows.
        """
        document = self.to_dict()
        for key in ("name", "description", "post_evaluation", "execution"):
            del document[key]
        for key in ("n_trials", "timeout_s"):
            del document["tuning"][key]
        if self.tuning.incumbent_seeds is None:  # studies from before there was such a key keep their id
            del document["tuning"]["incumbent_seeds"]
        return content_id(document)

    def to_dict(self) -> dict[str, Any]:
        """Return the study as plain JSON values."""
        document: dict[str, Any] = _STUDY.dump_python(self, mode="json")
        return document

    @staticmethod
    def from_dict(document: Mapping[str, Any]) -> StudySpec:
        """Return the study that a plain document declares.

        Raises
        ------
        SpecError
            One line per problem: place, rule, value received, nearest valid name.
        """
        _check_finite(document)
        try:
            # Through JSON text: there a list may become a tuple, while everything else stays strict.
            return _STUDY.validate_json(json.dumps(document, default=str))
        except ValidationError as error:
            raise SpecError(explain(error, StudySpec)) from None


_STUDY = TypeAdapter(StudySpec)


def _check_finite(value: Any, *path: str) -> None:
    """JSON has no NaN and no infinity, and no setting can mean them."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SpecError(f"{'.'.join(path)} = {value}: must be a finite number.")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_finite(inner, *path, str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _check_finite(inner, *path, str(index))
