"""Results that are kept for the length of one call, by one process: for thousands of simulated studies."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from robusttune.declaration.run import RunSpec
from robusttune.results.records import Cost, Evaluations, RunOutcome, RunResult, RunStatus, TrialRecord


class MemoryStore:
    """Keeps runs and trials in memory; see `interfaces.Store`."""

    def __init__(self) -> None:
        self._results: dict[str, RunResult] = {}
        self._trials: dict[str, dict[int, TrialRecord]] = {}
        self._tunings: dict[str, tuple[float, bool]] = {}

    def add_result(self, spec: RunSpec, result: RunResult) -> None:
        """Keep the result of a run; as in the database, an outcome stays unless it was only stopped early."""
        kept = self._results.get(result.run_id)
        if kept is None or _gives_way(kept, result):
            self._results[result.run_id] = result

    def results(self, run_ids: Iterable[str]) -> dict[str, RunResult]:
        """Return the results of some runs, by run id; a run that was never made is absent."""
        known = self._results
        return {run_id: known[run_id] for run_id in run_ids if run_id in known}

    def outcomes(self, run_ids: Iterable[str]) -> dict[str, RunOutcome]:
        """Return how some runs ended, by run id; a run that was never made is absent."""
        return {run_id: result.outcome for run_id, result in self.results(run_ids).items()}

    def evaluations(self, run_ids: Iterable[str]) -> dict[str, Evaluations]:
        """Return the evaluations of those among some runs that are completed, by run id."""
        found = self.results(run_ids)
        return {key: one.evaluations for key, one in found.items() if one.status is RunStatus.COMPLETED}

    def cost(self, run_ids: Iterable[str]) -> Cost:
        """Return what some runs have cost, and who made them."""
        found = self.results(run_ids).values()
        distinct: list[dict[str, Any]] = []
        for one in found:
            if one.provenance not in distinct:
                distinct.append(one.provenance)
        seconds = sum(one.wall_time_s for one in found)
        return Cost(len(found), sum(one.timesteps for one in found), seconds, tuple(distinct))

    def save_trial(self, tuning_id: str, record: TrialRecord) -> None:
        """Keep one trial, or bring its record up to date."""
        self._trials.setdefault(tuning_id, {})[record.number] = record

    def trials(self, tuning_id: str) -> list[TrialRecord]:
        """Return the trials of one search, by number."""
        return [record for _, record in sorted(self._trials.get(tuning_id, {}).items())]

    def add_tuning_time(self, tuning_id: str, seconds: float, *, reproducible: bool) -> None:
        """Add to the time that a search has taken, and note whether it repeats itself trial by trial."""
        before, was_reproducible = self.tuning_time(tuning_id)
        self._tunings[tuning_id] = (before + seconds, was_reproducible and reproducible)

    def tuning_time(self, tuning_id: str) -> tuple[float, bool]:
        """Return the seconds a search has taken, and whether it repeats itself trial by trial."""
        return self._tunings.get(tuning_id, (0.0, True))


class SoleOwner:
    """Owns whatever it asks for, as the only process; see `interfaces.Ownership`."""

    worker_id = "alone"

    def acquire(self, key: str) -> bool:
        """Return True."""
        return True

    def release(self, key: str) -> None:
        """Do nothing."""

    def owner(self, key: str) -> str | None:
        """Return the one worker."""
        return self.worker_id

    def lock(self, key: str) -> contextlib.AbstractContextManager[None]:
        """Return at once."""
        return contextlib.nullcontext()


def _gives_way(kept: RunResult, new: RunResult) -> bool:
    return not kept.status.is_outcome or (kept.status is RunStatus.PRUNED and new.status.is_outcome)
