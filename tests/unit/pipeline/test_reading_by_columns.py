"""Ids, scores and curves that are read column by column give the ranking that whole results give, to the last bit."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from robusttune import evaluate_study, load_study, tune_study
from robusttune.declaration.study import StudySpec
from robusttune.pipeline import rank_study
from robusttune.pipeline.location import location_of
from robusttune.pipeline.ranked import rank
from robusttune.pipeline.reading import open_results
from robusttune.report.write import to_json
from robusttune.results.records import Evaluations, RunOutcome, RunStatus
from robusttune.results.store import ResultStore
from tests.support.places import ROOT

STUDY = """
name = "drawn"
[synthetic]
sd = 20.0
start = -100.0
p_diverged = 0.1
[synthetic.effects.learning_rate]
best = 1e-3
drop = 30.0
scale = "log"
[search_space.parameters]
learning_rate = {type = "float", low = 1e-5, high = 1e-1, scale = "log"}
[tuning]
n_trials = 4
[evaluation]
every = 100
[post_evaluation]
top_k = 3
n_seeds = 12
allow_missing = true
confirm = 4
"""
ELIMINATION = ("evaluation.score='best'", "post_evaluation.allocation.rule='elimination'")
COMMON = (
    "evaluation.score='last-three'",
    "post_evaluation.seeds='common'",
    "post_evaluation.confirm_best_set=true",
)
ACCIDENTS = """
update robusttune_runs set status = 'failed', score = null, error = 'broken' where rowid in
    (select rowid from robusttune_runs where stage = 'post_evaluation' order by run_id limit 2);
delete from robusttune_runs where rowid in
    (select rowid from robusttune_runs where stage = 'post_evaluation' order by run_id desc limit 2);
"""


class WholeResults:
    """Reads every run whole, and takes from it what is asked for."""

    def __init__(self, store: ResultStore) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def outcomes(self, run_ids: Iterable[str]) -> dict[str, RunOutcome]:
        return {run_id: result.outcome for run_id, result in self.store.results(run_ids).items()}

    def evaluations(self, run_ids: Iterable[str]) -> dict[str, Evaluations]:
        found = self.store.results(run_ids).items()
        return {run_id: one.evaluations for run_id, one in found if one.status is RunStatus.COMPLETED}


def assert_equal_rankings(study: StudySpec, out: Path) -> None:
    by_columns = rank_study(study, out=out)
    with open_results(study, location_of(study, out=out)) as results:
        slow: Any = WholeResults(results.store)
        whole = dataclasses.replace(results, store=slow)
        expected = rank(whole, whole.post_evaluation(), by_columns.command)
    assert to_json(by_columns) == to_json(expected)
    assert by_columns.found == expected.found
    for runs in by_columns.found.rounds.runs.values():
        assert runs.run_ids == tuple(run.run_id for run in runs)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(ELIMINATION, id="elimination"),  # the accidents change who is confirmed, too
        pytest.param((), id="fixed", marks=pytest.mark.thorough),
        pytest.param(COMMON, id="common seeds", marks=pytest.mark.thorough),
    ],
)
def test_drawn_runs_with_accidents(tmp_path: Path, changes: tuple[str, ...]) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    study = load_study(tmp_path / "study.toml", overrides=list(changes))
    tune_study(study, out=tmp_path, workers=0)
    evaluate_study(study, out=tmp_path, workers=0)
    with contextlib.closing(sqlite3.connect(tmp_path / "drawn" / "study.db")) as database:
        database.executescript(ACCIDENTS)
        counts = dict(database.execute("select status, count(*) from robusttune_runs group by status"))
    assert counts["diverged"] > 1
    assert counts["failed"] == 2
    assert_equal_rankings(study, tmp_path)


@pytest.mark.parametrize("version", ["store_v1", "store_v2"])
def test_stored_versions(version: str) -> None:
    folder = ROOT / "tests" / "data" / version
    assert_equal_rankings(load_study(folder / "study.toml"), folder / "results")
