"""Dask clusters of processes on this machine, and a study whose runs can be told to fail."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from robusttune.declaration.study import StudySpec
from robusttune.declaration.toml import load_study
from robusttune.execution.progress import SilentReporter
from robusttune.results import schema
from tests.support.studies import open_results

CODE = """
import os, pathlib, time, uuid

HERE = pathlib.Path({here!r})

def train(config, seed, report):
    attempt = len(list(HERE.glob(f"{{seed}}-*")))
    (HERE / f"{{seed}}-{{os.getpid()}}-{{uuid.uuid4().hex}}").touch()
    fault = config.get("fault")
    if fault == "exit" or fault == "exit-once" and attempt == 0:
        os._exit(7)
    if fault == "sleep":
        time.sleep(60)
    time.sleep(config.get("seconds", 0.0))
    return seed % 1000 + config["rate"]
"""
FILE = """
name = "afar"
function.entry_point = "own_work:train"
[post_evaluation]
n_seeds = {n_seeds}
default_control = false
allow_missing = true
"""


def write_study(folder: Path, configurations: dict[str, dict[str, Any]], *, n_seeds: int) -> StudySpec:
    """Return a study whose function is in a module beside its file; each call leaves a file in `calls/`."""
    (folder / "calls").mkdir(parents=True)
    (folder / "own_work.py").write_text(CODE.format(here=str(folder / "calls")), encoding="utf-8")
    text = FILE.format(n_seeds=n_seeds)
    for name, values in configurations.items():
        own = ", ".join(f"{key} = {value!r}" for key, value in {"rate": 1.0, **values}.items())
        text += f"[[post_evaluation.configurations]]\nname = {name!r}\nhyperparameters = {{{own}}}\n"
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return load_study(folder / "study.toml")


def calls(folder: Path) -> Counter[int]:
    """Return how often the function was called for each seed."""
    return Counter(int(path.name.partition("-")[0]) for path in (folder / "calls").iterdir())


def statuses(folder: Path, study: StudySpec) -> Counter[str]:
    """Return how many stored runs ended how."""
    with open_results(folder / study.name) as store, store.engine.connect() as connection:
        return Counter(connection.execute(sa.select(schema.runs.c.status)).scalars())


class Lines(SilentReporter):
    """Keeps what is told of each run, and kills a worker now and then."""

    def __init__(self, kill_every: int | None = None, victims: Any = None) -> None:
        self.lines: list[str] = []
        self.messages: list[str] = []
        self.n_kills = 0
        self._every, self._victims = kill_every, victims

    def advance(self, line: str, *, best: str = "") -> None:
        self.lines.append(line)
        if self._every is not None and len(self.lines) % self._every == 0:
            self.n_kills += kill_one(self._victims)

    def message(self, text: str) -> None:
        self.messages.append(text)


def kill_one(client: Any) -> bool:
    """Kill the process of a worker, as a machine that fails does; return whether there was one."""
    pids = list(client.run(os.getpid, on_error="ignore").values())
    with contextlib.suppress(IndexError, ProcessLookupError):
        os.kill(pids[len(pids) // 2], signal.SIGKILL)
        return True
    return False


@contextlib.contextmanager
def cluster_of(n_workers: int) -> Iterator[Any]:
    """Give a client of a scheduler and of workers with one thread, each in a process of its own."""
    import distributed
    from distributed.deploy.subprocess import SubprocessCluster

    with (
        SubprocessCluster(n_workers=n_workers, worker_kwargs={"nthreads": 1}) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        if n_workers:
            client.wait_for_workers(n_workers, timeout=300)  # a busy machine is slow to start them
        yield client
