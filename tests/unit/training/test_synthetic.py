from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robusttune.declaration.ids import config_id
from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import configuration, post_evaluation_runs, tuning_runs
from robusttune.declaration.toml import load_study
from robusttune.declaration.training.synthetic import Effect, SyntheticTraining, truth_of
from robusttune.errors import SpecError
from robusttune.pipeline import check_study, evaluate_study, rank_study, tune_study
from robusttune.results.records import RunStatus, TrialState
from robusttune.training import train
from tests.support.cases import cases
from tests.support.studies import drawn, make_study

TRUTH: dict[str, Any] = {
    "mean": 100.0,
    "sd": 10.0,
    "effects": {
        "learning_rate": {"best": 1e-3, "drop": 20.0, "scale": "log", "absent": -30.0},
        "activation_fn": {"means": {"tanh": 0.0, "relu": 5.0}, "sd_factors": {"relu": 2.0}},
    },
}


def study(changes: dict[str, Any] | None = None, **truth: Any) -> StudySpec:
    return make_study(
        {
            "name": "known",
            **drawn("synthetic", {**TRUTH, **truth, "hyperparameters": {"n_epochs": 1}}),
            **(changes or {}),
        }
    )


def runs(n: int, declared: StudySpec, **hyperparameters: Any) -> tuple[RunSpec, ...]:
    key = config_id(hyperparameters)
    return post_evaluation_runs(declared, {key: hyperparameters}, n_seeds={key: n})[key]


def scores(n: int, declared: StudySpec, **hyperparameters: Any) -> np.ndarray:
    found = [result.score for result in train(runs(n, declared, **hyperparameters))]
    return np.array([math.nan if score is None else score for score in found])


# --- the truth -------------------------------------------------------------------------------------------------------


def test_the_truth_of_a_configuration_is_what_was_declared() -> None:
    synthetic = SyntheticTraining(
        mean=100.0,
        sd=10.0,
        effects={name: Effect(**effect) for name, effect in TRUTH["effects"].items()},
        p_failing=0.25,
        failing_mean=-100.0,
    )
    found = truth_of(synthetic, {"learning_rate": 1e-5, "activation_fn": "relu"})
    assert found.learning_mean == pytest.approx(100.0 - 20.0 * 2**2 + 5.0)
    assert found.sd == 20.0
    assert found.mean == pytest.approx(0.75 * 25.0 + 0.25 * -100.0)
    assert truth_of(synthetic, {}).learning_mean == pytest.approx(70.0)


def test_runs_scatter_around_the_truth_with_its_spread() -> None:
    found = scores(1000, study(), learning_rate=1e-2, activation_fn="relu")
    assert found.mean() == pytest.approx(85.0, abs=4 * 20 / math.sqrt(1000))
    assert found.std(ddof=1) == pytest.approx(20.0, rel=0.1)


@pytest.mark.parametrize("skewness", cases([-1.5, 0.0, 1.0], fast=[-1.5]))
def test_the_noise_has_the_declared_skewness(skewness: float) -> None:
    x = scores(1000, study(skewness=skewness), learning_rate=1e-3)
    z = (x - x.mean()) / x.std()
    assert (z**3).mean() == pytest.approx(skewness, abs=0.5)
    assert x.std() == pytest.approx(10.0, rel=0.15)


def test_failing_seeds_have_the_declared_mean_and_probability() -> None:
    x = scores(1000, study(p_failing=0.2, failing_mean=-1000.0), learning_rate=1e-3)
    assert (x < -500).mean() == pytest.approx(0.2, abs=0.05)
    assert x[x < -500].mean() == pytest.approx(-1000.0, abs=5.0)


def test_diverged_runs_are_diverged_and_have_no_score() -> None:
    results = train(runs(400, study({"evaluation.every": 16}, p_diverged=0.3), learning_rate=1e-3))
    diverged = [result for result in results if result.status is RunStatus.DIVERGED]
    assert len(diverged) / 400 == pytest.approx(0.3, abs=0.1)
    assert all(result.error and not math.isfinite(result.curve[-1].mean_return) for result in diverged)
    assert {len(result.curve) for result in diverged} == {1, 2, 3, 4}


def test_configurations_do_not_share_their_noise_even_on_common_seeds() -> None:
    declared = study({"post_evaluation.seeds": "common"})
    one, other = (scores(1000, declared, learning_rate=rate) for rate in (1e-3, 2e-3))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.13


def test_episodes_scatter_within_a_run() -> None:
    declared = study({"evaluation.n_episodes": 50}, episode_sd=3.0)
    within = [np.std(result.episode_returns, ddof=1) for result in train(runs(50, declared))]
    assert np.mean(within) == pytest.approx(3.0, rel=0.1)


def test_learning_curves_start_low_and_end_at_the_score() -> None:
    declared = study({"evaluation.every": 16}, start=-500.0, half_life=0.25, sd=0.0)
    (result,) = train(runs(1, declared, learning_rate=1e-3))
    assert [point.timesteps for point in result.curve] == [16, 32, 48, 64]
    # after one half-life, half of the way that an endless training would take
    way = (1 - 0.5 ** np.arange(1, 5)) / (1 - 0.5**4)
    assert [point.mean_return for point in result.curve] == pytest.approx(list(-500.0 + 600.0 * way))
    assert result.score == result.curve[-1].mean_return == pytest.approx(100.0)


# --- as a trainer ----------------------------------------------------------------------------------------------------


def test_a_run_repeats_itself_and_does_not_depend_on_its_group() -> None:
    specs = runs(6, study(episode_sd=1.0), learning_rate=1e-3)
    together, alone = train(specs), [train([spec])[0] for spec in specs]
    assert together == alone
    assert [result.run_id for result in together] == [spec.run_id for spec in specs]
    assert len({result.score for result in together}) == 6


class StopAt:
    def __init__(self, index: int) -> None:
        self.index, self.seen = index, list[tuple[int, int]]()

    def __call__(self, index: int, mean_returns: Sequence[float]) -> bool:
        self.seen.append((index, len(mean_returns)))
        return index == self.index


def test_a_stop_rule_is_asked_at_each_evaluation_but_the_last() -> None:
    specs = runs(3, study({"evaluation.every": 16}), learning_rate=1e-3)
    never, second = StopAt(9), StopAt(1)
    assert [r.status for r in train(specs, never)] == [RunStatus.COMPLETED] * 3
    assert never.seen == [(0, 3), (1, 3), (2, 3)]
    stopped = train(specs, second)
    assert [(r.status, len(r.curve), r.score) for r in stopped] == [(RunStatus.PRUNED, 2, None)] * 3


def test_the_truth_is_part_of_a_run_s_identity() -> None:
    one, other = (tuning_runs(study(sd=sd), {}, 0)[0] for sd in (1.0, 2.0))
    assert one.run_id != other.run_id


@pytest.mark.parametrize("pruner", cases(["none", "median"], fast=["median"]))
def test_a_whole_study_runs_without_training_and_finds_the_truth(tmp_path: Path, pruner: str) -> None:
    declared = study(
        {
            "tuning": {"n_trials": 15, "sampler": "random", "pruner": pruner, "seeds_per_trial": 2},
            "evaluation": {"every": 16, "n_episodes": 3},
            "post_evaluation.allocation": {"rule": "elimination", "stages": [3, 5]},
        },
        start=0.0,
        sd=1.0,
    )
    trials = tune_study(declared, out=tmp_path)
    assert len(trials) == 15
    assert any(trial.state is TrialState.PRUNED for trial in trials) == (pruner == "median")
    evaluate_study(declared, out=tmp_path)
    ranking = rank_study(declared, out=tmp_path)
    for row in ranking.rows:
        truth = truth_of(SyntheticTraining(**_parsed()), row.candidate.hyperparameters).learning_mean
        assert row.analysis.mean.estimate == pytest.approx(truth, abs=4.0)
    assert "drawn, not trained" in ranking.study.training.snippet({})


def _parsed() -> dict[str, Any]:
    return {**TRUTH, "effects": {name: Effect(**effect) for name, effect in TRUTH["effects"].items()}}


# --- what may be declared --------------------------------------------------------------------------------------------


def write(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text('name = "short"\ntuning.n_trials = 2\n' + text)
    return path


def test_a_study_file_may_declare_a_truth_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path, "synthetic.sd = 2.0\nsynthetic.total_timesteps = 64\n")
    declared = load_study(path)
    assert declared.training == SyntheticTraining(sd=2.0, total_timesteps=64)
    assert check_study(declared).study.trainer.name == "synthetic"
    assert load_study(path, overrides=["synthetic.sd=3.0"]).training == SyntheticTraining(
        sd=3.0, total_timesteps=64
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'synthetic.sd = 1.0\nenvironment.id = "CartPole-v1"\n',
            r"a study trains one thing, but \[environment\] declares another",
        ),
        ("environment = 3\nsynthetic.sd = 1.0\n", "a study trains one thing"),
        ("synthetic = 3\n", "synthetic = 3: must be a table"),
        (
            'synthetic.sd = 1.0\nexecution.trainer = "sb3"\n',
            "execution.trainer = 'sb3': A declared truth is trained by one of auto, synthetic",
        ),
        ("synthetic.sdd = 1.0\n", r"synthetic.sdd: unknown key \(did you mean 'sd'\?\)"),
        ("synthetic.sd = -1.0\n", "synthetic.sd = -1.0: input should be greater than or equal to 0"),
        ("synthetic.p_failing = 1.5\n", "synthetic.p_failing = 1.5"),
        ("synthetic.effects.gamma = {}\n", "synthetic.effects.gamma: one of best and means is needed"),
        (
            "synthetic.effects.gama.best = 0.9\nsynthetic.hyperparameters.gamma = 0.9\n",
            r"effects.gama: no configuration of the study names 'gama' \(did you mean 'gamma'\?\)",
        ),
        (
            'synthetic.effects.gamma = {best = 0.0, scale = "log"}\n',
            "best = 0.0: must be positive on the log scale",
        ),
        (
            "synthetic.effects.activation_fn.best = 1.0\nsearch_space.parameters.activation_fn = "
            '{type = "categorical", choices = ["tanh", "relu"]}\n',
            "activation_fn = 'tanh' is no number. Give `means`",
        ),
        (
            "synthetic.effects.activation_fn.means = {tanh = 0.0}\nsearch_space.parameters.activation_fn = "
            '{type = "categorical", choices = ["tanh", "relu"]}\n',
            "activation_fn.means: has no entry for relu, only for tanh",
        ),
        (
            'synthetic.effects.ent_coef = {best = 0.1, scale = "log"}\nsearch_space.parameters.ent_coef = '
            '{type = "float", low = 0.0, high = 0.1}\n',
            "ent_coef = 0.0 must be positive",
        ),
    ],
)
def test_what_cannot_be_a_truth_is_an_error_that_names_the_place(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        load_study(write(tmp_path, text))


def test_a_value_that_slipped_through_fails_its_run_and_says_why() -> None:
    declared = study()
    spec = dataclasses.replace(runs(1, declared)[0], hyperparameters={"activation_fn": "elu"})
    (result,) = train([spec])
    assert result.status is RunStatus.FAILED
    assert "has no entry for elu" in str(result.error)
    assert configuration(declared, {"gamma": 0.9}) == {"n_epochs": 1, "gamma": 0.9}
