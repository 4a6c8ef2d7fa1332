"""SB3 Contrib, SBX, classes by import path and replay buffers for goals: what differs from Stable-Baselines3's six."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from stable_baselines3.common.env_util import make_vec_env

from robusttune.declaration.algorithms import ALGORITHMS, algorithm_of
from robusttune.declaration.presets import preset
from robusttune.declaration.space import Categorical, Float, Int
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import configuration, tuning_runs
from robusttune.declaration.toml import load_study
from robusttune.errors import SpecError
from robusttune.pipeline.settle import settle
from robusttune.results.records import RunResult, RunStatus
from robusttune.training import rehearse, train
from robusttune.training.evaluation import evaluate_model, n_evaluation_environments, vectorised
from robusttune.training.hyperparameters import HyperparameterMismatchError, verify
from robusttune.training.models import build_model
from tests.support.studies import document

HERE = "tests.support.goals_and_masks"
MASKER = {"entry_point": "sb3_contrib.common.wrappers:ActionMasker", "kwargs": {"action_mask_fn": "legal"}}
GOALS = {"environment": {"id": "Flips-v0", "imports": [HERE], "kwargs": {"n_bits": 4}}}
SMALL = {
    "learning_starts": 8,
    "buffer_size": 100,
    "net_arch": [8],
    "replay_buffer": "her",
    "n_sampled_goal": 2,
}


def study(name: str, hyperparameters: dict[str, Any] | None = None, **changes: Any) -> StudySpec:
    tables: dict[str, Any] = {
        "algorithm.name": name,
        "algorithm.hyperparameters": hyperparameters or {},
        "search_space": None,
        "execution": {},
    }
    return StudySpec.from_dict(document({**tables, **changes}))


def refusal(spec: StudySpec) -> str:
    with pytest.raises(SpecError) as caught:
        settle(spec)
    return str(caught.value)


def trained(spec: StudySpec) -> RunResult:
    (run,) = tuning_runs(spec, configuration(spec, {}), 0)
    (result,) = train([run])
    assert result.status is RunStatus.COMPLETED, result.error
    return result


# --- SB3 Contrib and SBX ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "extra"), [("trpo", "contrib"), ("sbx-ppo", "sbx")])
def test_a_missing_package_names_its_install_command(
    name: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    assert f"pip install 'robusttune[{extra}]'" in refusal(study(name))


def test_ars_trains_whole_episodes_in_one_environment() -> None:
    for changes, piece in (
        ({"environment.n_envs": 2}, "n_envs = 1"),
        ({"algorithm.exact_timesteps": True}, "exact_timesteps"),
    ):
        with pytest.raises(SpecError, match=piece):
            study("ars", **changes)
    assert study("ars").training.why_longer is not None
    assert study("ars").training.feasible({"n_top": 9}) == {"n_top": 8}  # ARS's n_delta is 8


def test_masks_are_needed_and_said_to_be() -> None:
    pytest.importorskip("sb3_contrib")
    assert "ActionMasker" in refusal(study("maskableppo"))


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["maskableppo", "recurrentppo"])
def test_evaluation_is_that_of_sb3_contrib(name: str) -> None:
    pytest.importorskip("sb3_contrib")
    from sb3_contrib.common.maskable.evaluation import evaluate_policy as masked
    from stable_baselines3.common.evaluation import evaluate_policy as plain

    environment = {"id": "Masked-v0", "imports": [HERE], "wrappers": [MASKER], "n_envs": 2}
    spec = study(name, {"n_steps": 32, "batch_size": 16, "n_epochs": 2}, environment=environment)
    (run,) = tuning_runs(spec, spec.training.hyperparameters, 0)
    training: Any = spec.training
    envs = vectorised(training.environment, 2)
    model = build_model(run, envs).learn(64)
    ours = evaluate_model(model, vectorised(training.environment, n_evaluation_environments(run)), run)

    def wrap(env: Any) -> Any:
        from sb3_contrib.common.wrappers import ActionMasker

        return ActionMasker(env, lambda inner: inner.unwrapped.legal())

    judges = make_vec_env("Masked-v0", n_envs=n_evaluation_environments(run), wrapper_class=wrap)
    judges.seed(run.evaluation_seed)
    judge = masked if name == "maskableppo" else plain
    theirs, _ = judge(model, judges, n_eval_episodes=run.evaluation.n_episodes, return_episode_rewards=True)
    assert ours == pytest.approx(theirs)
    assert name != "maskableppo" or min(ours) > -500.0  # no illegal action


# --- goals -----------------------------------------------------------------------------------------------------------


def test_goals_are_learned_from_and_verified() -> None:
    spec = study("dqn", SMALL, **GOALS, **{"algorithm.policy": "MultiInputPolicy"})
    settle(spec)
    rehearse(spec)
    assert trained(spec).n_updates > 0
    (run,) = tuning_runs(spec, SMALL, 0)
    model = build_model(run, vectorised(spec.training.environment, 1))  # type: ignore[attr-defined]
    verify(model, "dqn", {**SMALL, "goal_selection_strategy": "future"})
    with pytest.raises(HyperparameterMismatchError, match="n_sampled_goal"):
        verify(model, "dqn", {**SMALL, "n_sampled_goal": 3})


def test_what_describes_goals_needs_their_buffer() -> None:
    with pytest.raises(SpecError, match='replay_buffer = "her"'):
        study("dqn", {"n_sampled_goal": 2})
    with pytest.raises(SpecError, match="has no hyperparameter 'replay_buffer'"):
        study("ppo", {"replay_buffer": "her"})


# --- classes by import path ------------------------------------------------------------------------------------------


def test_a_class_of_ones_own_is_trained() -> None:
    spec = study(f"{HERE}:MyPPO", {"bonus": 0.25, "n_steps": 32, "net_arch": [8]})
    assert settle(spec).workload.budgets == (64, 64)
    rehearse(spec)
    assert trained(spec).timesteps == 64
    assert "MyPPO" in spec.training.title
    assert "from tests.support.goals_and_masks import MyPPO" in spec.training.snippet({"bonus": 0.5})


@pytest.mark.parametrize(
    ("name", "hyperparameters", "piece"),
    [
        ("Closed", {"n_stepz": 8}, "did you mean 'n_steps'?"),
        ("NoAlgorithm", {}, "interface"),
        ("Nowhere", {}, "cannot be imported"),
    ],
)
def test_a_class_that_does_not_suit_is_refused_when_checked(
    name: str, hyperparameters: dict[str, Any], piece: str
) -> None:
    # Declaring needs no code: a stored study can be read when its module is gone.
    assert piece in refusal(study(f"{HERE}:{name}", hyperparameters))
    assert algorithm_of("gone_module:Gone").is_open


# --- presets ---------------------------------------------------------------------------------------------------------


def test_every_algorithm_has_a_space_of_its_own_names() -> None:
    for name, entry in ALGORITHMS.items():
        assert set(preset("rl-zoo", name)) <= set(entry.hyperparameters)
    assert {"n_sampled_goal", "goal_selection_strategy"} <= set(preset("rl-zoo", "sac", her=True))


RATE = Float(low=1e-5, high=2e-3, scale="log")
OF_THE_ZOO: dict[tuple[str, str], Any] = {
    ("sac", "learning_rate"): RATE,
    ("sac", "tau"): Float(low=1e-3, high=0.08, scale="log"),
    ("sac", "train_freq"): Int(low=1, high=10),
    ("sac", "batch_size"): Int(low=32, high=2048, scale="pow2"),
    ("sac", "net_arch"): Categorical(choices=([64, 64], [256, 256], [400, 300])),
    ("td3", "noise_std"): Float(low=0.0, high=0.5),
    ("ddpg", "noise_type"): Categorical(choices=("ornstein-uhlenbeck", "normal", None)),
    ("dqn", "target_update_interval"): Int(low=1, high=20_000, scale="log"),
    ("dqn", "exploration_final_eps"): Float(low=0.0, high=0.2),
    ("qrdqn", "n_quantiles"): Int(low=5, high=200),
    ("tqc", "n_quantiles"): Int(low=5, high=50),
    ("trpo", "target_kl"): Float(low=1e-3, high=0.1, scale="log"),
    ("trpo", "cg_max_steps"): Int(low=5, high=30),
    ("ars", "delta_std"): Float(low=0.01, high=0.3),
    ("ars", "n_delta"): Int(low=4, high=64, scale="pow2"),
    ("sbx-tqc", "gamma"): Float(low=0.97, high=0.9999, scale="log1m"),
    ("recurrentppo", "clip_range"): Categorical(choices=(0.1, 0.2, 0.3, 0.4)),
}


@pytest.mark.parametrize(("algorithm", "name"), OF_THE_ZOO)
def test_ranges_are_those_of_rl_zoo(algorithm: str, name: str) -> None:
    assert preset("rl-zoo", algorithm)[name] == OF_THE_ZOO[algorithm, name]


def test_a_study_changes_single_bounds_of_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        """
name = "narrow"
environment.id = "Pendulum-v1"
algorithm = { name = "sac", total_timesteps = 100 }
tuning.n_trials = 2
[search_space]
preset = "rl-zoo"
parameters.tau = { high = 0.2 }
parameters.net_arch = { choices = [[8]] }
""",
        encoding="utf-8",
    )
    found = load_study(path).search_space.parameters
    assert found["tau"] == Float(low=1e-3, high=0.2, scale="log")
    assert found["net_arch"] == Categorical(choices=([8],))
    assert found["learning_rate"] == RATE
