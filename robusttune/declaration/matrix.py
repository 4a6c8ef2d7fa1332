"""The studies of a `[matrix]` and how they are reported together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from typing import Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from robusttune.declaration.space import STRICT
from robusttune.declaration.study import StudySpec

BEST, WORST = "best", "worst"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ReferenceScores:
    """Scores of a task that count as 0 and as 1, such as those of a random policy and of an expert."""

    low: float
    high: float

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low < high must hold, but got low = {self.low:g} and high = {self.high:g}.")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class MatrixReportSpec:
    """How the studies of a matrix are reported together.

    Attributes
    ----------
    low, high : str
        Without `reference`: the controls whose mean scores on a task count as 0 and as 1. By default `low` is
        `"default"` and `high` is `"best"`, the highest mean of all methods on the task; `"worst"` is the lowest.
    reference : mapping
        Task → `{low = …, high = …}`, its scores that count as 0 and as 1. A task is named by its value in the
        matrix: a value that is not text by `key=value`, a table by its `name`.
    target : float, optional
        Desired normalised score; the report then has the optimality gap.
    tasks : tuple of str, optional
        The axes that define the tasks; by default `environment`, `synthetic` and `tabular`. All others define methods,
        which are compared on every task.
    """

    low: str | None = None
    high: str | None = None
    reference: Mapping[str, ReferenceScores] = Field(default_factory=dict)
    target: float | None = None
    tasks: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.reference and (self.low or self.high):
            raise ValueError("low and high name controls, which reference replaces: remove one of the two.")
        return self


@plain_dataclass(frozen=True, slots=True, kw_only=True)
class MatrixStudy:
    """A study, and the names of its values on the axes that make tasks and on those that make methods."""

    study: StudySpec
    task: str
    method: str


@plain_dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """All studies of a file; without a `[matrix]` it is one."""

    name: str
    studies: tuple[MatrixStudy, ...]
    report: MatrixReportSpec

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in the order of the file."""
        return tuple(dict.fromkeys(one.task for one in self.studies))
