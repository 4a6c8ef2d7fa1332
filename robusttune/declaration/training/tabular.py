"""A table of earlier results: runs are drawn from it, and nothing is trained."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue
from pydantic.dataclasses import dataclass

from robusttune.declaration.space import STRICT
from robusttune.declaration.training.base import TrainerSpec, TrainingBase
from robusttune.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class TabularTraining(TrainingBase):
    """A table of results, one row per configuration and seed; every run is a draw from it.

    Attributes
    ----------
    total_timesteps : int
        Length of one run; `evaluation.every` counts in it.
    hyperparameters : mapping
        Fixed for all trials; the search space must not repeat them.
    path : str
        CSV or parquet; relative to the study file. Columns that are not named below are hyperparameters. A return
        that is missing or infinite is a diverged run.
    ignored : tuple of str
        Columns that are neither.
    config, seed, score : str
        Columns: name of the configuration, seed, and return.
    curve : str, optional
        Column with the learning curve of each run, which pruners need: the mean returns of its evaluations, evenly
        spaced, the last at the end of training; a list in parquet, JSON text in CSV (`"[1.5, 2.0]"`). Those that no
        seed of a configuration has (null) were not made; otherwise a run without a number has diverged.
    neighbours : int
        Between how many nearest configurations of the table a run is interpolated, each by weight inverse to its
        squared distance: the mean changes smoothly between them, and so does the spread over seeds. With 1 the
        landscape has steps, on which a model-based sampler gets stuck more than it would in truth.
    draws : {"halves", "all"}
        From which seeds of a configuration runs are drawn, with replacement: tuning from the first half and the
        post-evaluation from the rest, so that what selects does not rank; or both from all seeds, so that the
        table is the exact truth, as studies of protocols want it.
    sha256 : str, optional
        Of the file; filled in when the study is read, so that a changed table is another study, and a table that
        has moved is the same.
    """

    TABLES: ClassVar[tuple[str, ...]] = ("tabular",)
    TRAINERS: ClassVar[tuple[TrainerSpec, ...]] = (
        TrainerSpec(name="tabular", module="robusttune.training.tabular"),
    )
    CHECK: ClassVar[str | None] = "robusttune.training.tabular"
    FILLED: ClassVar[tuple[str, ...]] = ("sha256",)
    IN_MEMORY: ClassVar[bool] = True

    kind: Literal["tabular"] = "tabular"
    total_timesteps: int = Field(default=1000, ge=1)
    # Tables are cached by their declaration, and which hyperparameters are fixed changes no table.
    hyperparameters: Mapping[str, JsonValue] = dataclasses.field(default_factory=dict, hash=False)

    path: str = Field(min_length=1)
    ignored: tuple[str, ...] = ()
    config: str = Field(default="config_id", min_length=1)
    seed: str = Field(default="seed", min_length=1)
    score: str = Field(default="return", min_length=1)
    curve: str | None = Field(default=None, min_length=1)
    neighbours: int = Field(default=1, ge=1)
    draws: Literal["halves", "all"] = "halves"
    sha256: str | None = None

    @property
    def title(self) -> str:
        """What the runs are drawn from."""
        return f"The table {Path(self.path).name}"

    def identity(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return what determines results: the content of the table, wherever its file lies."""
        return {key: value for key, value in document.items() if key != "path" or self.sha256 is None}

    def snippet(self, hyperparameters: Mapping[str, JsonValue]) -> str:
        """Return the configuration: there is nothing to train."""
        return f"hyperparameters = {dict(hyperparameters)!r}  # runs were drawn, not trained"


def resolved(table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the declaration of a table with its path made absolute and its content's hash, if the file exists.

    Where it is not, a study can still be reported, but not run.
    """
    if not isinstance(table.get("path"), str):
        return dict(table)  # validation says what is wrong
    path = (folder / table["path"]).resolve()
    known = {"sha256": file_hash(path)} if path.is_file() else {}
    return {**table, "path": str(path), **known}


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a table's file; raise `SpecError` if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SpecError(f"tabular.path = {str(path)!r}: cannot be read ({error.strerror}).") from None
