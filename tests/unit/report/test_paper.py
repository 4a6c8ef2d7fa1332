"""What a paper takes from a study: its tables, captions, methods and the checklist."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from robusttune import compare
from robusttune.declaration.study_runs import tuning_runs
from robusttune.pipeline import rank_study, run_study
from robusttune.report import paper
from robusttune.report.matrix.latex import to_latex
from robusttune.report.matrix.result import MatrixReport
from robusttune.report.model import Ranking, Work
from robusttune.report.prose.checklist import Item
from robusttune.report.prose.words import number
from robusttune.results.records import Cost
from tests.support.latex import complaints, needs_latex
from tests.support.rankings import ranked
from tests.support.stored import REPORTED, store_story, told_study
from tests.support.studies import drawn, make_study

RNG = np.random.default_rng(3)
SCORES = {
    "trial 0": RNG.normal(-150.0, 30.0, 12),
    "trial 1": RNG.normal(-170.0, 30.0, 12),
    "default": RNG.normal(-900.0, 30.0, 12),
}
MACHINE = {
    "python": "3.11.7",
    "packages": {"robusttune": "0.1.0", "optuna": "5.0.0", "absent": None},
    "git_revision": "0123abc",
    "platform": "Linux",
    "host": "a",
    "cpu": "Xeon",
    "n_cores": 2,
}


def ranking(**options: object) -> Ranking:
    return ranked(SCORES, {"trial 0": -90.0, "trial 1": -120.0}, controls={"default": None}, **options)  # type: ignore[arg-type]


def answers(found: Ranking) -> dict[str, Item]:
    return {item.heading: item for item in found.checklist}


def body(latex: str) -> list[str]:
    return latex[latex.index(r"\midrule") : latex.index(r"\bottomrule")].strip().splitlines()[1:]


def test_the_ranking_has_marks_and_a_caption_that_says_what_they_mean() -> None:
    found = ranking()
    latex = paper.to_latex(found)
    first, second, last = body(latex)
    assert r"\textbf{trial 0} &" in first
    assert r"trial 1}$^{\dagger}$" in second
    assert r" \textit{default} &" in f" {last}"
    assert r"\bfseries" in first
    assert r"\bfseries" not in last
    for part in (
        "12 fresh seeds per configuration",
        r"95\% intervals",
        "Bold: cannot be told apart from the best",
        r"$\dagger$: not shown to be better or worse than trial 0.",
        "Italic: control.",
        "Ranked by the mean",
        found.analysis.method,
        found.analysis.best_set_method,
        "Student's t",
        "a diverged run counts as the worst score of the study",
        r"\label{tab:small-ranking}",
    ):
        assert part in latex


def test_without_an_open_comparison_no_dagger_is_explained() -> None:
    scores = {"trial 0": RNG.normal(0.0, 1.0, 12), "trial 1": RNG.normal(-90.0, 1.0, 12)}
    assert "dagger" not in paper.to_latex(ranked(scores))


def test_the_ranked_statistic_is_in_the_table_and_bold() -> None:
    found = ranking(changes={"post_evaluation.statistic": "iqm"})
    latex = paper.to_latex(found)
    assert "{IQM}" in latex
    assert "Ranked by the interquartile mean (IQM)" in latex
    assert "trimmed t for the IQM" in latex
    for row in found.rows:
        if row.analysis.in_best_set:
            assert rf"\bfseries {number(row.analysis.iqm.estimate).replace('−', '-')}" in latex


def test_confirmation_is_in_the_caption() -> None:
    found = ranking(confirmation={"trial 0": list(RNG.normal(-150.0, 30.0, 10))})
    assert "On 10 confirmation seeds, which had no part in the choice, trial 0 scores" in paper.to_latex(
        found
    )


def test_pairs_are_a_table_and_very_many_are_none() -> None:
    latex = paper.pairs_to_latex(ranking())
    assert len(body(latex)) == 3
    many = ranked({f"trial {i}": RNG.normal(0.0, 1.0, 4) for i in range(21)})
    assert paper.pairs_to_latex(many).startswith("% 210 pairs")


def test_the_checklist_is_answered_from_what_is_stored(tmp_path: Path) -> None:
    study = told_study()
    store_story(study, tmp_path)
    found = rank_study(study, out=tmp_path)
    told = answers(found)
    assert len(told) == 17
    assert "2 seeds for tuning, 36 for testing and none for both" in told["Training and test setting"].answer
    assert "tree-structured Parzen estimator (TPE), no pruner, 2 complete trials, 1 seed per trial" in (
        told["Package and method of tuning"].answer
    )
    assert "The objective value of a trial is the score of its run." in told["Cost metric"].answer
    assert "2 trials with 64 timesteps a run. Tuning trained" in told["Tuning budget"].answer
    tuning = sorted(run.seed for i in range(2) for run in tuning_runs(study, {}, i))
    assert f"Tuning was done across 2 seeds: {tuning[0]} and {tuning[1]}." == told["Tuning seeds"].answer
    seeds = sorted(seed for row in found.rows for seed in row.runs.seeds)
    assert (
        f"36 seeds: between {seeds[0]} and {seeds[-1]}; runs.csv lists them all" in told["Test seeds"].answer
    )
    reported = told["All reported methods tuned like this"]
    assert REPORTED in reported.answer
    assert reported.missing == f"how {REPORTED} was found"
    assert "post-evaluation, 36 runs" in told["Hardware and compute time"].answer
    assert told["Code"].missing
    for suffix in ("md", "tex"):
        text = paper.appendix(found, suffix)
        assert all(item.heading in text for item in found.checklist)
        assert "2306.01324" in text
        assert "0.9999" in text  # a bound of the search space
        assert text.count("Not recorded; fill in") == sum(bool(item.missing) for item in found.checklist)


def test_machines_versions_and_time_are_told() -> None:
    cost = Cost(3, 3000, 7200.0, (MACHINE, {**MACHINE, "python": "3.12.0", "host": "b"}))
    found = dataclasses.replace(
        ranking(), work=Work(tuning=cost, post_evaluation=Cost(1, 10, 0.5, (MACHINE,)))
    )
    told = answers(found)
    assert told["Exact software environment"].answer == (
        "The runs were made with Python 3.11.7 or 3.12.0, robusttune 0.1.0 and optuna 5.0.0."
    )
    hardware = told["Hardware and compute time"].answer
    assert hardware.startswith("The runs were made on 2 machines: Xeon with 2 cores, Linux.")
    assert (
        "tuning, 3 runs, 3,000 timesteps, 2.0 hours; post-evaluation, 1 run, 10 timesteps, 0.5 seconds"
        in hardware
    )
    assert "in all 2.0 hours" in hardware
    assert "`0123abc`" in told["Code"].answer
    assert "2 hosts" in told["Comparable hardware, if the budget is a time"].answer


def test_a_study_without_a_search_says_that_nothing_was_tuned() -> None:
    changes = {
        "tuning": None,
        "search_space": None,
        "post_evaluation.configurations": [{"name": "found"}],
        "post_evaluation.default_control": False,
    }
    found = ranked({"found": SCORES["trial 0"], "other": SCORES["trial 1"]}, changes=changes)
    told = answers(found)
    for heading in ("Package and method of tuning", "Tuning budget"):
        assert "othing was tuned" in told[heading].answer
    assert told["Tuning seeds"].answer == "There are no tuning seeds."
    assert "This study has no tuning" in told["Code includes the tuning process"].answer
    assert "Configurations found elsewhere were evaluated" in found.paragraph


def test_what_a_table_of_scores_cannot_know_is_left_to_be_filled_in() -> None:
    found = compare({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.5]})
    assert isinstance(found, Ranking)
    told = answers(found)
    assert told["Search space"].answer == ""
    assert told["Search space"].missing == "the search space of each algorithm"
    assert "2 configurations with 3 seeds each." in told["Test seeds"].answer
    assert "Recommended is b." in told["Final incumbent configurations"].answer
    assert "tuned" not in found.paragraph
    text = paper.appendix(found, "tex")
    assert r"\emph{Not recorded; fill in: the search space of each algorithm.}" in text


def over_tasks() -> MatrixReport:
    names = ["Müller & Söhne", "α=0.1", "中文", "🚀 *"]
    found = compare(
        {name: RNG.normal(100.0 * i, 40.0, (8, 3)) for i, name in enumerate(names)}, normalized=True
    )
    assert isinstance(found, MatrixReport)
    return found


def test_a_report_over_tasks_has_its_tables_as_latex() -> None:
    report = over_tasks()
    latex = to_latex(report)
    assert latex.isascii()
    assert latex.count(r"\begin{table}") == 3 + 3
    assert latex.count("Failures: a run without a finite score counts as the worst score of the study.") == 3
    labels = re.findall(r"\\label\{(.*?)\}", latex)
    assert len(set(labels)) == len(labels) == 6
    assert all(re.fullmatch(r"tab:[A-Za-z0-9.-]+", label) for label in labels)


@needs_latex
@pytest.mark.thorough
def test_what_a_paper_takes_compiles_and_fits_its_page(tmp_path: Path) -> None:
    diverging = {"mean": -150.0, "sd": 30.0, "p_diverged": 0.2}
    named = [{"name": "مرحبا 🚀 & 100%", "hyperparameters": {"gamma": 0.99}}]
    studies = {
        "plain": {"post_evaluation.confirm": 4},
        "iqm": {"post_evaluation.statistic": "iqm", "post_evaluation.indifference": 5.0},
        "elimination": {"post_evaluation.allocation": {"rule": "elimination"}},
        "controls": {"post_evaluation.controls": named, "tuning.seeds_per_trial": 3},
        "elsewhere": {"tuning": None, "search_space": None, "post_evaluation.configurations": named},
    }
    sources = [to_latex(over_tasks())]
    for name, changes in studies.items():
        study = make_study(
            {
                **drawn("synthetic", diverging),
                "search_space.parameters.n_steps": None,
                "name": name,
                **changes,
            }
        )
        run_study(study, out=tmp_path, workers=0)
        files = ("ranking.tex", "pairs.tex", "paper.tex")
        sources += [(tmp_path / name / file).read_text(encoding="ascii") for file in files]
        assert "Checklist for a paper" in (tmp_path / name / "report.html").read_text(encoding="utf-8")
    assert complaints(sources, tmp_path) == []
