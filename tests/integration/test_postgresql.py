"""Several processes on one study in PostgreSQL, whose server comes and goes.

Needs psycopg and the server's programs (`apt-get install postgresql`).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from robusttune.results import schema
from tests.support.clusters import calls, write_study
from tests.support.postgresql import PROGRAMS, Server, n_runs, running_server

pytest.importorskip("psycopg")
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


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as own:
        yield own


@pytest.fixture
def database(server: Server) -> str:
    return server.new_database()


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
    n_seeds, own = 500, tmp_path / "own"
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
