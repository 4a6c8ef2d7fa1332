"""What ends a run without being its outcome: it is told as an `AccidentError`, and tried again in a fresh process."""

from __future__ import annotations

import contextlib
import os
import re
import time
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import psutil
from pebble.common.types import Result, ResultStatus
from pebble.pool import process as pebble_process

from robusttune.results.records import RunResult, RunStatus
from robusttune.training.memory import resident

T = TypeVar("T")
_GRACE_S = 0.5
_LOOK_S = 0.5
_OUT_OF_MEMORY = re.compile(
    r"^[\w.]*MemoryError\b|can't allocate memory|std::bad_alloc"
)  # Python, NumPy, torch


class AccidentError(Exception):
    """A run ended without an outcome, for a reason that may not be its own; the last line says which."""


def without_accident(work: Callable[[T], list[RunResult]], job: T) -> list[RunResult]:
    """Return what `work` makes of a job; lack of memory, and a request to leave Python, are accidents.

    Raises
    ------
    AccidentError
        If memory ran out, or something called `sys.exit`.
    """
    try:
        results = work(job)
    except (SystemExit, MemoryError) as error:
        raise _accident(error) from None
    for result in results:
        if result.status is RunStatus.FAILED and _OUT_OF_MEMORY.search(_last_line(result.error)):
            raise AccidentError(result.error)
    return results


def in_worker(work: Callable[..., T], *arguments: Any) -> T:
    """Return what `work` returns in a worker process, which takes no further job after an accident.

    Whatever is no `Exception` is an accident, too: Ctrl-C tells a worker nothing.
    """
    try:
        return work(*arguments)
    except AccidentError:
        _retire()
        raise
    except BaseException as error:
        if isinstance(error, Exception):
            raise
        _retire()
        raise _accident(error) from None


def _retire() -> None:
    """Let this worker end after its answer is sent, without taking a job that then would be lost with it."""
    pebble_process.fetch_task = lambda channel: os._exit(0)


def _accident(error: BaseException) -> AccidentError:
    name = f"{type(error).__name__} {error!s:.200}"
    if isinstance(error, SystemExit):
        name = f"sys.exit({error.code!r:.200})"
    return AccidentError("".join(traceback.format_exception(error)) + f"the run was ended by {name}")


def _last_line(text: str | None) -> str:
    return (text or "").strip().rpartition("\n")[2]


def read_before_burying(manager: Any) -> None:
    """Let a pool read what a dead worker had sent before it looks for the worker's job.

    A worker reports which job it takes. If its death is noticed before this report is read, pebble finds no job of
    that worker and forgets the death: the job's future would never be done.
    """
    bury = manager.handle_worker_expiration

    def bury_later(expiration: tuple[int, int]) -> None:
        time.sleep(_GRACE_S)  # another thread reads
        bury(expiration)

    manager.handle_worker_expiration = bury_later


def limit_memory(manager: Any, memory_mb: float) -> None:
    """Let a pool stop a job whose worker and all that it has started hold more memory than this.

    What counts is resident memory, which is what a machine runs out of. A limit on address space (RLIMIT_AS) would
    refuse torch, CUDA and mapped files gigabytes that they reserve and never touch.
    """
    update, looked = manager.update_tasks, 0.0

    def update_and_look() -> None:
        nonlocal looked
        update()
        if time.monotonic() - looked < _LOOK_S:
            return
        looked = time.monotonic()
        for task in list(manager.task_manager.tasks.values()):
            family = resident(task.worker_id) if task.worker_id else {}
            held = sum(family.values()) / 1e6
            if held > memory_mb and manager.worker_manager.maybe_stop_worker(task.worker_id):
                for process in family:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
                reason = (
                    f"the run held {held:.0f} MB of memory, more than execution.run_memory_mb = {memory_mb:g}"
                )
                manager.task_manager.task_done(task.id, Result(ResultStatus.FAILURE, AccidentError(reason)))

    manager.update_tasks = update_and_look
