"""Runs in TensorBoard and Weights & Biases, read back with their own readers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import robusttune
from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.execution import exports
from robusttune.results.records import RunResult
from tests.support.studies import Recorder, document, drawn


def study_with(**execution: str) -> StudySpec:
    changes: dict[str, Any] = {
        **drawn("synthetic", {"sd": 1.0}),
        "tuning.n_trials": 2,
        "post_evaluation.n_seeds": 3,
        "evaluation.every": 16,
    }
    study = document(changes)
    study["execution"] = {**study["execution"], **execution}
    return StudySpec.from_dict(study)


def run(study: StudySpec, out: Path) -> list[str]:
    told = Recorder()
    robusttune.evaluate_study(study, out=out, reporter=told) if robusttune.tune_study(
        study, out=out
    ) else None
    return told.lines


def test_a_sink_that_fails_is_told_of_once_and_the_study_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        name = "Elsewhere"

        def __init__(self, folder: Path, study: str) -> None:
            pass

        def write(self, spec: RunSpec, result: RunResult) -> None:
            raise ConnectionError("no route to host")

    monkeypatch.setattr(exports, "TensorBoard", Broken)
    lines = run(study_with(tensorboard="anywhere"), tmp_path)
    assert [line for line in lines if "Elsewhere" in line] == [
        "Elsewhere: no more runs are written there (ConnectionError: no route to host). The study goes on, and its "
        "results are stored."
    ]
    assert sum("seed" in line for line in lines) == 9


@pytest.mark.parametrize("package", ["tensorboard", "wandb"])
def test_a_missing_package_is_named_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(robusttune.MissingDependencyError, match=rf"pip install robusttune\[{package}\]"):
        robusttune.tune_study(study_with(**{package: "x"}), out=tmp_path)


@pytest.mark.slow
def test_tensorboard_reads_curve_score_and_configuration(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    study = study_with(tensorboard=str(tmp_path / "events"))
    run(study, tmp_path)
    folders = sorted(path.parent for path in (tmp_path / "events").rglob("events.*"))
    assert len(folders) == 2 + 9
    scores = set()
    for folder in folders:
        found = EventAccumulator(str(folder)).Reload()
        curve = found.Scalars("evaluation/mean_return")
        assert [event.step for event in curve] == [16, 32, 48, 64]
        (score,) = found.Scalars("score")
        assert (score.step, score.value) == (64, pytest.approx(curve[-1].value))
        assert "_hparams_/session_start_info" in found.summary_metadata
        scores.add(score.value)
    assert len(scores) == 11
    stage, config_id, seed = folders[0].relative_to(tmp_path / "events" / study.name).parts
    assert stage == "post_evaluation"
    assert len(config_id) == 20
    assert int(seed) > 0


@pytest.mark.slow
def test_weights_and_biases_gets_the_same_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    wandb.teardown()  # it remembers how it was first set up
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    lines = run(study_with(wandb="project"), tmp_path)
    assert [line for line in lines if "Weights" in line] == []
    wandb.teardown()  # as at the end of a process: all is written
    files = sorted(tmp_path.rglob("*.wandb"))
    assert len(files) == 11
    for file in files:
        written = file.read_bytes().decode(errors="replace")
        for piece in (
            "project",
            "small",
            "config_id",
            "seed",
            "evaluation/mean_return",
            "score",
            "completed",
        ):
            assert piece in written


@pytest.mark.slow
def test_without_a_network_the_study_is_whole_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb").teardown()
    for key, value in {"MODE": "online", "DIR": str(tmp_path), "BASE_URL": "http://localhost:9"}.items():
        monkeypatch.setenv(f"WANDB_{key}", value)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "5")
    lines = run(study_with(wandb="project"), tmp_path)
    assert len([line for line in lines if "Weights & Biases: no more runs" in line]) == 1
    assert len(robusttune.rank_study(study_with(wandb="project"), out=tmp_path).rows) == 3
