"""Studies in processes that are killed or that share a folder, and what is left of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from robusttune.declaration.study import StudySpec
from robusttune.results import schema
from robusttune.results.claims import Claims
from tests.support.studies import open_results

Facts = tuple[list[Any], dict[str, Any]]


class Process(Protocol):
    """What a process must be able to do to be killed; `subprocess.Popen` is one."""

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""

    def kill(self) -> None:
        """Send it SIGKILL."""

    def wait(self) -> int:
        """Return its exit code once it has ended."""


class Forked:
    """A copy of this process that does some work: a process as any other, without the seconds that its imports take.

    This process must not have threads or open databases.
    """

    def __init__(self, work: Callable[[], object], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._printed = folder / "printed.txt"
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=self._run, args=(work, folder))
        self._process.start()

    def _run(self, work: Callable[[], object], folder: Path) -> None:
        os.setsid()
        os.chdir(folder)
        file = os.open(self._printed, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(file, stream)
        try:
            work()
        except Exception:
            traceback.print_exc()  # as the interpreter does
            sys.exit(1)

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def wait(self, limit_s: float | None = None) -> int:
        """Return the exit code; a process that needs longer than the limit is killed, and the code tells that."""
        self._process.join(limit_s)
        if self._process.exitcode is None:
            self.kill()
            self._process.join()
        return int(self._process.exitcode or 0)

    @property
    def n_tracebacks(self) -> int:
        """How many tracebacks processes have printed in this folder."""
        return self._printed.read_text(encoding="utf-8", errors="replace").count("Traceback (most recent")


def is_killed(process: Process, folder: Path, chance: random.Random) -> bool:
    """Kill a session a moment after it has stored some more runs; return whether it had not ended before."""
    target = n_runs(folder) + chance.randint(0, 4)
    while process.poll() is None and n_runs(folder) < target:
        time.sleep(0.01)
    time.sleep(chance.uniform(0.0, 0.1))
    process.kill()
    return process.wait() == -signal.SIGKILL


def n_runs(folder: Path) -> int:
    """Return how many runs are stored, without taking part in the database."""
    if not (folder / "study.db").exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'study.db'}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute("SELECT COUNT(*) FROM robusttune_runs").fetchone()[0])
        except sqlite3.OperationalError:  # not made yet
            return 0


def facts(study: StudySpec, folder: Path) -> Facts:
    """Return the trials, and the outcome of every stored run by its id."""
    with open_results(folder / study.name) as store:
        trials = store.trials(study.tuning_id)
        with store.engine.connect() as connection:
            stored = connection.execute(sa.select(schema.runs.c.run_id)).scalars().all()
            owners = connection.execute(sa.select(schema.claims.c.worker_id)).scalars().all()
        results = store.results(stored)
        # A process that was killed leaves its last claim behind, which holds nobody up.
        assert not any(Claims(store.engine).is_alive(owner) for owner in owners)
    return trials, {key: (r.status, r.episode_returns, r.curve, r.timesteps) for key, r in results.items()}
