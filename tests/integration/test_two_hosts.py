"""Drivers on two hosts, whose clocks differ by ten minutes, share a study; one of them is killed.

On PostgreSQL too where psycopg and the server's programs are (`apt-get install postgresql`).
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from robusttune.results import schema
from tests.support.clusters import calls, write_study
from tests.support.postgresql import PROGRAMS, Server, n_runs, running_server

pytestmark = pytest.mark.slow

N_SEEDS = 60
HAS_SERVER = PROGRAMS is not None and importlib.util.find_spec("psycopg") is not None
# Hearts beat ten times as often.
DRIVER = """
import platform, sys, time
from robusttune.results import claims
host, skew_s, real = sys.argv.pop(1), float(sys.argv.pop(1)), time.time
platform.node, time.time, claims.HEARTBEAT_S = lambda: host, lambda: real() + skew_s, 1.5
from robusttune.cli import main
main()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server | None]:
    if not HAS_SERVER:
        yield None
        return
    with running_server() as own:
        yield own


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, server: Server | None, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shared.db'}"
    if server is None:
        pytest.skip("needs psycopg and the programs of a PostgreSQL server")
    return server.new_database()


def begin(folder: Path, database: str, host: str, skew_s: float) -> subprocess.Popen[str]:
    arguments = ["run", str(folder / "study.toml"), "--out", str(folder / host), "--workers", "0"]
    command = [sys.executable, "-c", DRIVER, host, str(skew_s), *arguments, "--storage", database]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(n: int, database: str, process: subprocess.Popen[str]) -> None:
    while n_runs(database) < n and process.poll() is None:
        time.sleep(0.05)


def held(database: str) -> tuple[list[str], list[str]]:
    """Return the hosts that are registered and the claims that are held."""
    engine = sa.create_engine(database)
    with engine.connect() as connection:
        found = [
            list(connection.execute(sa.select(column)).scalars())
            for column in (schema.workers.c.host, schema.claims.c.key)
        ]
    engine.dispose()
    return found[0], found[1]


@pytest.mark.parametrize("skew_s", [-600.0, 600.0])
def test_a_live_driver_keeps_its_runs_and_a_dead_one_s_are_taken_over(
    tmp_path: Path, database: str, skew_s: float
) -> None:
    write_study(tmp_path, {"a": {"seconds": 0.3}, "b": {"rate": 2.0, "seconds": 0.3}}, n_seeds=N_SEEDS)
    here = begin(tmp_path, database, "here", 0.0)
    wait_for(3, database, here)
    there = begin(tmp_path, database, "there", skew_s)
    wait_for(N_SEEDS, database, here)
    assert sorted(held(database)[0]) == ["here", "there"]
    assert set(calls(tmp_path).values()) == {1}  # nothing has been taken from the living
    there.kill()
    there.wait()
    in_flight = len(calls(tmp_path)) - n_runs(database)
    output, _ = here.communicate(timeout=240)
    assert here.returncode == 0, output
    assert "Traceback" not in output
    assert n_runs(database) == 2 * N_SEEDS
    assert len(calls(tmp_path)) == 2 * N_SEEDS
    assert sum(n - 1 for n in calls(tmp_path).values()) <= max(1, in_flight)
    assert held(database) == ([], [])
