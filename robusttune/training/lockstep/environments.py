"""The training environments of all members, stepped together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.preprocessing import get_obs_shape

from robusttune.training.lockstep.atari import draw_no_skipped_frame
from robusttune.training.lockstep.kernels import Env, find_kernel, time_limit
from robusttune.training.lockstep.lander import lander_step
from robusttune.training.lockstep.layout import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What one step of all environments gave; leading shape (n_members, n_envs).

    Where an episode ended, `observations` is the first of the next and `terminal` the last of the old one.
    """

    observations: Array
    rewards: Array
    dones: Array
    timeouts: Array
    terminal: Array


class MemberEnvironments:
    """`n_envs` environments for each member, seeded as SB3 seeds them: environment i of seed s by s + i.

    Parameters
    ----------
    make_env : callable
        Makes one environment; called once for each.
    seeds : sequence of int
        One per member.
    n_envs : int
        Environments per member.
    """

    def __init__(self, make_env: Callable[[], Env], seeds: Sequence[int], n_envs: int) -> None:
        self._envs = [[make_env() for _ in range(n_envs)] for _ in seeds]
        self._seeds = list(seeds)
        self.observation_space: spaces.Space[Any] = self._envs[0][0].observation_space
        self.action_space: spaces.Space[Any] = self._envs[0][0].action_space
        self.n_envs = n_envs
        shape = get_obs_shape(self.observation_space)
        # SB3 keeps a Discrete observation as a number, and gives it its own axis only when it stores it.
        self._shape: tuple[int, ...] = shape if isinstance(shape, tuple) else ()
        flat = [env for group in self._envs for env in group]
        for env in flat:
            draw_no_skipped_frame(env)
        self._kernel = find_kernel(flat)
        self._steps = [[lander_step(env) or env.step for env in group] for group in self._envs]
        self._limit = time_limit(flat[0]) if self._kernel else None
        self._states: Array = np.zeros((len(flat), 0))
        self._elapsed = np.zeros(len(flat), dtype=np.int64)

    def reset(self, rows: Sequence[int] | None = None) -> Array:
        """Return the first observations, shape (n_rows, n_envs, *shape); the same each time."""
        rows = range(len(self._envs)) if rows is None else rows
        observations = self._empty_observations(len(rows))
        for place, row in enumerate(rows):
            for i, env in enumerate(self._envs[row]):
                observations[place, i] = env.reset(seed=self._seeds[row] + i)[0]
        if self._kernel is not None:
            states = [env.unwrapped.state for row in rows for env in self._envs[row]]  # type: ignore[attr-defined]
            if not self._states.size:
                self._states = np.zeros((len(self._elapsed), len(states[0])))
            self._states[self._flat(rows)], self._elapsed[self._flat(rows)] = states, 0
        return observations

    def step(
        self, actions: Array, rows: Sequence[int] | None = None, idle: Array | None = None
    ) -> Transition:
        """Step environments once, and begin a new episode where one ended.

        Parameters
        ----------
        actions : ndarray, shape (n_rows, n_envs, *action_shape)
        rows : sequence of int, optional
            Whose environments; None is all.
        idle : ndarray of bool, shape (n_rows, n_envs), optional
            Where nobody will look any more: such an environment may stand still, and what it gives means nothing.
        """
        rows = range(len(self._envs)) if rows is None else rows
        if self._kernel is not None:
            return self._step_together(actions, rows)
        return self._step_one_by_one(actions, rows, idle)

    def _empty_observations(self, n_rows: int) -> Array:
        return np.zeros((n_rows, self.n_envs, *self._shape), dtype=self.observation_space.dtype)

    def _step_one_by_one(self, actions: Array, rows: Sequence[int], idle: Array | None) -> Transition:
        observations, terminal = self._empty_observations(len(rows)), self._empty_observations(len(rows))
        rewards = np.zeros(observations.shape[:2], dtype=np.float32)
        dones, timeouts = np.zeros(rewards.shape, dtype=bool), np.zeros(rewards.shape, dtype=bool)
        for place, row in enumerate(rows):
            for i, step in enumerate(self._steps[row]):
                if idle is not None and idle[place, i]:
                    continue
                observation, reward, terminated, truncated, _ = step(actions[place, i])
                rewards[place, i] = reward
                if terminated or truncated:
                    dones[place, i], timeouts[place, i] = True, truncated and not terminated
                    terminal[place, i] = observation
                    observation = self._envs[row][i].reset()[0]
                observations[place, i] = observation
        return Transition(
            observations=observations, rewards=rewards, dones=dones, timeouts=timeouts, terminal=terminal
        )

    def _step_together(self, actions: Array, rows: Sequence[int]) -> Transition:
        if self._kernel is None:
            raise ValueError("These environments have no common dynamics; step them one by one.")
        is_all = len(rows) == len(self._envs)
        flat = slice(None) if is_all else self._flat(rows)
        states, observations, rewards, terminated = self._kernel.step(self._states[flat], actions)
        self._states[flat] = states
        self._elapsed[flat] += 1
        dones = terminated if self._limit is None else terminated | (self._elapsed[flat] >= self._limit)
        terminal = observations
        if dones.any():
            observations = observations.copy()
            for index in np.flatnonzero(dones):
                place, i = divmod(int(index), self.n_envs)
                env = self._envs[rows[place]][i].unwrapped
                observations[index] = env.reset()[0]
                self._states[rows[place] * self.n_envs + i] = env.state  # type: ignore[attr-defined]
                self._elapsed[rows[place] * self.n_envs + i] = 0
        shape = (len(rows), self.n_envs)
        return Transition(
            observations=observations.reshape(*shape, *self._shape),
            rewards=rewards.astype(np.float32).reshape(shape),
            dones=dones.reshape(shape),
            timeouts=(dones & ~terminated).reshape(shape),
            terminal=terminal.reshape(*shape, *self._shape),
        )

    def _flat(self, rows: Sequence[int]) -> list[int]:
        return [row * self.n_envs + i for row in rows for i in range(self.n_envs)]

    def keep(self, rows: Sequence[int]) -> None:
        """Close the environments of all members but the chosen ones."""
        for row, group in enumerate(self._envs):
            if row not in rows:
                for env in group:
                    env.close()
        flat = self._flat(rows)
        self._envs, self._steps = [self._envs[row] for row in rows], [self._steps[row] for row in rows]
        self._seeds = [self._seeds[row] for row in rows]
        self._elapsed = self._elapsed[flat]
        if self._kernel is not None:
            self._states = self._states[flat]

    def close(self) -> None:
        """Close all environments."""
        self.keep([])


def environment_actions(space: spaces.Space[Any], actions: Array) -> Array:
    """Return actions in the type and shape that environments take, clipped to a Box's bounds.

    Parameters
    ----------
    space : gymnasium.spaces.Space
    actions : ndarray of float32, shape (n_members, n, action_dim)
    """
    leading = actions.shape[:2]
    if isinstance(space, spaces.Box):
        clipped: Array = np.clip(actions.reshape(*leading, *space.shape), space.low, space.high)
        return clipped
    if isinstance(space, spaces.Discrete):
        return actions.reshape(leading).astype(np.int64)
    return actions.astype(np.int64) if isinstance(space, spaces.MultiDiscrete) else actions
