"""The report across the studies of a matrix: three environments and two algorithms whose truth is declared."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from typer.testing import CliRunner

from robusttune.cli import app
from robusttune.cli.console import console
from robusttune.declaration.matrix import Matrix, MatrixReportSpec, MatrixStudy, ReferenceScores
from robusttune.declaration.toml import load_matrix
from robusttune.errors import SpecError, StudyError
from robusttune.pipeline import evaluate_study, rank_study, tune_study
from robusttune.pipeline.matrix import report_matrix
from robusttune.post_evaluation.select import Candidate
from robusttune.report.figures.style import NARROW, SMALL
from robusttune.report.matrix import prose
from robusttune.report.matrix.checklist import checklist
from robusttune.report.matrix.figures import figures
from robusttune.report.matrix.result import MatrixReport, make_matrix_report
from robusttune.report.matrix.scores import TUNED, ConfigurationScores, StudyScores
from robusttune.report.matrix.tables import tables
from robusttune.report.model import Runs
from robusttune.report.prose.checklist import Item
from robusttune.report.prose.words import interval
from tests.support.latex import complaints, needs_latex
from tests.support.studies import make_study

BASE = """
name = "suite"
root_seed = 3
[search_space.parameters]
learning_rate = { type = "float", low = 1e-5, high = 1e-1, scale = "log" }
[tuning]
n_trials = 5
sampler = "random"
[post_evaluation]
top_k = 2
n_seeds = 6
[matrix.synthetic]
hyperparameters = [{ name = "ppo", algorithm = "ppo" }, { name = "a2c", algorithm = "a2c" }]
"""


def truth(mean: float, sd: float, best: float, drop: float, default: float) -> str:
    rate = f'learning_rate = {{ best = {best}, drop = {drop}, scale = "log", absent = {default - mean} }}'
    either = "algorithm = { means = { ppo = 0.0, a2c = 0.0 } }"
    return f"synthetic = {{ mean = {mean}, sd = {sd}, effects = {{ {rate}, {either} }} }}\n"


TRUTHS = {
    "easy": truth(500.0, 20.0, 1e-3, 60.0, 200.0),
    "hard & noisy": truth(10.0, 12.0, 1e-2, 20.0, -290.0),
    "large": truth(-1e4, 500.0, 1e-4, 100.0, -19e3),
}
SUITE = BASE + "[matrix.report]\ntarget = 1.0\n"
SUITE += "".join(f'[[matrix.study]]\nname = "{name}"\n{text}' for name, text in TRUTHS.items())
ONE = TRUTHS["easy"] + BASE
TASKS = tuple(TRUTHS)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> tuple[Matrix, Path]:
    folder = tmp_path_factory.mktemp("suite")
    path = folder / "suite.toml"
    path.write_text(SUITE, encoding="utf-8")
    matrix = load_matrix(path)
    for one in matrix.studies:
        tune_study(one.study, out=folder)
        evaluate_study(one.study, out=folder)
    return matrix, folder


@pytest.fixture(scope="module")
def report(suite: tuple[Matrix, Path]) -> MatrixReport:
    matrix, folder = suite
    return report_matrix(matrix, out=folder)


def test_every_study_has_its_task_and_method(suite: tuple[Matrix, Path]) -> None:
    matrix, _ = suite
    assert [(one.task, one.method) for one in matrix.studies] == [
        (task, method) for method in ("ppo", "a2c") for task in TASKS
    ]
    assert matrix.studies[1].study.name == "suite-ppo-hard---noisy"


def test_tuned_is_what_each_study_recommends_and_default_its_control(
    suite: tuple[Matrix, Path], report: MatrixReport
) -> None:
    matrix, folder = suite
    assert report.across is not None
    assert set(report.across.methods) == {"ppo tuned", "a2c tuned", "default"}
    for one in matrix.studies:
        rows = rank_study(one.study, out=folder).rows
        tuned = report.across.methods[f"{one.method} tuned"].on[one.task]
        assert tuned.name == next(row.name for row in rows if row.analysis.in_best_set)
        default = report.across.methods["default"].on[one.task]
        assert default.scores == next(row.runs.scores for row in rows if row.name == "default")


def test_on_a_telephone_each_figure_is_narrow_with_all_that_is_drawn(report: MatrixReport) -> None:
    assert report.across is not None
    for name, draw in figures(report.across.analysis).items():
        wide, narrow = draw(), draw(narrow=True)
        narrow.canvas.draw()
        assert narrow.get_tightbbox().width <= NARROW + 0.3, name
        texts = [one.get_text() for one in narrow.findobj(Text) if one.get_text()]
        assert all(one.get_fontsize() >= SMALL for one in narrow.findobj(Text) if one.get_text())
        for method in report.across.methods:
            assert any(method in text for text in texts) or name == "improvement"
        bars = [sum(len(axes.patches) for axes in one.axes) for one in (wide, narrow)]
        assert bars[0] == bars[1]


def test_the_aggregates_are_rliables_and_see_the_declared_truth(report: MatrixReport) -> None:
    assert report.across is not None
    analysis = report.across.analysis
    assert analysis.rliable_difference is not None
    assert analysis.rliable_difference < 1e-12
    iqm = {one.method: one.metrics["iqm"] for one in analysis.methods}
    # Every default is far below on every task; the algorithms have the same truth.
    assert min(iqm["ppo tuned"].low, iqm["a2c tuned"].low) > 0.5 > iqm["default"].high
    between = next(
        one.probability for one in analysis.improvements if "default" not in one.first + one.second
    )
    assert between.low < 0.5 < between.high


def test_zero_is_the_mean_of_the_default_and_one_the_highest_mean(report: MatrixReport) -> None:
    assert report.across is not None
    for task in TASKS:
        means = {name: np.mean(on[task]) for name, on in report.across.normalised.items()}
        assert means["default"] == pytest.approx(0.0, abs=1e-12)
        assert max(means.values()) == pytest.approx(1.0)


def test_each_task_has_one_ranking_of_the_candidates_of_all_algorithms(
    suite: tuple[Matrix, Path], report: MatrixReport
) -> None:
    matrix, folder = suite
    assert [one.task for one in report.rankings] == list(TASKS)
    for ranking in report.rankings:
        own = [one for one in matrix.studies if one.task == ranking.task]
        means = {
            row.name if row.name == "default" else f"{one.method}: {row.name}": row.analysis.mean.estimate
            for one in own
            for row in rank_study(one.study, out=folder).rows
        }
        assert ranking.analysis is not None
        found = {row.name: row.analysis.mean.estimate for row in ranking.rows}
        assert found == means
        assert list(found) == sorted(means, key=lambda name: -means[name])


def test_one_checklist_answers_for_all_studies_and_says_once_what_is_equal(
    suite: tuple[Matrix, Path], report: MatrixReport
) -> None:
    told = {item.key: item for item in checklist(report)}
    assert len(told) == 17
    assert told["shared"].answer.endswith("in every study that searches them: learning_rate.")
    assert not told["shared"].missing
    assert told["equal"].answer == (
        "Yes: the search of each study was given 5 trials with 1,000 timesteps a run."
    )
    assert not told["equal"].missing
    assert told["budget"].answer.count("5 runs") == 1
    for study in report.studies:
        assert study.study.name in told["incumbents"].answer
        assert study.study.name not in told["package"].answer
    for name in ("paper.md", "report.html"):
        text = (suite[1] / "suite" / name).read_text(encoding="utf-8")
        assert text.count("Not recorded; fill in") == sum(bool(item.missing) for item in told.values())


def test_unequal_ranges_and_budgets_are_told_study_by_study() -> None:
    rate, gamma = (
        {"type": "float", "low": 1e-4, "high": 1e-2, "scale": "log"},
        {"type": "float", "low": 0.9, "high": 0.999},
    )
    studies = [
        study_scores(
            "a",
            method,
            {"trial 1": GOOD},
            changes={
                "search_space": {"parameters": {"learning_rate": {**rate, "high": high}, "gamma": gamma}}
            }
            | ({} if high == 1e-2 else {"tuning.n_trials": 7}),
        )
        for method, high in (("x", 1e-2), ("y", 1e-1))
    ]
    items = (Item(key="shared", heading="Shared", answer=""), Item(key="equal", heading="Equal", answer=""))
    shared, equal = checklist(make([dataclasses.replace(one, checklist=items) for one in studies]))
    assert shared.answer == (
        "Searched in the same range in every study that searches them: gamma. "
        "In ranges that differ between studies: learning_rate."
    )
    assert shared.missing == "why their ranges differ"
    n = studies[0].study.n_trials
    assert equal.answer == f"a-x: {n} trials with 64 timesteps a run. a-y: 7 trials with 64 timesteps a run."
    assert equal.missing == "why they differ"


def test_results_that_were_given_have_no_checklist_over_studies() -> None:
    assert checklist(make([study_scores("a", m, {"trial 1": GOOD}) for m in "xy"])) == ()


@needs_latex
@pytest.mark.thorough
def test_the_tables_of_a_matrix_compile_and_fit_the_page(
    suite: tuple[Matrix, Path], report: MatrixReport
) -> None:
    latex = (suite[1] / "suite" / "matrix.tex").read_text(encoding="ascii")
    assert latex.count(r"\begin{table}") == 3 + len(TASKS)
    assert r"hard \& noisy" in latex
    appendix = (suite[1] / "suite" / "paper.tex").read_text(encoding="ascii")
    assert complaints([latex, appendix], suite[1]) == []


def test_the_files_hold_every_number_and_every_run(suite: tuple[Matrix, Path], report: MatrixReport) -> None:
    matrix, out = suite
    folder = out / "suite"
    frame = pd.read_csv(folder / "matrix.csv")
    assert len(frame) == 3 * 4
    assert set(frame["metric"]) == {"iqm", "median", "mean", "optimality_gap"}
    assert len(pd.read_csv(folder / "rankings.csv")) == len(TASKS) * 5
    runs = pd.read_csv(folder / "scores.csv")
    assert len(runs) == len(matrix.studies) * 3 * 6
    assert (runs.groupby("study")["tuned"].sum() == 6).all()
    stored = json.loads((folder / "matrix.json").read_text(encoding="utf-8"))
    assert report.across is not None
    top = report.across.analysis.methods[0]
    first = stored["across_tasks"]["analysis"]["methods"][0]
    assert first["metrics"]["iqm"]["estimate"] == top.metrics["iqm"].estimate
    for name in ("metrics", "profiles", "improvement"):
        for suffix in ("png", "pdf", "svg"):
            assert (folder / f"{name}.{suffix}").stat().st_size > 1000


def test_the_page_and_the_markdown_say_the_same_and_escape_names(
    suite: tuple[Matrix, Path], report: MatrixReport
) -> None:
    folder = suite[1] / "suite"
    page = (folder / "report.html").read_text(encoding="utf-8")
    text = (folder / "matrix.md").read_text(encoding="utf-8")
    assert page.count("<script") == 1  # ours
    assert page.count("<svg") == 6  # three figures, for wide screens and for telephones
    assert "All candidates on hard &amp; noisy" in page
    assert "../suite-ppo-easy/report.html" in page
    for table in tables(report):
        assert f"## {table.title}" in text
    first, *others = prose.answers(report)
    assert f"**{first}**" in text
    assert all(f"\n{answer}\n" in text for answer in others)
    assert "rliable computes the same metrics" in text
    assert "chosen by the very seeds that score it" in text


@pytest.mark.thorough
def test_the_same_results_give_the_same_report(suite: tuple[Matrix, Path], report: MatrixReport) -> None:
    matrix, folder = suite
    before = {
        name: (folder / "suite" / name).read_bytes() for name in ("matrix.json", "metrics.svg", "report.html")
    }
    report_matrix(matrix, out=folder)
    assert before == {name: (folder / "suite" / name).read_bytes() for name in before}


@pytest.mark.thorough
def test_the_command_reports_each_study_and_then_across_them(
    suite: tuple[Matrix, Path], report: MatrixReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, folder = suite
    monkeypatch.setattr("robusttune.pipeline.report_study", rank_study)  # without the files of each study
    monkeypatch.setattr(console, "width", 90)
    done = CliRunner().invoke(app, ["report", str(folder / "suite.toml"), "--out", str(folder)])
    assert done.exit_code == 0, done.output
    assert done.output.count("Report: ") == 6
    assert "Highest IQM over 3 tasks: " in done.output
    rankings = done.output[done.output.index("All candidates on easy") :]
    for ranking in report.rankings:
        for row in ranking.rows:  # nothing is cut, however wide the table could be
            low, high = row.analysis.mean.low, row.analysis.mean.high
            assert interval(low, high) in rankings
            assert row.name in rankings
    assert "Report across studies: " in done.output


@pytest.mark.thorough
def test_a_run_of_algorithms_on_one_environment_ends_with_one_ranking(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text(ONE, encoding="utf-8")
    done = CliRunner().invoke(app, ["run", str(path), "--out", str(tmp_path), "-j", "0"])
    assert done.exit_code == 0, done.output
    assert " of 5 candidates (" in done.output
    assert "Over " not in done.output
    assert not (tmp_path / "suite" / "metrics.png").exists()
    assert (tmp_path / "suite" / "rankings.csv").exists()


def test_a_single_study_has_no_report_across_studies(tmp_path: Path) -> None:
    study = MatrixStudy(study=make_study(), task="", method="")
    with pytest.raises(SpecError, match="small is a single study"):
        report_matrix(Matrix(name="small", studies=(study,), report=MatrixReportSpec()), out=tmp_path)


# From here on: studies made by hand.


def study_scores(
    task: str,
    method: str,
    scores: dict[str, list[float]],
    *,
    changes: dict[str, Any] | None = None,
    training: str | None = None,
) -> StudyScores:
    configurations = {
        name: ConfigurationScores(
            candidate=Candidate(name=name, config_id=name, hyperparameters={}),
            first_run=f"{training or f'{task} {method}'} {name}",
            runs=Runs(seeds=tuple(range(len(values))), scores=tuple(values), n_diverged=0, n_missing=0),
        )
        for name, values in scores.items()
    }
    best = max(configurations.values(), key=lambda one: one.mean)
    controls = {name: one for name, one in configurations.items() if not name.startswith("trial")}
    return StudyScores(
        study=make_study({"name": f"{task}-{method}", **(changes or {})}),
        task=task,
        method=method,
        configurations=tuple(sorted(configurations.values(), key=lambda one: -one.mean)),
        roles={TUNED: best, **controls},
    )


def make(studies: list[StudyScores], **report: Any) -> MatrixReport:
    members = tuple(MatrixStudy(study=one.study, task=one.task, method=one.method) for one in studies)
    return make_matrix_report(Matrix(name="m", studies=members, report=MatrixReportSpec(**report)), studies)


GOOD, BAD = [9.0, 10.0, 11.0, 10.5], [1.0, 2.0, 3.0, 2.5]


def test_declared_reference_scores_take_the_place_of_controls() -> None:
    studies = [study_scores(task, "", {"trial 1": GOOD}) for task in ("a", "b")]
    reference = {"a": ReferenceScores(low=0.0, high=20.0), "b": ReferenceScores(low=-10.0, high=10.0)}
    found = make(studies, reference=reference).across
    assert found is not None
    assert found.normalised["tuned"]["a"] == pytest.approx([x / 20 for x in GOOD])
    assert found.normalised["tuned"]["b"] == pytest.approx([(x + 10) / 20 for x in GOOD])


def test_without_a_control_on_a_task_the_way_out_is_named() -> None:
    studies = [study_scores(task, "", {"trial 1": GOOD}) for task in ("a", "b")]
    with pytest.raises(
        StudyError, match=r"No study on a evaluated the control 'default'.*matrix.report.reference"
    ):
        make(studies)


def test_a_default_that_is_the_best_on_a_task_cannot_be_zero_and_one() -> None:
    studies = [
        study_scores("a", "", {"trial 1": GOOD, "default": BAD}),
        study_scores("b", "", {"trial 1": BAD, "default": GOOD}),
    ]
    with pytest.raises(StudyError, match=r'On b the mean of \'default\', 10.125.*reference\."b"'):
        make(studies)


def test_a_single_seed_is_not_compared_over_tasks() -> None:
    studies = [
        study_scores("a", "", {"trial 1": GOOD, "default": BAD}),
        study_scores("b", "", {"trial 1": [9.0], "default": BAD}),
    ]
    with pytest.raises(StudyError, match=r"tuned has a single seed on b.*Raise post_evaluation.n_seeds"):
        make(studies)


def test_rankings_are_reported_where_tasks_cannot_be_compared() -> None:
    studies = [study_scores(task, m, {"trial 1": GOOD, "trial 2": BAD}) for task in "ab" for m in ("x", "y")]
    found = make(studies)
    assert found.across is None
    assert len(found.rankings) == 2
    assert prose.findings(found)[0].startswith("There is no comparison over tasks. No study on a evaluated")


def test_a_control_that_is_not_on_every_task_is_left_out_and_named() -> None:
    studies = [
        study_scores("a", "", {"trial 1": GOOD, "default": BAD, "published": GOOD}),
        study_scores("b", "", {"trial 1": GOOD, "default": BAD}),
    ]
    found = make(studies)
    assert found.across is not None
    assert set(found.across.methods) == {"tuned", "default"}
    assert any("not on every task: published" in text for text in prose.findings(found))


def test_a_control_with_the_same_runs_under_every_method_is_one() -> None:
    studies = [
        study_scores(task, sampler, {trial: GOOD, "default": BAD}, training=task)
        for task in ("a", "b")
        for sampler, trial in (("tpe", "trial 1"), ("random", "trial 2"))
    ]
    found = make(studies)
    assert found.across is not None
    assert set(found.across.methods) == {"tpe tuned", "random tuned", "default"}
    assert {row.name for row in found.rankings[0].rows} == {"tpe: trial 1", "random: trial 2", "default"}


def test_equal_scores_of_different_algorithms_stay_two_configurations() -> None:
    """At the ceiling of an environment all seeds of all algorithms score alike."""
    studies = [study_scores("a", method, {"trial 1": BAD, "default": [500.0] * 4}) for method in ("x", "y")]
    assert {"x: default", "y: default"} < {row.name for row in make(studies).rankings[0].rows}


def test_scores_of_another_kind_are_not_ranked_together() -> None:
    studies = [
        study_scores("a", "x", {"trial 1": GOOD}),
        study_scores("a", "y", {"trial 1": BAD}, changes={"evaluation.score": "best"}),
    ]
    found = make(studies)
    assert found.rankings[0].analysis is None
    assert "evaluation.score: final, best" in prose.answers(found)[0]
    assert tables(found) == ()


def test_unequal_budgets_are_ranked_and_said() -> None:
    studies = [
        study_scores("a", "x", {"trial 1": GOOD}),
        study_scores("a", "y", {"trial 1": BAD}, changes={"algorithm.total_timesteps": 128}),
    ]
    found = make(studies)
    assert found.rankings[0].analysis is not None
    assert any("differ in total_timesteps: 64, 128" in text for text in prose.findings(found))


def test_tasks_may_have_unequal_numbers_of_seeds() -> None:
    studies = [
        study_scores("a", "", {"trial 1": GOOD, "default": BAD}),
        study_scores("b", "", {"trial 1": [*GOOD, 8.0], "default": [*BAD, 4.0]}),
    ]
    found = make(studies)
    assert found.across is not None
    assert found.across.analysis.rliable_difference is None
    assert any("which rliable's metrics cannot take" in line for line in prose.methods(found))


def test_a_study_that_recommends_its_control_is_named() -> None:
    studies = [
        study_scores("a", "", {"trial 1": GOOD, "default": BAD, "published": [20.0, 21.0, 22.0]}),
        study_scores("b", "", {"trial 1": GOOD, "default": BAD, "published": BAD}),
    ]
    assert any("a- recommends its control published" in text for text in prose.findings(make(studies)))


def test_short_intervals_are_confessed_with_few_seeds_only() -> None:
    few, many = (
        make([study_scores(t, "", {"trial 1": GOOD * n, "default": BAD * n}) for t in ("a", "b")])
        for n in (1, 8)
    )
    assert any("too short with few seeds, here 4" in line for line in prose.methods(few))
    assert not any("too short" in line for line in prose.methods(many))
