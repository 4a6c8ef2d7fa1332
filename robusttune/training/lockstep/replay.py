"""Off-policy experience of all members."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from robusttune.training.lockstep.layout import Array, round_up, width_of


class ReplayStore:
    """A ring of transitions per member, a row of numbers each, drawn from as SB3's buffer is.

    A row holds observation, next observation, action, reward and whether the episode really ended.

    Parameters
    ----------
    n_members, n_envs : int
    buffer_size : int
        SB3's `buffer_size`.
    n_used : int
        Steps that training will store at most: no memory is set aside for more.
    n_observed, action_dim : int
        Numbers in one observation and in one action.
    """

    def __init__(
        self, n_members: int, n_envs: int, *, buffer_size: int, n_used: int, n_observed: int, action_dim: int
    ) -> None:
        self.n_members, self.n_envs = n_members, n_envs
        self.capacity = max(buffer_size // n_envs, 1)
        self.observations = slice(0, n_observed)
        self.next_observations = slice(n_observed, 2 * n_observed)
        self.actions = slice(2 * n_observed, 2 * n_observed + action_dim)
        self.reward, self.end = self.actions.stop, self.actions.stop + 1
        n_kept = min(self.capacity, n_used)
        self._cells = np.zeros((n_members, n_kept, n_envs, self.end + 1), dtype=np.float32)
        self._position, self._full = 0, False

    def add(self, observations: Array, nexts: Array, actions: Array, rewards: Array, ends: Array) -> None:
        """Store one step; leading shape of the arrays (n_members, n_envs)."""
        cell = self._cells[:, self._position]
        cell[..., self.observations] = observations
        cell[..., self.next_observations] = nexts
        cell[..., self.actions] = actions
        cell[..., self.reward] = rewards
        cell[..., self.end] = ends
        self._position += 1
        if self._position == self.capacity:
            self._full, self._position = True, 0

    def sample(self, streams: Sequence[np.random.RandomState], batch_size: int) -> Tensor:
        """Return a batch drawn from each member's own stream, padded to whole cache lines.

        Returns
        -------
        Tensor, shape (width, padded batch_size, n_numbers)
        """
        upper = self.capacity if self._full else self._position
        indices = np.zeros((width_of(self.n_members), round_up(batch_size)), dtype=np.int64)
        for row, stream in enumerate(streams):
            drawn = stream.randint(0, upper, size=batch_size) * self.n_envs
            if self.n_envs > 1:
                # With one environment SB3 draws too, but that takes nothing from the stream.
                drawn += stream.randint(0, high=self.n_envs, size=(batch_size,))
            indices[row, :batch_size] = drawn
        n_rows = self._cells.shape[1] * self.n_envs
        indices[: self.n_members] += np.arange(self.n_members)[:, None] * n_rows
        return torch.from_numpy(self._cells.reshape(-1, self.end + 1).take(indices, axis=0))

    def keep(self, rows: Sequence[int]) -> None:
        """Forget all members but the chosen ones."""
        self._cells = self._cells[list(rows)]
        self.n_members = len(rows)
