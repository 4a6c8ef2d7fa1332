"""What the off-policy algorithms share: acting, storing, and when to update."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from stable_baselines3.common.preprocessing import get_action_dim
from torch import Tensor

from robusttune.training.lockstep.layout import Array
from robusttune.training.lockstep.replay import ReplayStore
from robusttune.training.lockstep.trainer import LockstepTrainer


class Batch(NamedTuple):
    """Transitions to learn from.

    Attributes
    ----------
    inputs, next_inputs : Tensor, shape (width, padded batch_size, n_features)
    actions : Tensor, shape (width, batch_size, action_dim)
    rewards, ends : Tensor, shape (width, batch_size)
    """

    inputs: Tensor
    next_inputs: Tensor
    actions: Tensor
    rewards: Tensor
    ends: Tensor

    def of(self, at: slice) -> Batch:
        """Return the batch of some rows."""
        return Batch(*(tensor[at] for tensor in self))


class OffPolicyTrainer(LockstepTrainer):
    """Act for `train_freq` steps, then take `gradient_steps` steps on what was stored."""

    def _setup(self) -> None:
        model = self._models[0]
        self._frequency = int(model.train_freq.frequency)
        self._gradient_steps, self._learning_starts = int(model.gradient_steps), int(model.learning_starts)
        self._batch_size = int(model.batch_size)
        n_observed = int(np.prod(self._codec.shape))
        self._store = ReplayStore(
            len(self.members),
            self.n_envs,
            buffer_size=int(model.buffer_size),
            n_used=-(-self.total_timesteps // self.n_envs) + self._frequency,
            n_observed=n_observed,
            action_dim=get_action_dim(self.action_space),
        )
        self._progress = 1.0

    def _begin(self) -> None:
        self._raw = self.environments.reset()
        self._last = self._raw if self._normaliser is None else self._normaliser.reset(self._raw)

    def _advance(self) -> None:
        frequency = self._n_steps_now(self._frequency)
        for _ in range(frequency):
            actions, stored = self._act(warming_up=self._elapsed < self._learning_starts)
            self._step(actions, stored)
            self.timesteps[self._rows] += self.n_envs
            self._progress = 1.0 - float(self._elapsed) / float(self.total_timesteps)
            self._after_step()
        if self._elapsed > self._learning_starts:
            n_steps = self._gradient_steps if self._gradient_steps >= 0 else frequency * self.n_envs
            if n_steps > 0:
                self._update(n_steps)
                for member in self._rows:
                    self.n_updates[member] += n_steps

    @property
    def _elapsed(self) -> int:
        return int(self.timesteps[self._rows[0]])

    def _random_actions(self, member: int) -> list[Any]:
        """Return an action per environment from the member's own action space."""
        space = self._models[member].action_space
        return [space.sample() for _ in range(self.n_envs)]

    def _step(self, actions: Array, stored: Array) -> None:
        transition = self.environments.step(actions)
        nexts, terminal = transition.observations, transition.terminal
        if self._normaliser is None:
            self._last, after = nexts, nexts
        else:
            self._last, _ = self._normaliser.step(nexts, transition.rewards, transition.dones)
            after = nexts
        if transition.dones.any():
            if self._normaliser is not None:
                # SB3 stores what is left of the terminal observation after normalising it and back.
                terminal = self._normaliser.raw_observations(self._normaliser.observations(terminal))
            after = nexts.copy()
            after[transition.dones] = terminal[transition.dones]
        shape = (len(self._rows), self.n_envs, -1)
        self._store.add(
            self._raw.reshape(shape),
            after.reshape(shape),
            stored.reshape(shape),
            transition.rewards,
            transition.dones & ~transition.timeouts,
        )
        self._raw = nexts

    def _sample(self) -> Batch:
        """Return a batch of every member."""
        store, size = self._store, self._batch_size
        batch = store.sample([streams.numpy for streams in self._streams], size)
        rewards = batch[:, :size, store.reward]
        if self._normaliser is not None and self._normaliser.options.rewards:
            n = len(self._rows)
            rewards = rewards.clone()
            rewards[:n] = torch.from_numpy(self._normaliser.rewards(rewards[:n].numpy()))
        numbers = (batch[:, :size, store.actions], rewards, batch[:, :size, store.end])
        actions, rewards, ends = (number.to(self.device) for number in numbers)
        return Batch(
            inputs=self._inputs_of(batch[..., store.observations]),
            next_inputs=self._inputs_of(batch[..., store.next_observations]),
            actions=actions,
            rewards=rewards,
            ends=ends,
        )

    def _inputs_of(self, stored: Tensor) -> Tensor:
        raw = stored.numpy().reshape(*stored.shape[:2], *self._codec.shape)
        if self._normaliser is not None:
            n = len(self._rows)
            raw = np.concatenate([self._normaliser.observations(raw[:n]), np.zeros_like(raw[n:])])
        return torch.from_numpy(np.ascontiguousarray(self._codec.features(raw))).to(self.device)

    def _keep(self, rows: Sequence[int]) -> None:
        super()._keep(rows)
        self._store.keep(rows)
        self._raw, self._last = self._raw[list(rows)], self._last[list(rows)]

    @abstractmethod
    def _act(self, *, warming_up: bool) -> tuple[Array, Array]:
        """Return the actions for the environments, and as they are stored; leading shape (n_rows, n_envs)."""

    @abstractmethod
    def _after_step(self) -> None:
        """Do what SB3 does after every step of the environments."""

    @abstractmethod
    def _update(self, n_steps: int) -> None:
        """Take gradient steps."""
