"""Interfaces between the stages and the store, and between processes that share a study."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from robusttune.declaration.run import RunSpec
from robusttune.results.records import Cost, Evaluations, RunOutcome, RunResult, TrialRecord


class Store(Protocol):
    """Keeps runs and trials: in a database (`ResultStore`), or for a moment in memory (`MemoryStore`)."""

    def add_result(self, spec: RunSpec, result: RunResult) -> None:
        """Keep the result of a run. A stored outcome stays; an accident is replaced."""
        ...

    def results(self, run_ids: Iterable[str]) -> dict[str, RunResult]:
        """Return the results of some runs, by run id; a run that was never made is absent."""
        ...

    def outcomes(self, run_ids: Iterable[str]) -> dict[str, RunOutcome]:
        """Return how some runs ended, by run id; a run that was never made is absent."""
        ...

    def evaluations(self, run_ids: Iterable[str]) -> dict[str, Evaluations]:
        """Return the evaluations of those among some runs that are completed, by run id."""
        ...

    def cost(self, run_ids: Iterable[str]) -> Cost:
        """Return what some runs have cost, and who made them."""
        ...

    def save_trial(self, tuning_id: str, record: TrialRecord) -> None:
        """Keep one trial, or bring its record up to date."""
        ...

    def trials(self, tuning_id: str) -> list[TrialRecord]:
        """Return the trials of one search, by number."""
        ...

    def add_tuning_time(self, tuning_id: str, seconds: float, *, reproducible: bool) -> None:
        """Add to the time that a search has taken, and note whether it repeats itself trial by trial."""
        ...

    def tuning_time(self, tuning_id: str) -> tuple[float, bool]:
        """Return the seconds a search has taken, and whether it repeats itself trial by trial."""
        ...


class Ownership(Protocol):
    """Says who is working on what: `Claims` among processes, `SoleOwner` where there is only one."""

    @property
    def worker_id(self) -> str:
        """Who asks."""
        ...

    def acquire(self, key: str) -> bool:
        """Return whether the key is now this worker's."""
        ...

    def release(self, key: str) -> None:
        """Give the key up."""
        ...

    def owner(self, key: str) -> str | None:
        """Return the worker that holds the key."""
        ...

    def lock(self, key: str) -> AbstractContextManager[None]:
        """Hold the key for a short critical section."""
        ...
