"""Advice for the next search: its evidence in numbers, and lines that can be pasted."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path

import pytest

from robusttune.declaration.toml import load_study
from robusttune.post_evaluation.changed_range import Part
from robusttune.post_evaluation.search_advice import Importance, RangeAdvice, SearchAdvice
from robusttune.report.model import Ranking
from robusttune.report.prose.next_search import HEADING
from robusttune.report.write import to_json, to_markdown
from robusttune.stats import mean_interval
from robusttune.stats.luck.curves import late_rise
from tests.support.rankings import ranked

PARTS = (
    Part(kind="widen", side="low", until=2e-5, n_trials=12, n_best=7, p_value=0.001),
    Part(kind="narrow", side="high", until=0.004, n_trials=9, n_best=0, p_value=0.01),
)
LINE = 'learning_rate = { type = "float", low = 1e-07, high = 0.004, scale = "log" }'
RANGE = RangeAdvice(name="learning_rate", parts=PARTS, line=LINE, n_trials=40, n_best=8)
IMPORTANCE = {
    "learning_rate": Importance(share=0.9, p_value=0.001),
    "gamma": Importance(share=0.1, p_value=0.8),
}

STUDY = """
name = "s"
environment.id = "CartPole-v1"
algorithm = { name = "ppo", total_timesteps = 64 }
[post_evaluation]
"""


@pytest.fixture(scope="module")
def advised() -> Ranking:
    found = ranked({"trial 1": [5.0, 6.0, 7.0], "default": [1.0, 2.0, 3.0]}, controls={"default": None})
    rise = mean_interval([2.0, 3.0, 4.0], level=0.95)
    advice = SearchAdvice(ranges=(RANGE,), importance=IMPORTANCE)
    return dataclasses.replace(found, advice=advice, late_rise=rise)


def test_each_advice_has_its_evidence_and_comes_in_every_form(advised: Ranking) -> None:
    longer, widen, importance = advised.findings[HEADING]
    assert longer.startswith(
        "trial 1 was still rising: by 3.0 [0.5, 5.5] over the second half of its training, in 3 runs"
    )
    assert widen == (
        "learning_rate: 7 of the best 8 trials lie in the lowest tenth of its range, below 2e-05, and 12 of all 40: "
        "widen it; none of the best 8 trials is among those that lie above 0.004, 9 of all 40: leave them out. In "
        f"[search_space.parameters]: `{LINE}`"
    )
    assert importance.endswith("learning_rate 0.90; gamma is not shown to matter.")
    assert widen in to_markdown(advised)
    found = json.loads(to_json(advised))["advice"]
    assert found["ranges"][0]["line"] == LINE
    assert (found["late_rise"]["estimate"], found["importance"]["gamma"]["share"]) == (3.0, 0.1)


def test_the_lines_for_longer_training_can_be_pasted(advised: Ranking, tmp_path: Path) -> None:
    timesteps, _ = (tomllib.loads(one) for one in advised.findings[HEADING][0].split("`")[1::2])
    assert timesteps == {"total_timesteps": 128}
    file = tmp_path / "s.toml"
    file.write_text(STUDY + advised.findings[HEADING][0].split("`")[3], encoding="utf-8")
    (control,) = load_study(file).post_evaluation.controls
    assert (control.name, control.hyperparameters) == ("default, twice as long", {"total_timesteps": 128})


def test_a_rise_that_is_small_beside_the_noise_is_not_told(advised: Ranking) -> None:
    small = dataclasses.replace(advised, late_rise=mean_interval([0.2, 0.3, 0.4], level=0.95))
    assert not any("rising" in one for one in small.findings[HEADING])


def test_a_control_that_trained_longer_answers_instead() -> None:
    twice = {"name": "twice", "hyperparameters": {"total_timesteps": 128}}
    found = ranked(
        {"trial 1": [5.0, 6.0, 7.0], "default": [1.0, 2.0, 3.0], "twice": [8.0, 9.0, 10.0]},
        controls={"default": None, "twice": None},
        changes={"post_evaluation.controls": [twice]},
    )
    rows = tuple(
        dataclasses.replace(row, candidate=dataclasses.replace(row.candidate, hyperparameters=own))
        for row, own in zip(found.rows, ({"total_timesteps": 128}, {"gamma": 0.9}, {}), strict=True)
    )
    told = dataclasses.replace(found, rows=rows, late_rise=mean_interval([20.0, 30.0, 40.0], level=0.95))
    (sentence,) = told.findings[HEADING]
    assert sentence.startswith("With 128 timesteps in place of 64, default scores 7.0 [")


def test_only_evaluations_that_chose_nobody_make_a_rise() -> None:
    timesteps, scores = (10, 20, 30, 40, 50, 60, 70, 80), (0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 99.0)
    rise = late_rise([(timesteps, scores)] * 3, level=0.95)
    assert rise is not None
    assert rise.estimate == pytest.approx(4.0)  # 1 per eighth of the training
    assert late_rise([(timesteps, scores)] * 2, level=0.95) is None
    assert late_rise([(timesteps[:5], scores[:5])] * 3, left_out=3, level=0.95) is None
