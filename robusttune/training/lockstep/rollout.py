"""On-policy experience of all members, and the advantages computed from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from robusttune.training.lockstep.layout import Array, keep_rows, round_up, width_of
from robusttune.training.lockstep.normalisation import Index


class RolloutStore:
    """One rollout of all members, a row of numbers per transition.

    A row holds features, actions, value, log-probability, advantage and return side by side, so that a
    minibatch of all members is one gather. Rows are in the order of SB3's buffer: all steps of environment 0,
    then of 1, …

    Parameters
    ----------
    n_members, n_envs, n_steps : int
    n_features, action_dim : int
    """

    def __init__(self, n_members: int, n_envs: int, n_steps: int, n_features: int, action_dim: int) -> None:
        self.n_members, self.n_envs = n_members, n_envs
        self.features = slice(0, n_features)
        self.actions = slice(n_features, n_features + action_dim)
        self.numbers = slice(n_features + action_dim, n_features + action_dim + 4)
        self.rows = torch.zeros(width_of(n_members), round_up(n_envs * n_steps), self.numbers.stop)
        self.rewards = np.zeros((n_steps, n_members, n_envs), dtype=np.float32)
        self.starts = np.zeros((n_steps, n_members, n_envs), dtype=np.float32)

    def cells(self, n_steps: int) -> Array:
        """Return rollouts of this length as a view, shape (n_members, n_envs, n_steps, n_numbers)."""
        filled = self.rows.numpy()[: self.n_members, : self.n_envs * n_steps]
        return filled.reshape(self.n_members, self.n_envs, n_steps, self.numbers.stop)

    def keep(self, rows: Sequence[int]) -> None:
        """Forget all members but the chosen ones."""
        self.n_members, self.rows = len(rows), keep_rows(self.rows, rows)
        self.rewards, self.starts = self.rewards[:, list(rows)], self.starts[:, list(rows)]

    def compute_returns(
        self, rows: Index, n_steps: int, last_values: Array, dones: Array, gammas: Array, lambdas: Array
    ) -> None:
        """Store generalised advantages and returns of some members' rollouts.

        Parameters
        ----------
        rows : slice or list of int
            Whose; the arrays hold theirs.
        n_steps : int
        last_values, dones : ndarray, shape (n_rows, n_envs)
            Value of the observation after the last step, and whether an episode ended there.
        gammas, lambdas : ndarray of float64, shape (n_rows, 1)
        """
        first, cells = self.numbers.start, self.cells(n_steps)
        rewards, starts = self.rewards[:n_steps, rows], self.starts[:n_steps, rows]
        values = np.ascontiguousarray(np.moveaxis(cells[rows][..., first], 2, 0))
        advantages = np.empty_like(values)
        gamma = gammas.astype(np.float32)
        decay = (gammas * lambdas).astype(np.float32)
        going_on = 1.0 - np.concatenate([starts[1:], dones[None].astype(np.float32)])
        next_values = np.concatenate([values[1:], last_values[None].astype(np.float32)])
        deltas = rewards + gamma * next_values * going_on - values
        factors = decay * going_on
        advantage = np.zeros_like(values[0])
        for step in range(n_steps - 1, -1, -1):
            advantage = deltas[step] + factors[step] * advantage
            advantages[step] = advantage
        computed = np.stack([advantages, advantages + values], axis=-1)
        cells[rows, ..., first + 2 : first + 4] = np.moveaxis(computed, 0, 2)

    def gather(self, indices: Tensor, device: torch.device, *, first: int = 0) -> Tensor:
        """Return transitions by their number.

        Parameters
        ----------
        indices : Tensor of int64, shape (width, n)
        device : torch.device
        first : int, default 0
            The row that the first indices are of.

        Returns
        -------
        Tensor, shape (width, n, n_numbers)
        """
        _, n_rows, n_numbers = self.rows.shape
        width = len(indices)
        offsets = torch.arange(first, first + width)[:, None] * n_rows
        flat = (indices + offsets).reshape(-1)
        return self.rows.view(-1, n_numbers).index_select(0, flat).view(width, -1, n_numbers).to(device)


def pad_rows(matrix: Tensor, n_rows: int) -> Tensor:
    """Return `matrix` of shape (width, n, k) with zero rows added up to `n_rows`."""
    if matrix.shape[1] == n_rows:
        return matrix.contiguous()
    padded = torch.zeros(matrix.shape[0], n_rows, matrix.shape[2], device=matrix.device)
    padded[:, : matrix.shape[1]] = matrix
    return padded
