"""The ranking of a stored study with a known story."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from robusttune.errors import StudyError
from robusttune.pipeline import rank_study, report_study
from robusttune.pipeline.location import location_of
from robusttune.report import paper, tables, write
from robusttune.report.model import Ranking
from robusttune.results.records import TrialState
from tests.support.stored import DEFAULT_MEAN, N_SEEDS, REPORTED, store_story, told_study
from tests.support.studies import settled


@pytest.fixture(scope="module")
def ranking(tmp_path_factory: pytest.TempPathFactory) -> Ranking:
    out = tmp_path_factory.mktemp("results")
    study = told_study()
    store_story(study, out)
    return rank_study(study, out=out)


def sentences(ranking: Ranking) -> list[str]:
    return [text for texts in ranking.findings.values() for text in texts]


def test_the_lucky_champion_is_not_the_one_recommended(ranking: Ranking) -> None:
    assert [row.analysis.rank for row in ranking.rows] == [1, 2, 3, 4]
    assert ranking.rows[0].name == ranking.analysis.recommended == "trial 1"
    assert ranking.row("trial 0").verdict == "LUCKY"
    assert ranking.row("trial 1").verdict != "LUCKY"
    assert ranking.analysis.best_set == ("trial 1",)


def test_a_reported_score_is_judged_like_a_tuning_score_but_says_nothing_of_this_search(
    ranking: Ranking,
) -> None:
    control = ranking.row(REPORTED)
    assert control.candidate.is_control
    assert control.candidate.tuning_score == -198.0
    assert control.verdict == "LUCKY"
    assert ranking.analysis.champion == "trial 0"


def test_mean_and_interval_are_scipys_with_the_typical_spread_of_the_trials(ranking: Ranking) -> None:
    typical = np.median(
        [np.std(row.runs.scores, ddof=1) for row in ranking.rows if not row.candidate.is_control]
    )
    for row in ranking.rows:
        scores = np.asarray(row.runs.scores)
        assert len(scores) == N_SEEDS
        variance = scores.var(ddof=1)
        if not row.candidate.is_control:
            variance = ((N_SEEDS - 1) * variance + 2 * typical**2) / (N_SEEDS + 1)
        low, high = stats.t.interval(0.95, N_SEEDS - 1, scores.mean(), np.sqrt(variance / N_SEEDS))
        mean = row.analysis.mean
        assert (mean.estimate, mean.low, mean.high) == pytest.approx((scores.mean(), low, high))


def test_ranking_a_study_again_gives_the_same_numbers(ranking: Ranking, tmp_path: Path) -> None:
    study = told_study()
    store_story(study, tmp_path)
    assert (
        tables.to_document(rank_study(study, out=tmp_path))["ranking"]
        == tables.to_document(ranking)["ranking"]
    )


def test_a_diverged_run_counts_as_the_worst_score_and_is_mentioned(tmp_path: Path) -> None:
    study = told_study()
    store_story(study, tmp_path, diverged=2)
    ranking = rank_study(study, out=tmp_path)
    runs = ranking.row("default").runs
    worst = min(score for row in ranking.rows for score in row.runs.scores)
    assert runs.n_diverged == 2
    assert sorted(runs.scores)[:2] == [worst, worst]
    assert "2 diverged runs counted as" in ranking.caption
    assert any("2 of 9 runs of default diverged" in text for text in sentences(ranking))


def test_a_missing_run_blocks_the_ranking_unless_the_study_allows_it(tmp_path: Path) -> None:
    store_story(told_study(), tmp_path, missing=1, failed=1)
    with pytest.raises(StudyError, match=r"1 failed, 1 not run yet|1 not run yet, 1 failed") as caught:
        rank_study(told_study(), out=tmp_path)
    assert "the environment broke" in str(caught.value)
    ranking = rank_study(told_study({"post_evaluation.allow_missing": True}), out=tmp_path)
    runs = ranking.row("default").runs
    assert (len(runs.scores), runs.n_missing) == (N_SEEDS - 2, 2)
    assert "2 planned runs missing" in ranking.caption


def test_a_configuration_without_any_run_is_left_out_and_named(tmp_path: Path) -> None:
    study = told_study({"post_evaluation.allow_missing": True})
    store_story(study, tmp_path, missing=N_SEEDS)
    ranking = rank_study(study, out=tmp_path)
    assert "default" not in [row.name for row in ranking.rows]
    assert any("runs of default missing" in text for text in sentences(ranking))


def test_a_trial_that_has_not_ended_is_left_out_and_counted(tmp_path: Path) -> None:
    study = told_study()
    store_story(study, tmp_path)
    store = location_of(study, out=tmp_path).open_to_write()
    last = store.trials(settled(study).tuning_id)[-1]
    running = dataclasses.replace(last, number=7, state=TrialState.RUNNING, objective_value=None)
    store.save_trial(settled(study).tuning_id, running)
    store.close()
    assert "1 trial that had not ended left out." in rank_study(study, out=tmp_path).caption


def test_a_study_without_results_says_what_makes_them(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="`run_study` makes them"):
        rank_study(told_study(), out=tmp_path)


def test_the_iqm_can_be_ranked_instead_of_the_mean(tmp_path: Path) -> None:
    study = told_study({"post_evaluation.statistic": "iqm"})
    store_story(study, tmp_path)
    assert rank_study(study, out=tmp_path).analysis.statistic == "iqm"


def test_configurations_within_the_indifference_are_practically_equal(tmp_path: Path) -> None:
    study = told_study({"post_evaluation.indifference": 5000.0})
    store_story(study, tmp_path)
    ranking = rank_study(study, out=tmp_path)
    assert {pair.comparison.verdict for pair in ranking.analysis.pairs.values()} == {"practically equal"}
    assert any(text.startswith("Practically equal, to within ±5000: ") for text in sentences(ranking))


def test_the_recommended_configuration_is_spelled_out(ranking: Ranking) -> None:
    (text,) = ranking.findings["The configuration to use"]
    assert text.startswith("trial 1: `")
    for name, value in ranking.row("trial 1").candidate.hyperparameters.items():
        assert f"{name}={value!r}" in text


def test_every_table_holds_every_configuration(ranking: Ranking) -> None:
    frame = ranking.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame["configuration"]) == [row.name for row in ranking.rows]
    assert frame["mean"].to_numpy() == pytest.approx(
        [row.analysis.mean.estimate for row in ranking.rows], rel=0
    )
    document = json.loads(write.to_json(ranking))
    assert [row["scores"] for row in document["ranking"]] == [list(row.runs.scores) for row in ranking.rows]
    markdown = write.to_markdown(ranking)
    assert markdown.count("\n| ") == len(ranking.rows) + 2  # with head and rule
    assert "**trial 1**" in markdown
    assert "**default**" not in markdown


def test_latex_escapes_what_names_may_contain(ranking: Ranking) -> None:
    latex = paper.to_latex(ranking)
    assert r"as\_published \& 100\%" in latex
    body = latex[latex.index(r"\midrule") : latex.index(r"\bottomrule")].strip().splitlines()[1:]
    (alignment,) = re.findall(r"\\begin\{tabular\}\{(.*)\}", latex)
    n_columns = len(re.findall(r"[lc](?=[lcS]|$)|S\[", alignment))
    assert len(body) == len(ranking.rows)
    spanned = [line.count(r"\multicolumn{2}") for line in body]
    cells = [line.replace(r"\&", "").count("&") + 1 for line in body]
    assert {a + b for a, b in zip(cells, spanned, strict=True)} == {n_columns}


def test_the_report_is_one_page_that_needs_nothing_else(tmp_path: Path) -> None:
    study = told_study({"description": "<b>bold</b> & co"})
    store_story(study, tmp_path)
    report_study(study, out=tmp_path)
    folder = tmp_path / study.name
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<script") == 1  # ours
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    for mark in ('src="', "@import", 'href="http', "url(http"):
        assert mark not in page
    made = {path.name for path in folder.iterdir()} - {"study.db", "study.db-wal", "study.db-shm"}
    figures = {
        f"{name}.{suffix}"
        for name in ("tuning_vs_post_evaluation", "seeds", "pairs", "noise", "search_space", "budget")
        for suffix in ("png", "pdf", "svg", "csv")
    }
    assert made == figures | {
        "report.html",
        "runs.csv",
        "pairs.tex",
        "paper.md",
        "paper.tex",
        *(f"ranking.{suffix}" for suffix in ("md", "csv", "tex", "json")),
    }


@pytest.mark.thorough
def test_equal_results_give_equal_files(tmp_path: Path) -> None:
    study = told_study()
    for folder in ("first", "second"):
        store_story(study, tmp_path / folder)
        report_study(study, out=tmp_path / folder)
    for path in (tmp_path / "first" / study.name).glob("*.*"):
        if not path.name.startswith("study.db"):
            assert path.read_bytes() == (tmp_path / "second" / study.name / path.name).read_bytes(), path.name


def test_the_default_is_worse_and_said_to_be(ranking: Ranking) -> None:
    assert ranking.row("default").analysis.mean.estimate == pytest.approx(DEFAULT_MEAN, abs=60)
    assert any(
        text.startswith("The default configuration") and "is worse than" in text
        for text in sentences(ranking)
    )
