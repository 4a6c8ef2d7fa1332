"""The last observations of every environment, joined as SB3's VecFrameStack joins them."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env.stacked_observations import StackedObservations

from robusttune.training.lockstep.environments import MemberEnvironments, Transition
from robusttune.training.lockstep.kernels import Env
from robusttune.training.lockstep.layout import Array
from robusttune.training.lockstep.pooled import MakePool, PooledEnvironments

# Bytes → the integers that hold as many: on them a pixel's frames shift at once.
_WORDS = {2: np.uint16, 4: np.uint32, 8: np.uint64} if sys.byteorder == "little" else {}


class FrameStack:
    """Environments of members that give their last observations at once.

    Parameters
    ----------
    environments : MemberEnvironments or PooledEnvironments
    n_members, n_stack : int
        Of how many members, and how many observations of each; before an episode's first they are zero.

    Raises
    ------
    ValueError
        If the observations are no arrays of type Box.
    """

    def __init__(
        self, environments: MemberEnvironments | PooledEnvironments, n_members: int, n_stack: int
    ) -> None:
        space = environments.observation_space
        if not isinstance(space, spaces.Box):
            raise ValueError(f"Only observations of type Box can be stacked, but got {space}.")
        self._environments = environments
        # SB3's class knows which axis it is, and the bounds; its arrays are not used.
        stacks = StackedObservations(0, n_stack, space)
        self.observation_space, self.action_space = (
            stacks.stacked_observation_space,
            environments.action_space,
        )
        self.n_envs = environments.n_envs
        self._axis = 2 if stacks.channels_first else -1  # of (n_members, n_envs, *shape)
        self._length = int(space.shape[stacks.repeat_axis])
        self._frames: Array = np.zeros((n_members, self.n_envs, *stacks.stacked_shape), dtype=space.dtype)
        is_bytes = space.dtype == np.uint8 and not stacks.channels_first
        self._word = _WORDS.get(stacks.stacked_shape[-1]) if is_bytes else None

    def reset(self, rows: Sequence[int] | None = None) -> Array:
        """Return the first observations, shape (n_rows, n_envs, *shape); the same each time."""
        observations = self._environments.reset(rows)
        frames = np.zeros((len(observations), *self._frames.shape[1:]), dtype=self._frames.dtype)
        self._newest(frames)[...] = observations
        self._frames[slice(None) if rows is None else list(rows)] = frames
        return frames

    def step(
        self, actions: Array, rows: Sequence[int] | None = None, idle: Array | None = None
    ) -> Transition:
        """Step environments once, and begin a new episode where one ended; see `MemberEnvironments.step`."""
        transition = self._environments.step(actions, rows, idle)
        at = slice(None) if rows is None or len(rows) == len(self._frames) else list(rows)
        frames = self._shifted(self._frames[at])
        newest, ended, terminal = self._newest(frames), transition.dones, frames
        if ended.any():
            terminal = frames.copy()
            self._newest(terminal)[ended] = transition.terminal[ended]
            frames[ended] = 0
        newest[...] = transition.observations
        self._frames[at] = frames
        return dataclasses.replace(transition, observations=frames, terminal=terminal)

    def _newest(self, frames: Array) -> Array:
        """Return the last observation in each stack, as a view."""
        return frames[..., -self._length :] if self._axis == -1 else frames[:, :, -self._length :]

    def _shifted(self, frames: Array) -> Array:
        """Return a copy with every observation one place nearer to the oldest, which is forgotten."""
        if self._word is not None:
            words: Array = frames.view(self._word) >> self._word(8 * self._length)
            return words.view(frames.dtype)
        shifted = np.empty_like(frames)
        if self._axis == -1:
            shifted[..., : -self._length] = frames[..., self._length :]
        else:
            shifted[:, :, : -self._length] = frames[:, :, self._length :]
        return shifted

    def keep(self, rows: Sequence[int]) -> None:
        """Close the environments of all members but the chosen ones."""
        self._environments.keep(rows)
        self._frames = self._frames[list(rows)]

    def close(self) -> None:
        """Close all environments."""
        self._environments.close()


def environments_of(
    seeds: Sequence[int],
    n_envs: int,
    *,
    make_env: Callable[[], Env],
    make_pool: MakePool | None,
    n_stack: int = 1,
) -> MemberEnvironments | PooledEnvironments | FrameStack:
    """Return the environments of members: in one pool if there is something that makes it, else one by one.

    Parameters
    ----------
    seeds : sequence of int
        One per member.
    n_envs : int
        Environments per member.
    make_env, make_pool : callable
    n_stack : int, default 1
        Observations that are joined.
    """
    environments: MemberEnvironments | PooledEnvironments = (
        MemberEnvironments(make_env, seeds, n_envs)
        if make_pool is None
        else PooledEnvironments(make_pool, seeds, n_envs)
    )
    return environments if n_stack == 1 else FrameStack(environments, len(seeds), n_stack)
