"""Is this installation fit to run studies? What is missing is named with the line that installs it."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

import psutil
from loky import cpu_count
from packaging.requirements import Requirement

from robusttune.errors import NoResultsError, RobusttuneError
from robusttune.execution.executors import LocalPool
from robusttune.pipeline.location import DEFAULT_OUT
from robusttune.report.prose.words import count
from robusttune.results.engine import sqlite_url
from robusttune.results.store import ResultStore

_GIB = 2**30
_LITTLE_SPACE = 1 * _GIB


class State(StrEnum):
    """What a finding means."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found about one part of the installation; a problem's text says the way out."""

    subject: str
    state: State
    text: str


def check_installation(*, out: str | Path = DEFAULT_OUT, storage: str | None = None) -> tuple[Finding, ...]:
    """Look at versions, extras, worker processes, accelerator and storage; nothing stays behind.

    Parameters
    ----------
    out, storage
        See `run_study`.
    """
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _machine,
        _packages,
        _worker,
        _accelerator,
        lambda: _storage(Path(out), storage),
    )
    return tuple(finding for check in checks for finding in check())


def _machine() -> Iterator[Finding]:
    memory = psutil.virtual_memory()
    text = (
        f"Python {platform.python_version()}, {platform.system()}, {count(cpu_count(), 'usable core')}, "
        f"{memory.available / _GIB:.1f} of {memory.total / _GIB:.1f} GiB memory free"
    )
    yield Finding(subject="machine", state=State.OK, text=text)


def _packages() -> Iterator[Finding]:
    try:
        requirements = [Requirement(line) for line in metadata.requires("robusttune") or ()]
        extras = metadata.metadata("robusttune").get_all("Provides-Extra") or ()
    except metadata.PackageNotFoundError:
        yield Finding(
            subject="packages",
            state=State.PROBLEM,
            text="robusttune is not installed, it only lies on the path. Install it: `pip install .` in a clone",
        )
        return
    needed = [one for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [text for one in needed if (text := _what_is_wrong(one)) is not None]
    for text in wrong:
        yield Finding(subject="packages", state=State.PROBLEM, text=text)
    if not wrong:
        version = metadata.version("robusttune")
        text = (
            f"robusttune {version}, and {count(len(needed), 'package')} that it needs, in versions that work"
        )
        yield Finding(subject="packages", state=State.OK, text=text)
    for extra in sorted(set(extras) - {"dev", "docs"}):
        own = [
            one
            for one in requirements
            if one not in needed and one.marker and one.marker.evaluate({"extra": extra})
        ]
        yield _extra(extra, own)


def _extra(extra: str, requirements: list[Requirement]) -> Finding:
    requirements = [part for one in requirements for part in _with_its_extras(one)]
    versions = {one.name: _version(one.name) for one in requirements}
    line = f"`pip install 'robusttune[{extra}]'`"
    missing = [name for name, version in versions.items() if version is None]
    wrong = [text for one in requirements if one.name not in missing and (text := _what_is_wrong(one))]
    if wrong:
        return Finding(subject=f"extra {extra}", state=State.PROBLEM, text="; ".join(wrong))
    if missing:
        return Finding(
            subject=f"extra {extra}", state=State.NOTE, text=f"without {', '.join(missing)}: {line}"
        )
    text = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Finding(subject=f"extra {extra}", state=State.OK, text=text)


def _with_its_extras(requirement: Requirement) -> Iterator[Requirement]:
    """Yield a requirement and, where it names extras of the package, what those require."""
    yield requirement
    lines = (metadata.requires(requirement.name) or ()) if _version(requirement.name) is not None else ()
    for one in map(Requirement, lines):
        if one.marker and any(one.marker.evaluate({"extra": extra}) for extra in requirement.extras):
            yield from () if one.marker.evaluate({"extra": ""}) else (one,)


def _what_is_wrong(requirement: Requirement) -> str | None:
    version = _version(requirement.name)
    wanted = f"`pip install '{requirement.name}{requirement.specifier}'`"
    if version is None:
        return f"{requirement.name} is missing: {wanted}"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{requirement.name} {version} does not work with it: {wanted}"
    return None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _worker() -> Iterator[Finding]:
    begin = time.perf_counter()
    try:
        with LocalPool(1, timeout_s=None) as pool:
            pool.call(_try_training)
    except Exception as error:  # whatever it is, this is what runs would end with
        yield Finding(subject="training", state=State.PROBLEM, text=f"{type(error).__name__}: {error}")
        return
    text = f"a worker process starts, loads torch and trains: {time.perf_counter() - begin:.1f} s"
    yield Finding(subject="training", state=State.OK, text=text)
    threads = os.environ.get("OMP_NUM_THREADS")
    text = "one thread in each worker; in this process "
    text += "as many as torch takes" if threads is None else f"OMP_NUM_THREADS = {threads}"
    yield Finding(subject="threads", state=State.OK, text=text)


def _try_training() -> None:
    from robusttune.training.installation import try_training

    try_training()


def _accelerator() -> Iterator[Finding]:
    try:
        from robusttune.training.installation import accelerator

        text = accelerator()
    except Exception:  # said by the worker already
        return
    yield Finding(subject="accelerator", state=State.OK, text=text)


def _storage(out: Path, storage: str | None) -> Iterator[Finding]:
    folder = next(place for place in (out.resolve(), *out.resolve().parents) if place.is_dir())
    try:
        with tempfile.TemporaryDirectory(prefix=".robusttune-", dir=folder) as temporary:
            ResultStore(sqlite_url(Path(temporary) / "try.db")).close()
    except OSError as error:
        text = f"{folder} cannot be written: {error.strerror}. Choose another folder by `out`"
        yield Finding(subject="storage", state=State.PROBLEM, text=text)
    except RobusttuneError as error:
        text = f"SQLite does not work in {folder}: {error} Network disks often lack the locks that it needs"
        yield Finding(subject="storage", state=State.PROBLEM, text=text)
    else:
        yield _space(folder)
    if storage is not None and "://" in storage:
        yield _database(storage)


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    state = State.NOTE if free < _LITTLE_SPACE else State.OK
    text = f"{folder} can be written, SQLite works there, {free / _GIB:.1f} GiB are free"
    return Finding(subject="storage", state=state, text=text)


def _database(url: str) -> Finding:
    try:
        with contextlib.suppress(NoResultsError):  # the first study makes its tables
            ResultStore(url, read_only=True).close()
    except RobusttuneError as error:
        return Finding(subject="database", state=State.PROBLEM, text=str(error))
    return Finding(subject="database", state=State.OK, text="it can be opened")
