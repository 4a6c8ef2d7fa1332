"""What every kind of training must say about itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import JsonValue

from robusttune.declaration.messages import did_you_mean
from robusttune.errors import SpecError

if TYPE_CHECKING:
    from robusttune.declaration.post_evaluation import Control
    from robusttune.declaration.space import SearchSpace

AUTO = "auto"
MAX_BUDGET_RATIO = 1.05  # budgets that differ by more are no fair comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerSpec:
    """An implementation that carries out runs.

    Attributes
    ----------
    name : str
        As `execution.trainer` has it.
    module : str
        Import path of the module whose `train` does it; see `training.interfaces.Trainer`.
    together : bool
        Whether the runs of one call train side by side, and so reach each evaluation at the same moment.
    """

    name: str
    module: str
    together: bool = True


class TrainingBase:
    """Base of the members of `Training`: what differs between them, with defaults where there is a usual answer.

    A member is a frozen pydantic dataclass with the fields `kind` (a `Literal` with its name as default),
    `total_timesteps` (of one run) and `hyperparameters` (fixed for all trials), or properties of these names.

    Attributes
    ----------
    TABLES : tuple of str
        Tables of a study file that declare it. One alone is the member itself; of several, each is a field.
    TRAINERS : tuple of TrainerSpec
        Who can train it; the first is the reference.
    CHECK : str, optional
        Import path of the module whose `check(study)` looks at what the declaration alone cannot show, such as the
        environment, and chooses the trainer; see `training.interfaces.Check`. Without one the reference trains.
    REHEARSAL : str, optional
        Import path of the module whose `rehearse(study)` builds what a run will build.
    FILLED : tuple of str
        Fields that are not written by hand: they are filled in when a study is read, from outside the study file.
    LOCAL : tuple of str
        Fields about this machine: never stored, part of no id, and as they are now when a study continues.
    HAS_DEFAULT : bool
        Whether a configuration that names no hyperparameter can be trained; it is then a control.
    HAS_POLICY : bool
        Whether a run ends with a policy, whose episodes are as `[evaluation]` says.
    SAVES_POLICIES : bool
        Whether its trainers save policies: their `train` then takes a folder for them.
    HAS_EVALUATIONS : bool
        Whether a run can be evaluated before its end.
    UNIT : str
        What `total_timesteps` counts, in captions.
    IN_MEMORY : bool
        Whether runs cost next to nothing, so that a whole study may be simulated and forgotten.
    """

    __slots__ = ()

    TABLES: ClassVar[tuple[str, ...]]
    TRAINERS: ClassVar[tuple[TrainerSpec, ...]]
    CHECK: ClassVar[str | None] = None
    REHEARSAL: ClassVar[str | None] = None
    FILLED: ClassVar[tuple[str, ...]] = ()
    LOCAL: ClassVar[tuple[str, ...]] = ()
    HAS_DEFAULT: ClassVar[bool] = True
    HAS_POLICY: ClassVar[bool] = True
    SAVES_POLICIES: ClassVar[bool] = False
    HAS_EVALUATIONS: ClassVar[bool] = True
    UNIT: ClassVar[str] = "timesteps"
    IN_MEMORY: ClassVar[bool] = False

    if TYPE_CHECKING:  # at run time a property here would pass for the default of a field

        @property
        def kind(self) -> str:
            """Tag of the union."""

        @property
        def total_timesteps(self) -> int:
            """Environment steps of one run."""

        @property
        def hyperparameters(self) -> Mapping[str, JsonValue]:
            """What the study fixes for all trials."""

        @property
        def title(self) -> str:
            """What is trained, as captions say it."""

    @property
    def caption(self) -> str:
        """What is trained, and for how long: `PPO on Pendulum-v1, 40,000 timesteps`."""
        is_one_call = not self.HAS_POLICY and self.total_timesteps == 1
        return f"{self.title}, {'one call' if is_one_call else f'{self.total_timesteps:,} {self.UNIT}'}"

    def timesteps(self, hyperparameters: Mapping[str, JsonValue]) -> int:
        """Return the timesteps asked for of a run of one configuration."""
        return self.total_timesteps

    @property
    def why_longer(self) -> str | None:
        """Why runs may take more timesteps than `budgets` says, or None."""
        return None

    @property
    def module_folder(self) -> str | None:
        """Where modules of the user's own are looked for first, while runs are trained."""
        return None

    @property
    def imports(self) -> tuple[str, ...]:
        """Modules of the user's own that are imported before the first run."""
        return ()

    @property
    def is_compiled(self) -> bool:
        """Whether what is trained is compiled first."""
        return False

    @property
    def table(self) -> str:
        """The table of a study file that holds total_timesteps and the fixed hyperparameters, for messages."""
        return self.TABLES[-1]

    def trainer(self, name: str) -> TrainerSpec:
        """Return one of the trainers.

        Raises
        ------
        SpecError
            If it has no such trainer.
        """
        known = {trainer.name: trainer for trainer in self.TRAINERS}
        if name not in known:
            names = ", ".join((AUTO, *known))
            raise SpecError(
                f"execution.trainer = {name!r}: {self.title} is trained by one of {names}{did_you_mean(name, known)}."
            )
        return known[name]

    def check(self, space: SearchSpace, controls: Sequence[Control]) -> None:
        """Raise `SpecError` if a hyperparameter of the study does not suit what is trained."""

    def budgets(self, space: SearchSpace, others: Sequence[Mapping[str, JsonValue]]) -> tuple[int, int]:
        """Return the fewest and the most timesteps that a run of a study trains, which may exceed those asked for.

        Parameters
        ----------
        space : SearchSpace
        others : sequence of mapping
            Whole configurations that are evaluated beside those of the search.
        """
        return self.total_timesteps, self.total_timesteps

    def feasible(self, hyperparameters: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return a suggested configuration as it can be trained."""
        return dict(hyperparameters)

    def identity(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return of its own document what determines results, and so is part of ids."""
        return dict(document)

    def bare(self) -> Self:
        """Return it without the hyperparameters that the study fixes: a run has all of its own."""
        return dataclasses.replace(self, hyperparameters={})  # type: ignore[type-var]

    def at(self, folder: Path) -> Self:
        """Return it knowing where the results of its study are kept, if that matters to it."""
        return self

    def snippet(self, hyperparameters: Mapping[str, JsonValue]) -> str:
        """Return Python code for a configuration that can be pasted into a script."""
        return f"hyperparameters = {dict(hyperparameters)!r}"
