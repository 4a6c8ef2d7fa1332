"""The training environments of all members in one pool of EnvPool."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from robusttune.training.envpool import EnvPoolBatch
from robusttune.training.lockstep.environments import Transition
from robusttune.training.lockstep.layout import Array

MakePool = Callable[[Sequence[int]], EnvPoolBatch]


class PooledEnvironments:
    """As `MemberEnvironments`, stepped by one call for all.

    Parameters
    ----------
    make_pool : callable
        Makes the environments of the seeds that it is given.
    seeds : sequence of int
        One per member.
    n_envs : int
        Environments per member.
    """

    def __init__(self, make_pool: MakePool, seeds: Sequence[int], n_envs: int) -> None:
        self._make_pool, self._seeds, self.n_envs = make_pool, list(seeds), n_envs
        self._pool = self._make()
        self._ids = np.arange(len(seeds) * n_envs).reshape(-1, n_envs)  # in the pool, by row
        self._is_fresh = True
        self.observation_space, self.action_space = self._pool.observation_space, self._pool.action_space

    def _make(self) -> EnvPoolBatch:
        return self._make_pool([seed + i for seed in self._seeds for i in range(self.n_envs)])

    def reset(self, rows: Sequence[int] | None = None) -> Array:
        """Return the first observations, shape (n_rows, n_envs, *shape); the same each time."""
        if not self._is_fresh:
            self._pool.close()
            self._pool = self._make()
        self._is_fresh = False
        return self._by_row(self._pool.reset()[self._of(rows)])

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
            Where nobody will look any more; a pool steps them all the same.
        """
        step = self._pool.step(actions.reshape(-1, *actions.shape[2:]), self._of(rows))
        return Transition(
            observations=self._by_row(step.observations),
            rewards=self._by_row(step.rewards),
            dones=self._by_row(step.terminated | step.truncated),
            timeouts=self._by_row(step.truncated & ~step.terminated),
            terminal=self._by_row(step.terminal),
        )

    def _of(self, rows: Sequence[int] | None) -> Array:
        return (self._ids if rows is None else self._ids[list(rows)]).ravel()

    def _by_row(self, array: Array) -> Array:
        return array.reshape(-1, self.n_envs, *array.shape[1:])

    def keep(self, rows: Sequence[int]) -> None:
        """Step no more than the chosen members' environments."""
        self._ids = self._ids[list(rows)]

    def close(self) -> None:
        """Close the pool."""
        self._pool.close()
