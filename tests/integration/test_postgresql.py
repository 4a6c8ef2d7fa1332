"""Several processes on one study in PostgreSQL.

Set ROBUSTTUNE_TEST_POSTGRESQL to the URL of a server whose user may make databases, for example
`postgresql+psycopg://user:password@localhost/user`.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

SERVER = os.environ.get("ROBUSTTUNE_TEST_POSTGRESQL", "")
pytestmark = pytest.mark.skipif(not SERVER, reason="needs ROBUSTTUNE_TEST_POSTGRESQL, the URL of a server")

STUDY = """
name = "shared"
synthetic = {mean = 100.0, sd = 20.0, start = 0.0}
search_space.parameters.learning_rate = {type = "float", low = 1e-5, high = 1e-1, scale = "log"}
tuning = {n_trials = 8, pruner = "median", batch_size = 4}
evaluation = {every = 250, n_episodes = 2}
post_evaluation = {top_k = 3, n_seeds = 5, default_control = false}
"""


@pytest.fixture
def database() -> Iterator[str]:
    """Return the URL of an empty database."""
    name = f"robusttune_{secrets.token_hex(4)}"
    server = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f"create database {name}"))
    yield sa.make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f"drop database {name} with (force)"))
    server.dispose()


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "robusttune", "run", str(folder / "study.toml"), *arguments]
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
