"""Training with Stable-Baselines3: an algorithm in a Gymnasium environment."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, JsonValue
from pydantic.dataclasses import dataclass

from robusttune.declaration.algorithms import ALGORITHMS, Algorithm, algorithm_of, is_import_path
from robusttune.declaration.hyperparameters import N_ENVS, TOTAL_TIMESTEPS, feasible
from robusttune.declaration.messages import one_of
from robusttune.declaration.post_evaluation import Control
from robusttune.declaration.space import STRICT, SearchSpace
from robusttune.declaration.training._sb3_checks import budgets, check_sb3
from robusttune.declaration.training.base import TrainerSpec, TrainingBase
from robusttune.declaration.training.environment import EnvironmentSpec
from robusttune.declaration.training.snippet import sb3_snippet


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AlgorithmSpec:
    """Which algorithm learns, and for how long.

    Attributes
    ----------
    name : str
        Algorithm of Stable-Baselines3, SB3 Contrib or SBX in lower case, or the import path of a class that follows
        their interface: `"my_module:MyPPO"`.
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

    name: Annotated[str, one_of(ALGORITHMS, or_if=is_import_path, such_as="an import path module:Class")]
    total_timesteps: int = Field(ge=1)
    policy: str = "MlpPolicy"
    device: str = "cpu"
    exact_timesteps: bool = False
    hyperparameters: Mapping[str, JsonValue] = Field(default_factory=dict)


_LATER: Mapping[str, JsonValue] = {"algorithm.exact_timesteps": False, "environment.engine": "gymnasium"}


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
    SAVES_POLICIES: ClassVar[bool] = True

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

    def n_envs(self, hyperparameters: Mapping[str, JsonValue]) -> int:
        """Return how many training environments a configuration steps together."""
        own = hyperparameters.get(N_ENVS)
        return own if isinstance(own, int) else self.environment.n_envs

    def timesteps(self, hyperparameters: Mapping[str, JsonValue]) -> int:
        """Return the timesteps asked for of a run of one configuration, which may have a number of its own."""
        own = hyperparameters.get(TOTAL_TIMESTEPS)
        return own if isinstance(own, int) else self.total_timesteps

    @property
    def title(self) -> str:
        """Algorithm and environment."""
        return f"{algorithm_of(self.algorithm.name).title} on {self.environment.id}"

    @property
    def module_folder(self) -> str | None:
        """Where modules of environments, wrappers and algorithms are looked for first."""
        return self.environment.folder

    @property
    def imports(self) -> tuple[str, ...]:
        """Modules that register environments."""
        return self.environment.imports

    @property
    def is_compiled(self) -> bool:
        """Whether the networks are JAX's."""
        return algorithm_of(self.algorithm.name).is_jax

    @property
    def why_longer(self) -> str | None:
        """Why runs may take more timesteps than can be counted in advance, or None."""
        in_episodes = algorithm_of(self.algorithm.name).in_episodes
        return f"{self.algorithm.name} ends with whole episodes" if in_episodes else None

    def check(
        self, space: SearchSpace, controls: Sequence[Control], *, algorithm: Algorithm | None = None
    ) -> None:
        """Raise `SpecError` if a name or value is not the algorithm's, or values do not go together.

        `algorithm` says more of a class by import path than can be known before it is imported.
        """
        check_sb3(algorithm or algorithm_of(self.algorithm.name), self, space, controls)

    def budgets(self, space: SearchSpace, others: Sequence[Mapping[str, JsonValue]]) -> tuple[int, int]:
        """Return the fewest and the most timesteps that a run of the study trains."""
        return budgets(self, space, others)

    def identity(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return what determines results: the defaults of later keys are what there was before there were such keys."""
        return {
            table: {
                key: value for key, value in own.items() if (f"{table}.{key}", value) not in _LATER.items()
            }
            if isinstance(own, dict)
            else own
            for table, own in document.items()
        }

    def feasible(self, hyperparameters: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return the configuration with a PPO minibatch no larger than the rollout it is cut from."""
        entry = algorithm_of(self.algorithm.name)
        return feasible(entry, hyperparameters, n_envs=self.n_envs(hyperparameters))

    def bare(self) -> Self:
        """Return it without the hyperparameters that the study fixes."""
        return dataclasses.replace(self, algorithm=dataclasses.replace(self.algorithm, hyperparameters={}))

    def snippet(self, hyperparameters: Mapping[str, JsonValue]) -> str:
        """Return Python code that builds the model of a configuration and trains it."""
        return sb3_snippet(self, hyperparameters)
