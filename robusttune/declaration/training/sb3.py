"""Training with Stable-Baselines3: an algorithm in a Gymnasium environment."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, JsonValue
from pydantic.dataclasses import dataclass

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.hyperparameters import with_feasible_batch
from robusttune.declaration.messages import one_of
from robusttune.declaration.post_evaluation import Control
from robusttune.declaration.space import STRICT, SearchSpace
from robusttune.declaration.training._sb3_checks import budgets, check_sb3
from robusttune.declaration.training.base import TrainerSpec, TrainingBase
from robusttune.declaration.training.snippet import sb3_snippet
from robusttune.seeds import MAX_ENVIRONMENTS


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
        Modules to import first, if they register the id.
    """

    id: str = Field(min_length=1)
    kwargs: Mapping[str, JsonValue] = Field(default_factory=dict)
    wrappers: tuple[Wrapper, ...] = ()
    n_envs: int = Field(default=1, ge=1, le=MAX_ENVIRONMENTS)
    normalization: Normalization | None = None
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AlgorithmSpec:
    """Which algorithm learns, and for how long.

    Attributes
    ----------
    name : str
        Algorithm of Stable-Baselines3, in lower case.
    total_timesteps : int
        Environment steps of one run, all environments together.
    policy : str
        Stable-Baselines3's policy name.
    device : str
        torch device.
    exact_timesteps : bool
        Shorten the last rollout, so that every configuration trains `total_timesteps` and no more. Otherwise whole
        rollouts of `n_steps` in each environment are collected, and configurations that differ in it differ in budget.
    hyperparameters : mapping
        Fixed for all trials; the search space must not repeat them.
    """

    name: Annotated[str, one_of(ALGORITHMS)]
    total_timesteps: int = Field(ge=1)
    policy: str = "MlpPolicy"
    device: str = "cpu"
    exact_timesteps: bool = False
    hyperparameters: Mapping[str, JsonValue] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Sb3Training(TrainingBase):
    """An algorithm of Stable-Baselines3 that learns in an environment.

    Attributes
    ----------
    environment : EnvironmentSpec
    algorithm : AlgorithmSpec
    """

    TABLES: ClassVar[tuple[str, ...]] = ("environment", "algorithm")
    TRAINERS: ClassVar[tuple[TrainerSpec, ...]] = (
        TrainerSpec(name="sb3", module="robusttune.training.sb3", together=False),
        TrainerSpec(name="lockstep", module="robusttune.training.lockstep_runs"),
    )
    CHECK: ClassVar[str | None] = "robusttune.training.stackable"
    REHEARSAL: ClassVar[str | None] = "robusttune.training.rehearsal"

    kind: Literal["sb3"] = "sb3"
    environment: EnvironmentSpec
    algorithm: AlgorithmSpec

    @property
    def total_timesteps(self) -> int:
        """Environment steps of one run, all environments together."""
        return self.algorithm.total_timesteps

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """What the study fixes for all trials."""
        return self.algorithm.hyperparameters

    @property
    def title(self) -> str:
        """Algorithm and environment."""
        return f"{self.algorithm.name.upper()} on {self.environment.id}"

    def check(self, space: SearchSpace, controls: Sequence[Control]) -> None:
        """Raise `SpecError` if a name or value is not the algorithm's, or values do not go together."""
        check_sb3(self, space, controls)

    def budgets(self, space: SearchSpace, others: Sequence[Mapping[str, JsonValue]]) -> tuple[int, int]:
        """Return the fewest and the most timesteps that a run of the study trains."""
        return budgets(self, space, others)

    def identity(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return what determines results; `exact_timesteps = false` is what there was before there was such a key."""
        algorithm = dict(document["algorithm"])
        if not algorithm["exact_timesteps"]:
            del algorithm["exact_timesteps"]
        return {**document, "algorithm": algorithm}

    def feasible(self, hyperparameters: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return the configuration with a PPO minibatch no larger than the rollout it is cut from."""
        return with_feasible_batch(self.algorithm.name, hyperparameters, n_envs=self.environment.n_envs)

    def bare(self) -> Self:
        """Return it without the hyperparameters that the study fixes."""
        return dataclasses.replace(self, algorithm=dataclasses.replace(self.algorithm, hyperparameters={}))

    def snippet(self, hyperparameters: Mapping[str, JsonValue]) -> str:
        """Return Python code that builds the model of a configuration and trains it."""
        return sb3_snippet(self, hyperparameters)
