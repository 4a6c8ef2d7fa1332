from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecNormalize

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.hyperparameters import check_names
from robusttune.declaration.training.environment import Normalization
from robusttune.training.hyperparameters import constructor_arguments, sb3_class
from robusttune.training.lockstep.members import Member
from robusttune.training.lockstep_runs import learner

ACTIONS = {
    "box": spaces.Box(-1.0, 2.0, (1,), np.float32),
    "box2x3": spaces.Box(-0.5, 0.5, (2, 3), np.float32),
    "discrete": spaces.Discrete(3),
    "multidiscrete": spaces.MultiDiscrete([3, 2, 4]),
    "multibinary": spaces.MultiBinary(4),
}
OBSERVATIONS = {
    "box": spaces.Box(-10, 10, (5,), np.float32),
    "box64": spaces.Box(-10, 10, (2, 2), np.float64),
    "discrete": spaces.Discrete(6),
    "multidiscrete": spaces.MultiDiscrete([3, 4]),
    "multibinary": spaces.MultiBinary(3),
    "grey image": spaces.Box(0, 255, (44, 37, 1), np.uint8),
    "colour image": spaces.Box(0, 255, (36, 39, 3), np.uint8),
    "image, channels first": spaces.Box(0, 255, (2, 36, 41), np.uint8),
}
LOCKSTEP = {name: learner(name) for name, entry in ALGORITHMS.items() if entry.lockstep is not None}
SB3 = {name: sb3_class(name) for name in LOCKSTEP}


class Toy(gym.Env):
    """Rewards, ends and time-outs that depend on the actions and on the environment's own generator."""

    def __init__(self, observations: str = "box", actions: str = "discrete") -> None:
        self.observation_space = OBSERVATIONS[observations]
        self.action_space = ACTIONS[actions]

    def _observe(self) -> Any:
        space = self.observation_space
        if isinstance(space, spaces.Box) and space.dtype == np.uint8:
            return self.np_random.integers(0, 256, size=space.shape, dtype=np.uint8)
        if isinstance(space, spaces.Box):
            return self.np_random.normal(self._total, 1.0, size=space.shape).astype(space.dtype)
        if isinstance(space, spaces.Discrete):
            return np.int64(self.np_random.integers(space.n))
        if isinstance(space, spaces.MultiDiscrete):
            return self.np_random.integers(0, space.nvec).astype(space.dtype)
        return self.np_random.integers(0, 2, size=space.shape).astype(space.dtype)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._total, self._clock = 0.0, 0
        return self._observe(), {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(
            np.asarray(action, self.action_space.dtype).reshape(self.action_space.shape)
        )
        self._total = 0.9 * self._total + float(np.sum(action)) * 0.1
        self._clock += 1
        reward = self._total + float(self.np_random.normal())
        return self._observe(), reward, bool(self.np_random.random() < 0.05), self._clock >= 9, {}


def toy(observations: str = "box", actions: str = "discrete") -> Any:
    return partial(Toy, observations, actions)


def arguments(algorithm: str, make_env: Any, hyperparameters: dict[str, Any]) -> dict[str, Any]:
    """What a run of these hyperparameters passes to SB3's constructor."""
    check_names(ALGORITHMS[algorithm], hyperparameters, where="the test")
    return constructor_arguments(algorithm, hyperparameters, int(np.prod(make_env().action_space.shape)))


def policy_of(make_env: Any) -> str:
    space = make_env().observation_space
    return "CnnPolicy" if space.shape is not None and len(space.shape) == 3 else "MlpPolicy"


def reference(
    algorithm: str,
    make_env: Any,
    hyperparameters: dict[str, Any],
    *,
    seed: int,
    total: int,
    n_envs: int = 1,
    norm: Normalization | None = None,
    n_stack: int = 1,
) -> Any:
    env: Any = DummyVecEnv([lambda: Monitor(make_env())] * n_envs)
    if n_stack > 1:
        env = VecFrameStack(env, n_stack)
    if norm is not None:
        env = VecNormalize(
            env,
            norm_obs=norm.observations,
            norm_reward=norm.rewards,
            gamma=hyperparameters.get("gamma", 0.99),
        )
    given = arguments(algorithm, make_env, hyperparameters)
    model = SB3[algorithm](policy_of(make_env), env, seed=seed, device="cpu", **given)
    return model.learn(total)


def trainer(
    algorithm: str,
    make_env: Any,
    hyperparameters: Any,
    *,
    on_boundary: Any = None,
    **options: Any,
) -> Any:
    """A lockstep trainer that has trained; it is made as `untrained` makes it."""
    return untrained(algorithm, make_env, hyperparameters, **options).learn(on_boundary)


def untrained(
    algorithm: str,
    make_env: Any,
    hyperparameters: Any,
    *,
    seeds: Any,
    total: int,
    n_envs: int = 1,
    norm: Normalization | None = None,
    n_stack: int = 1,
) -> Any:
    each = hyperparameters if isinstance(hyperparameters, list) else [hyperparameters] * len(seeds)
    members = [
        Member(seed=seed, arguments=arguments(algorithm, make_env, hp))
        for seed, hp in zip(seeds, each, strict=True)
    ]
    return LOCKSTEP[algorithm](
        members,
        make_env=make_env,
        n_envs=n_envs,
        total_timesteps=total,
        normalization=norm,
        n_stack=n_stack,
        policy=policy_of(make_env),
    )


def weights(model: Any) -> np.ndarray:
    return np.concatenate([w.detach().numpy().ravel() for w in model.policy.state_dict().values()])


def largest_difference(a: Any, b: Any) -> float:
    return float(np.abs(weights(a) - weights(b)).max())
