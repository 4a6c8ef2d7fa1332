"""Runs of many searches that go on at the same time, trained together where their shapes agree."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Self

from robusttune import StudySpec
from robusttune.declaration.run import RunSpec
from robusttune.execution.executors import InProcess, Job, LocalPool
from robusttune.execution.jobs import joined, runs_to_make
from robusttune.results.records import RunResult
from robusttune.results.store import ResultStore
from robusttune.training.groups import group_runs

_QUIET_S = 2.0


class StoredRuns:
    """Trains runs in groups and keeps them in a database; what it holds is not trained again.

    Parameters
    ----------
    study : StudySpec
        Settled.
    store : ResultStore
        Used by one thread at a time.
    workers : int
        Processes that train; 0 trains in this one.
    """

    def __init__(self, study: StudySpec, store: ResultStore, workers: int) -> None:
        self._study, self._store = study, store
        self._pool = LocalPool(workers) if workers else InProcess()

    def results(self, specs: Sequence[RunSpec]) -> dict[str, RunResult]:
        """Return the results of some runs by run id, after training those that are missing."""
        return self.carry_out([Job(specs=(spec,)) for spec in specs])

    def carry_out(self, jobs: Sequence[Job]) -> dict[str, RunResult]:
        """Return the results of the runs of some jobs by run id, after training those that are missing.

        Jobs whose runs have equal shapes train together; each keeps its own rule. A run that is wanted with a rule that
        may stop it, and without, is trained to its end: whoever asked with a rule finds there where it would stop.
        """
        found = self._store.results(spec.run_id for job in jobs for spec in job.specs)
        missing: dict[str, Job] = {}  # by first run; runs that no rule can stop are a job each
        for job in sorted(jobs, key=lambda job: job.stop_rule is not None):
            specs = [spec for spec in runs_to_make(job, found) if spec.run_id not in missing]
            parts = [Job(specs=(spec,)) for spec in specs] if job.stop_rule is None else [job.only(specs)]
            missing |= {part.specs[0].run_id: part for part in parts if part.specs}
        first = [job.specs[0] for job in missing.values()]
        groups = group_runs(first, n_workers=self._pool.n_workers, trainer=self._study.trainer)
        together = [joined([missing[spec.run_id] for spec in group]) for group in groups]
        together.sort(key=lambda job: len(job.specs), reverse=True)
        trained = [
            self._pool.submit(dataclasses.replace(job, trainer=self._study.trainer)) for job in together
        ]
        for job, future in zip(together, trained, strict=True):
            for spec, result in zip(job.specs, future.result(), strict=True):
                self._store.add_result(spec, result)
                found[spec.run_id] = result
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.__exit__(*exception)


class Gathering:
    """An executor for many searches in threads: begins when all of them wait, or none has asked for a while.

    Parameters
    ----------
    runs : StoredRuns
    n_workers : int
        How many runs each search has at a time.
    n_searches : int
    """

    def __init__(self, runs: StoredRuns, *, n_workers: int, n_searches: int) -> None:
        self.n_workers = n_workers
        self._runs, self._n_searches = runs, n_searches
        self._waiting: list[tuple[Job, Future[list[RunResult]]]] = []
        self._changed = threading.Condition()

    def submit(self, job: Job) -> Future[list[RunResult]]:
        """Queue a job."""
        future: Future[list[RunResult]] = Future()
        with self._changed:
            self._waiting.append((job, future))
            self._changed.notify()
        return future

    def call(self, function: Callable[[], object]) -> None:
        """Call a function in the thread of its search."""
        function()

    def leave(self) -> None:
        """Say that a search has ended."""
        with self._changed:
            self._n_searches -= 1
            self._changed.notify()

    def serve(self) -> None:
        """Train what the searches ask for until the last has ended."""
        while jobs := self._next():
            found = self._runs.carry_out([job for job, _ in jobs])
            for job, future in jobs:
                future.set_result([found[spec.run_id] for spec in job.specs])

    def _next(self) -> list[tuple[Job, Future[list[RunResult]]]]:
        last_change = time.monotonic()
        with self._changed:
            while self._n_searches:
                n_runs = sum(len(job.specs) for job, _ in self._waiting)
                is_quiet = time.monotonic() - last_change > _QUIET_S
                if self._waiting and (is_quiet or n_runs >= self._n_searches * self.n_workers):
                    jobs, self._waiting = self._waiting, []
                    return jobs
                if self._changed.wait(timeout=_QUIET_S):
                    last_change = time.monotonic()
        return []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass
