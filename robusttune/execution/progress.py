"""How a study tells its progress."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, Self

from robusttune.execution.board import Outlook


class Reporter(AbstractContextManager["Reporter", None], Protocol):
    """Is told of the progress; a context manager, entered while runs are carried out."""

    def stage(self, title: str, *, done: int, total: int | None) -> None:
        """Begin a stage of `total` steps, of which `done` had been done before."""
        ...

    def advance(self, line: str, *, best: str = "") -> None:
        """Take note of one more finished step and of the best value so far."""
        ...

    def message(self, text: str) -> None:
        """Take note of something else worth knowing."""
        ...

    def watch(self, outlook: Callable[[], Outlook]) -> None:
        """Learn how to look, at any time and from any thread, at what is running and how long the rest takes."""
        ...


class SilentReporter:
    """Says nothing; a base for reporters that say something about some of it."""

    def stage(self, title: str, *, done: int, total: int | None) -> None:
        """Do nothing."""

    def advance(self, line: str, *, best: str = "") -> None:
        """Do nothing."""

    def message(self, text: str) -> None:
        """Do nothing."""

    def watch(self, outlook: Callable[[], Outlook]) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass
