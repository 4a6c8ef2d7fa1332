"""Whatever a database holds, the answer is what is stored or an error of our own."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robusttune import evaluate_study, rank_study, tune_study
from robusttune.declaration.toml import load_study
from robusttune.errors import RobusttuneError, StudyError
from robusttune.pipeline.status import study_status
from tests.support import fuzz
from tests.support.studies import drawn, make_study

# Each command must refuse what it reads, and only that.
OF_STATUS = {
    "a dropped column": "alter table robusttune_runs rename column stage to place",
    "a dropped table": "drop table robusttune_trials",
    "a declaration that is none": "update robusttune_declarations set settled = '[]'",
    "a trial without scores": "update robusttune_trials set scores = '[]'",
    "a value that is not finite": "update robusttune_trials set objective_value = 9e999",
    "an unknown status": "update robusttune_runs set status = 'unknown'",
    "an unknown stage": "update robusttune_runs set stage = 'unknown'",
    "a version that is none": "update robusttune_meta set value = 'abc'",
    "a version that is newer": "update robusttune_meta set value = '99'",
    "no version": "delete from robusttune_meta",
    "a run of nothing": "{loosened} update robusttune_runs set config_id = null",
}
OF_RANK = {
    "a dropped column": "alter table robusttune_runs drop column timesteps",
    "bad JSON": "update robusttune_runs set curve = '{{'",
    "JSON that nests too deep": f"update robusttune_runs set curve = '{'[' * 5000}'",
    "a word in a curve": "update robusttune_runs set curve = replace(curve, '[0,64,', '[0,\"x\",')",
    "returns that are none": "update robusttune_runs set episode_returns = '[null]'",
    "no returns": "update robusttune_runs set episode_returns = '[]'",
    "a word for a number": "update robusttune_runs set seed = 'many'",
    "a word for a score": "update robusttune_runs set score = 'high'",
    "a score that is not finite": "update robusttune_runs set score = -9e999",
    "a completed run without its score": (
        "update robusttune_runs set score = null where stage = 'post_evaluation' and rowid % 3 = 0"
    ),
    "a diverged run with a score": "update robusttune_runs set status = 'diverged'",
    "no seed": "{loosened} update robusttune_runs set seed = null",
    "no provenance": "delete from robusttune_provenances",
    "provenance that is none": "update robusttune_provenances set provenance = '1e999'",
}
LOOSENED = """
create table copied as select * from robusttune_runs; drop table robusttune_runs;
alter table copied rename to robusttune_runs;
"""
CASES = [(study_status, name, sql) for name, sql in OF_STATUS.items()]
CASES += [(rank_study, name, sql) for name, sql in OF_RANK.items()]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    shutil.copytree(fuzz.STORED / "results", tmp_path, dirs_exist_ok=True)
    (path,) = tmp_path.glob("*/study.db")
    return path


@pytest.mark.parametrize(
    ("read", "sql"), [(read, sql) for read, _, sql in CASES], ids=[f"{r.__name__}, {n}" for r, n, _ in CASES]
)
def test_damage_is_one_line_with_the_database_in_it(
    database: Path, read: Callable[..., object], sql: str
) -> None:
    with sqlite3.connect(database) as connection:
        connection.executescript(sql.format(loosened=LOOSENED))
    connection.close()
    with pytest.raises(StudyError) as caught:
        read(load_study(fuzz.STORED / "study.toml"), out=database.parents[1])
    assert str(database) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_overwritten_pages_and_pipes_are_no_database(database: Path) -> None:
    study = load_study(fuzz.STORED / "study.toml")
    content = database.read_bytes()
    database.write_bytes(content[:4096] + random.Random(0).randbytes(len(content) - 4096))
    with pytest.raises(StudyError, match="malformed"):
        study_status(study, out=database.parents[1])
    database.unlink()
    os.mkfifo(database)
    with pytest.raises(RobusttuneError, match="must be a file"):
        study_status(study, out=database.parents[1])


@pytest.mark.parametrize("column", ["curve", "episode_returns"])
def test_a_finished_run_that_no_report_could_read_is_one_line_before_anything_is_trained(
    tmp_path: Path, column: str
) -> None:
    study = make_study(drawn("synthetic", {"sd": 10.0}))
    tune_study(study, out=tmp_path, workers=0)
    evaluate_study(study, out=tmp_path, workers=0)
    database = tmp_path / study.name / "study.db"
    one = "select min(rowid) from robusttune_runs where stage = 'post_evaluation'"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f"update robusttune_runs set {column} = '[[1, 2' where rowid = ({one})")
    with pytest.raises(StudyError, match="no JSON.*damaged.*restore a copy") as caught:
        evaluate_study(study, out=tmp_path, workers=0)
    assert str(database) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("table", ["workers", "claims", "runs"])
def test_one_overwritten_page_is_one_line_before_anything_is_trained(tmp_path: Path, table: str) -> None:
    """The page of an index, which nobody reads before it is written to."""
    study = make_study(drawn("synthetic", {"sd": 10.0}))
    tune_study(study, out=tmp_path, workers=0)
    database = tmp_path / study.name / "study.db"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        index = (f"sqlite_autoindex_robusttune_{table}_1",)
        (page,) = connection.execute("select rootpage from sqlite_master where name = ?", index).fetchone()
        (size,) = connection.execute("pragma page_size").fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(StudyError, match="malformed") as caught:
        evaluate_study(study, out=tmp_path, workers=0)
    assert "\n" not in str(caught.value)


@pytest.mark.thorough
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 2**32))
def test_any_damage(tmp_path: Path, number: int) -> None:
    shutil.rmtree(tmp_path / "results", ignore_errors=True)
    fuzz.damaged_database(random.Random(number), tmp_path / "results")
    with contextlib.suppress(RobusttuneError):
        fuzz.read_database(tmp_path / "results", whole=False)
