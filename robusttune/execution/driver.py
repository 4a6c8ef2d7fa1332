"""Drives tasks (trials, post-evaluation runs) through an executor, once each, across processes and resumptions.

A task is a generator that yields jobs and is sent their results. It does not know whether a result was computed now,
lay in the database, or came from another process.
"""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from pebble import ProcessExpired

from robusttune.execution.executors import Executor, Job
from robusttune.results.claims import Claims
from robusttune.results.records import RunResult, RunStatus
from robusttune.results.store import ResultStore
from robusttune.training.protocol import make_result

T = TypeVar("T")
Task: TypeAlias = Generator[Sequence[Job], list[RunResult], T]

_POLL_S = 0.5


@dataclass(slots=True)
class _Pending:
    """A job on its way to its results."""

    job: Job
    attempts: int = 0
    began: float = 0.0
    future: Future[list[RunResult]] | None = None
    results: list[RunResult] | None = None


@dataclass(slots=True)
class _Active(Generic[T]):
    """A task and the jobs it waits for."""

    task: Task[T]
    jobs: list[_Pending] = field(default_factory=list)


class Driver:
    """Carries tasks to their end.

    Parameters
    ----------
    store : ResultStore
        Results that are there are not computed again; new ones are kept as soon as they are known.
    claims : Claims
        Keep other processes from computing the same.
    executor : Executor
    max_attempts : int
        How often a crashed or timed-out job is tried.
    on_result : callable, optional
        Told of each new result of this process.
    """

    def __init__(
        self,
        store: ResultStore,
        claims: Claims,
        executor: Executor,
        *,
        max_attempts: int = 1,
        on_result: Callable[[RunResult], None] = lambda result: None,
    ) -> None:
        self._store = store
        self._claims = claims
        self._executor = executor
        self._max_attempts = max_attempts
        self._on_result = on_result
        self._in_flight: set[str] = set()

    def drive(self, tasks: Iterator[Task[T]], *, look_ahead: int = 0) -> Iterator[T]:
        """Yield what each task returns, as it ends. The next task is taken when a worker is free for it.

        Parameters
        ----------
        tasks : iterator of Task
        look_ahead : int
            How many jobs that another process is at may be passed over, so that a worker here does not stand idle.
        """
        active: list[_Active[T]] = []
        exhausted = False
        while active or not exhausted:
            while not exhausted and self._has_room(active, look_ahead):
                task = next(tasks, None)
                exhausted = task is None
                if task is not None:
                    active.append(_Active(task))
            for entry in list(active):
                for value in self._advance(entry):
                    active.remove(entry)
                    yield value
            if exhausted or not self._has_room(active, look_ahead):
                self._wait(active)

    def _has_room(self, active: Sequence[_Active[T]], look_ahead: int) -> bool:
        waiting = [pending for entry in active for pending in entry.jobs if pending.results is None]
        n_here = sum(pending.future is not None for pending in waiting)
        n_elsewhere = len(waiting) - n_here
        n_to_begin = sum(not entry.jobs for entry in active)
        return n_here + n_to_begin + max(0, n_elsewhere - look_ahead) < self._executor.n_workers

    def _advance(self, entry: _Active[T]) -> list[T]:
        """Send a task all results it waits for, as far as they are known. Return what it returned, if it ended."""
        try:
            if not entry.jobs:
                entry.jobs = [_Pending(job) for job in next(entry.task)]
            while self._settle(entry.jobs):
                results = list(itertools.chain.from_iterable(pending.results or () for pending in entry.jobs))
                entry.jobs = [_Pending(job) for job in entry.task.send(results)]
        except StopIteration as stop:
            return [stop.value]
        return []

    def _settle(self, jobs: Sequence[_Pending]) -> bool:
        for pending in jobs:
            if pending.results is None:
                self._pursue(pending)
        return all(pending.results is not None for pending in jobs)

    def _pursue(self, pending: _Pending) -> None:
        """Bring one job closer to its results: look it up, claim and submit it, or collect it."""
        if pending.future is None:
            self._begin(pending)
        if pending.future is not None and pending.future.done():
            self._collect(pending)

    def _begin(self, pending: _Pending) -> None:
        run_ids = [spec.run_id for spec in pending.job.specs]
        if self._look_up(pending, run_ids) or not self._in_flight.isdisjoint(run_ids):
            return
        held = [run_id for run_id in run_ids if self._claims.acquire(f"run:{run_id}")]
        if len(held) < len(run_ids):
            for run_id in held:  # another process is at it; its results will appear in the store
                self._claims.release(f"run:{run_id}")
            return
        if self._look_up(pending, run_ids):  # stored by another process just before we claimed it
            self._release(pending)
            return
        self._in_flight.update(run_ids)
        self._submit(pending)

    def _submit(self, pending: _Pending) -> None:
        pending.attempts += 1
        pending.began = time.perf_counter()
        pending.future = self._executor.submit(pending.job)

    def _look_up(self, pending: _Pending, run_ids: Sequence[str]) -> bool:
        stored = self._store.results(run_ids)
        if all(run_id in stored and _serves(stored[run_id], pending.job) for run_id in run_ids):
            pending.results = [stored[run_id] for run_id in run_ids]
            return True
        return False

    def _collect(self, pending: _Pending) -> None:
        assert pending.future is not None
        try:
            results = pending.future.result()
        except CancelledError:
            raise KeyboardInterrupt from None
        except (TimeoutError, ProcessExpired) as accident:
            if pending.attempts < self._max_attempts:
                self._submit(pending)
                return
            results = _accident_results(pending, accident)
        for spec, result in zip(pending.job.specs, results, strict=True):
            self._store.add_result(spec, result)
            self._on_result(result)
        pending.results = results
        self._release(pending)

    def _release(self, pending: _Pending) -> None:
        for spec in pending.job.specs:
            self._claims.release(f"run:{spec.run_id}")
            self._in_flight.discard(spec.run_id)

    def _wait(self, active: Sequence[_Active[T]]) -> None:
        waiting = [pending for entry in active for pending in entry.jobs if pending.results is None]
        futures = [pending.future for pending in waiting if pending.future is not None]
        if futures:
            # Results of other processes announce themselves only in the database.
            elsewhere = any(pending.future is None for pending in waiting)
            wait(futures, timeout=_POLL_S if elsewhere else None, return_when=FIRST_COMPLETED)
        elif waiting:
            time.sleep(_POLL_S)


def _serves(result: RunResult, job: Job) -> bool:
    """Whether a stored result is what the job would come to.

    A run may have been stopped by the pruner of another search; for this job it counts only if its rule stops there.
    """
    if result.status is not RunStatus.PRUNED:
        return result.status.is_outcome
    rule = copy.copy(job.stop_rule)  # a rule keeps what it was told; this is a rehearsal
    return rule is not None and any(rule(point.index, [point.mean_return]) for point in result.curve)


def _accident_results(pending: _Pending, accident: Exception) -> list[RunResult]:
    elapsed = time.perf_counter() - pending.began
    if isinstance(accident, ProcessExpired):
        status, reason = RunStatus.CRASHED, f"the worker process died (exit code {accident.exitcode})"
    else:
        status, reason = RunStatus.TIMED_OUT, "the run took longer than execution.run_timeout_s"
    error = f"{reason}; tried {pending.attempts} time(s)."
    return [make_result(spec, status, wall_time_s=elapsed, error=error) for spec in pending.job.specs]
