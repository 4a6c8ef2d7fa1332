"""Several processes on one study in PostgreSQL, whose server comes and goes.

Needs psycopg and the server's programs (`apt-get install postgresql`).
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from robusttune.results import schema
from tests.support.clusters import calls, write_study

pytest.importorskip("psycopg")
PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAMS is None, reason="needs the programs of a PostgreSQL server"),
]

STUDY = """
name = "shared"
synthetic = {mean = 100.0, sd = 20.0, start = 0.0}
search_space.parameters.learning_rate = {type = "float", low = 1e-5, high = 1e-1, scale = "log"}
tuning = {n_trials = 8, pruner = "median", batch_size = 4}
evaluation = {every = 250, n_episodes = 2}
post_evaluation = {top_k = 3, n_seeds = 5, default_control = false}
"""


SLOW_STUDY = """
name = "slow"
function = {entry_point = "slow_runs:train"}
search_space.parameters.x = {type = "float", low = 0.0, high = 1.0}
tuning = {n_trials = 24, batch_size = 4}
post_evaluation = {top_k = 4, n_seeds = 20, default_control = false}
"""
SLOW_RUNS = """
import random, time
def train(config, seed, report):
    time.sleep(0.1)
    return config["x"] + random.Random(seed).random()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server of this test, which may be stopped at any moment."""

    folder: Path
    port: int
    user: str | None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def call(self, program: str, *arguments: str) -> None:
        assert PROGRAMS is not None
        subprocess.run(
            [PROGRAMS / program, *arguments], check=True, user=self.user, cwd="/", stdout=subprocess.DEVNULL
        )

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.call(
            "pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o", options, "start"
        )

    def stop(self) -> None:
        """End it as if the power had failed."""
        self.call("pg_ctl", "-D", f"{self.folder}/data", "-w", "-m", "immediate", "stop")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    user = "postgres" if getpass.getuser() == "root" else None  # a server does not run as root
    folder = Path(tempfile.mkdtemp(prefix="robusttune-"))  # a socket needs a short path
    if user is not None:
        shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = Server(folder=folder, port=free.getsockname()[1], user=user)
    own.call("initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust")
    own.start()
    yield own
    own.stop()
    shutil.rmtree(folder)


@pytest.fixture
def database(server: Server) -> str:
    """Return the URL of an empty database."""
    engine = sa.create_engine(server.url, isolation_level="AUTOCOMMIT")
    name = f"study_{os.urandom(4).hex()}"
    with engine.connect() as connection:
        connection.execute(sa.text(f"create database {name}"))
    engine.dispose()
    return sa.make_url(server.url).set(database=name).render_as_string()


def begin(
    folder: Path, *arguments: str, program: Sequence[str] = ("-m", "robusttune")
) -> subprocess.Popen[str]:
    command = [sys.executable, *program, "run", str(folder / "study.toml"), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_three_processes_at_once_begin_share_and_finish_a_study(tmp_path: Path, database: str) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    alone = begin(tmp_path, "--out", str(tmp_path / "file"), "--workers", "0")
    assert alone.wait() == 0
    shared = [
        begin(tmp_path, "--out", str(tmp_path / "server"), "--workers", "0", "--storage", database)
        for _ in range(3)
    ]
    for process in shared:
        output, _ = process.communicate(timeout=240)
        assert process.returncode == 0, output
    rankings = [(tmp_path / place / "shared" / "ranking.csv").read_text() for place in ("file", "server")]
    assert rankings[0] == rankings[1]
    engine = sa.create_engine(database)
    with engine.connect() as connection:
        assert len(connection.execute(sa.select(schema.studies)).all()) == 1
    engine.dispose()


def n_runs(url: str) -> int:
    """Return how many runs are stored; -1 where the server does not answer, or has no table yet."""
    engine = sa.create_engine(url)
    try:
        with contextlib.suppress(sa.exc.SQLAlchemyError), engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(schema.runs)).scalar_one())
    finally:
        engine.dispose()
    return -1


def test_a_server_that_is_restarted_costs_no_run_and_no_process(
    tmp_path: Path, server: Server, database: str
) -> None:
    (tmp_path / "study.toml").write_text(SLOW_STUDY)
    (tmp_path / "slow_runs.py").write_text(SLOW_RUNS)
    alone = begin(tmp_path, "--out", str(tmp_path / "file"), "--workers", "2")
    shared = [
        begin(tmp_path, "--out", str(tmp_path / "server"), "--workers", str(workers), "--storage", database)
        for workers in (0, 2)
    ]
    for wanted in (6, 40):
        while n_runs(database) < wanted and any(process.poll() is None for process in shared):
            time.sleep(0.05)
        server.stop()
        time.sleep(1.0)
        server.start()
    for process in (alone, *shared):
        output, _ = process.communicate(timeout=240)
        assert process.returncode == 0, output
        assert "Traceback" not in output
    assert n_runs(database) == 24 + 4 * 20
    rankings = [(tmp_path / place / "slow" / "ranking.csv").read_text() for place in ("file", "server")]
    assert rankings[0] == rankings[1]


HOST = "import platform; platform.node = lambda: {host!r}; from robusttune.cli import main; main()"


def test_drivers_on_two_hosts_make_every_run_once_while_the_server_is_restarted(
    tmp_path: Path, server: Server, database: str
) -> None:
    n_seeds, own = 100, tmp_path / "own"
    write_study(own, {"a": {"seconds": 0.02}, "b": {"rate": 2.0, "seconds": 0.02}}, n_seeds=n_seeds)
    drivers = {}
    for out in (tmp_path / name for name in ("one1", "one2", "two1", "two2")):
        program = ("-c", HOST.format(host=out.name[:-1]))
        drivers[out] = begin(own, "--out", str(out), "--workers", "0", "--storage", database, program=program)
    while n_runs(database) < n_seeds and any(driver.poll() is None for driver in drivers.values()):
        time.sleep(0.05)
    server.stop()
    server.start()
    for driver in drivers.values():
        output, _ = driver.communicate(timeout=240)
        assert driver.returncode == 0, output
        assert "Traceback" not in output
    assert n_runs(database) == 2 * n_seeds
    assert len(calls(own)) == 2 * n_seeds
    assert set(calls(own).values()) == {1}
    assert len({(out / "afar" / "ranking.csv").read_text() for out in drivers}) == 1
