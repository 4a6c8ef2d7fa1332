"""Environments that EnvPool steps in one batch, in C++.

Three things differ from Gymnasium's. A pool begins an episode in the step after the one that ended the last; here it is
made to do so within the same step, as Stable-Baselines3 expects. Seeds are given when a pool is made. An episode that
terminates in the very step in which its time is up counts as truncated alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from robusttune.declaration.training.environment import EnvironmentSpec
from robusttune.errors import SpecError
from robusttune.seeds import signed_seed

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStep:
    """What one step of environments gave; leading shape (n_chosen,).

    Attributes
    ----------
    observations : ndarray
        Where an episode ended, the first of the next.
    terminal : ndarray
        Where an episode ended, its last observation; elsewhere the same.
    rewards, raw_rewards : ndarray
        As the agent gets them, and before they were clipped.
    terminated, truncated : ndarray of bool
    is_over : ndarray of bool
        Where the game is over, and not only a life lost.
    """

    observations: Array
    terminal: Array
    rewards: Array
    raw_rewards: Array
    terminated: Array
    truncated: Array
    is_over: Array


class EnvPoolBatch:
    """Environments of one kind that are stepped together, each with a seed of its own.

    Parameters
    ----------
    spec : EnvironmentSpec
    seeds : sequence of int
        One per environment; unsigned, 32 bits.

    Raises
    ------
    SpecError
        If EnvPool does not have the environment.
    """

    def __init__(self, spec: EnvironmentSpec, seeds: Sequence[int]) -> None:
        import envpool

        task = task_of(spec)
        if task not in envpool.list_all_envs():
            raise SpecError(
                f"environment.engine = 'envpool': EnvPool has no {task}. Use engine = 'gymnasium'"
                + ("." if spec.atari is not None else ", or environment.atari = true for an Atari game.")
            )
        # One thread: it is runs that are trained side by side, each in a process of its own.
        self._pool = envpool.make(
            task,
            env_type="gymnasium",
            num_envs=len(seeds),
            num_threads=1,
            seed=[signed_seed(seed) for seed in seeds],
            **_options(spec),
        )
        self.n_envs = len(seeds)
        self.observation_space = _observations(self._pool.observation_space)
        self.action_space = _actions(self._pool.action_space)
        self._action_type = self._pool.action_space.dtype

    def reset(self) -> Array:
        """Return the first observations; a pool of the same seeds begins with the same."""
        observations: Array = self._pool.reset()[0]
        return observations

    def step(self, actions: Array, chosen: Array | None = None) -> BatchStep:
        """Step environments once, and begin a new episode where one ended.

        Parameters
        ----------
        actions : ndarray, shape (n_chosen, *action_shape)
        chosen : ndarray of int, optional
            Which environments; None is all.
        """
        chosen = np.arange(self.n_envs) if chosen is None else chosen
        terminal, rewards, terminated, truncated, info = self._pool.step(self._typed(actions), env_id=chosen)
        observations, ended = terminal, np.flatnonzero(terminated | truncated)
        if len(ended):
            # Not by its `reset`, which begins a new game also where only a life was lost.
            first = self._pool.step(self._typed(np.asarray(actions)[ended]), env_id=chosen[ended])[0]
            observations = terminal.copy()
            observations[ended] = first
        game = {
            "reward": rewards,
            "terminated": terminated,
            **info,
        }  # Atari: before clipping, and when it is over
        return BatchStep(
            observations=observations,
            terminal=terminal,
            rewards=rewards,
            raw_rewards=game["reward"],
            terminated=terminated,
            truncated=truncated,
            is_over=game["terminated"].astype(bool) | truncated,
        )

    def close(self) -> None:
        """Close the pool."""
        self._pool.close()

    def _typed(self, actions: Array) -> Array:
        return np.asarray(actions).astype(self._action_type)


class EnvPoolVecEnv(VecEnv):
    """A batch as Stable-Baselines3's algorithms step it, whose infos tell the returns of whole games.

    Parameters
    ----------
    spec : EnvironmentSpec
    n_envs : int
    """

    def __init__(self, spec: EnvironmentSpec, n_envs: int) -> None:
        self._spec = spec
        self._batch = EnvPoolBatch(spec, range(n_envs))
        self._returns, self._lengths = np.zeros(n_envs), np.zeros(n_envs, dtype=np.int64)
        self._actions: Array = np.zeros(0)
        self.buf_obs: Array = np.zeros(0)
        self.buf_rews: Array = np.zeros(0)
        self.buf_infos: list[dict[str, Any]] = []
        super().__init__(n_envs, self._batch.observation_space, self._batch.action_space)

    def reset(self) -> Array:
        """Begin episodes; after `seed`, those that belong to it."""
        if self._seeds[0] is not None:
            self._batch.close()
            self._batch = EnvPoolBatch(self._spec, [int(seed or 0) for seed in self._seeds])
            self._reset_seeds()
        self._returns[:], self._lengths[:] = 0.0, 0
        self.buf_obs = self._batch.reset()
        return self.buf_obs

    def step_async(self, actions: Array) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Array, Array, Array, list[dict[str, Any]]]:
        """Step the batch."""
        step = self._batch.step(self._actions)
        self._returns += step.raw_rewards
        self._lengths += 1
        dones = step.terminated | step.truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(dones):
            is_timeout = bool(step.truncated[i] and not step.terminated[i])
            infos[i] = {"terminal_observation": step.terminal[i], "TimeLimit.truncated": is_timeout}
            if step.is_over[i]:
                infos[i]["episode"] = {"r": float(self._returns[i]), "l": int(self._lengths[i])}
                self._returns[i], self._lengths[i] = 0.0, 0
        self.buf_obs, self.buf_rews, self.buf_infos = step.observations, step.rewards, infos
        return step.observations, step.rewards, dones, infos

    def close(self) -> None:
        """Close the pool."""
        self._batch.close()

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Return True for `Monitor`, whose infos these environments give."""
        return [wrapper_class.__name__ == "Monitor"] * self.num_envs

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return None for `render_mode`: a batch shows nothing."""
        if attr_name != "render_mode":
            raise AttributeError(f"environments of EnvPool have no attribute {attr_name!r}.")
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Raise: these environments are no Python objects."""
        raise AttributeError(f"environments of EnvPool have no attribute {attr_name!r}.")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Raise: these environments are no Python objects."""
        raise AttributeError(f"environments of EnvPool have no method {method_name!r}.")


def task_of(spec: EnvironmentSpec) -> str:
    """Return EnvPool's name of an environment."""
    if spec.atari is None:
        return spec.id
    return re.sub(r"(NoFrameskip)?-v\d+$", "", spec.id.removeprefix("ALE/")) + "-v5"


def _options(spec: EnvironmentSpec) -> dict[str, Any]:
    kwargs: dict[str, Any] = dict(spec.kwargs)
    atari = spec.atari
    if atari is None:
        return kwargs
    return {
        "noop_max": atari.noop_max,
        "frame_skip": atari.frame_skip,
        "img_height": atari.screen_size,
        "img_width": atari.screen_size,
        "episodic_life": atari.terminal_on_life_loss,
        "reward_clip": atari.clip_reward,
        "repeat_action_probability": atari.action_repeat_probability,
        "stack_num": spec.n_stack,
        **kwargs,
    }


def _observations(space: spaces.Space[Any]) -> spaces.Box:
    """Return a space of arrays; EnvPool gives Box2D's observations bounds between which they do not lie."""
    if not isinstance(space, spaces.Box):
        raise SpecError(
            f"environment.engine = 'envpool': needs array observations, but got {space}. Use engine = 'gymnasium'."
        )
    if np.issubdtype(space.dtype, np.floating):
        return spaces.Box(-np.inf, np.inf, space.shape, space.dtype.type)
    return space


def _actions(space: spaces.Space[Any]) -> spaces.Space[Any]:
    """Return a space as Gymnasium has it, where MuJoCo's actions are float32."""
    if not isinstance(space, spaces.Box):
        return space
    return spaces.Box(space.low.astype(np.float32), space.high.astype(np.float32), dtype=np.float32)
