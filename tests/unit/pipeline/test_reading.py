"""Reading reads: no code of the study is imported, and nothing is written."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from robusttune.cli import app
from robusttune.declaration.toml import load_study
from robusttune.errors import NoResultsError
from robusttune.pipeline.status import study_status
from tests.support.fuzz import STORED
from tests.support.stored import store_story, told_study

STUDY = """
name = "told"
root_seed = 5
environment = {id = "never_imported:Place-v0", imports = ["never_imported"]}
algorithm = {name = "never_imported:PPO", total_timesteps = 64, hyperparameters = {n_epochs = 1}}
[search_space.parameters]
learning_rate = { type = "float", low = 1e-5, high = 1e-2, scale = "log" }
[tuning]
n_trials = 2
[post_evaluation]
n_seeds = 9
[evaluation]
n_episodes = 2
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", ["status", "rank", pytest.param("report", marks=pytest.mark.thorough)])
def test_no_module_of_a_study_is_imported(tmp_path: Path, command: str) -> None:
    (tmp_path / "never_imported.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "study.toml").write_text(STUDY)
    store_story(load_study(tmp_path / "study.toml"), tmp_path)
    before = contents(tmp_path / "told")
    found = CliRunner().invoke(app, [command, str(tmp_path / "study.toml"), "--out", str(tmp_path)])
    assert found.exit_code == 0, found.output
    assert "never_imported" not in sys.modules
    assert command == "report" or contents(tmp_path / "told") == before


def test_a_database_of_somebody_else_gets_no_table(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table theirs (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NoResultsError, match="holds no results of robusttune"):
        study_status(told_study(), out=tmp_path, storage=f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["theirs.db"]


def test_what_a_killed_writer_left_in_its_log_is_read_and_left(tmp_path: Path) -> None:
    shutil.copytree(STORED / "results", tmp_path / "live")
    (database,) = (tmp_path / "live").glob("*/study.db")
    writer = sqlite3.connect(database)
    writer.execute("pragma journal_mode = wal")
    writer.execute("update robusttune_trials set state = 'failed' where number = 0")
    writer.commit()
    killed = tmp_path / "killed" / database.parent.name
    killed.mkdir(parents=True)
    for name in ("study.db", "study.db-wal"):
        shutil.copyfile(database.with_name(name), killed / name)
    writer.close()
    before = contents(killed)
    status = study_status(load_study(STORED / "study.toml"), out=tmp_path / "killed")
    assert status.trials["failed"] == 1
    assert contents(killed) == before
