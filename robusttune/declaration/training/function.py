"""Training with a function of your own: whatever takes a configuration and a seed and gives a score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue
from pydantic.dataclasses import dataclass

from robusttune.declaration.space import STRICT
from robusttune.declaration.training.base import TrainerSpec, TrainingBase


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class FunctionTraining(TrainingBase):
    """A Python function that trains and scores; nothing of reinforcement learning is assumed.

    It is called as `train(config, seed, report)` and returns a score, higher is better, or the returns of its
    evaluation episodes, whose mean is the score. `report(step, value)` tells how good it is after that many steps, and
    returns `"stop"` when the run is pruned: return then, whatever is returned is not used.

    Attributes
    ----------
    entry_point : str
        Import path: `"my_module:train"`. Modules beside the study file are found. Runs are identified by it and by
        `version`, not by the code behind it.
    version : str, optional
        Any text: give another one when the function has changed, and runs of the old one are no longer used.
    total_timesteps : int
        Steps of one run, in the unit in which the function reports (epochs, rounds, timesteps); the function is not
        told. Of its reports those are kept, and shown to a pruner, that pass a multiple of `evaluation.every`.
    hyperparameters : mapping
        Fixed for all trials; the search space must not repeat them.
    folder : str, optional
        Where modules are looked for first, relative to the study file; by default its folder. Part of no id.
    function : callable, optional
        The function itself; filled in by `robusttune.tune` and `robusttune.evaluate`, and never in a study file.
    """

    TABLES: ClassVar[tuple[str, ...]] = ("function",)
    TRAINERS: ClassVar[tuple[TrainerSpec, ...]] = (
        TrainerSpec(name="function", module="robusttune.training.function", together=False),
    )
    CHECK: ClassVar[str | None] = "robusttune.training.function"
    FILLED: ClassVar[tuple[str, ...]] = ("function",)
    LOCAL: ClassVar[tuple[str, ...]] = ("folder", "function")
    HAS_DEFAULT: ClassVar[bool] = False
    HAS_POLICY: ClassVar[bool] = False
    UNIT: ClassVar[str] = "steps"

    kind: Literal["function"] = "function"
    entry_point: str = Field(pattern=r"^[^:]+:[^:]+$")
    version: str | None = None
    total_timesteps: int = Field(default=1, ge=1)
    hyperparameters: Mapping[str, JsonValue] = Field(default_factory=dict)
    folder: str | None = Field(default=None, exclude=True)
    function: Callable[..., Any] | None = Field(default=None, exclude=True, repr=False)

    @property
    def title(self) -> str:
        """The function."""
        return self.entry_point

    @property
    def module_folder(self) -> str | None:
        """Where its modules are looked for first."""
        return self.folder

    def snippet(self, hyperparameters: Mapping[str, JsonValue]) -> str:
        """Return Python code that calls the function with a configuration."""
        module, _, name = self.entry_point.partition(":")
        return (
            f"from {module} import {name}\n\n"
            f"score = {name}({dict(hyperparameters)!r}, seed=0, report=lambda step, value: None)"
        )
