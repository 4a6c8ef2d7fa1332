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
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from robusttune.errors import StudyError
from robusttune.execution.executors import Job, LocalPool
from robusttune.results.models import is_saved, model_folder
from robusttune.results.provenance import provenance
from robusttune.results.records import RunResult
from robusttune.training import train
from robusttune.training.imports import modules_from

_IDLE_S = 60.0
_MAX_BYTES = 1 << 20
_GPUS = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Modules:
    """The Python files of a folder, for machines that do not have it.

    Attributes
    ----------
    folder : str
    files : mapping
        Relative path → content; empty if they are too large to be sent with each job.
    """

    folder: str
    files: Mapping[str, bytes]


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
    timeout_s : float, optional
        Seconds that each run may take.
    on_gpus : bool
        Whether each job has a GPU of its own.
    """

    session: str
    versions: Mapping[str, str | None]
    modules: Modules | None = None
    timeout_s: float | None = None
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
    is_busy: bool = True
    since: float = 0.0


_PROCESSES: list[_Process] = []  # of this worker; a job finds them again
_LOCK = threading.Lock()


def modules_of(folder: str | None) -> Modules | None:
    """Return the Python files of a folder and of the packages in it, or None if there are none."""
    if folder is None:
        return None
    top = Path(folder)
    paths = _python_files(top)
    if not paths:
        return None
    if sum(path.stat().st_size for path in paths) > _MAX_BYTES:
        return Modules(folder=folder, files={})
    return Modules(
        folder=folder, files={path.relative_to(top).as_posix(): path.read_bytes() for path in paths}
    )


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
    TimeoutError, ProcessExpired
        As the futures of a local pool.
    """
    _check_versions(terms.versions)
    with _process(terms) as process:
        place = process.place if terms.on_gpus else None
        done: Delivery = process.pool.schedule(
            _apart, payload, process.modules, place, n_runs=n_runs
        ).result()
        return done


def close(session: str) -> None:
    """End the processes of a session on this worker."""
    _end(lambda one: one.session == session)


def _end(which: Callable[[_Process], bool]) -> None:
    with _LOCK:
        ended = [one for one in _PROCESSES if which(one)]
        for one in ended:
            _PROCESSES.remove(one)
    for one in ended:
        one.pool.__exit__(KeyboardInterrupt, None, None)
        if one.copy is not None:
            one.copy.cleanup()


@functools.cache
def _end_at_exit() -> None:
    """Have all processes ended when this one ends, before multiprocessing waits for them."""
    Finalize(None, _end, args=(lambda one: True,), exitpriority=100)


def _python_files(folder: Path) -> list[Path]:
    own = [path for path in sorted(folder.glob("*.py")) if path.is_file()]
    inner = [path for path in folder.glob("[!.]*/") if not path.is_symlink() and any(path.glob("*.py"))]
    return own + [file for path in sorted(inner) for file in _python_files(path)]


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
    folder, copy = _folder_of(terms.modules)
    # Dask's workers may have no children, so that none outlives them; ours end with their parent.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    return _Process(
        session=terms.session,
        place=place,
        pool=LocalPool(1, timeout_s=terms.timeout_s),
        modules=folder,
        copy=copy,
    )


def _folder_of(modules: Modules | None) -> tuple[str | None, tempfile.TemporaryDirectory[str] | None]:
    """Return where the modules are on this machine: the folder itself if it has them, else a copy."""
    if modules is None:
        return None, None
    here = Path(modules.folder)
    if modules.files and not all(_has(here / name, content) for name, content in modules.files.items()):
        copy = tempfile.TemporaryDirectory(prefix="robusttune-", ignore_cleanup_errors=True)
        for name, content in modules.files.items():
            path = Path(copy.name) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return copy.name, copy
    if not here.is_dir() and not modules.files:
        raise StudyError(
            f"The worker on {platform.node()} has no folder {here}, and its Python files are too many to be sent with "
            f"each job (more than {_MAX_BYTES >> 20} MiB). Put it on a file system that all workers share."
        )
    return modules.folder, None


def _has(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _apart(payload: bytes, modules: str | None, place: int | None) -> Delivery:
    """Do the work, in the process that only does this."""
    if place is not None:  # before torch is loaded; later calls leave it as it is
        visible = os.environ.get(_GPUS, "").split(",")
        os.environ[_GPUS] = visible[place % len(visible)] or str(place)
    with modules_from(modules):
        work: Job | Callable[[], object] = pickle.loads(payload)
        if not isinstance(work, Job):
            work()
            return Delivery(results=[])
        if work.models is None:
            return Delivery(results=train(work.specs, work.stop_rule, trainer=work.trainer))
        with tempfile.TemporaryDirectory() as name:
            models = Path(name)
            results = train(work.specs, work.stop_rule, trainer=work.trainer, models=models)
            policies = {
                spec.run_id: {path.name: path.read_bytes() for path in model_folder(models, spec).iterdir()}
                for spec in work.specs
                if is_saved(models, spec)
            }
        return Delivery(results=results, policies=policies)
