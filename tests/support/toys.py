from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from robusttune.training import lockstep
from robusttune.training.lockstep.members import sb3_arguments

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
}
SB3 = {"ppo": PPO, "a2c": A2C, "dqn": DQN, "sac": SAC, "td3": TD3, "ddpg": DDPG}
LOCKSTEP = {
    "ppo": lockstep.LockstepPPO,
    "a2c": lockstep.LockstepA2C,
    "dqn": lockstep.LockstepDQN,
    "sac": lockstep.LockstepSAC,
    "td3": lockstep.LockstepTD3,
    "ddpg": lockstep.LockstepDDPG,
}


class Toy(gym.Env):
    """Rewards, ends and time-outs that depend on the actions and on the environment's own generator."""

    def __init__(self, observations: str = "box", actions: str = "discrete") -> None:
        self.observation_space = OBSERVATIONS[observations]
        self.action_space = ACTIONS[actions]

    def _observe(self) -> Any:
        space = self.observation_space
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


def reference(
    algorithm: str,
    make_env: Any,
    hyperparameters: dict[str, Any],
    *,
    seed: int,
    total: int,
    n_envs: int = 1,
    norm: Any = None,
) -> Any:
    env: Any = DummyVecEnv([lambda: Monitor(make_env())] * n_envs)
    if norm is not None:
        env = VecNormalize(env, **norm)
    model = SB3[algorithm]("MlpPolicy", env, seed=seed, device="cpu", **sb3_arguments(hyperparameters))
    return model.learn(total)


def trainer(
    algorithm: str,
    make_env: Any,
    hyperparameters: Any,
    *,
    seeds: Any,
    total: int,
    n_envs: int = 1,
    norm: Any = None,
    on_boundary: Any = None,
) -> Any:
    each = hyperparameters if isinstance(hyperparameters, list) else [hyperparameters] * len(seeds)
    members = [lockstep.Member(seed=seed, hyperparameters=hp) for seed, hp in zip(seeds, each, strict=True)]
    return LOCKSTEP[algorithm](
        members,
        make_env=make_env,
        n_envs=n_envs,
        total_timesteps=total,
        normalisation=None if norm is None else lockstep.NormalisationOptions(**norm),
    ).learn(on_boundary)


def weights(model: Any) -> np.ndarray:
    return np.concatenate([w.detach().numpy().ravel() for w in model.policy.state_dict().values()])


def largest_difference(a: Any, b: Any) -> float:
    return float(np.abs(weights(a) - weights(b)).max())
