from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.distributions import (
    BernoulliDistribution,
    CategoricalDistribution,
    DiagGaussianDistribution,
    MultiCategoricalDistribution,
)
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from robusttune.declaration.hyperparameters import ACTIVATIONS
from robusttune.declaration.training.environment import Normalization
from robusttune.errors import SpecError
from robusttune.training import rehearse
from robusttune.training.lockstep.activations import make_activation
from robusttune.training.lockstep.distributions import Bernoullis, Categoricals, Gaussian
from robusttune.training.lockstep.environments import MemberEnvironments
from robusttune.training.lockstep.kernels import find_kernel
from robusttune.training.lockstep.lander import lander_step
from robusttune.training.lockstep.members import Member, build_model
from tests.support.cases import cases
from tests.support.studies import make_study
from tests.support.toys import ACTIONS, SB3, Toy, toy, trainer


def plain(env_id: str, **kwargs: Any) -> Any:
    """A wrapper of no effect hides the environment from the kernels."""
    return lambda: gym.Wrapper(gym.make(env_id, **kwargs))


@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    cases(
        [
            ("Pendulum-v1", {}),
            ("Pendulum-v1", {"g": 9.81}),
            ("CartPole-v1", {}),
            ("CartPole-v1", {"sutton_barto_reward": True, "max_episode_steps": 25}),
        ],
        fast=[("Pendulum-v1", {}), ("CartPole-v1", {})],
    ),
)
def test_stepping_together_equals_gymnasium_bit_for_bit(env_id: str, kwargs: Any) -> None:
    together = MemberEnvironments(lambda: gym.make(env_id, **kwargs), [3, 70, 900], 7)
    one_by_one = MemberEnvironments(plain(env_id, **kwargs), [3, 70, 900], 7)
    assert find_kernel([gym.make(env_id, **kwargs)]) is not None
    assert find_kernel([plain(env_id, **kwargs)()]) is None
    np.testing.assert_array_equal(together.reset(), one_by_one.reset())
    rng = np.random.default_rng(0)
    n_timeouts = 0
    for step in range(800):
        if env_id == "Pendulum-v1":
            actions = rng.uniform(-2, 2, size=(len(one_by_one._envs), 7, 1)).astype(np.float32)
        else:
            # Some of the poles are balanced, so that their episodes reach the time limit.
            angle = np.stack([[env.unwrapped.state[2:].sum() for env in group] for group in one_by_one._envs])
            anyhow = rng.integers(0, 2, size=angle.shape)
            actions = np.where(np.arange(7) < 4, angle > 0, anyhow).astype(np.int64)
        a, b = together.step(actions), one_by_one.step(actions)
        for name in ("observations", "rewards", "dones", "timeouts"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=f"{name} {step=}")
        np.testing.assert_array_equal(a.terminal[a.dones], b.terminal[b.dones])
        n_timeouts += int(a.timeouts.sum())
        if step == 600:
            together.keep([0, 2])
            one_by_one.keep([0, 2])
    assert n_timeouts > 0


def test_pendulum_rewards_are_gymnasiums_before_they_are_rounded_to_32_bits() -> None:
    env = gym.make("Pendulum-v1").unwrapped
    kernel = find_kernel([gym.make("Pendulum-v1")])
    assert kernel is not None
    rng = np.random.default_rng(0)
    states = rng.uniform(-6, 6, size=(20_000, 2))
    actions = rng.uniform(-2, 2, size=(20_000, 1)).astype(np.float32)
    _, _, rewards, _ = kernel.step(states, actions)
    for state, action, reward in zip(states, actions, rewards, strict=True):
        env.state = state  # type: ignore[attr-defined]
        assert env.step(action)[1] == reward


@pytest.mark.parametrize("limit", cases([60, 1000], fast=[60]))
def test_a_lander_is_stepped_as_gymnasium_steps_it_bit_for_bit(limit: int) -> None:
    pytest.importorskip("Box2D")
    lunar_lander = importlib.import_module("gymnasium.envs.box2d.lunar_lander")
    ours = MemberEnvironments(lambda: gym.make("LunarLander-v3", max_episode_steps=limit), [3, 900], 2)
    theirs = MemberEnvironments(plain("LunarLander-v3", max_episode_steps=limit), [3, 900], 2)
    observations = theirs.reset()
    np.testing.assert_array_equal(ours.reset(), observations)
    rng = np.random.default_rng(0)
    ends: list[float] = []
    timeouts = 0
    for step in range(limit if limit == 1000 else 130):
        actions = rng.integers(0, 4, size=(2, 2))
        # The first of each member are landed, unless their time is up.
        for row in range(2):
            actions[row, 0] = lunar_lander.heuristic(theirs._envs[row][0].unwrapped, observations[row, 0])
        a, b = ours.step(actions), theirs.step(actions)
        observations = b.observations
        for name in ("observations", "rewards", "dones", "timeouts", "terminal"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=f"{name} {step=}")
        ends += b.rewards[b.dones].tolist()
        timeouts += int(b.timeouts.sum())
    assert timeouts > 0 if limit == 60 else {-100.0, 100.0} <= set(ends)


def test_lander_rewards_are_gymnasiums_before_they_are_rounded_to_32_bits() -> None:
    pytest.importorskip("Box2D")
    ours, theirs = gym.make("LunarLander-v3"), gym.make("LunarLander-v3")
    step = lander_step(ours)
    assert step is not None
    assert lander_step(gym.Wrapper(ours)) is None
    ours.reset(seed=1)
    theirs.reset(seed=1)
    for action in np.random.default_rng(0).integers(0, 4, size=60):
        assert step(action)[1] == theirs.step(action)[1]


@pytest.mark.parametrize(
    "kwargs", [{"continuous": True}, {"enable_wind": True}, {"render_mode": "rgb_array"}], ids=str
)
def test_another_lander_is_stepped_by_itself(kwargs: dict[str, Any]) -> None:
    pytest.importorskip("Box2D")
    assert lander_step(gym.make("LunarLander-v3", **kwargs)) is None


def test_a_lander_of_another_version_is_stepped_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("Box2D")
    env = gym.make("LunarLander-v3")
    assert lander_step(env) is not None
    monkeypatch.setattr(type(env.unwrapped), "step", lambda self, action: None)
    assert lander_step(env) is None


def test_an_environment_at_which_nobody_looks_stands_still() -> None:
    environments = MemberEnvironments(toy(), [1, 2], 2)
    environments.reset()
    idle = np.array([[False, True], [True, False]])
    step = environments.step(np.ones((2, 2), dtype=np.int64), idle=idle)
    assert not step.observations[idle].any()
    assert [[env.unwrapped._clock for env in group] for group in environments._envs] == [[1, 0], [0, 1]]


def test_a_changed_environment_is_stepped_by_itself() -> None:
    assert find_kernel([gym.wrappers.RescaleAction(gym.make("Pendulum-v1"), -1, 1)]) is None


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_have_torchs_values_and_gradients(name: str) -> None:
    kind = getattr(torch.nn, ACTIVATIONS[name])
    module = kind()
    sums = torch.linspace(-4, 4, 161)
    leaf = sums.clone().requires_grad_()
    expected = module(leaf)
    expected.sum().backward()
    with torch.no_grad():
        activation = make_activation(kind)
        output, saved = activation.forward(sums.clone())
        slope = activation.backward(torch.ones_like(sums), saved)
    torch.testing.assert_close(output, expected.detach(), atol=2e-7, rtol=1e-6)
    torch.testing.assert_close(slope, leaf.grad, atol=5e-7, rtol=1e-6)


def _heads() -> list[Any]:
    generator = torch.Generator().manual_seed(0)
    log_std = torch.randn(2, 3, generator=generator)
    return [
        ("gaussian", Gaussian(log_std, torch.zeros(2, 3)), DiagGaussianDistribution(3), 3, log_std),
        ("categorical", Categoricals([4]), CategoricalDistribution(4), 4, None),
        ("categoricals", Categoricals([2, 3]), MultiCategoricalDistribution([2, 3]), 5, None),
        ("bernoulli", Bernoullis(3), BernoulliDistribution(3), 3, None),
    ]


@pytest.mark.parametrize("index", range(4), ids=["gaussian", "categorical", "categoricals", "bernoulli"])
def test_heads_have_sb3s_samples_log_probabilities_entropies_and_gradients(index: int) -> None:
    _, head, sb3, n_outputs, log_std = _heads()[index]
    outputs = torch.randn(2, 20, n_outputs, generator=torch.Generator().manual_seed(1))
    d_log_prob = torch.randn(2, 20, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        actions = head.sample(outputs, [torch.Generator().manual_seed(5 + row) for row in range(2)])
        log_prob, entropy = head.evaluate(outputs, actions)
        log_prob, entropy = log_prob.clone(), entropy.clone()
        gradient = head.backward(d_log_prob.clone(), torch.full((2, 20), 0.3))
        modes = head.mode(outputs)
    for row in range(2):
        leaf = outputs[row].clone().requires_grad_()
        spread = () if log_std is None else (log_std[row].clone().requires_grad_(),)
        distribution = sb3.proba_distribution(leaf, *spread)
        torch.manual_seed(5 + row)
        drawn = distribution.sample().detach()
        torch.testing.assert_close(actions[row], drawn.reshape(20, -1).float())
        torch.testing.assert_close(modes[row], distribution.mode().detach().reshape(20, -1).float())
        expected = distribution.log_prob(drawn)
        torch.testing.assert_close(log_prob[row], expected.detach(), atol=2e-6, rtol=1e-5)
        torch.testing.assert_close(entropy[row], distribution.entropy().detach(), atol=2e-6, rtol=1e-5)
        loss = (expected * d_log_prob[row]).sum() + (distribution.entropy() * 0.3).sum()
        loss.backward()
        torch.testing.assert_close(gradient[row], leaf.grad, atol=1e-5, rtol=1e-4)
        if spread:
            torch.testing.assert_close(head._gradient[row], spread[0].grad, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("algorithm", "actions"),
    cases(
        [
            *[("ppo", name) for name in ACTIONS],
            *[("a2c", "box"), ("dqn", "discrete"), ("sac", "box2x3"), ("td3", "box"), ("ddpg", "box")],
        ],
        fast=[("ppo", "multibinary"), ("dqn", "discrete"), ("sac", "box2x3")],
    ),
)
def test_a_saved_member_opens_in_sb3_and_acts_the_same(algorithm: str, actions: str, tmp_path: Path) -> None:
    hp = {"n_steps": 16} if algorithm in ("ppo", "a2c") else {"learning_starts": 8, "net_arch": [32]}
    done = trainer(algorithm, toy(actions=actions), hp, seeds=(1, 2), total=48)
    observations = np.random.default_rng(0).normal(size=(2, 50, 5)).astype(np.float32)
    together = done.policies([0, 1])(observations)
    for member in range(2):
        path = tmp_path / f"{member}.zip"
        done.to_sb3(member).save(path)
        model = SB3[algorithm].load(path)
        alone, _ = model.predict(observations[member], deterministic=True)
        np.testing.assert_allclose(together[member], alone, atol=1e-6)
        assert model.num_timesteps == 48
        model.set_env(DummyVecEnv([lambda: Monitor(Toy("box", actions))]))
        model.learn(16, reset_num_timesteps=False)


def test_predictions_under_normalisation_are_sb3s(tmp_path: Path) -> None:
    done = trainer("ppo", toy(), {"n_steps": 16}, seeds=(1, 2), total=32, norm=Normalization())
    raw = np.random.default_rng(0).normal(size=(2, 9, 5)).astype(np.float32)
    together = done.policies([0, 1])(raw)
    for member in range(2):
        wrapper = done.vec_normalize(member, DummyVecEnv([toy()]))
        alone, _ = done.to_sb3(member).predict(wrapper.normalize_obs(raw[member]), deterministic=True)
        np.testing.assert_array_equal(together[member], alone)


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What torch wraps its compiler around, where the compiler cannot be imported."""
    function = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    monkeypatch.delattr(function, "__dynamo_disable", raising=False)
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # to import it is an error
    return function


def test_what_trains_in_lockstep_is_rehearsed_without_torchs_compiler(function: Any) -> None:
    rehearse(make_study({"execution.trainer": "lockstep"}))
    with pytest.raises(SpecError, match="torch._dynamo"):
        rehearse(make_study({"execution.trainer": "sb3"}))


def test_a_member_is_built_without_torchs_compiler_and_without_a_buffer(function: Any) -> None:
    spaces = gym.spaces.Box(-1, 1, (3,)), gym.spaces.Discrete(2)
    members = [Member(seed=1, arguments={}), Member(seed=1, arguments={"buffer_size": 70})]
    models = [
        build_model(SB3["dqn"], member, *spaces, n_envs=2, device=torch.device("cpu"))[0]
        for member in members
    ]
    assert [model.buffer_size for model in models] == [1_000_000, 70]
    assert all(model.replay_buffer is None for model in models)
    assert "__dynamo_disable" not in vars(function)
