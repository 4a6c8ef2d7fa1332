"""How the policy of a run is evaluated."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from robusttune.declaration.space import STRICT
from robusttune.seeds import MAX_ENVIRONMENTS


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class EvaluationSpec:
    """How a policy is evaluated: during training at update boundaries, and once after training has ended.

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

    def due(self, timesteps: int, total_timesteps: int, *, done: int) -> int | None:
        """Return the index of the evaluation that is due after some timesteps, or None; the last one made was `done`.

        Notes
        -----
        One step of the trainer may pass several multiples of `every`; the evaluation then counts for the last of them.
        The very last multiple belongs to the evaluation after training.
        """
        if self.every is None:
            return None
        index = min(timesteps // self.every, self.count(total_timesteps) - 1) - 1
        return index if index > done else None

    def timesteps(self, total_timesteps: int) -> tuple[int, ...]:
        """Return when a run of that many timesteps is evaluated: every so often, and at its end."""
        between = () if self.every is None else range(self.every, total_timesteps, self.every)
        return (*between, total_timesteps)
