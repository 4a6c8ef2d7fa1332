"""What happens where another library calls a job: a process of its own carries it out, which needs no database.

All that a run needs is sent with it: its settled specifications, the rule that may stop it, and the modules beside the
study file. Its results come back, and the policies with them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import multiprocessing
import os
import pickle
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from robusttune.errors import StudyError
from robusttune.execution.accidents import without_accident
from robusttune.execution.executors import Job, LocalPool, train_job
from robusttune.execution.sent import Modules, folder_of
from robusttune.results.models import is_saved, model_folder
from robusttune.results.provenance import provenance
from robusttune.results.records import RunResult
from robusttune.training.imports import modules_from

_IDLE_S = 60.0
_GPUS = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for all jobs of a session.

    Attributes
    ----------
    session : str
        Identifies it.
    versions : mapping
        Package → version in the process that drives it.
    modules : Modules, optional
        Of the user's own.
    timeout_s, memory_mb : float, optional
        What each run may take; see `LocalPool`.
    prepare : bytes, optional
        A pickled function that a process calls before its first job.
    on_gpus : bool
        Whether each job has a GPU of its own.
    """

    session: str
    versions: Mapping[str, str | None]
    modules: Modules | None = None
    timeout_s: float | None = None
    memory_mb: float | None = None
    prepare: bytes | None = None
    on_gpus: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What comes back.

    Attributes
    ----------
    results : list of RunResult
    policies : mapping
        run_id → file name → content, of the policies that were saved.
    """

    results: list[RunResult]
    policies: Mapping[str, Mapping[str, bytes]] = dataclasses.field(default_factory=dict)


@dataclass(slots=True)
class _Process:
    """A process that waits for jobs of one session, because to load the libraries takes long."""

    session: str
    place: int
    pool: LocalPool
    modules: str | None
    copy: tempfile.TemporaryDirectory[str] | None
    job: Future[Delivery] | None = None
    is_busy: bool = True
    since: float = 0.0


_PROCESSES: list[_Process] = []  # of this worker; a job finds them again
_LOCK = threading.Lock()


def versions() -> dict[str, str | None]:
    """Return the versions that must be the same wherever a study's runs are carried out."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python, **provenance()["packages"]}


def carry_out(terms: Terms, payload: bytes, n_runs: int) -> Delivery:
    """Carry out a pickled job, or call a pickled function, in a process beside this one.

    Parameters
    ----------
    terms : Terms
    payload : bytes
    n_runs : int
        How many times `terms.timeout_s` it may take; 0 does not limit it.

    Raises
    ------
    StudyError
        If this machine has other versions, or not the modules.
    AccidentError, TimeoutError, ProcessExpired
        As the futures of a local pool.
    """
    _check_versions(terms.versions)
    with _process(terms) as process:
        process.job = process.pool.schedule(_apart, payload, process.modules, n_runs=n_runs)
        return process.job.result()


def close(session: str) -> None:
    """End the processes of a session on this worker."""
    _end(lambda one: one.session == session)


def _end(which: Callable[[_Process], bool]) -> None:
    with _LOCK:
        ended = [one for one in _PROCESSES if which(one)]
        for one in ended:
            _PROCESSES.remove(one)
    for one in ended:
        if one.job is not None:
            one.job.cancel()  # whoever waits for it would wait for ever
        one.pool.__exit__(KeyboardInterrupt, None, None)
        if one.copy is not None:
            one.copy.cleanup()


@functools.cache
def _end_at_exit() -> None:
    """Have all processes ended when this one ends, before multiprocessing waits for them."""
    Finalize(None, _end, args=(lambda one: True,), exitpriority=100)


def _check_versions(wanted: Mapping[str, str | None]) -> None:
    here = versions()
    differing = [name for name, version in wanted.items() if here.get(name) != version]
    if differing:
        theirs, ours = (
            ", ".join(f"{name} {found.get(name) or '(missing)'}" for name in differing)
            for found in (here, wanted)
        )
        raise StudyError(
            f"The worker on {platform.node()} has {theirs}, but this process has {ours}: runs of one study must be "
            "made with equal versions. Install the same ones on both."
        )


@contextlib.contextmanager
def _process(terms: Terms) -> Iterator[_Process]:
    """Give a process that is free for a job of this session; it is kept for the next."""
    limit = time.monotonic() - _IDLE_S
    _end(lambda one: not one.is_busy and one.since < limit)  # their session may have ended without a word
    with _LOCK:
        taken = {one.place for one in _PROCESSES if one.is_busy}
        free = [
            one
            for one in _PROCESSES
            if not one.is_busy and one.session == terms.session and one.place not in taken
        ]
        place = next(number for number in range(len(taken) + 1) if number not in taken)
        process = free[0] if free else _start(terms, place)
        process.is_busy = True
        if not free:
            _PROCESSES.append(process)
    try:
        yield process
    finally:
        process.is_busy, process.since = False, time.monotonic()


def _start(terms: Terms, place: int) -> _Process:
    _end_at_exit()
    folder, copy = folder_of(terms.modules)
    # Dask's workers may have no children, so that none outlives them; ours end with their parent.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    return _Process(
        session=terms.session,
        place=place,
        pool=LocalPool(
            1,
            timeout_s=terms.timeout_s,
            memory_mb=terms.memory_mb,
            prepare=functools.partial(_prepare, terms.prepare, folder, place if terms.on_gpus else None),
        ),
        modules=folder,
        copy=copy,
    )


def _prepare(payload: bytes | None, modules: str | None, gpu: int | None) -> None:
    if gpu is not None:  # before torch is loaded
        visible = os.environ.get(_GPUS, "").split(",")
        os.environ[_GPUS] = visible[gpu % len(visible)] or str(gpu)
    if payload is not None:
        with modules_from(modules):
            pickle.loads(payload)()


def _apart(payload: bytes, modules: str | None) -> Delivery:
    """Do the work, in the process that only does this."""
    with modules_from(modules):
        work: Job | Callable[[], object] = pickle.loads(payload)
        if not isinstance(work, Job):
            work()
            return Delivery(results=[])
        if work.models is None:
            return Delivery(results=without_accident(train_job, work))
        with tempfile.TemporaryDirectory() as name:
            models = Path(name)
            results = without_accident(train_job, dataclasses.replace(work, models=models))
            policies = {
                spec.run_id: {path.name: path.read_bytes() for path in model_folder(models, spec).iterdir()}
                for spec in work.specs
                if is_saved(models, spec)
            }
        return Delivery(results=results, policies=policies)
