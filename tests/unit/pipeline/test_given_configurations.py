"""A study may name what it evaluates, and then has no search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError
from robusttune.pipeline import evaluate_study, rank_study, run_study
from tests.support.studies import document

GIVEN = [
    {"name": "trial 3", "hyperparameters": {"x": 0.9}, "reported_score": 99.0},
    {"name": "trial 1", "hyperparameters": {"x": 0.5}, "reported_score": 1.0},
]


def study(given: list[dict[str, Any]], **changes: Any) -> StudySpec:
    declared = {
        "name": "given",
        "synthetic": {"mean": 0.0, "sd": 1.0, "effects": {"x": {"best": 0.9}}},
        "post_evaluation": {"n_seeds": 8, "default_control": False, "configurations": given},
        **changes,
    }
    return StudySpec.from_dict(declared)


def test_configurations_are_evaluated_like_trials_and_their_scores_judged(tmp_path: Path) -> None:
    declared = study(GIVEN)
    assert declared.n_candidates == 2
    ranking = run_study(declared, out=tmp_path, workers=0)
    assert ranking.trials == ()
    assert ranking.row("trial 3").verdict == "LUCKY"
    assert not ranking.row("trial 3").candidate.is_control
    assert "reported for trial 3 was lucky" in " ".join(ranking.answer)
    assert "The configuration with the highest reported score" in " ".join(sum(ranking.findings.values(), ()))
    assert "none in this study" in ranking.methods[0]
    assert "2 configurations found elsewhere" in ranking.methods[1]
    again = rank_study(declared, out=tmp_path)
    assert again.to_frame().equals(ranking.to_frame())
    assert evaluate_study(declared, out=tmp_path, workers=0).candidates == ranking.found.candidates


@pytest.mark.parametrize(
    ("changes", "piece"),
    [
        ({"tuning": None}, "tuning.n_trials = 0: makes no trial, like a study without the table [tuning]"),
        (
            {"tuning": None, "post_evaluation.configurations": [{"name": "a"}]},
            "nothing searches learning_rate",
        ),
        ({"post_evaluation.configurations": [{"name": "trial 2"}]}, "a trial of this study's own search"),
        (
            {"post_evaluation.configurations": [{"name": "a", "hyperparameters": {"gama": 1}}]},
            "post_evaluation.configurations['a'].hyperparameters.gama",
        ),
    ],
)
def test_a_study_must_have_something_to_evaluate_and_know_what(changes: dict[str, Any], piece: str) -> None:
    with pytest.raises(SpecError) as raised:
        StudySpec.from_dict(document(changes))
    assert piece in str(raised.value)
