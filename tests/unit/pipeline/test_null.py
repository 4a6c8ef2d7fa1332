from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from robusttune.cli import app
from robusttune.declaration.allocation import AllocationSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import post_evaluation_runs
from robusttune.errors import SpecError
from robusttune.pipeline.null import NullResult, null_study
from robusttune.post_evaluation.allocate import Question, question_of
from robusttune.post_evaluation.copies import copies_of, false_winner_rates
from tests.support.cases import cases
from tests.support.studies import drawn, make_study


def study(**changes: Any) -> StudySpec:
    return make_study(
        {
            **drawn("synthetic", {"mean": 50.0, "sd": 10.0}),
            "post_evaluation": {"top_k": 4, "n_seeds": 5, **changes},
        }
    )


def test_copies_are_one_configuration_on_separate_seeds() -> None:
    name, copies = copies_of(study())
    assert name == "default"
    planned = post_evaluation_runs(study(), {c.config_id: c.hyperparameters for c in copies})
    runs = [run for own in planned.values() for run in own]
    assert len({run.config_id for run in runs}) == 1
    assert len({run.seed for run in runs}) == len({run.run_id for run in runs}) == 4 * 5


def test_the_first_control_is_copied_where_there_is_one() -> None:
    controls = [{"name": "published", "hyperparameters": {"gamma": 0.97}}]
    name, copies = copies_of(study(controls=controls))
    assert (name, copies[0].hyperparameters) == ("published", {"gamma": 0.97})
    assert [copy.name for copy in copies] == ["copy 1", "copy 2", "copy 3", "copy 4"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"top_k": 1}, "post_evaluation.top_k = 1: as many copies are compared, at least 2"),
        ({"seeds": "common"}, "copies of one configuration on the same seeds are the same runs"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_runs(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        copies_of(study(**changes))


@pytest.mark.parametrize(
    "rule", cases(["fixed", "elimination", "ocba", "top-two", "halving"], fast=["fixed", "elimination"])
)
def test_no_more_equal_copies_are_left_out_than_promised(rule: str) -> None:
    question = Question(allocation=AllocationSpec(rule=rule), budget=20, n_resamples=300)
    pool = np.random.default_rng(0).standard_normal(2000)
    rates = false_winner_rates(pool, 4, question, n_seeds=5, n_studies=100, rng=np.random.default_rng(1))
    assert rates.winner <= 0.08
    assert rates.dropped <= 0.08


def test_the_best_of_equal_copies_leads_as_the_largest_of_four_normal_means_does() -> None:
    question = Question(allocation=AllocationSpec(), budget=20, n_resamples=100)
    pool = np.random.default_rng(0).standard_normal(2000)
    rates = false_winner_rates(pool, 4, question, n_seeds=5, n_studies=100, rng=np.random.default_rng(1))
    assert rates.lead == pytest.approx(1.0294 / np.sqrt(5), abs=0.1)  # E max of four standard normals: 1.0294


def test_a_level_that_promises_little_is_seen_to_name_false_winners() -> None:
    question = Question(allocation=AllocationSpec(), budget=20, level=0.3, n_resamples=300)
    pool = np.random.default_rng(0).standard_normal(2000)
    rates = false_winner_rates(pool, 4, question, n_seeds=5, n_studies=100, rng=np.random.default_rng(1))
    assert rates.excluded > 0.5


@pytest.mark.parametrize("rule", cases(["fixed", "elimination"], fast=["elimination"]))
def test_a_null_study_is_taken_up_and_repeats_itself(rule: str, tmp_path: Path) -> None:
    declared = study(allocation={"rule": rule})
    first: NullResult = null_study(declared, out=tmp_path, n_studies=20)
    again = null_study(declared, out=tmp_path, n_studies=20)
    assert first == again
    assert sorted(first.names) == ["copy 1", "copy 2", "copy 3", "copy 4"]
    assert list(first.means) == sorted(first.means, reverse=True)
    assert all(abs(mean - 50.0) < 25.0 for mean in first.means)
    assert question_of(declared, 4).allocation.rule == rule


def test_the_command_says_it_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "aa"\nsynthetic.sd = 10.0\ntuning.n_trials = 2\npost_evaluation = {top_k = 3, n_seeds = 4}\n'
    )
    found = CliRunner().invoke(app, ["run", str(path), "--null", "--out", str(tmp_path), "-j", "0"])
    assert found.exit_code == 0, found.output
    assert "3 copies of one configuration (default) were evaluated on " in found.output
    assert "these settings named a single winner in" in found.output
