"""A stored run is trained again as it was; what differs is found and explained."""

from __future__ import annotations

import csv
import dataclasses
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

import robusttune as rt
from robusttune.cli import app
from robusttune.declaration.study import StudySpec
from robusttune.pipeline.reproduce import Reproduction
from robusttune.results.provenance import differences
from robusttune.results.records import CurvePoint, RunStatus
from tests.support.studies import drawn, make_study

OWN_FUNCTION = """
import os

def train(config, seed, report):
    for step in (1, 2, 3):
        report(step, float(step))
    return float(os.getpid()) if config.get("x", 0) > 2 else seed % 7 + {offset}
"""
STUDY = """
name = "own"
function = {{ entry_point = "own_code:train", hyperparameters = {{ x = {x} }} }}
tuning.n_trials = 0
evaluation.every = 1
post_evaluation = {{ n_seeds = 2, configurations = [{{ name = "mine", hyperparameters = {{ x = {x} }} }}] }}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudySpec, Path]:
    study = make_study(
        {
            **drawn("synthetic", {"sd": 10.0}),
            "tuning.incumbent_seeds": 3,
            "post_evaluation.confirm": 2,
        }
    )
    out = tmp_path_factory.mktemp("out")
    rt.run_study(study, out=out, workers=0)
    return study, out


def records(finished: tuple[StudySpec, Path]) -> list[dict[str, str]]:
    study, out = finished
    with (out / study.name / "runs.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def found(finished: tuple[StudySpec, Path]) -> Reproduction:
    study, out = finished
    return rt.reproduce_study(study, out=out)


def test_the_list_of_runs_has_every_run_once_with_the_score_that_is_stored(
    finished: tuple[StudySpec, Path],
) -> None:
    study, out = finished
    ranking = rt.rank_study(study, out=out)
    listed = records(finished)
    assert len({one["run_id"] for one in listed}) == len(listed)
    of_trials = [one["run_id"] for one in listed if one["purpose"] == "tuning"]
    assert of_trials == [run_id for trial in ranking.trials for run_id in trial.run_ids]
    scores = {one["run_id"]: float(one["score"]) for one in listed if one["purpose"] == "post-evaluation"}
    assert scores == {key: result.score for key, result in ranking.found.rounds.results.items()}
    confirmed = [float(one["score"]) for one in listed if one["purpose"] == "confirmation"]
    assert [tuple(confirmed)] == list(ranking.found.confirmation.values())


@pytest.mark.parametrize("purpose", ["tuning", "post-evaluation", "confirmation"])
def test_every_kind_of_run_is_reproduced_by_its_id_and_by_name_and_seed(
    finished: tuple[StudySpec, Path], purpose: str
) -> None:
    study, out = finished
    one = next(record for record in records(finished) if record["purpose"] == purpose)
    for again in (
        rt.reproduce_study(study, one["run_id"][:12], out=out),
        rt.reproduce_study(study, configuration=one["configuration"], seed=int(one["seed"]), out=out),
    ):
        assert again.is_equal
        assert (again.configuration, again.spec.run_id) == (one["configuration"], one["run_id"])
        assert again.stored.score == again.again.score == float(one["score"])


def test_without_a_name_the_best_seed_of_the_recommended_configuration_is_meant(
    finished: tuple[StudySpec, Path], found: Reproduction
) -> None:
    own = [
        one
        for one in records(finished)
        if one["purpose"] == "post-evaluation" and one["configuration"] == found.configuration
    ]
    assert found.stored.score == max(float(one["score"]) for one in own)
    (sentence,) = found.sentences()
    assert "equal to the bit" in sentence


def changed(found: Reproduction, *means: float, status: RunStatus = RunStatus.COMPLETED) -> Reproduction:
    """Return the reproduction as if the stored run had had these evaluations."""
    curve = tuple(
        CurvePoint(index=i, timesteps=10 * (i + 1), n_updates=i, mean_return=mean)
        for i, mean in enumerate(means)
    )
    returns = (1.0,) if status is RunStatus.COMPLETED else ()
    stored = dataclasses.replace(found.stored, curve=curve, status=status, episode_returns=returns)
    again = dataclasses.replace(
        stored,
        status=RunStatus.COMPLETED,
        episode_returns=(1.0,),
        curve=(
            dataclasses.replace(curve[0], mean_return=1.0),
            CurvePoint(index=1, timesteps=20, n_updates=1, mean_return=2.0),
        ),
    )
    return dataclasses.replace(found, stored=stored, again=again)


def test_the_first_evaluation_that_differs_is_named_with_all_its_digits(found: Reproduction) -> None:
    assert changed(found, 1.0, 2.0).is_equal
    text = " ".join(changed(found, 1.0, math.nextafter(2.0, 3.0)).sentences())
    assert "NOT equal" in text
    assert "Evaluation 2 (after 20 timesteps)" in text
    assert "2.0000000000000004 then, 2.0 now" in text
    assert "draws numbers that the seed does not set" in text


def test_of_a_pruned_run_only_what_it_reached_is_compared(found: Reproduction) -> None:
    assert changed(found, 1.0, status=RunStatus.PRUNED).is_equal
    assert not changed(found, 1.5, status=RunStatus.PRUNED).is_equal
    assert not changed(found, 1.0, status=RunStatus.DIVERGED).is_equal


def test_what_has_changed_since_is_named_and_nothing_else() -> None:
    before = {"cpu": "a", "packages": {"torch": "2.1", "numpy": "2.0"}, "torch_threads": 1, "host": None}
    after = {"cpu": "a", "packages": {"torch": "2.2", "numpy": "2.0"}, "torch_threads": 4, "host": "h"}
    assert differences(before, before) == ()
    assert differences(before, after) == (
        "torch 2.1 then, 2.2 now",
        "torch threads 1 then, 4 now",
        "host unknown then, h now",
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"run": "zzz"}, "run = 'zzz' is no stored run of the study small"),
        ({"run": ""}, "Give one of these ids"),
        ({"run": "a", "seed": 3}, "by its id, or by `configuration` and `seed`"),
        ({"configuration": "trial 0", "seed": 3}, "configuration = 'trial 0', seed = 3 is no stored run"),
    ],
)
def test_a_run_that_is_not_there_is_refused(
    finished: tuple[StudySpec, Path], arguments: dict[str, object], expected: str
) -> None:
    study, out = finished
    with pytest.raises(rt.SpecError, match=expected):
        rt.reproduce_study(study, out=out, **arguments)  # type: ignore[arg-type]


@pytest.mark.thorough
@pytest.mark.parametrize(("x", "exit_code"), [(1.0, 0), (3.0, 1)])
def test_the_command_says_whether_a_function_of_one_s_own_repeats_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, x: float, exit_code: int
) -> None:
    (tmp_path / "own_code.py").write_text(OWN_FUNCTION.format(offset=0))
    (tmp_path / "study.toml").write_text(STUDY.format(x=x))
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    assert runner.invoke(app, ["run", "study.toml", "-j", "1"], catch_exceptions=False).exit_code == 0
    result = runner.invoke(app, ["reproduce", "study.toml", "--seed", "worst"], catch_exceptions=False)
    assert result.exit_code == exit_code
    assert ("equal to the bit" in result.output) == (exit_code == 0)
    if exit_code == 1:
        assert (
            "All evaluations are equal, the end is not" in result.output or "first to differ" in result.output
        )
        assert "Versions, processor and threads are those of then" in result.output
