from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robusttune.declaration.training.environment import Normalization
from tests.support.cases import cases
from tests.support.toys import LOCKSTEP, toy, trainer, weights

UNALIGNED = {"pi": [7, 5], "vf": [33]}
PPO_HP = {"n_steps": 19, "batch_size": 13, "n_epochs": 2, "net_arch": UNALIGNED, "ent_coef": 0.01}
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "ppo": ("ppo", PPO_HP, {"total": 114, "n_envs": 3}),
    "ppo wide": ("ppo", {"n_steps": 32, "batch_size": 64, "n_epochs": 2}, {"total": 160, "n_envs": 5}),
    "ppo normalised": ("ppo", PPO_HP, {"total": 57, "n_envs": 3, "norm": Normalization()}),
    "ppo alone": ("ppo", {"n_steps": 24, "net_arch": [64, 32]}, {"total": 72, "norm": Normalization()}),
    "dqn alone": ("dqn", {"learning_starts": 10}, {"total": 60}),
    "sac alone": ("sac", {"learning_starts": 10, "batch_size": 16}, {"total": 20}),
    "a2c": ("a2c", {"net_arch": [17]}, {"total": 30, "n_envs": 3}),
    "dqn": ("dqn", {"net_arch": [9, 5], "learning_starts": 10, "batch_size": 7}, {"total": 60}),
    "sac": ("sac", {"net_arch": [9, 5], "learning_starts": 10, "batch_size": 7}, {"total": 40, "n_envs": 2}),
    "sac wide": ("sac", {"net_arch": [64], "learning_starts": 10, "batch_size": 32}, {"total": 30}),
    "sac one at a time": ("sac", {"learning_starts": 4}, {"total": 8}),
    "td3 one at a time": ("td3", {"learning_starts": 4, "net_arch": [400, 300]}, {"total": 8}),
    "td3": ("td3", {"net_arch": [9, 5], "learning_starts": 10, "batch_size": 7}, {"total": 40, "n_envs": 2}),
    "ppo images": (
        *("ppo", {"n_steps": 11, "batch_size": 9, "n_epochs": 2}),
        {"total": 44, "n_envs": 2, "observations": "grey image", "n_stack": 4},
    ),
    "a2c images": ("a2c", {"n_steps": 3}, {"total": 12, "n_envs": 2, "observations": "colour image"}),
    "dqn wide": ("dqn", {"learning_starts": 10, "target_update_interval": 8}, {"total": 60, "n_envs": 2}),
}


@pytest.mark.parametrize("case", cases(CASES, fast=["ppo", "ppo alone", "sac"]))
def test_a_member_does_not_depend_on_who_trains_beside_it_bit_for_bit(case: str) -> None:
    algorithm, hp, options = CASES[case]
    observations = options.get("observations", "box")
    options = {name: value for name, value in options.items() if name != "observations"}
    make_env = toy(observations, "box" if algorithm in ("sac", "td3") else "discrete")
    seeds = [100 * i for i in range(21)]
    everyone = trainer(algorithm, make_env, hp, seeds=seeds, **options)
    expected = [weights(everyone.to_sb3(member)) for member in range(21)]
    for chosen in ([4], [0, 1], [20, 3, 9], [7, 1, 3, 5, 2], list(range(8, 16)), list(range(20))):
        together = trainer(algorithm, make_env, hp, seeds=[seeds[i] for i in chosen], **options)
        for member, i in enumerate(chosen):
            np.testing.assert_array_equal(weights(together.to_sb3(member)), expected[i])


def test_members_with_different_hyperparameters_train_as_they_would_alone() -> None:
    hps = [
        {**PPO_HP, "learning_rate": 1e-2, "gamma": 0.9},
        {**PPO_HP, "clip_range_vf": 0.1, "target_kl": 1e-3},
        {**PPO_HP, "ent_coef": 0.0, "max_grad_norm": 0.05, "gae_lambda": 0.5, "log_std_init": -1.0},
    ]
    together = trainer("ppo", toy(actions="box"), hps, seeds=(1, 2, 3), total=114, n_envs=3)
    for member, hp in enumerate(hps):
        alone = trainer("ppo", toy(actions="box"), hp, seeds=(member + 1,), total=114, n_envs=3)
        np.testing.assert_array_equal(weights(alone.to_sb3(0)), weights(together.to_sb3(member)))


@pytest.mark.parametrize("actions", cases(["box", "discrete", "multibinary"], fast=["box"]))
def test_a_diverging_member_is_frozen_and_leaves_the_others_unchanged(actions: str) -> None:
    hp = {"n_steps": 16, "batch_size": 16, "n_epochs": 4, "activation_fn": "relu", "max_grad_norm": 1e9}
    calm = [{**hp, "learning_rate": 1e-3}] * 3
    wild = [calm[0], {**hp, "learning_rate": 1e3}, calm[2]]
    expected = trainer("ppo", toy(actions=actions), calm, seeds=(1, 2, 3), total=320, n_envs=2)
    actual = trainer("ppo", toy(actions=actions), wild, seeds=(1, 2, 3), total=320, n_envs=2)
    assert actual.diverged.tolist() == [False, True, False]
    assert expected.diverged.tolist() == [False, False, False]
    assert actual.timesteps[1] < 320
    for member in (0, 2):
        np.testing.assert_array_equal(weights(actual.to_sb3(member)), weights(expected.to_sb3(member)))


@pytest.mark.parametrize("algorithm", cases(LOCKSTEP, fast=["a2c", "dqn", "td3"]))
def test_a_stopped_member_keeps_its_state_and_the_others_go_on(algorithm: str) -> None:
    hp: dict[str, Any] = {"learning_starts": 8, "net_arch": [5], "batch_size": 7}
    if algorithm in ("ppo", "a2c"):
        hp = {"n_steps": 10}
    make_env = toy(actions="discrete" if algorithm == "dqn" else "box")

    def stop_first_early(running: Any) -> None:
        if running.timesteps[0] >= 20:
            running.stop(0)

    expected = trainer(algorithm, make_env, hp, seeds=(1, 2), total=60)
    short = trainer(algorithm, make_env, hp, seeds=(1, 2), total=60, on_boundary=stop_first_early)
    assert short.timesteps.tolist() == [20, 60]
    assert short.active.tolist() == [False, True]
    np.testing.assert_array_equal(weights(short.to_sb3(1)), weights(expected.to_sb3(1)))
    states: list[np.ndarray] = []

    def remember(running: Any) -> None:
        if running.timesteps[0] == 20:
            states.append(weights(running.to_sb3(0)))

    trainer(algorithm, make_env, hp, seeds=(1, 2), total=60, on_boundary=remember)
    np.testing.assert_array_equal(weights(short.to_sb3(0)), states[0])


def test_evaluating_at_a_boundary_does_not_change_training() -> None:
    observations = np.zeros((2, 4, 5), dtype=np.float32)

    def look(running: Any) -> None:
        running.policies([0, 1])(observations)

    hp = {"n_steps": 16, "batch_size": 16}
    plain = trainer("ppo", toy(), hp, seeds=(1, 2), total=64)
    watched = trainer("ppo", toy(), hp, seeds=(1, 2), total=64, on_boundary=look)
    for member in range(2):
        np.testing.assert_array_equal(weights(plain.to_sb3(member)), weights(watched.to_sb3(member)))


@pytest.mark.parametrize("algorithm", ["ppo", "dqn", "sac"])
def test_predictions_follow_training(algorithm: str) -> None:
    observations = np.random.default_rng(0).normal(size=(2, 30, 5)).astype(np.float32)

    def compare(running: Any) -> None:
        together = running.policies([0, 1])(observations)
        for member in range(2):
            alone, _ = running.to_sb3(member).predict(observations[member], deterministic=True)
            np.testing.assert_allclose(together[member], alone, atol=1e-6)
        if running.timesteps[0] >= 20:
            running.stop(0)

    hp: dict[str, Any] = {"learning_starts": 4, "net_arch": [16], "learning_rate": 1e-2, "train_freq": 8}
    if algorithm == "ppo":
        hp = {"n_steps": 8, "batch_size": 8, "learning_rate": 1e-2}
    make_env = toy(actions="discrete" if algorithm == "dqn" else "box")
    trainer(algorithm, make_env, hp, seeds=(1, 2), total=48, on_boundary=compare)
