"""A whole study: what is tuned, how, and how the best trials are judged afterwards."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from robusttune.errors import SpecError
from robusttune.seeds import MAX_ROOT
from robusttune.spec._messages import explain
from robusttune.spec.algorithms import PPO_BATCH_SIZE, PPO_N_STEPS, check_hyperparameters, check_names
from robusttune.spec.allocation import AllocationSpec
from robusttune.spec.run import AlgorithmName, EnvironmentSpec, EvaluationSpec, TrainerName, content_id
from robusttune.spec.space import STRICT, Categorical, SearchSpace, bounds, n_grid_points
from robusttune.spec.synthetic import gain, synthetic_of
from robusttune.spec.tabular import tabular_of
from robusttune.spec.tuning import TuningSpec


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AlgorithmSpec:
    """What is trained.

    Attributes
    ----------
    name : {"ppo", "a2c", "sac", "td3", "ddpg", "dqn"}
        Algorithm of Stable-Baselines3.
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
class Control:
    """A configuration that is re-evaluated beside the best trials.

    Attributes
    ----------
    name : str
        Shown in tables.
    hyperparameters : mapping
        The whole configuration; what is absent has the algorithm's default.
    reported_score : float, optional
        The score that somebody published for it; takes the place of a tuning score.
    """

    name: str = Field(min_length=1)
    hyperparameters: Mapping[str, JsonValue] = Field(default_factory=dict)
    reported_score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PostEvaluationSpec:
    """How the best trials are judged.

    Attributes
    ----------
    top_k : int
        Complete trials to re-run, best objective value first.
    n_seeds : int
        Fresh seeds for each of them and for each control, unless `allocation` shares them out otherwise.
    allocation : AllocationSpec
        Who gets how many seeds.
    seeds : {"fresh", "common"}
        Every configuration its own seeds, or the same for all. Seeds explain next to nothing of the noise between
        configurations (0.2 % on ARLBench's landscapes), so common seeds gain nothing; they are for other designs.
    n_episodes : int, optional
        Episodes of each evaluation in this stage; None takes `evaluation.n_episodes`.
    default_control : bool
        Also run the algorithm's default configuration.
    controls : tuple of Control
        Further configurations to run.
    confidence_level : float
        Of all intervals.
    statistic : {"mean", "iqm"}
        What is ranked.
    indifference : float, optional
        Differences of at most this size, in score units, are practically equal.
    diverged_score : float, optional
        Score of a diverged run; None takes the worst score of the study.
    allow_missing : bool
        Rank even where crashed, failed or timed-out runs are missing; every table then says how many.
    """

    top_k: int = Field(default=5, ge=1)
    n_seeds: int = Field(default=10, ge=1)
    allocation: AllocationSpec = Field(default_factory=AllocationSpec)
    seeds: Literal["fresh", "common"] = "fresh"
    n_episodes: int | None = Field(default=None, ge=1)
    default_control: bool = True
    controls: tuple[Control, ...] = ()
    confidence_level: float = Field(default=0.95, gt=0, lt=1)
    statistic: Literal["mean", "iqm"] = "mean"
    indifference: float | None = Field(default=None, ge=0)
    diverged_score: float | None = None
    allow_missing: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [control.name for control in self.controls]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"controls must have different names, but {name!r} stands twice.")
            if name == "default" and self.default_control:
                raise ValueError("a control may not be called 'default' while default_control = true.")
        return self


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
        _check_configurations(self)
        _check_pruning(self)
        _check_batches(self)
        _check_grid(self)
        _check_allocation(self)
        _check_synthetic(self)
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
    def tuning_id(self) -> str:
        """Id of all that determines the trials: studies that differ in it never share a trial.

        How many trials are wanted, and what happens to them afterwards, is not part of it: a study grows.
        """
        document = self.to_dict()
        for key in ("name", "description", "post_evaluation", "execution"):
            del document[key]
        for key in ("n_trials", "timeout_s"):
            del document["tuning"][key]
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


def _check_configurations(study: StudySpec) -> None:
    name, fixed, space = study.algorithm.name, study.algorithm.hyperparameters, study.search_space.parameters
    check_hyperparameters(name, fixed, where="algorithm.hyperparameters")
    check_names(name, space, where="search_space.parameters")
    for key in space:
        if key in fixed:
            raise SpecError(
                f"{key} is both fixed (algorithm.hyperparameters) and searched (search_space.parameters): "
                "remove one of them."
            )
    for key, parameter in space.items():
        if isinstance(parameter, Categorical):
            for choice in parameter.choices:
                check_hyperparameters(name, {key: choice}, where="search_space.parameters")
    for control in study.post_evaluation.controls:
        check_hyperparameters(
            name, control.hyperparameters, where=f"post_evaluation.controls[{control.name!r}].hyperparameters"
        )


def _check_pruning(study: StudySpec) -> None:
    tuning, every = study.tuning, study.evaluation.every
    if every is not None and every > study.algorithm.total_timesteps:
        raise SpecError(
            f"evaluation.every = {every}: must not exceed algorithm.total_timesteps = "
            f"{study.algorithm.total_timesteps}; leave it out to evaluate after training only."
        )
    has_steps = tuning.seeds_per_trial > 1 or (every is not None and every < study.algorithm.total_timesteps)
    if tuning.pruner != "none" and not has_steps:
        raise SpecError(
            f"tuning.pruner = {tuning.pruner!r}: a pruner needs intermediate values, but there is one seed per trial "
            f"and evaluation.every = {every} gives none before the end. "
            "Set evaluation.every below algorithm.total_timesteps, or pruner = 'none'."
        )


def _check_batches(study: StudySpec) -> None:
    """A PPO minibatch is cut from a rollout; a batch size that is above every rollout cannot be meant."""
    if study.algorithm.name != "ppo":
        return
    n_envs = study.environment.n_envs
    lowest, _ = _range(study, "batch_size", PPO_BATCH_SIZE)
    _, longest = _range(study, "n_steps", PPO_N_STEPS)
    searched_or_fixed = "batch_size" in {*study.algorithm.hyperparameters, *study.search_space.parameters}
    if searched_or_fixed:
        _check_batch("batch_size", lowest, longest, n_envs)
    for control in study.post_evaluation.controls:
        batch_size = control.hyperparameters.get("batch_size")
        n_steps = control.hyperparameters.get("n_steps", PPO_N_STEPS)
        if isinstance(batch_size, int) and isinstance(n_steps, int):
            where = f"post_evaluation.controls[{control.name!r}].hyperparameters.batch_size"
            _check_batch(where, batch_size, n_steps, n_envs)


def _check_batch(where: str, batch_size: float, n_steps: float, n_envs: int) -> None:
    if batch_size > n_steps * n_envs:
        raise SpecError(
            f"{where} = {batch_size}: must not exceed the rollout it is cut from, n_steps * n_envs = "
            f"{n_steps} * {n_envs} = {n_steps * n_envs}. Lower batch_size, or raise n_steps."
        )


def _range(study: StudySpec, name: str, default: float) -> tuple[float, float]:
    """Return the lowest and highest value that a hyperparameter can have in the study."""
    if name in study.search_space.parameters:
        return bounds(study.search_space.parameters[name]) or (default, default)
    value = study.algorithm.hyperparameters.get(name, default)
    return (value, value) if isinstance(value, int | float) else (default, default)


def _check_grid(study: StudySpec) -> None:
    if study.tuning.sampler != "grid":
        return
    for name, parameter in study.search_space.parameters.items():
        if n_grid_points(parameter) is None:
            raise SpecError(
                f"tuning.sampler = 'grid': search_space.parameters.{name} is continuous. "
                "Give it a `step`, or list its values as choices of type = 'categorical'."
            )


def _check_allocation(study: StudySpec) -> None:
    post = study.post_evaluation
    post.allocation.check_limits(study.n_candidates, post.n_seeds)


def _check_synthetic(study: StudySpec) -> None:
    """Every effect must be readable off every value that a configuration may hold; of a range, off its ends."""
    if study.algorithm.trainer != "synthetic":
        return
    effects = synthetic_of(study.environment).effects
    check_names(study.algorithm.name, effects, where="synthetic.effects")
    for name, effect in effects.items():
        values = [
            table[name]
            for table in (
                study.algorithm.hyperparameters,
                *(c.hyperparameters for c in study.post_evaluation.controls),
            )
            if name in table
        ]
        if name in study.search_space.parameters:
            parameter = study.search_space.parameters[name]
            values += parameter.choices if isinstance(parameter, Categorical) else bounds(parameter) or ()
        for value in values:
            gain(name, effect, value)
