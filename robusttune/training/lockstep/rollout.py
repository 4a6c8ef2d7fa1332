"""On-policy experience of all members, and the advantages computed from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from robusttune.training.lockstep.layout import Array, round_up, width_of


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
        self.n_members, self.n_envs, self.n_steps = n_members, n_envs, n_steps
        self.n_rows = n_envs * n_steps
        self.features = slice(0, n_features)
        self.actions = slice(n_features, n_features + action_dim)
        self.numbers = slice(n_features + action_dim, n_features + action_dim + 4)
        self.rows = torch.zeros(width_of(n_members), round_up(self.n_rows), self.numbers.stop)
        filled = self.rows.numpy()[:n_members, : self.n_rows]
        self.cells = filled.reshape(n_members, n_envs, n_steps, self.numbers.stop)
        self.rewards = np.zeros((n_steps, n_members, n_envs), dtype=np.float32)
        self.starts = np.zeros((n_steps, n_members, n_envs), dtype=np.float32)

    def write(self, step: int, features: Array, actions: Array, rewards: Array, starts: Array) -> None:
        """Store one step; leading shape of the arrays (n_members, n_envs)."""
        self.cells[:, :, step, self.features] = features
        self.cells[:, :, step, self.actions] = actions
        self.rewards[step] = rewards
        self.starts[step] = starts

    def compute_returns(self, last_values: Array, dones: Array, gammas: Array, lambdas: Array) -> None:
        """Store generalised advantages and returns.

        Parameters
        ----------
        last_values, dones : ndarray, shape (n_members, n_envs)
            Value of the observation after the last step, and whether an episode ended there.
        gammas, lambdas : ndarray of float64, shape (n_members, 1)
        """
        first = self.numbers.start
        values = np.ascontiguousarray(np.moveaxis(self.cells[..., first], 2, 0))
        advantages = np.empty_like(values)
        gamma = gammas.astype(np.float32)
        decay = (gammas * lambdas).astype(np.float32)
        going_on = 1.0 - np.concatenate([self.starts[1:], dones[None].astype(np.float32)])
        next_values = np.concatenate([values[1:], last_values[None].astype(np.float32)])
        deltas = self.rewards + gamma * next_values * going_on - values
        factors = decay * going_on
        advantage = np.zeros_like(values[0])
        for step in range(self.n_steps - 1, -1, -1):
            advantage = deltas[step] + factors[step] * advantage
            advantages[step] = advantage
        self.cells[..., first + 2] = np.moveaxis(advantages, 0, 2)
        self.cells[..., first + 3] = np.moveaxis(advantages + values, 0, 2)

    def gather(self, indices: Tensor, device: torch.device) -> Tensor:
        """Return transitions by their number.

        Parameters
        ----------
        indices : Tensor of int64, shape (width, n)

        Returns
        -------
        Tensor, shape (width, n, n_numbers)
        """
        width, n_rows, n_numbers = self.rows.shape
        offsets = torch.arange(width)[:, None] * n_rows
        flat = (indices + offsets).reshape(-1)
        return self.rows.view(-1, n_numbers).index_select(0, flat).view(width, -1, n_numbers).to(device)


def minibatches(order: Array, batch_size: int) -> list[tuple[Tensor, int]]:
    """Return the indices of each minibatch of an epoch, padded to whole cache lines, and its true size.

    Parameters
    ----------
    order : ndarray of int64, shape (width, n_rows)
        Each member's permutation.
    """
    batches = []
    for start in range(0, order.shape[1], batch_size):
        chosen = order[:, start : start + batch_size]
        size = chosen.shape[1]
        padded = np.zeros((order.shape[0], round_up(size)), dtype=np.int64)
        padded[:, :size] = chosen
        batches.append((torch.from_numpy(padded), size))
    return batches


def permutations(streams: Sequence[np.random.RandomState | None], n_rows: int, width: int) -> Array:
    """Return a permutation from each stream; zeros where there is None, which draws nothing."""
    order = np.zeros((width, n_rows), dtype=np.int64)
    for row, stream in enumerate(streams):
        if stream is not None:
            order[row] = stream.permutation(n_rows)
    return order


def pad_rows(matrix: Tensor, n_rows: int) -> Tensor:
    """Return `matrix` of shape (width, n, k) with zero rows added up to `n_rows`."""
    if matrix.shape[1] == n_rows:
        return matrix.contiguous()
    padded = torch.zeros(matrix.shape[0], n_rows, matrix.shape[2], device=matrix.device)
    padded[:, : matrix.shape[1]] = matrix
    return padded
