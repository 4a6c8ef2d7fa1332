"""Budgets: what whole rollouts make of the timesteps asked for, and training that stops exactly there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.environment import EnvironmentSpec, Normalization
from robusttune.declaration.training.sb3 import AlgorithmSpec, Sb3Training
from robusttune.errors import SpecError
from robusttune.pipeline import run_study
from robusttune.pipeline.settle import settle
from robusttune.report.columns import shown_columns
from robusttune.report.prose.next_search import HEADING
from robusttune.results.records import RunResult, RunStatus
from robusttune.seeds import Stage, evaluation_seed, run_seed
from robusttune.training import train
from tests.support.cases import cases
from tests.support.studies import make_study

SB3, LOCKSTEP = Sb3Training.TRAINERS
OFF_POLICY: dict[str, Any] = {
    **{"train_freq": 8, "learning_starts": 10, "batch_size": 8, "buffer_size": 200, "net_arch": [8]},
    "gradient_steps": -1,
}
# 100 timesteps in two environments: the last rollout is shortened from 16 steps to 2, or from 8 to 2.
HYPERPARAMETERS: dict[str, dict[str, Any]] = {
    "ppo": {"n_steps": 16, "batch_size": 16, "n_epochs": 2, "net_arch": [8], "learning_rate": "lin_1e-3"},
    "a2c": {"n_steps": 16, "net_arch": [8], "normalize_advantage": True},
    "sac": OFF_POLICY,
    "td3": OFF_POLICY,
    "ddpg": OFF_POLICY,
    "dqn": OFF_POLICY,
}


def a_run(
    algorithm: str, *, total: int = 100, exact: bool = True, n_envs: int = 2, **hyperparameters: Any
) -> RunSpec:
    seed = run_seed(0, Stage.POST_EVALUATION, 0)
    environment = "CartPole-v1" if algorithm in ("dqn", "a2c") else "Pendulum-v1"
    normalization = Normalization() if algorithm == "ppo" else None
    return RunSpec(
        training=Sb3Training(
            environment=EnvironmentSpec(id=environment, n_envs=n_envs, normalization=normalization),
            algorithm=AlgorithmSpec(name=algorithm, total_timesteps=total, exact_timesteps=exact),
        ),
        hyperparameters={**HYPERPARAMETERS[algorithm], **hyperparameters},
        evaluation=EvaluationSpec(n_episodes=2, n_envs=2),
        seed=seed,
        evaluation_seed=evaluation_seed(seed),
    )


def completed(spec: RunSpec, trainer: Any = SB3) -> RunResult:
    (result,) = train([spec], trainer=trainer)
    assert result.status is RunStatus.COMPLETED, result.error
    return result


@pytest.mark.parametrize("algorithm", cases(HYPERPARAMETERS, fast=["ppo", "a2c", "dqn"]))
def test_both_trainers_stop_at_the_same_number_and_do_the_same(algorithm: str) -> None:
    spec = a_run(algorithm)
    ours, theirs = completed(spec, LOCKSTEP), completed(spec)
    assert ours.timesteps == theirs.timesteps == 100
    assert ours.n_updates == theirs.n_updates
    np.testing.assert_allclose(ours.episode_returns, theirs.episode_returns, rtol=2e-3)
    assert completed(a_run(algorithm, exact=False)).timesteps > 100


@pytest.mark.parametrize("algorithm", ["ppo", "a2c"])
def test_the_update_after_a_shortened_rollout_uses_it(algorithm: str) -> None:
    # The second rollout has one step in one environment, whose advantage has no deviation to be divided by.
    spec = a_run(algorithm, total=17, n_envs=1, learning_rate=0.1)
    ours, theirs = completed(spec, LOCKSTEP), completed(spec)
    assert ours.timesteps == theirs.timesteps == 17
    assert ours.n_updates == theirs.n_updates == 2 * completed(a_run(algorithm, total=16, n_envs=1)).n_updates
    np.testing.assert_allclose(ours.episode_returns, theirs.episode_returns, rtol=2e-3)


def test_a_budget_that_whole_rollouts_reach_is_trained_in_the_same_way_either_way() -> None:
    exact, plain = (completed(a_run("ppo", total=64, exact=exact)) for exact in (True, False))
    assert exact.episode_returns == plain.episode_returns


def test_only_a_study_that_asks_for_exact_budgets_has_other_ids() -> None:
    written = make_study({"algorithm.exact_timesteps": False})
    exact = make_study({"algorithm.exact_timesteps": True})
    left_out = make_study()
    assert written.tuning_id == left_out.tuning_id != exact.tuning_id
    run, other = a_run("ppo", exact=False), a_run("ppo", exact=True)
    assert run.run_id != other.run_id
    assert "exact_timesteps" not in str(run.training.identity({"algorithm": {"exact_timesteps": False}}))


@pytest.mark.parametrize(
    ("changes", "budgets"),
    [
        ({}, (64, 64)),
        ({"post_evaluation.default_control": True}, (64, 2048)),
        ({"algorithm.total_timesteps": 50}, (56, 64)),
        ({"algorithm.total_timesteps": 50, "algorithm.exact_timesteps": True}, (50, 50)),
        ({"algorithm.total_timesteps": 50, "environment.n_envs": 2}, (64, 64)),
        ({"search_space": None, "algorithm.hyperparameters": {}}, (2048, 2048)),
        ({"search_space": None, "algorithm.hyperparameters": {"n_steps": 40}}, (80, 80)),
        (
            {"post_evaluation.controls": [{"name": "long", "hyperparameters": {"n_steps": 100}}]},
            (64, 100),
        ),
        (
            {
                "algorithm.name": "dqn",
                "search_space": None,
                "algorithm.hyperparameters": {"train_freq": [7, "step"]},
            },
            (70, 70),
        ),
        (
            {
                "algorithm.name": "dqn",
                "search_space": None,
                "algorithm.hyperparameters": {"train_freq": [7, "episode"]},
            },
            (64, 64),
        ),
    ],
)
def test_a_study_counts_what_whole_rollouts_train(changes: dict[str, Any], budgets: tuple[int, int]) -> None:
    changes = {"post_evaluation.default_control": False, **changes}
    workload = settle(make_study(changes)).workload
    assert workload.budgets == budgets
    n_runs = (workload.n_tuning_runs or 0) + workload.n_post_evaluation_runs + workload.n_confirmation_runs
    assert workload.n_timesteps == n_runs * budgets[1]


@pytest.mark.parametrize(
    ("changes", "piece"),
    [
        ({"environment.n_envs": 3}, "Write 66"),
        (
            {
                "algorithm.name": "dqn",
                "search_space": None,
                "algorithm.hyperparameters": {"train_freq": [1, "episode"]},
            },
            "Count in steps",
        ),
    ],
)
def test_what_cannot_end_exactly_is_refused(changes: dict[str, Any], piece: str) -> None:
    with pytest.raises(SpecError, match=piece):
        make_study({"algorithm.exact_timesteps": True, **changes})


@pytest.mark.thorough
def test_the_report_shows_what_each_configuration_trained_and_warns_where_budgets_differ(
    tmp_path: Path,
) -> None:
    long = {"name": "long", "hyperparameters": {"n_steps": 100}}
    changes = {
        **{"search_space.parameters": {"gamma": {"type": "float", "low": 0.9, "high": 0.99}}},
        **{"algorithm.hyperparameters": {"n_steps": 32, "n_epochs": 1, "batch_size": 16}},
        **{"tuning.n_trials": 1, "post_evaluation.top_k": 1, "post_evaluation.n_seeds": 2},
        **{"post_evaluation.default_control": False, "post_evaluation.controls": [long]},
    }
    ranking = run_study(make_study(changes), out=tmp_path, workers=0)
    assert {row.name: row.runs.timesteps for row in ranking.rows} == {"trial 0": 64, "long": 100}
    assert dict(zip(*ranking.to_frame()[["configuration", "timesteps"]].to_numpy().T, strict=True)) == {
        "trial 0": 64,
        "long": 100,
    }
    assert "timesteps" in [column.heading for column in shown_columns(ranking.rows)]
    (warning,) = [text for text in ranking.findings["Before using these numbers"] if "Budgets" in text]
    assert warning.startswith("Budgets differ: long trained 100 timesteps and trial 0 64, of 64 asked for")
    equal = run_study(
        make_study({**changes, "algorithm.exact_timesteps": True, "name": "exact"}), out=tmp_path, workers=0
    )
    assert [row.runs.timesteps for row in equal.rows] == [64, 64]
    assert not any("Budgets" in text for text in equal.findings["Before using these numbers"])
    assert "timesteps" not in [column.heading for column in shown_columns(equal.rows)]


@pytest.mark.thorough
@pytest.mark.parametrize("trainer", ["sb3", "lockstep"])
def test_a_control_of_twice_the_length_trains_it_and_is_no_unequal_budget(
    trainer: str, tmp_path: Path
) -> None:
    changes = {
        **{"search_space": None, "tuning": None, "algorithm.name": "a2c", "algorithm.hyperparameters": {}},
        **{"algorithm.total_timesteps": 100, "execution.trainer": trainer, "post_evaluation.n_seeds": 3},
        "post_evaluation.controls": [{"name": "twice", "hyperparameters": {"total_timesteps": 200}}],
    }
    study = make_study(changes)
    assert settle(study).workload.n_timesteps == 3 * (100 + 200)
    ranking = run_study(study, out=tmp_path, workers=0)
    assert {row.name: row.runs.timesteps for row in ranking.rows} == {"default": 100, "twice": 200}
    assert not any("Budgets" in text for text in ranking.findings.get("Before using these numbers", ()))
    assert any(
        "With 200 timesteps in place of 100, default scores" in text for text in ranking.findings[HEADING]
    )
