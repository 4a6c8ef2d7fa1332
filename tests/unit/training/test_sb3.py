"""The reference trainer, with small but real trainings: a test for each trap of the usual tuning script."""

from __future__ import annotations

import dataclasses
import os
import random
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.environment import EnvironmentSpec, Normalization, Wrapper
from robusttune.declaration.training.sb3 import AlgorithmSpec, Sb3Training
from robusttune.results.records import RunResult, RunStatus
from robusttune.seeds import Stage, evaluation_seed, run_seed
from robusttune.training import sb3, train
from robusttune.training.environments import check_environment
from robusttune.training.hyperparameters import constructor_arguments
from tests.support import faulty_environments
from tests.support.cases import cases

NET = {"net_arch": [8]}
ON_POLICY: dict[str, Any] = {**NET, "n_steps": 16}
OFF_POLICY: dict[str, Any] = {
    **NET,
    "learning_starts": 16,
    "batch_size": 8,
    "buffer_size": 200,
    "train_freq": 4,
}
HYPERPARAMETERS: dict[str, dict[str, Any]] = {
    "ppo": {**ON_POLICY, "batch_size": 16, "n_epochs": 2},
    "a2c": ON_POLICY,
    "sac": OFF_POLICY,
    "td3": OFF_POLICY,
    "ddpg": OFF_POLICY,
    "dqn": {**OFF_POLICY, "target_update_interval": 8},
}
CONTINUOUS, DISCRETE = "Faulty-v0", "FaultyDiscrete-v0"


def a_run(
    algorithm: str = "ppo",
    *,
    environment: dict[str, Any] | None = None,
    evaluation: dict[str, Any] | None = None,
    index: int = 0,
    timesteps: int = 64,
    **hyperparameters: Any,
) -> RunSpec:
    seed = run_seed(3, Stage.TUNING, index)
    where = {
        "id": DISCRETE if algorithm == "dqn" else CONTINUOUS,
        "imports": ("tests.support.faulty_environments",),
    }
    return RunSpec(
        training=Sb3Training(
            environment=EnvironmentSpec(**{**where, **(environment or {})}),
            algorithm=AlgorithmSpec(name=algorithm, total_timesteps=timesteps),
        ),
        hyperparameters={**HYPERPARAMETERS[algorithm], **hyperparameters},
        evaluation=EvaluationSpec(**{"n_episodes": 3, "n_envs": 2, **(evaluation or {})}),
        seed=seed,
        evaluation_seed=evaluation_seed(seed),
    )


CARTPOLE = {"id": "CartPole-v1", "imports": ()}


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> list[BaseAlgorithm]:
    """The models that are built from now on."""
    built: list[BaseAlgorithm] = []
    build = sb3.build_model

    def keep(*arguments: Any) -> BaseAlgorithm:
        built.append(build(*arguments))
        return built[-1]

    monkeypatch.setattr(sb3, "build_model", keep)
    return built


def train_one(spec: RunSpec, stop_rule: Any = None) -> RunResult:
    (result,) = train([spec], stop_rule)
    return result


def completed(spec: RunSpec) -> RunResult:
    result = train_one(spec)
    assert result.status is RunStatus.COMPLETED, result.error
    return result


def outcome(result: RunResult) -> RunResult:
    """Return all of a result that must repeat itself: not the time, nor where it was made."""
    return dataclasses.replace(result, wall_time_s=0.0, evaluation_time_s=0.0, provenance={})


def parameters(model: BaseAlgorithm) -> list[float]:
    return torch.cat([p.detach().flatten() for p in model.policy.parameters()]).tolist()  # type: ignore[no-any-return]


# --- all algorithms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", cases(HYPERPARAMETERS, fast=["ppo", "sac"]))
def test_every_algorithm_trains_and_repeats_itself(algorithm: str) -> None:
    spec = a_run(algorithm, evaluation={"every": 32}, environment={"n_envs": 2})
    result = completed(spec)
    assert result.score == 10.0
    assert len(result.episode_returns) == 3
    assert [point.index for point in result.curve] == [0, 1]
    assert result.timesteps >= 64
    assert result.n_updates > 0
    assert 0 < result.evaluation_time_s < result.wall_time_s
    assert outcome(train_one(spec)) == outcome(result)


def test_another_seed_is_another_run() -> None:
    first, second = (completed(a_run(environment=CARTPOLE, index=index, timesteps=256)) for index in (0, 1))
    assert first.episode_returns != second.episode_returns


@pytest.mark.parametrize("n_envs", [1, 3])
def test_a_run_equals_plain_stable_baselines(models: list[BaseAlgorithm], n_envs: int) -> None:
    spec = a_run(environment={**CARTPOLE, "n_envs": n_envs}, timesteps=192, learning_rate=3e-3)
    result = completed(spec)

    def environments(n: int) -> DummyVecEnv:
        return DummyVecEnv([lambda: Monitor(gym.make("CartPole-v1"))] * n)

    plain = PPO(
        "MlpPolicy",
        environments(n_envs),
        seed=spec.seed,
        device="cpu",
        n_steps=16,
        batch_size=16,
        n_epochs=2,
        learning_rate=3e-3,
        policy_kwargs={"net_arch": [8]},
    ).learn(192)
    judge = environments(2)
    judge.seed(spec.evaluation_seed)
    returns, _ = evaluate_policy(plain, judge, n_eval_episodes=3, return_episode_rewards=True)
    assert parameters(models[0]) == parameters(plain)
    assert list(result.episode_returns) == returns
    assert (result.timesteps, result.n_updates) == (plain.num_timesteps, plain._n_updates)


# --- evaluation ------------------------------------------------------------------------------------------------------


def test_the_final_policy_is_judged_after_all_updates_also_when_there_is_a_single_rollout() -> None:
    # The usual callback fires in the middle of the rollout and would judge the untrained network.
    spec = a_run(evaluation={"every": 32}, n_steps=64)
    result = completed(spec)
    assert [(p.index, p.timesteps, p.n_updates) for p in result.curve] == [(1, 64, 2)]


def test_evaluations_happen_at_update_boundaries() -> None:
    result = completed(a_run(evaluation={"every": 24}, timesteps=96, n_steps=16))
    # A multiple of 24 is passed in the middle of a rollout; the policy is judged after that rollout's update.
    points = [(point.index, point.timesteps, point.n_updates) for point in result.curve]
    assert points == [(0, 32, 4), (1, 48, 6), (2, 80, 10), (3, 96, 12)]


@pytest.mark.parametrize("algorithm", ["sac", "dqn"])
def test_off_policy_evaluations_happen_between_updates(algorithm: str) -> None:
    result = completed(a_run(algorithm, evaluation={"every": 24}, timesteps=70))
    assert [(p.index, p.timesteps) for p in result.curve] == [(0, 24), (1, 48), (2, 72)]
    assert result.timesteps == 72


def test_actual_timesteps_are_recorded() -> None:
    result = completed(a_run(timesteps=50, n_steps=16, environment={"n_envs": 2}))
    assert result.timesteps == 64  # two rollouts of 32
    assert result.n_updates == 4


@pytest.mark.parametrize("deterministic", cases([True, False], fast=[False]))
@pytest.mark.parametrize("algorithm", cases(["ppo", "sac", "td3", "dqn"], fast=["ppo", "sac"]))
def test_judging_does_not_disturb_training(
    models: list[BaseAlgorithm], algorithm: str, deterministic: bool
) -> None:
    results = [
        completed(a_run(algorithm, evaluation={"every": every, "deterministic": deterministic}))
        for every in (None, 64, 16)
    ]
    assert [len(result.curve) for result in results] == [1, 1, 4]
    assert parameters(models[0]) == parameters(models[1]) == parameters(models[2])
    assert results[0].episode_returns == results[1].episode_returns == results[2].episode_returns


@pytest.mark.parametrize("normalization", cases([None, Normalization()], fast=[Normalization()]))
def test_judging_does_not_disturb_a_normalised_training(
    models: list[BaseAlgorithm], normalization: Normalization | None
) -> None:
    where = {"id": "Pendulum-v1", "imports": (), "normalization": normalization}
    results = [
        completed(a_run(environment=where, evaluation={"every": every, "deterministic": False}, use_sde=True))
        for every in (None, 16)
    ]
    assert parameters(models[0]) == parameters(models[1])
    assert results[0].episode_returns == results[1].episode_returns


def test_training_and_evaluation_environments_have_streams_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seeds: list[int] = []
    reset = faulty_environments.Faulty.reset

    def spy(self: Any, *, seed: int | None = None, options: Any = None) -> Any:
        if seed is not None:
            seeds.append(seed)
        return reset(self, seed=seed, options=options)

    monkeypatch.setattr(faulty_environments.Faulty, "reset", spy)
    spec = a_run(environment={"n_envs": 3}, evaluation={"every": 32})
    completed(spec)
    first, second = 3, 2
    assert seeds[:first] == [spec.seed + i for i in range(first)]
    # Twice, because the final evaluation must not depend on whether there was one before.
    assert seeds[first:] == [spec.evaluation_seed + i for i in range(second)] * 2
    assert len(set(seeds)) == first + second


def test_returns_are_the_environments_own_whatever_the_wrappers() -> None:
    wrappers = (
        Wrapper(entry_point="tests.support.faulty_environments:DoubledReward"),
        Wrapper(entry_point="gymnasium.wrappers:ClipReward", kwargs={"max_reward": 0.5}),
    )
    assert (
        completed(a_run(environment={"wrappers": wrappers, "normalization": Normalization()})).score == 10.0
    )


@pytest.mark.timeout(60)
def test_a_wrapper_may_end_episodes_early() -> None:
    # The monitor inside the wrapper sees no episode end; waiting for it would take for ever.
    limit = Wrapper(entry_point="gymnasium.wrappers:TimeLimit", kwargs={"max_episode_steps": 4})
    result = completed(a_run(environment={"wrappers": (limit,)}))
    assert result.episode_returns == (4.0, 4.0, 4.0)


def test_the_normalisation_has_the_configurations_gamma(models: list[BaseAlgorithm]) -> None:
    completed(a_run(environment={"normalization": Normalization()}, gamma=0.75))
    environment = models[0].get_env()
    assert isinstance(environment, VecNormalize)
    assert environment.gamma == 0.75


def test_a_stop_rule_is_asked_at_each_evaluation_but_the_last_and_stops_the_run() -> None:
    asked: list[tuple[int, list[float]]] = []

    def rule(index: int, mean_returns: Any) -> bool:
        asked.append((index, list(mean_returns)))
        return index >= stop_at

    stop_at = 99
    spec = a_run(evaluation={"every": 16})
    assert train_one(spec, rule).status is RunStatus.COMPLETED
    assert asked == [(0, [10.0]), (1, [10.0]), (2, [10.0])]
    stop_at = 1
    result = train_one(spec, rule)
    assert (result.status, result.score, result.timesteps) == (RunStatus.PRUNED, None, 32)
    assert [point.index for point in result.curve] == [0, 1]


def test_several_runs_take_no_stop_rule() -> None:
    with pytest.raises(ValueError, match="one run, but got 2 runs"):
        sb3.train([a_run(), a_run(index=1)], lambda index, means: True)
    pair = train([a_run(), a_run(index=1)])
    assert [outcome(result) for result in pair] == [
        outcome(train_one(a_run())),
        outcome(train_one(a_run(index=1))),
    ]


# --- what is sampled is what is trained ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gamma", "learning_rate", "net_arch", "activation_fn", "clip_range"])
def test_a_hyperparameter_lost_on_its_way_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    translate = constructor_arguments

    def forgetful(algorithm: str, hyperparameters: Any, n_actions: int) -> dict[str, Any]:
        return translate(algorithm, {k: v for k, v in hyperparameters.items() if k != name}, n_actions)

    values = {
        "gamma": 0.9,
        "learning_rate": 1e-3,
        "net_arch": [8],
        "activation_fn": "relu",
        "clip_range": 0.3,
    }
    spec = a_run(**{name: values[name]})
    assert train_one(spec).status is RunStatus.COMPLETED
    monkeypatch.setattr("robusttune.training.models.constructor_arguments", forgetful)
    result = train_one(spec)
    assert result.status is RunStatus.FAILED
    assert f"HyperparameterMismatchError: ppo: the configuration says {name} = " in str(result.error)


# Values that differ from the defaults, one configuration per algorithm with all that it accepts.
EVERYTHING: dict[str, dict[str, Any]] = {
    "ppo": {
        **{"learning_rate": "lin_1e-3", "gamma": 0.9, "gae_lambda": 0.8, "ent_coef": 0.01, "vf_coef": 0.4},
        **{"max_grad_norm": 0.3, "use_sde": True, "sde_sample_freq": 4, "normalize_advantage": False},
        **{"clip_range": "lin_0.3", "clip_range_vf": 0.3, "target_kl": 0.5, "activation_fn": "silu"},
        **{"net_arch": {"pi": [8], "vf": [4]}, "optimizer_kwargs": {"eps": 1e-4}, "normalize_images": False},
        **{"share_features_extractor": False, "ortho_init": False, "log_std_init": -1.0, "full_std": False},
        **{"use_expln": True, "squash_output": True},
    },
    "a2c": {"use_rms_prop": True, "rms_prop_eps": 1e-4, "gamma": 1, "activation_fn": "gelu", "ent_coef": 0.1},
    "sac": {
        **{"tau": 0.01, "train_freq": [1, "episode"], "gradient_steps": -1, "ent_coef": "auto_0.5"},
        **{"target_update_interval": 2, "target_entropy": -1.0, "use_sde": True, "sde_sample_freq": 3},
        **{
            "use_sde_at_warmup": True,
            "log_std_init": -2.0,
            "use_expln": True,
            "clip_mean": 1.5,
            "n_critics": 3,
        },
        **{"net_arch": {"pi": [8], "qf": [4]}, "n_steps": 2, "activation_fn": "elu"},
    },
    "td3": {
        **{"policy_delay": 3, "target_policy_noise": 0.3, "target_noise_clip": 0.4, "n_critics": 1},
        **{"noise_type": "normal", "noise_std": 0.3, "train_freq": [2, "step"], "gradient_steps": 3},
    },
    "ddpg": {"noise_type": "ornstein-uhlenbeck", "noise_std": 0.05, "tau": 0.1, "gamma": 0.5, "n_steps": 3},
    "dqn": {
        **{"exploration_fraction": 0.5, "exploration_initial_eps": 0.9, "exploration_final_eps": 0.1},
        **{"max_grad_norm": 1.0, "tau": 0.5, "optimize_memory_usage": False, "learning_rate": "lin_1e-3"},
    },
}


@pytest.mark.parametrize("algorithm", cases(EVERYTHING, fast=["ppo", "dqn"]))
def test_everything_an_algorithm_accepts_arrives(algorithm: str) -> None:
    completed(a_run(algorithm, **EVERYTHING[algorithm]))


@pytest.mark.parametrize("n_envs", cases([1, 2], fast=[2]))
@pytest.mark.parametrize("kind", [None, "normal", "ornstein-uhlenbeck"])
def test_noise_of_any_kind_or_none_can_be_searched_with_its_deviation(
    models: list[BaseAlgorithm], kind: str | None, n_envs: int
) -> None:
    completed(a_run("td3", environment={"n_envs": n_envs}, noise_type=kind, noise_std=0.3))
    noise = getattr(models[0].action_noise, "noises", [models[0].action_noise])[0]
    assert (
        type(noise).__name__
        == {
            None: "NoneType",
            "normal": "NormalActionNoise",
            "ornstein-uhlenbeck": "OrnsteinUhlenbeckActionNoise",
        }[kind]
    )


def test_a_deviation_without_any_noise_to_have_it_is_a_mistake() -> None:
    result = train_one(a_run("td3", noise_std=0.3))
    assert result.status is RunStatus.FAILED
    assert "noise_std" in str(result.error)


def test_the_automatic_target_entropy_is_verified_too() -> None:
    completed(a_run("sac", target_entropy="auto"))


# --- what goes wrong -------------------------------------------------------------------------------------------------


def faulty(fault: str, at: int = 20, **more: Any) -> dict[str, Any]:
    return {"kwargs": {"fault": fault, "fault_at": at, **more}}


def test_an_exception_fails_the_run_with_its_traceback() -> None:
    result = train_one(a_run(environment=faulty("raise")))
    assert (result.status, result.score) == (RunStatus.FAILED, None)
    assert "LookupError: the simulator fell over" in str(result.error)
    assert "faulty_environments.py" in str(result.error)
    assert result.timesteps == 19


@pytest.mark.parametrize("algorithm", ["ppo", "a2c", "sac", "td3", "dqn"])
@pytest.mark.parametrize("fault", ["nan-reward", "inf-reward", "nan-observation"])
def test_nan_and_infinity_from_the_environment_are_divergence(algorithm: str, fault: str) -> None:
    result = train_one(a_run(algorithm, environment=faulty(fault)))
    assert result.status is RunStatus.DIVERGED, result.error
    assert result.error
    assert result.score is None


@pytest.mark.parametrize("fault", ["nan-reward", "nan-observation"])
def test_nan_that_only_the_evaluation_meets_is_divergence(fault: str) -> None:
    # Three rollouts of two steps never get to the ninth; an episode of the evaluation does.
    spec = a_run(environment=faulty(fault, at=9, only_training=False), timesteps=6, n_steps=2, batch_size=2)
    result = train_one(spec)
    assert result.status is RunStatus.DIVERGED, result.error


def test_parameters_that_overflow_are_divergence() -> None:
    result = train_one(a_run(environment=CARTPOLE, learning_rate=1e30, timesteps=128))
    assert result.status is RunStatus.DIVERGED, result.error


def test_a_divergence_keeps_the_curve_so_far() -> None:
    result = train_one(a_run(environment=faulty("nan-reward", at=40), evaluation={"every": 16}))
    assert result.status is RunStatus.DIVERGED
    assert [point.mean_return for point in result.curve] == [10.0, 10.0]
    assert result.episode_returns == ()


def test_a_value_that_the_class_refuses_fails_the_run() -> None:
    result = train_one(a_run(n_steps="many"))
    assert result.status is RunStatus.FAILED
    assert "Traceback" in str(result.error)


# --- side effects ----------------------------------------------------------------------------------------------------


def global_states() -> Any:
    numpy_state: Any = np.random.get_state()  # noqa: NPY002
    return random.getstate(), numpy_state[1].tolist(), torch.get_rng_state().tolist()


@pytest.mark.parametrize("fault", [{}, faulty("raise"), faulty("nan-reward")], ids=["none", "raise", "nan"])
def test_global_random_states_and_threads_are_left_alone(
    request: pytest.FixtureRequest, fault: dict[str, Any]
) -> None:
    # Back to what it was: a second thread would slow down all tests that come after.
    n_threads = torch.get_num_threads()
    request.addfinalizer(lambda: torch.set_num_threads(n_threads))
    torch.set_num_threads(2)
    before = global_states()
    train_one(a_run(environment=fault, evaluation={"every": 32}))
    assert global_states() == before
    assert torch.get_num_threads() == 2


def test_a_run_does_not_depend_on_the_global_random_state() -> None:
    results = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        results.append(outcome(completed(a_run("dqn", evaluation={"deterministic": False}))))
    assert results[0] == results[1]


def test_where_a_run_was_made_is_stored_with_it() -> None:
    made = completed(a_run()).provenance
    assert made["packages"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert {"python", "packages", "git_revision", "host", "cpu", "torch_threads"} <= made.keys()
    assert made["torch_threads"] == 1
    assert 1 <= made["n_cores"] <= os.cpu_count()  # type: ignore[operator]


# --- the check before anything runs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "algorithm", "message"),
    [
        ({"id": "CartPole-v11"}, "ppo", r"environment.id = 'CartPole-v11': is not registered.*'CartPole-v1'"),
        (
            {"id": "Pendulum-v1"},
            "dqn",
            r"algorithm.name = 'dqn': needs discrete actions.*Pendulum-v1 has Box",
        ),
        ({"id": "CartPole-v1"}, "sac", r"algorithm.name = 'sac': needs continuous.*CartPole-v1 has Discrete"),
        ({"id": "CartPole-v1", "kwargs": {"gravty": 1}}, "ppo", r"could not be made with .*gravty"),
        (
            {"id": "X-v0", "imports": ("no_such_module",)},
            "ppo",
            r"'no_such_module' cannot be imported .*pip install",
        ),
        (
            {"id": "X-v0", "imports": ("..x",)},
            "ppo",
            r"'..x' cannot be imported .* Name it from its package on",
        ),
        (
            {"id": "CartPole-v1", "wrappers": (Wrapper(entry_point="gymnasium.wrappers:Nothing"),)},
            "ppo",
            r"environment.wrappers: 'gymnasium.wrappers:Nothing' cannot be imported",
        ),
    ],
    ids=str,
)
def test_an_environment_that_cannot_be_is_named(
    environment: dict[str, Any], algorithm: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        check_environment(EnvironmentSpec(**environment), algorithm)
    assert "\n" not in str(caught.value)


def test_actions_that_no_algorithm_takes_are_named_before_anything_runs() -> None:
    class Pairs(gym.Env[Any, Any]):
        observation_space = gym.spaces.Discrete(2)
        action_space = gym.spaces.Tuple([gym.spaces.Discrete(2)] * 2)

    gym.register("Pairs-v0", entry_point=Pairs)
    try:
        with pytest.raises(ValueError, match=r"'ppo': needs continuous, discrete, .*Pairs-v0 has Tuple\.$"):
            check_environment(EnvironmentSpec(id="Pairs-v0"), "ppo")
    finally:
        del gym.registry["Pairs-v0"]


def test_a_fault_in_a_normalised_environment_is_divergence_too() -> None:
    # Normalisation clips infinity to ten.
    where = {**faulty("inf-reward"), "normalization": Normalization()}
    assert train_one(a_run(environment=where)).status is RunStatus.DIVERGED


def test_a_fault_in_the_last_observation_of_an_episode_is_divergence() -> None:
    for algorithm in ("ppo", "dqn"):
        result = train_one(a_run(algorithm, environment=faulty("nan-observation", at=20)))
        assert result.status is RunStatus.DIVERGED, result.error
