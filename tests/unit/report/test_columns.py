"""One list of columns for every table."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from robusttune.report import columns, write
from robusttune.report.columns import COLUMNS, fitting_columns, record, shown_columns
from robusttune.report.model import Ranking
from tests.support.rankings import ranked, skewed_scores


@pytest.fixture(scope="module")
def ranking() -> Ranking:
    rng = np.random.default_rng(0)
    scores = {f"trial {i}": list(rng.normal(i, 1.0, 8)) for i in range(4)} | {
        "one": [0.0],
        "x | y": [1.0, 2.0],
    }
    return ranked(scores, {"trial 0": 3.0, "trial 3": 3.0}, controls={"one": None, "x | y": 1.5})


def test_every_column_is_in_the_csv_and_intervals_are_split(ranking: Ranking) -> None:
    cells = record(ranking.row("trial 3"))
    assert len(cells) == sum(2 if isinstance(c.value(ranking.rows[0]), tuple) else 1 for c in COLUMNS)
    assert (cells["mean_low"], cells["mean"]) == (
        ranking.row("trial 3").analysis.mean.low,
        ranking.row("trial 3").analysis.mean.estimate,
    )
    assert {"luck_low", "luck_high", "reached_low", "reached_high", "rank_low", "failure_high"} <= set(cells)


def test_what_is_unknown_is_empty_never_infinite(ranking: Ranking) -> None:
    assert record(ranking.row("one"))["mean_low"] is None
    frame = ranking.to_frame()
    assert frame.select_dtypes("number").map(np.isfinite).where(frame.notna(), True).all(axis=None)
    json.loads(write.to_json(ranking), parse_constant=pytest.fail)


def test_people_see_a_column_only_where_it_says_something(ranking: Ranking) -> None:
    headings = [column.heading for column in shown_columns(ranking.rows)]
    assert "diverged" not in headings
    assert "luck" in headings
    untuned = [column.heading for column in shown_columns(ranked({"a": [1.0, 2.0], "b": [3.0, 4.0]}).rows)]
    assert not {"tuning", "luck", "luck interval", "reached by", "verdict", "spread"} & set(untuned)
    assert "" not in headings
    assert len(set(headings)) == len(headings)


def test_robust_ranks_stand_beside_the_ranks_where_they_differ() -> None:
    headings = [column.heading for column in shown_columns(ranked(skewed_scores()).rows)]
    assert headings[1:3] == ["rank interval", "robust ranks"]


def test_a_narrow_terminal_keeps_what_matters_most(ranking: Ranking) -> None:
    headings = [column.heading for column in fitting_columns(ranking.rows, 60)]
    assert headings[:2] == ["configuration", "tuning"] or headings[:2] == ["configuration", "mean"]
    assert fitting_columns(ranking.rows, 5) == ()
    wide = [column.heading for column in fitting_columns(ranking.rows, 1000)]
    assert set(wide) == set(columns._PRIORITY) & {column.heading for column in shown_columns(ranking.rows)}


def test_every_priority_is_a_column() -> None:
    assert set(columns._PRIORITY) <= {column.heading for column in COLUMNS}


def test_a_bar_in_a_name_does_not_break_the_markdown_table(ranking: Ranking) -> None:
    text = write.to_markdown(ranking)
    assert "x \\| y" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1


def test_the_frame_is_the_csv(ranking: Ranking) -> None:
    assert isinstance(ranking.to_frame(), pd.DataFrame)
    assert list(ranking.to_frame()["configuration"]) == [row.name for row in ranking.rows]
