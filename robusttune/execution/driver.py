"""Drives tasks (trials, post-evaluation runs) through an executor, once each, across processes and resumptions."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from pathlib import Path
from typing import TypeVar

from pebble import ProcessExpired

from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.base import TrainerSpec
from robusttune.execution.accidents import AccidentError
from robusttune.execution.board import Board
from robusttune.execution.executors import Executor
from robusttune.execution.jobs import runs_to_make
from robusttune.execution.tasks import Active, Attempt, Pending, Task
from robusttune.results.interfaces import Ownership, Store
from robusttune.results.records import RunResult, RunStatus
from robusttune.training.interfaces import make_result, trained_by

T = TypeVar("T")

_POLL_S = 0.5


class Driver:
    """Runs tasks to completion.

    Parameters
    ----------
    store : Store
        Stored results are not computed again; new ones are stored as soon as they are known.
    claims : Ownership
        Keep other processes from computing the same.
    executor : Executor
    trainer : TrainerSpec, optional
        Who trains; None is the reference.
    max_attempts : int
        How often a crashed or timed-out job is tried.
    rehearsal : callable, optional
        Raises an error if no run can succeed; called once, before the first stage that has something to do.
    progress : Path, optional
        Folder where runs note how far they are.
    on_result : callable, optional
        Given each run that was made here, once its result is stored.
    """

    def __init__(
        self,
        store: Store,
        claims: Ownership,
        executor: Executor,
        *,
        trainer: TrainerSpec | None = None,
        max_attempts: int = 1,
        rehearsal: Callable[[], object] | None = None,
        progress: Path | None = None,
        on_result: Callable[[RunSpec, RunResult], object] | None = None,
    ) -> None:
        self._on_result = on_result
        self.board = Board(executor.n_workers, progress)
        self._rehearsal = rehearsal
        self._store = store
        self._claims = claims
        self._executor = executor
        self.trainer = trainer
        self._max_attempts = max_attempts
        self._in_flight: set[str] = set()

    @property
    def n_workers(self) -> int:
        """How many jobs run at a time."""
        return self._executor.n_workers

    def rehearse(self) -> None:
        """Raise an error if no run can succeed; a stage asks before it begins."""
        rehearsal, self._rehearsal = self._rehearsal, None
        if rehearsal is not None:
            with contextlib.suppress(ProcessExpired, AccidentError):  # the runs will show it
                self._executor.call(rehearsal)

    def drive(self, tasks: Iterator[Task[T]], *, look_ahead: int = 0) -> Iterator[T]:
        """Yield what each task returns, as it ends. The next task is taken when a worker is free for it.

        Parameters
        ----------
        tasks : iterator of Task
        look_ahead : int
            How many jobs of other processes may be passed over, so that no worker here is idle.
        """
        active: list[Active[T]] = []
        exhausted = False
        while active or not exhausted:
            while not exhausted and self._has_room(active, look_ahead):
                task = next(tasks, None)
                exhausted = task is None
                if task is not None:
                    self.board.task_begins()
                    active.append(Active(task))
            for entry in list(active):
                for value in self._advance(entry):
                    active.remove(entry)
                    yield value
            if exhausted or not self._has_room(active, look_ahead):
                self._wait(active)

    def _has_room(self, active: Sequence[Active[T]], look_ahead: int) -> bool:
        waiting = [pending for entry in active for pending in entry.jobs if pending.results is None]
        n_here = sum(len(pending.attempts) for pending in waiting)
        n_elsewhere = sum(not pending.attempts for pending in waiting)
        n_to_begin = sum(not entry.jobs for entry in active)
        return n_here + n_to_begin + max(0, n_elsewhere - look_ahead) < self._executor.n_workers

    def _advance(self, entry: Active[T]) -> list[T]:
        """Send a task the results that it waits for, as far as they are known. Return its value, if it ended."""
        try:
            if not entry.jobs:
                entry.wait_for(next(entry.task), self.board.n_runs)
            while self._settle(entry.jobs):
                results = list(itertools.chain.from_iterable(pending.results or () for pending in entry.jobs))
                entry.wait_for(entry.task.send(results), self.board.n_runs)
        except StopIteration as stop:
            return [stop.value]
        return []

    def _settle(self, jobs: Sequence[Pending]) -> bool:
        for pending in jobs:
            if pending.results is None:
                self._pursue(pending)
        return all(pending.results is not None for pending in jobs)

    def _pursue(self, pending: Pending) -> None:
        """Advance one job: look it up, claim and submit it, or collect it."""
        if not pending.attempts:
            self._begin(pending)
        for attempt in list(pending.attempts):
            if attempt.future.done():
                self._collect(pending, attempt)

    def _begin(self, pending: Pending) -> None:
        missing = self._look_up(pending)
        run_ids = [spec.run_id for spec in missing]
        if not missing or not self._in_flight.isdisjoint(run_ids):
            return
        held = [run_id for run_id in run_ids if self._claims.acquire(f"run:{run_id}")]
        # Between the first look and the claims another process may have stored some of them.
        if len(held) < len(run_ids) or len(self._look_up(pending)) < len(run_ids):
            for run_id in held:  # the results of the other process will appear in the store
                self._claims.release(f"run:{run_id}")
            return
        self._in_flight.update(run_ids)
        self._submit(pending, missing, number=1)

    def _look_up(self, pending: Pending) -> tuple[RunSpec, ...]:
        """Return the runs of a job that must still be made; if there are none, the job has its results."""
        specs = pending.job.specs
        pending.found = self._store.results(spec.run_id for spec in specs)
        missing = runs_to_make(pending.job, pending.found)
        if not missing:
            pending.results = [pending.found[spec.run_id] for spec in specs]
        return missing

    def _submit(self, pending: Pending, specs: tuple[RunSpec, ...], *, number: int) -> None:
        job = dataclasses.replace(pending.job.only(specs), trainer=self.trainer, progress=self.board.folder)
        self.board.begin(job, pending.following)
        began = time.perf_counter()
        future = self._executor.submit(job)
        pending.attempts.append(Attempt(specs=specs, future=future, began=began, number=number))

    def _collect(self, pending: Pending, attempt: Attempt) -> None:
        pending.attempts.remove(attempt)
        self.board.end(attempt.specs)
        try:
            results = attempt.future.result()
        except CancelledError:
            raise KeyboardInterrupt from None
        except (TimeoutError, ProcessExpired, AccidentError) as accident:
            if len(attempt.specs) > 1:  # one bad run must not take its companions with it
                for spec in attempt.specs:
                    self._submit(pending, (spec,), number=1)
                return
            if attempt.number < self._max_attempts:
                self._submit(pending, attempt.specs, number=attempt.number + 1)
                return
            results = [self._accident_result(attempt, accident)]
        self.board.measure(results, (self.trainer or attempt.specs[0].training.TRAINERS[0]).name)
        for spec, result in zip(attempt.specs, results, strict=True):
            self._store.add_result(spec, result)
            if self._on_result is not None:
                self._on_result(spec, result)
            pending.found[spec.run_id] = result
            self._claims.release(f"run:{spec.run_id}")
            self._in_flight.discard(spec.run_id)
        if not pending.attempts:
            pending.results = [pending.found[spec.run_id] for spec in pending.job.specs]

    def _accident_result(self, attempt: Attempt, accident: Exception) -> RunResult:
        elapsed = time.perf_counter() - attempt.began
        status, reason = RunStatus.CRASHED, str(accident).strip()
        if isinstance(accident, ProcessExpired):
            reason = f"the worker process died (exit code {accident.exitcode})"
        elif isinstance(accident, TimeoutError):
            status, reason = RunStatus.TIMED_OUT, "the run took longer than execution.run_timeout_s"
        error = f"{reason}; tried {attempt.number} time(s)."
        spec = attempt.specs[0]
        result = make_result(spec, status, wall_time_s=elapsed, error=error)
        return trained_by(self.trainer or spec.training.TRAINERS[0], result)

    def _wait(self, active: Sequence[Active[T]]) -> None:
        waiting = [pending for entry in active for pending in entry.jobs if pending.results is None]
        futures = [attempt.future for pending in waiting for attempt in pending.attempts]
        if futures:
            # Results of other processes announce themselves only in the database.
            elsewhere = any(not pending.attempts for pending in waiting)
            wait(futures, timeout=_POLL_S if elsewhere else None, return_when=FIRST_COMPLETED)
        elif waiting:
            time.sleep(_POLL_S)
