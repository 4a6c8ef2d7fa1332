"""Reading reads: no code of the study is imported, and nothing is written."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from robusttune.cli import app
from robusttune.declaration.toml import load_study
from robusttune.errors import NoResultsError, StudyError
from robusttune.pipeline import report_study
from robusttune.pipeline.status import study_status
from robusttune.report import write
from robusttune.results import untouched
from robusttune.results.untouched import connect_to_read
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


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return what each file holds, and when it was written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


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


FAIL_ONE = "update robusttune_trials set state = 'failed' where number = 0"


@pytest.mark.parametrize("left", ["-wal -shm", "-wal"])
@pytest.mark.parametrize("mode", [0o755, 0o555], ids=oct)
def test_what_a_killed_writer_left_in_its_log_is_read_and_left(tmp_path: Path, left: str, mode: int) -> None:
    shutil.copytree(STORED / "results", tmp_path / "live")
    (database,) = (tmp_path / "live").glob("*/study.db")
    killed = tmp_path / "killed" / database.parent.name
    killed.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(database)) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute(FAIL_ONE)
        writer.commit()
        for end in ("", *left.split()):
            shutil.copyfile(f"{database}{end}", killed / f"study.db{end}")
    before = contents(killed)
    killed.chmod(mode)
    for _ in range(2):
        status = study_status(load_study(STORED / "study.toml"), out=tmp_path / "killed")
        assert status.trials["failed"] == 1
        assert contents(killed) == before
    killed.chmod(0o755)


LIVE_WRITER = """
import sqlite3, sys
writer = sqlite3.connect(sys.argv[1])
writer.execute("pragma journal_mode = wal")
for change in sys.stdin:
    writer.execute(change)
    writer.commit()
    print("written", flush=True)
"""


def test_what_another_process_is_writing_is_read_and_nothing_noted(tmp_path: Path) -> None:
    shutil.copytree(STORED / "results", tmp_path, dirs_exist_ok=True)
    (database,) = tmp_path.glob("*/study.db")
    study = load_study(STORED / "study.toml")
    command = [sys.executable, "-c", LIVE_WRITER, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for change, failed in ((FAIL_ONE, 1), (FAIL_ONE.replace("= 0", "= 1"), 2)):
            print(change, file=writer.stdin, flush=True)
            assert writer.stdout.readline() == "written\n"
            before = contents(tmp_path)
            assert study_status(study, out=tmp_path).trials["failed"] == failed
            assert contents(tmp_path) == before
            assert "study.db-shm" in before


def test_a_database_without_a_log_is_not_taken_for_one_that_stays_as_it_is(tmp_path: Path) -> None:
    """Optuna's own, whose writers lock the file itself."""
    path = tmp_path / "optuna.db"
    with contextlib.closing(sqlite3.connect(path)) as theirs:
        theirs.execute("create table one (x)")
        with contextlib.closing(connect_to_read(path)) as reader:
            theirs.execute("begin immediate")
            theirs.execute("insert into one values (1)")
            assert reader.execute("select count(*) from one").fetchone() == (0,)
            theirs.execute("commit")
            assert reader.execute("select count(*) from one").fetchone() == (1,)
    assert [one.name for one in tmp_path.iterdir()] == ["optuna.db"]


def test_a_database_that_may_not_be_read_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(STORED / "results", tmp_path, dirs_exist_ok=True)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "study.db")

    monkeypatch.setattr(untouched, "_connected", refuse)
    with pytest.raises(
        StudyError, match=r"cannot be opened: Permission denied \(study.db\)\. Check the path"
    ):
        study_status(load_study(STORED / "study.toml"), out=tmp_path)


def test_a_report_that_cannot_be_written_says_how_the_results_are_read_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(ranking: object, folder: Path) -> None:
        raise StudyError(f"The report cannot be written to {folder}.")

    monkeypatch.setattr(write, "write_report", refuse)
    study = load_study(STORED / "study.toml")
    shutil.copytree(next((STORED / "results").iterdir()), tmp_path / study.name)
    own = f"sqlite:///{tmp_path / study.name / 'study.db'}"
    with pytest.raises(StudyError, match=rf"written to .*With it, `storage` = '{own}' names these results\."):
        report_study(study, out=tmp_path)
    with pytest.raises(StudyError, match=r"cannot be written to [^ ]*elsewhere[^ ]*\.$"):
        report_study(study, out=tmp_path / "elsewhere", storage=own)


WRITER = """
import random, sqlite3, sys
for _ in range(60):
    writer = sqlite3.connect(sys.argv[1], timeout=60)
    writer.execute(f"pragma wal_autocheckpoint = {random.choice([1, 5, 1000])}")
    for _ in range(random.choice([1, 20])):
        with writer:
            writer.executemany("insert into one values (?)", [("x" * random.randint(1, 3000),)] * 5)
            writer.execute("update sums set n = n + 5")
    writer.close()
"""


@pytest.mark.thorough
def test_readers_see_what_is_whole_while_writers_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.execute("pragma journal_mode = wal")
        made.executescript("create table one (x); create table sums (n); insert into sums values (0);")
    seen = set()
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)]) as writer:
        while writer.poll() is None:
            with contextlib.closing(connect_to_read(path)) as reader:
                reader.execute("begin")
                (n,), (wanted,) = (
                    reader.execute(f"select {x}").fetchone() for x in ("count(*) from one", "n from sums")
                )
                assert n == wanted
                seen.add(n)
    assert writer.returncode == 0
    assert len(seen) > 5


def test_an_empty_log_that_a_killed_writer_left_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.execute("pragma journal_mode = wal")
        made.executescript("create table one (x); insert into one values (7);")
    (tmp_path / "study.db-wal").touch()
    before = sorted(one.name for one in tmp_path.iterdir())
    with contextlib.closing(connect_to_read(path)) as reader:
        assert reader.execute("select x from one").fetchall() == [(7,)]
    assert sorted(one.name for one in tmp_path.iterdir()) == before == ["study.db", "study.db-wal"]
