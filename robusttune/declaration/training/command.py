"""Training with a script of your own: any command that takes a seed and hyperparameters and leaves a score."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator
from pydantic.dataclasses import dataclass

from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.post_evaluation import Control
from robusttune.declaration.space import STRICT, SearchSpace
from robusttune.declaration.training.base import TrainerSpec, TrainingBase
from robusttune.errors import SpecError

_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}")
_OWN = ("seed", "total_timesteps")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CommandScore:
    """Where a command leaves its score: one of `pattern`, `file` and `tensorboard`.

    Attributes
    ----------
    pattern : str, optional
        Regular expression for its output, searched line by line, with one group, the number: `'return: (\\S+)'`.
    file : str, optional
        JSON or CSV file that it writes, relative to the folder of the run.
    key : str, optional
        Place in the file: the column of a CSV file, dotted in JSON (`"eval.returns"`); there it may be a list.
    tensorboard : str, optional
        Scalar in event files in the folder of the run: `"charts/episodic_return"`. Needs `pip install tensorboard`.
    last : int
        The score is the mean of the last so many values, or of all where there are fewer.
    """

    pattern: str | None = None
    file: str | None = None
    key: str | None = None
    tensorboard: str | None = None
    last: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(where is not None for where in (self.pattern, self.file, self.tensorboard)) != 1:
            raise ValueError("one of pattern, file and tensorboard is needed, and no more than one.")
        if self.pattern is not None:
            try:
                n_groups = re.compile(self.pattern).groups
            except re.error as error:
                raise ValueError(f"pattern = {self.pattern!r}: no regular expression ({error}).") from None
            if n_groups != 1:
                raise ValueError(f"pattern = {self.pattern!r}: must have one group, but has {n_groups}.")
        if self.file is not None and not self.file.endswith((".json", ".csv")):
            raise ValueError(f"file = {self.file!r}: must be a .json or .csv file.")
        if (self.file is None) != (self.key is None):
            raise ValueError("file and key belong together: key is the column, or the place in the JSON.")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CommandTraining(TrainingBase):
    """A command, such as a single-file training script, that runs once per seed in a folder of its own.

    Attributes
    ----------
    run : str
        `"python my_ppo.py {seed} {learning_rate}"`, with or without flags: `{seed}`, every hyperparameter and, if
        wanted, `{total_timesteps}` are replaced. It is split into arguments once, as a shell would, and no shell reads
        the values: each stays within its argument. `python` is the interpreter that robusttune runs with. An argument
        that names a file beside the study file becomes its full path. Runs are identified by this text and `version`.
    score : CommandScore
        Where the score is.
    version : str, optional
        Any text: give another one when the script has changed, and runs of the old one are no longer used.
    total_timesteps : int
        Length of one run, for `{total_timesteps}`.
    hyperparameters : mapping
        Fixed for all trials; the search space must not repeat them.
    memory_gb : float, optional
        A run that holds more memory than this, its child processes included, is stopped and counts as crashed.
        `execution.run_timeout_s` limits its time.
    folder : str, optional
        Where its files are, relative to the study file; by default its folder. Part of no id.
    work : str, optional
        Folder of the folders of runs; filled in when a study runs: `results/<study>/runs/`. In each, `output.txt` has
        what the command printed.
    """

    TABLES: ClassVar[tuple[str, ...]] = ("command",)
    TRAINERS: ClassVar[tuple[TrainerSpec, ...]] = (
        TrainerSpec(name="command", module="robusttune.training.command", together=False),
    )
    CHECK: ClassVar[str | None] = "robusttune.training.command"
    FILLED: ClassVar[tuple[str, ...]] = ("work",)
    LOCAL: ClassVar[tuple[str, ...]] = ("folder", "work", "memory_gb")
    HAS_DEFAULT: ClassVar[bool] = False
    HAS_POLICY: ClassVar[bool] = False
    HAS_EVALUATIONS: ClassVar[bool] = False

    kind: Literal["command"] = "command"
    run: str = Field(min_length=1)
    score: CommandScore
    version: str | None = None
    total_timesteps: int = Field(default=1, ge=1)
    hyperparameters: Mapping[str, JsonValue] = Field(default_factory=dict)
    memory_gb: float | None = Field(default=None, gt=0, exclude=True)
    folder: str | None = Field(default=None, exclude=True)
    work: str | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            shlex.split(self.run)
        except ValueError as error:
            raise ValueError(f"run = {self.run!r}: cannot be split into arguments ({error}).") from None
        if "{seed}" not in self.run:
            raise ValueError(f"run = {self.run!r}: needs {{seed}}, otherwise all its runs are the same.")
        return self

    @property
    def title(self) -> str:
        """The command without what changes from run to run."""
        words = [word for word in shlex.split(self.run) if not _PLACE.search(word)]
        return " ".join(word for word in words if not word.startswith("-"))

    def check(self, space: SearchSpace, controls: Sequence[Control]) -> None:
        """Raise `SpecError` unless every configuration names exactly what the command has a place for."""
        places = dict.fromkeys(name for name in _PLACE.findall(self.run) if name not in _OWN)
        whole: dict[str, object] = {**self.hyperparameters, **space.parameters}
        named: list[tuple[str, Mapping[str, object]]] = [("command.hyperparameters", self.hyperparameters)]
        named += [("search_space.parameters", space.parameters)]
        named += [(control.where, control.hyperparameters) for control in controls]
        for where, own in named:
            for name in own:
                if name not in places:
                    raise SpecError(
                        f"{where}.{name}: command.run has no {{{name}}}{did_you_mean(name, places)}, so it would "
                        "change nothing."
                    )
        # Without a search only the controls are run.
        wholes: list[tuple[str, Mapping[str, object]]] = (
            [("search_space.parameters", whole)] if whole or not controls else []
        )
        wholes += [(control.where, control.hyperparameters) for control in controls]
        for where, own in wholes:
            missing = [name for name in places if name not in own]
            if missing:
                raise SpecError(
                    f"{where}: command.run has {{{missing[0]}}}, but there is no hyperparameter {missing[0]!r}"
                    f"{did_you_mean(missing[0], own)}. Search it, or give it a value."
                )

    def at(self, folder: Path) -> Self:
        """Return it with the folders of its runs in the folder of the study's results."""
        return dataclasses.replace(self, work=str(folder.resolve() / "runs"))

    def arguments(self, hyperparameters: Mapping[str, JsonValue], seed: int) -> list[str]:
        """Return the arguments of one run, the program first; each value stays within its argument."""
        values = {**hyperparameters, "seed": seed, "total_timesteps": self.total_timesteps}
        return [
            _PLACE.sub(lambda place: _text(values[place.group(1)]), word) for word in shlex.split(self.run)
        ]

    def snippet(self, hyperparameters: Mapping[str, JsonValue]) -> str:
        """Return the command of a configuration, for a shell."""
        return shlex.join(self.arguments(hyperparameters, seed=0))


def _text(value: JsonValue) -> str:
    return json.dumps(value) if isinstance(value, list | dict) else str(value)
