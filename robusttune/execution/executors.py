"""Where runs are carried out."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from loky import cpu_count
from loky.backend import get_context
from pebble import ProcessPool

from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.base import TrainerSpec
from robusttune.errors import SpecError
from robusttune.execution.accidents import (
    AccidentError,
    in_worker,
    limit_memory,
    read_before_burying,
    without_accident,
)
from robusttune.results.records import RunResult
from robusttune.results.running import noted
from robusttune.training import train
from robusttune.training.interfaces import StopRule, StopRules, by_rule

_PARENT_POLL_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Runs that are trained together, and how.

    Attributes
    ----------
    specs : tuple of RunSpec
    stop_rule : StopRule or StopRules, optional
        May stop them.
    trainer : TrainerSpec, optional
        Who trains; None is the reference.
    models : Path, optional
        Where their policies are saved.
    progress : Path, optional
        Folder where they note how far they are.
    label : str
        What the job is, for people.
    """

    specs: tuple[RunSpec, ...]
    stop_rule: StopRule | StopRules | None = None
    trainer: TrainerSpec | None = None
    models: Path | None = None
    progress: Path | None = None
    label: str = ""

    @property
    def parts(self) -> list[tuple[Sequence[RunSpec], StopRule | None]]:
        """The runs that a rule decides on together, and this rule."""
        return by_rule(self.specs, self.stop_rule)

    def only(self, specs: Sequence[RunSpec]) -> Job:
        """Return the job of some of its runs; a rule decides on all its runs together, or on none."""
        chosen = [([run for run in runs if run in specs], len(runs), rule) for runs, rule in self.parts]
        parts = tuple(
            (len(runs), rule if len(runs) == n_runs else None) for runs, n_runs, rule in chosen if runs
        )
        stop_rule = parts[0][1] if len(parts) == 1 else StopRules(parts=parts)
        return dataclasses.replace(self, specs=tuple(specs), stop_rule=stop_rule)


class Executor(AbstractContextManager["Executor", None], Protocol):
    """Carries out jobs; a context manager."""

    @property
    def n_workers(self) -> int:
        """How many jobs run at a time."""
        ...

    def submit(self, job: Job) -> Future[list[RunResult]]:
        """Begin a job. The future raises an `AccidentError`, `TimeoutError`, or `ProcessExpired` if the worker died."""
        ...

    def call(self, function: Callable[[], object]) -> None:
        """Call a function where jobs are carried out, and wait for its end; what it raises is raised here."""
        ...


class InProcess:
    """Carries out each job at once, in this process."""

    n_workers = 1

    def submit(self, job: Job) -> Future[list[RunResult]]:
        """Train now; the returned future is done."""
        future: Future[list[RunResult]] = Future()
        try:
            future.set_result(without_accident(train_job, job))
        except AccidentError as accident:
            future.set_exception(accident)
        return future

    def call(self, function: Callable[[], object]) -> None:
        """Call a function."""
        function()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass


class LocalPool:
    """Carries out jobs in processes of this machine, one job per process at a time.

    A crashed or timed-out worker takes only its own job with it. Workers end when this process is gone, however it
    ended.

    Parameters
    ----------
    n_workers : int
        At least 1.
    timeout_s : float, optional
        Seconds that each run of a job may take.
    memory_mb : float, optional
        Resident memory that a worker and the processes that it starts may hold.
    work : callable, optional
        What a worker does with a job; the default trains.
    prepare : callable, optional
        Called in each worker before its first job: no job's time counts what it imports.
    """

    def __init__(
        self,
        n_workers: int,
        *,
        timeout_s: float | None = None,
        memory_mb: float | None = None,
        work: Callable[[Job], list[RunResult]] | None = None,
        prepare: Callable[[], object] | None = None,
    ) -> None:
        self.n_workers = n_workers
        self._timeout_s = timeout_s
        self._work = work or train_job
        # loky's way to start a process does not import the caller's main module again, so a script needs no
        # `if __name__ == "__main__"` guard.
        self._pool = ProcessPool(
            max_workers=n_workers,
            initializer=_prepare_worker,
            initargs=(os.getpid(), prepare),
            context=get_context("loky"),
        )
        read_before_burying(self._pool._pool_manager)
        if memory_mb is not None:
            limit_memory(self._pool._pool_manager, memory_mb)

    def submit(self, job: Job) -> Future[list[RunResult]]:
        """Queue a job for the next free worker; a group may take as long as its runs one after the other."""
        return self.schedule(without_accident, self._work, job, n_runs=len(job.specs))

    def schedule(self, work: Callable[..., Any], *arguments: Any, n_runs: int) -> Future[Any]:
        """Queue a call, which may take as long as so many runs; 0 does not limit it."""
        timeout_s = self._timeout_s * n_runs if self._timeout_s is not None and n_runs else None
        future: Future[Any] = self._pool.schedule(in_worker, args=(work, *arguments), timeout=timeout_s)
        return future

    def call(self, function: Callable[[], object]) -> None:
        """Call a function in a worker, which then has loaded the libraries that it needs."""
        self.schedule(function, n_runs=0).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if exception[0] is None:
            self._pool.close()  # type: ignore[no-untyped-call]  # pebble has no types here
        else:
            self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()


def make_executor(
    workers: int | None,
    *,
    timeout_s: float | None = None,
    memory_mb: float | None = None,
    prepare: Callable[[], object] | None = None,
) -> Executor:
    """Return where to run: in this process for 0 workers, otherwise a pool; None is one worker per core.

    Raises
    ------
    SpecError
        If `workers` is negative, or there is a limit on runs but no worker process that could be stopped.
    """
    if workers is None:
        workers = cpu_count()
    if workers < 0:
        raise SpecError(f"`workers` must be 0 (no extra process) or more, but got {workers}.")
    if workers:
        return LocalPool(workers, timeout_s=timeout_s, memory_mb=memory_mb, prepare=prepare)
    for name, limit in (("run_timeout_s", timeout_s), ("run_memory_mb", memory_mb)):
        if limit is not None:
            raise SpecError(
                f"execution.{name} = {limit:g}: needs a worker process that can be stopped, but got `workers` = 0. "
                "Use 1 or more."
            )
    return InProcess()


def train_job(job: Job) -> list[RunResult]:
    """Train the runs of a job, which note how far they are where it says so."""
    noting = noted(job.progress, job.specs, job.label) if job.progress else contextlib.nullcontext()
    with noting as tell:
        return train(job.specs, job.stop_rule, trainer=job.trainer, models=job.models, tell=tell)


def _prepare_worker(parent: int, prepare: Callable[[], object] | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    if prepare is not None:
        with contextlib.suppress(BaseException):  # the runs will show it
            prepare()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_S)
    os._exit(1)
