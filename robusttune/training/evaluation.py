"""How a policy is evaluated: when, in which environments, on which start states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecNormalize

from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.sb3 import EnvironmentSpec
from robusttune.results.records import CurvePoint
from robusttune.training.environments import make_base, wrap
from robusttune.training.isolation import isolated, undisturbed


class DivergedError(Exception):
    """A parameter or a return is NaN or infinite: an outcome of the configuration."""


def due_evaluation(spec: RunSpec, timesteps: int, done: int) -> int | None:
    """Return the index of the evaluation that is due at an update boundary, or None.

    Parameters
    ----------
    spec : RunSpec
    timesteps : int
        Environment steps taken.
    done : int
        Index of the last evaluation made; -1 before the first.
    """
    return spec.evaluation.due(timesteps, spec.total_timesteps, done=done)


def n_evaluation_environments(spec: RunSpec) -> int:
    """Return how many environments an evaluation steps together."""
    return min(spec.evaluation.n_envs, spec.evaluation.n_episodes)


def vectorised(spec: EnvironmentSpec, n_envs: int) -> DummyVecEnv:
    """Return environments stepped together, whose infos tell the environment's own returns."""
    return DummyVecEnv([lambda: _monitored(spec)] * n_envs)


def curve_point(index: int, timesteps: int, n_updates: int, returns: Sequence[float]) -> CurvePoint:
    """Return the point of a learning curve that an evaluation makes."""
    mean = float(np.mean(returns))
    return CurvePoint(index=index, timesteps=timesteps, n_updates=n_updates, mean_return=mean)


def evaluate_model(model: BaseAlgorithm, environment: VecEnv, spec: RunSpec) -> list[float]:
    """Return the episode returns of a policy, leaving all random streams of its training untouched.

    Parameters
    ----------
    model : BaseAlgorithm
    environment : VecEnv
        Of its own; under VecNormalize with the statistics of training.
    spec : RunSpec
    """
    evaluation = spec.evaluation
    with isolated(), undisturbed(model.action_space):
        torch.manual_seed(spec.evaluation_seed)  # for stochastic policies
        np.random.seed(spec.evaluation_seed)  # noqa: NPY002  (DQN's ε-greedy policy draws from it)
        # Seeded again each time: the final evaluation does not depend on how many came before.
        environment.seed(spec.evaluation_seed)
        if isinstance(environment, VecNormalize):
            environment.training = environment.norm_reward = False
        found, _ = evaluate_policy(
            model,
            environment,
            n_eval_episodes=evaluation.n_episodes,
            deterministic=evaluation.deterministic,
            return_episode_rewards=True,
        )
    return [float(value) for value in found]  # type: ignore[union-attr]


class _Episodes(gym.Wrapper[Any, Any, Any, Any]):
    """Reports the return of every episode that ends, also of those that a wrapper ends earlier.

    Parameters
    ----------
    environment : gymnasium.Env
        Within all its wrappers.
    monitor : Monitor
        Stands inside the wrappers, so that returns are the environment's own; it does not see what they cut off.
    """

    def __init__(self, environment: gym.Env[Any, Any], monitor: Monitor) -> None:
        super().__init__(environment)
        self._monitor = monitor

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take a step."""
        observation, reward, terminated, truncated, info = super().step(action)
        if terminated or truncated:
            rewards = self._monitor.rewards
            info.setdefault("episode", {"r": sum(rewards), "l": len(rewards)})
        return observation, reward, terminated, truncated, info


def _monitored(spec: EnvironmentSpec) -> gym.Env[Any, Any]:
    monitor = Monitor(make_base(spec))
    return _Episodes(wrap(monitor, spec), monitor)
