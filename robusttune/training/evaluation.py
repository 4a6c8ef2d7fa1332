"""How a policy is evaluated: when, in which environments, on which start states."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecFrameStack, VecNormalize

from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.environment import EnvironmentSpec
from robusttune.results.records import CurvePoint
from robusttune.training.environments import make_base, wrap
from robusttune.training.isolation import isolated, undisturbed
from robusttune.training.subprocesses import ProcessVecEnv


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


def vectorised(spec: EnvironmentSpec, n_envs: int) -> VecEnv:
    """Return environments stepped together, whose infos tell the environment's own returns.

    What is below its wrappers (`unwrapped`) keeps the last step in `buf_obs`, `buf_rews` and `buf_infos`.
    """
    if spec.engine == "envpool":
        from robusttune.training.envpool import EnvPoolVecEnv

        return _stacked(EnvPoolVecEnv(spec, n_envs), spec.n_to_stack)
    if spec.vec_env == "subproc" and n_envs > 1:
        return _stacked(ProcessVecEnv(partial(_Episodes, spec), n_envs), spec.n_to_stack)
    return _stacked(DummyVecEnv([lambda: _Episodes(spec)] * n_envs), spec.n_to_stack)


def _stacked(environments: VecEnv, n_stack: int) -> VecEnv:
    return environments if n_stack == 1 else VecFrameStack(environments, n_stack)


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
    with isolated(), undisturbed(model.action_space, model.policy, seed=spec.evaluation_seed):
        torch.manual_seed(spec.evaluation_seed)  # for stochastic policies
        np.random.seed(spec.evaluation_seed)  # noqa: NPY002  (DQN's ε-greedy policy draws from it)
        # Seeded again each time: the final evaluation does not depend on how many came before.
        environment.seed(spec.evaluation_seed)
        if isinstance(environment, VecNormalize):
            environment.training = environment.norm_reward = False
        found, _ = evaluate_policy(
            _player(model, environment),
            environment,
            n_eval_episodes=evaluation.n_episodes,
            deterministic=evaluation.deterministic,
            return_episode_rewards=True,
        )
    return [float(value) for value in found]  # type: ignore[union-attr]


def _player(model: BaseAlgorithm, environment: VecEnv) -> Any:
    """Return what chooses the actions: the model, which is shown the environments' action masks if it takes any."""
    return _Masked(model, environment) if takes_masks(model) else model


def takes_masks(model: BaseAlgorithm) -> bool:
    """Return whether a model chooses among the actions that its environment allows."""
    return "action_masks" in inspect.signature(model.predict).parameters


class _Masked:
    def __init__(self, model: Any, environment: VecEnv) -> None:
        self._model, self._environment = model, environment

    def predict(self, observations: Any, **options: Any) -> Any:
        masks = np.stack(self._environment.env_method("action_masks"))
        return self._model.predict(observations, action_masks=masks, **options)


class _Episodes(gym.Wrapper[Any, Any, Any, Any]):
    """Reports the return of every episode where its game is over, whatever the wrappers call an end.

    Parameters
    ----------
    spec : EnvironmentSpec

    Notes
    -----
    The monitor stands inside the wrappers, so that returns are the environment's own. A wrapper may end an episode
    while the game goes on (a life is lost): that counts as no end, as in Stable-Baselines3's `evaluate_policy`. Or it
    may cut the game off (a time limit), which the monitor does not see. Which of the two it was, the next reset shows.
    """

    def __init__(self, spec: EnvironmentSpec) -> None:
        self._spec = spec
        self._monitor = Monitor(make_base(spec))
        super().__init__(wrap(self._monitor, spec))
        self._last: dict[str, Any] | None = None

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take a step."""
        observation, reward, terminated, truncated, info = super().step(action)
        self._last = info if (terminated or truncated) and "episode" not in info else None
        return observation, reward, terminated, truncated, info

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; with a seed, a new game, of which no wrapper remembers an earlier one."""
        if seed is not None:
            self._last, self.env = None, wrap(self._monitor, self._spec)
        rewards = self._monitor.rewards
        found = super().reset(seed=seed, options=options)
        if self._last is not None and self._monitor.rewards is not rewards:
            # Vectorised environments reset before they hand out the step's info.
            self._last["episode"] = {"r": sum(rewards), "l": len(rewards)}
        return found
