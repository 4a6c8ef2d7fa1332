"""An experiment is a folder: one command runs it and writes it up, and the headline table reads what is kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from analysis import lucky_vs_consistent
from analysis.kept import Places
from experiments.folders import HERE, Experiment, experiments
from experiments.run import carry_out
from experiments.status import lines
from robusttune import run_study, tune_study
from robusttune.cli import app

STUDY = """
name = "drawn"
description = "Are drawn runs lucky?"
synthetic = { mean = 10.0, sd = 5.0, total_timesteps = 64 }
search_space.parameters.x = { type = "float", low = 0.0, high = 1.0 }
tuning = { n_trials = 12, sampler = "random" }
post_evaluation = { top_k = 3, n_seeds = 8, default_control = false }
"""
MATRIX = """
[[matrix.study]]
name = "low"
synthetic.mean = 0.0

[[matrix.study]]
name = "high"
synthetic.mean = 20.0

[matrix.report]
reference.low = { low = -10.0, high = 10.0 }
reference.high = { low = 10.0, high = 30.0 }
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in (("one", STUDY), ("two", STUDY + MATRIX)):
        folder = tmp_path / "experiments" / name
        folder.mkdir(parents=True)
        (folder / "study.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_every_declared_experiment_can_be_read_and_asks_a_question() -> None:
    found = list(experiments())
    assert {"tutorial", "classic_control", "published_claims"} <= {one.name for one in found}
    for one in found:
        assert one.folder.parent == HERE
        assert all(study.study.description.endswith("?") for study in one.matrix().studies)


@pytest.mark.thorough
def test_an_experiment_is_run_written_up_and_counted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = experiments(root / "experiments")
    results = root / "results"
    assert lines(one, results) == ["one: no results kept", "  drawn: not begun here"]
    for experiment in (one, two):
        carry_out(experiment, results=results, workers=0)
    page = (one.folder / "README.md").read_text(encoding="utf-8")
    assert "**Question.** Are drawn runs lucky?" in page
    assert "36 runs" in page
    assert "`python -m experiments.run one`" in page
    further = re.findall(r"`robusttune run (experiments/one/study\.toml --set [^`]+)`", page)
    assert further
    monkeypatch.chdir(root)
    for arguments in further:
        assert CliRunner().invoke(app, ["check", *arguments.split()]).exit_code == 0, arguments
    assert (one.folder / "tuning_vs_post_evaluation.png").exists()
    assert lines(one, results)[1] == "  drawn: 12 of 12 trials, 24 of 24 post-evaluation runs planned so far"
    assert {path.parent.name for path in two.folder.glob("*/ranking.csv")} == {"drawn-low", "drawn-high"}

    kept = json.loads((one.folder / "results.json").read_text(encoding="utf-8"))
    assert kept["effort"]["n_runs"] == 36
    assert kept["study"]["name"] == "drawn"
    trials = pd.read_csv(one.folder / "trials.csv")
    assert kept["champion"] == f"trial {trials['objective_value'].idxmax()}"
    assert trials["hyperparameter_x"].between(0, 1).all()
    assert set(pd.read_csv(two.folder / "matrix.csv")["method"]) == {"tuned"}
    assert not (one.folder / "matrix.csv").exists()

    found = lucky_vs_consistent.load(Places(root=root, results=results))
    assert [one.name for one in found] == ["one", "drawn-high", "drawn-low"]
    ranking = pd.read_csv(one.folder / "ranking.csv").set_index("configuration")
    assert found[0].champion["configuration"] == ranking["tuning_score"].idxmax()
    assert found[0].recommended == kept["recommended"] == ranking["mean"].idxmax()
    total = sum(int((one.ranking["verdict"] == "LUCKY").sum()) for one in found)
    page = str(lucky_vs_consistent.page(found)["docs/studies.md"]).replace("\n", " ")
    assert f"{total} of the 9 best trials of 3 searches" in page


@pytest.mark.thorough
def test_what_is_finished_can_be_written_up_before_the_rest(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, two = experiments(root / "experiments")
    results = root / "results"
    carry_out(two, results=results, workers=0, is_running=False)
    assert "no study is finished" in capsys.readouterr().out
    first, second = two.matrix().studies
    run_study(first.study, out=results, workers=0)
    tune_study(second.study, out=results, workers=0)
    carry_out(two, results=results, workers=0, is_running=False)
    page = (two.folder / "README.md").read_text(encoding="utf-8")
    assert f"**Not run yet**, and in none of the tables: {second.study.name}." in page
    assert [path.parent.name for path in two.folder.glob("*/ranking.csv")] == [first.study.name]
    carry_out(two, results=results, workers=0)
    assert "Not run yet" not in (two.folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.thorough
def test_what_is_kept_is_not_run_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = experiments(root / "experiments")
    carry_out(one, results=root / "results", workers=0)
    before = (one.folder / "ranking.csv").read_bytes()
    monkeypatch.setattr("robusttune.execution.executors.InProcess.submit", None)
    carry_out(Experiment(folder=one.folder), results=root / "results", workers=0)
    assert (one.folder / "ranking.csv").read_bytes() == before
