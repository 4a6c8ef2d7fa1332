from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robusttune.declaration.training.environment import Normalization
from tests.support.cases import cases
from tests.support.toys import ACTIONS, largest_difference, reference, toy, trainer

pytestmark = pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")

SMALL = {"net_arch": [16, 16]}
PPO_BASE = {"n_steps": 32, "batch_size": 16, "n_epochs": 3, **SMALL}
A2C_BASE = {"n_steps": 8, **SMALL}
DQN_BASE = {
    "learning_starts": 20,
    "target_update_interval": 10,
    "batch_size": 16,
    "exploration_fraction": 0.4,
    **SMALL,
}


def halving(progress: float) -> float:
    return 1e-3 * (0.5 + 0.5 * progress)


ON_POLICY_OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "coefficients": {"ent_coef": 0.05, "vf_coef": 0.9, "max_grad_norm": 0.1},
    "discounts": {"gamma": 0.9, "gae_lambda": 0.7},
    "schedule": {"learning_rate": halving},
    "linear network": {"net_arch": []},
    "unaligned networks": {"net_arch": {"pi": [7], "vf": [5, 3]}},
    "relu": {"activation_fn": "relu", "ortho_init": False},
    "elu": {"activation_fn": "elu"},
    "sigmoid": {"activation_fn": "sigmoid"},
}
PPO_OPTIONS = ON_POLICY_OPTIONS | {
    "value clip": {"clip_range_vf": 0.1, "clip_range": 0.1},
    "busy clips": {"clip_range": 0.005, "clip_range_vf": 0.005, "learning_rate": 2e-3},
    "raw advantages": {"normalize_advantage": False},
    "early stop": {"target_kl": 1e-4, "n_epochs": 10, "learning_rate": 3e-3},
    "odd minibatch": {"batch_size": 23},
    "clip schedule": {
        "clip_range": lambda progress: 0.1 + 0.1 * progress,
        "clip_range_vf": lambda progress: 0.3,
    },
}
A2C_OPTIONS = ON_POLICY_OPTIONS | {
    "Adam": {"use_rms_prop": False},
    "normalised advantages": {"normalize_advantage": True},
    "RMSprop epsilon": {"rms_prop_eps": 1e-3},
}
DQN_OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "soft target": {"tau": 0.3},
    "schedule": {"learning_rate": halving},
    "as many updates as steps": {"gradient_steps": -1, "train_freq": 3},
    "several updates": {"gradient_steps": 3},
    "small ring": {"buffer_size": 50},
    "clipping": {"max_grad_norm": 0.05},
    "elu": {"activation_fn": "elu"},
    "unaligned": {"net_arch": [7, 5], "batch_size": 13},
    "no warm-up": {"learning_starts": 0},
}
CONTINUOUS_BASE = {"learning_starts": 20, "batch_size": 16, **SMALL}
SAC_OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "fixed temperature": {"ent_coef": 0.2, "target_update_interval": 2, "gradient_steps": 3},
    "initial temperature": {"ent_coef": "auto_0.1", "target_entropy": -0.5, "tau": 0.1, "gamma": 0.9},
    "three critics": {"n_critics": 3, "net_arch": {"pi": [7], "qf": [9, 5]}, "activation_fn": "tanh"},
    "linear actor": {"net_arch": {"pi": [], "qf": [8]}, "batch_size": 13, "train_freq": 2},
}
TD3_OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "noise": {"noise_type": "normal", "noise_std": 0.3, "train_freq": 2, "gradient_steps": -1},
    "targets": {
        "policy_delay": 3,
        "target_policy_noise": 0.4,
        "target_noise_clip": 0.3,
        "learning_rate": halving,
    },
    "unaligned": {"net_arch": {"pi": [7, 3], "qf": [9]}, "n_critics": 1, "batch_size": 13},
}
NORMS = [None, Normalization(), Normalization(rewards=False), Normalization(observations=False)]


def check(
    algorithm: str,
    make_env: Any,
    hp: dict[str, Any],
    *,
    total: int,
    n_envs: int,
    norm: Normalization | None = None,
    atol: float = 1e-6,
) -> None:
    seeds = (11, 4_000_000_000)
    together = trainer(algorithm, make_env, hp, seeds=seeds, total=total, n_envs=n_envs, norm=norm)
    for member, seed in enumerate(seeds):
        alone = reference(algorithm, make_env, hp, seed=seed, total=total, n_envs=n_envs, norm=norm)
        twin = together.to_sb3(member)
        assert largest_difference(alone, twin) < atol
        np.testing.assert_allclose(further_state(twin), further_state(alone), atol=1e-5)
        assert (alone.num_timesteps, alone._n_updates) == (twin.num_timesteps, twin._n_updates)


def further_state(model: Any) -> np.ndarray:
    """What a saved model holds beside its weights: the optimisers' states, a temperature."""
    names = model._get_torch_save_params()
    optimisers = [name for name in names[0] if name.endswith("optimizer")]
    parts = [getattr(model, name).detach().numpy().ravel() for name in names[1]]
    for name in optimisers:
        holder = model
        for attribute in name.split("."):
            holder = getattr(holder, attribute)
        parts += [
            np.ravel(value) for state in holder.state_dict()["state"].values() for value in state.values()
        ]
    return np.concatenate(parts)


@pytest.mark.parametrize("actions", cases(ACTIONS, fast=["multidiscrete"]))
@pytest.mark.parametrize("algorithm", cases(["ppo", "a2c"], fast=["ppo"]))
def test_every_action_space_gives_sb3s_parameters(algorithm: str, actions: str) -> None:
    base = PPO_BASE if algorithm == "ppo" else A2C_BASE
    check(algorithm, toy(actions=actions), {**base, "ent_coef": 0.02}, total=96, n_envs=3)


@pytest.mark.parametrize(
    "observations",
    cases(["box64", "discrete", "multidiscrete", "multibinary"], fast=["box64"]),
)
@pytest.mark.parametrize("algorithm", cases(["ppo", "a2c", "dqn"], fast=["ppo"]))
def test_every_observation_space_gives_sb3s_parameters(algorithm: str, observations: str) -> None:
    base = {"ppo": PPO_BASE, "a2c": A2C_BASE, "dqn": DQN_BASE}[algorithm]
    check(algorithm, toy(observations), base, total=64, n_envs=2)


@pytest.mark.parametrize("option", cases(PPO_OPTIONS, fast=["early stop"]))
def test_every_ppo_option_gives_sb3s_parameters(option: str) -> None:
    check("ppo", toy(actions="box"), {**PPO_BASE, **PPO_OPTIONS[option]}, total=96, n_envs=3)


@pytest.mark.parametrize("option", cases(A2C_OPTIONS, fast=["defaults"]))
def test_every_a2c_option_gives_sb3s_parameters(option: str) -> None:
    check("a2c", toy(), {**A2C_BASE, **A2C_OPTIONS[option]}, total=48, n_envs=2)


@pytest.mark.parametrize("n_envs", cases([1, 3], fast=[3]))
@pytest.mark.parametrize("option", cases(DQN_OPTIONS, fast=["unaligned"]))
def test_every_dqn_option_gives_sb3s_parameters(option: str, n_envs: int) -> None:
    check("dqn", toy(), {**DQN_BASE, **DQN_OPTIONS[option]}, total=90, n_envs=n_envs)


@pytest.mark.parametrize("n_envs", cases([1, 3], fast=[3]))
@pytest.mark.parametrize("option", cases(SAC_OPTIONS, fast=["initial temperature"]))
def test_every_sac_option_gives_sb3s_parameters(option: str, n_envs: int) -> None:
    check("sac", toy(actions="box"), {**CONTINUOUS_BASE, **SAC_OPTIONS[option]}, total=45, n_envs=n_envs)


@pytest.mark.parametrize("n_envs", cases([1, 3], fast=[3]))
@pytest.mark.parametrize("option", cases(TD3_OPTIONS, fast=["targets"]))
def test_every_td3_option_gives_sb3s_parameters(option: str, n_envs: int) -> None:
    check("td3", toy(actions="box"), {**CONTINUOUS_BASE, **TD3_OPTIONS[option]}, total=45, n_envs=n_envs)


@pytest.mark.parametrize("algorithm", cases(["sac", "td3", "ddpg"], fast=["sac"]))
def test_wide_networks_whose_members_take_their_steps_one_at_a_time_give_sb3s_parameters(
    algorithm: str,
) -> None:
    # Longer sums are rounded further apart; a wrong term would show at the size of a step, 3e-4.
    hp = {"learning_starts": 36, "net_arch": [256, 256], "batch_size": 256}
    check(algorithm, toy(actions="box"), hp, total=45, n_envs=1, atol=1e-5)


@pytest.mark.parametrize("algorithm", cases(["sac", "td3", "ddpg"], fast=["ddpg"]))
def test_several_actions_give_sb3s_parameters(algorithm: str) -> None:
    check(algorithm, toy(actions="box2x3"), CONTINUOUS_BASE, total=45, n_envs=2, norm=Normalization())


@pytest.mark.parametrize("norm", cases(NORMS[1:], fast=NORMS[1:2]), ids=str)
@pytest.mark.parametrize("algorithm", cases(["ppo", "a2c", "dqn"], fast=["dqn"]))
def test_normalised_training_gives_sb3s_parameters(algorithm: str, norm: Normalization) -> None:
    base = {"ppo": PPO_BASE, "a2c": A2C_BASE, "dqn": DQN_BASE}[algorithm]
    check(algorithm, toy(actions="discrete"), base, total=64, n_envs=2, norm=norm)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("algorithm", "env_id"), [("ppo", "Pendulum-v1"), ("a2c", "CartPole-v1"), ("dqn", "CartPole-v1")]
)
def test_gymnasium_environments_with_default_hyperparameters_give_sb3s_parameters(
    algorithm: str, env_id: str
) -> None:
    hp: dict[str, Any] = {"ppo": {"n_steps": 256, "n_epochs": 2}, "a2c": {}, "dqn": {"learning_starts": 50}}[
        algorithm
    ]
    total = {"ppo": 512, "a2c": 100, "dqn": 200}[algorithm]
    check(algorithm, lambda: gym.make(env_id), hp, total=total, n_envs=2)


def test_the_first_rollout_is_sb3s() -> None:
    hp = {**PPO_BASE, "n_epochs": 1}
    together = trainer("ppo", toy(actions="box"), hp, seeds=(3, 9), total=96, n_envs=3)
    for row, seed in enumerate((3, 9)):
        buffer = reference("ppo", toy(actions="box"), hp, seed=seed, total=96, n_envs=3).rollout_buffer
        names = ("observations", "actions", "values", "log_probs", "advantages", "returns")
        expected = np.concatenate([getattr(buffer, name).reshape(96, -1) for name in names], axis=1)
        actual = together._store.cells(int(together._lengths[row]))[row].reshape(96, -1)
        np.testing.assert_allclose(actual, expected, atol=2e-6)


def test_a_member_that_exceeds_its_divergence_stops_while_the_others_go_on() -> None:
    hps = [{**PPO_BASE, "n_epochs": 8, "learning_rate": 3e-3, "target_kl": kl} for kl in (1e-4, 1e-2, None)]
    together = trainer("ppo", toy(actions="box"), hps, seeds=(1, 1, 1), total=96, n_envs=3)
    counts = [together.to_sb3(member)._n_updates for member in range(3)]
    assert counts[0] < counts[2] == 8
    for member, hp in enumerate(hps):
        alone = reference("ppo", toy(actions="box"), hp, seed=1, total=96, n_envs=3)
        assert alone._n_updates == counts[member]
        assert largest_difference(alone, together.to_sb3(member)) < 1e-6


options = st.fixed_dictionaries(
    {
        "learning_rate": st.sampled_from([1e-4, 1e-3]),
        "gamma": st.sampled_from([0.9, 0.99]),
        "gae_lambda": st.sampled_from([0.8, 1.0]),
        "ent_coef": st.sampled_from([0.0, 0.03]),
        "vf_coef": st.sampled_from([0.2, 0.7]),
        "max_grad_norm": st.sampled_from([0.2, 5.0]),
        "activation_fn": st.sampled_from(["tanh", "relu", "gelu"]),
        "net_arch": st.sampled_from([[16], [], [6, 9], {"pi": [8], "vf": [16, 16]}]),
        "ortho_init": st.booleans(),
        "log_std_init": st.sampled_from([-1.0, 0.0]),
        "normalize_advantage": st.booleans(),
    }
)
ppo_options = st.fixed_dictionaries(
    {
        "batch_size": st.integers(2, 50),
        "clip_range": st.sampled_from([0.05, 0.3]),
        "clip_range_vf": st.sampled_from([None, 0.2]),
        "target_kl": st.sampled_from([None, 0.002]),
        "n_steps": st.integers(4, 20),
        "n_epochs": st.integers(1, 3),
    }
)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    common=options,
    own=ppo_options,
    actions=st.sampled_from(sorted(ACTIONS)),
    n_envs=st.integers(1, 3),
    norm=st.sampled_from(NORMS),
)
def test_any_combination_of_ppo_options_gives_sb3s_parameters(
    common: dict[str, Any], own: dict[str, Any], actions: str, n_envs: int, norm: Any
) -> None:
    hp = {**common, **own}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check("ppo", toy(actions=actions), hp, total=hp["n_steps"] * n_envs, n_envs=n_envs, norm=norm)


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    common=options,
    rms=st.booleans(),
    actions=st.sampled_from(sorted(ACTIONS)),
    n_envs=st.integers(1, 3),
    norm=st.sampled_from(NORMS),
)
def test_any_combination_of_a2c_options_gives_sb3s_parameters(
    common: dict[str, Any], rms: bool, actions: str, n_envs: int, norm: Any
) -> None:
    hp = {**common, "n_steps": 6, "use_rms_prop": rms}
    check("a2c", toy(actions=actions), hp, total=6 * n_envs, n_envs=n_envs, norm=norm)


def test_training_leaves_the_global_random_streams_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    trainer("a2c", toy(), A2C_BASE, seeds=(5,), total=16)
    assert torch.equal(before, torch.get_rng_state())
