"""One run: all that determines a training and its evaluation, and nothing else."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, JsonValue, TypeAdapter
from pydantic.dataclasses import dataclass

from robusttune.declaration.algorithms import AlgorithmName
from robusttune.declaration.space import STRICT
from robusttune.seeds import MAX_ENVIRONMENTS, Stage, stage_of

TrainerName = Literal["sb3", "lockstep", "synthetic", "tabular"]

_ID_LENGTH = 20


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Wrapper:
    """An environment wrapper.

    Attributes
    ----------
    entry_point : str
        Import path: `"gymnasium.wrappers:RescaleAction"`.
    kwargs : mapping
        Its arguments.
    """

    entry_point: str = Field(pattern=r"^[\w.]+:\w+$")
    kwargs: Mapping[str, JsonValue] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Normalization:
    """Running normalisation of Stable-Baselines3 (`VecNormalize`), with the discount of the configuration.

    Attributes
    ----------
    observations, rewards : bool
        What is normalised; scores are always raw returns.
    """

    observations: bool = True
    rewards: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class EnvironmentSpec:
    """What the agent acts in.

    Attributes
    ----------
    id : str
        Gymnasium id, for example `"Pendulum-v1"`.
    kwargs : mapping
        Arguments of `gymnasium.make`.
    wrappers : tuple of Wrapper
        Applied in this order, the first innermost.
    n_envs : int
        Training environments stepped together.
    normalization : Normalization, optional
        Running normalisation; `true` stands for both kinds.
    imports : tuple of str
        Modules to import first, where they register the id.
    """

    id: str = Field(min_length=1)
    kwargs: Mapping[str, JsonValue] = Field(default_factory=dict)
    wrappers: tuple[Wrapper, ...] = ()
    n_envs: int = Field(default=1, ge=1, le=MAX_ENVIRONMENTS)
    normalization: Normalization | None = None
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class EvaluationSpec:
    """How a policy is judged: during training at update boundaries, and once after training has ended.

    Attributes
    ----------
    every : int, optional
        Timesteps between evaluations during training; None evaluates after training only.
    n_episodes : int
        Episodes per evaluation.
    deterministic : bool
        Take the mode of the policy instead of a sample.
    score : {"final", "best", "last-three"}
        Mean return of the final evaluation, the highest of all evaluations, or the mean of the last three.
    starts : {"independent", "common"}
        Start states of the episodes: every run its own, or the same for all runs of a stage. Common starts
        sharpen comparisons, but all scores then share one error that no number of seeds shows.
    n_envs : int
        Evaluation environments stepped together.
    """

    every: int | None = Field(default=None, ge=1)
    n_episodes: int = Field(default=20, ge=1)
    deterministic: bool = True
    score: Literal["final", "best", "last-three"] = "final"
    starts: Literal["independent", "common"] = "independent"
    n_envs: int = Field(default=10, ge=1, le=MAX_ENVIRONMENTS)

    def count(self, total_timesteps: int) -> int:
        """Return how many evaluations a run of that many timesteps has, the one after training included."""
        return 1 if self.every is None else math.ceil(total_timesteps / self.every)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RunSpec:
    """One training of one configuration with one seed, and its evaluation.

    Attributes
    ----------
    hyperparameters : mapping
        The configuration: real values under Stable-Baselines3's names; what is absent has its default.
    total_timesteps : int
        Environment steps asked for, all environments together.
    seed, evaluation_seed : int
        From `robusttune.seeds`; the first seeds the training, the second the evaluation environments.
    """

    environment: EnvironmentSpec
    algorithm: AlgorithmName
    policy: str
    trainer: TrainerName
    device: str
    hyperparameters: Mapping[str, JsonValue]
    total_timesteps: int = Field(ge=1)
    evaluation: EvaluationSpec
    seed: int = Field(ge=0, lt=2**32)
    evaluation_seed: int = Field(ge=0, lt=2**32)

    @property
    def run_id(self) -> str:
        """Hash of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:_ID_LENGTH]

    @property
    def config_id(self) -> str:
        """Hash of the hyperparameters."""
        return config_id(self.hyperparameters)

    @property
    def stage(self) -> Stage:
        """The stage, which the seed tells."""
        return stage_of(self.seed)

    def to_json(self) -> str:
        """Return the canonical JSON: sorted keys, no spaces."""
        return canonical_json(_RUN.dump_python(self, mode="json"))

    @staticmethod
    def from_json(text: str) -> RunSpec:
        """Return the specification that `to_json` wrote."""
        return _RUN.validate_json(text)


_RUN = TypeAdapter(RunSpec)


def config_id(hyperparameters: Mapping[str, JsonValue]) -> str:
    """Return the id of a configuration: equal hyperparameters, equal id."""
    return content_id(dict(hyperparameters))


def content_id(value: Any) -> str:
    """Return a hash of a JSON value, 20 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:_ID_LENGTH]


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
