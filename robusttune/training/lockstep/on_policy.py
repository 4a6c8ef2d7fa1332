"""What PPO and A2C share: the rollout, and the order of rollouts and updates."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from robusttune.training.lockstep.distributions import ActionHead
from robusttune.training.lockstep.environments import environment_actions
from robusttune.training.lockstep.images import ImageStore
from robusttune.training.lockstep.layout import Array, keep_rows, round_up, width_of
from robusttune.training.lockstep.networks import StackedMLP
from robusttune.training.lockstep.normalisation import Index
from robusttune.training.lockstep.on_policy_networks import OnPolicyNetworks
from robusttune.training.lockstep.parts import Part
from robusttune.training.lockstep.rollout import RolloutStore, pad_rows

_CHUNK = 2048
"""Rows per matrix product where a whole rollout is evaluated: keeps the activations in the cache."""


class OnPolicyTrainer(OnPolicyNetworks):
    """Collect a rollout with the current policies, then update them."""

    stores_log_probs: ClassVar[bool]

    def _setup(self) -> None:
        n_members, lengths = len(self.members), [int(model.n_steps) for model in self._models]
        self._lengths = np.array(lengths)  # steps of the rollout under way, by row
        self._norm_sums = torch.zeros(width_of(n_members), device=self.device)
        super()._setup()
        n_features, action_dim = self._network_inputs.n_features, self._head.action_dim
        self._store = RolloutStore(n_members, self.n_envs, max(lengths), n_features, action_dim)
        self._shown = None
        if self._images is not None:
            self._shown = ImageStore(n_members, self.n_envs, max(lengths), self._images.shape)

    def _begin(self) -> None:
        observations = self.environments.reset()
        self._last = observations if self._normaliser is None else self._normaliser.reset(observations)
        self._starts = np.ones(observations.shape[:2], dtype=np.float32)

    def _advance(self) -> None:
        if self._ready:
            self._collect(self._ready)
            self._norm_sums[self._ready] = 0.0
            self._begin_update(self._ready)
        self._ready = self._update()

    def _progress(self, row: int) -> float:
        """Return which part of its training is still before a row."""
        return 1.0 - float(self.timesteps[self._rows[row]]) / float(self.total_timesteps)

    def _collect(self, rows: Sequence[int]) -> None:
        """Collect rollouts of some rows, each of its own length: the short ones end first."""
        for row in rows:
            usual = int(self._models[self._rows[row]].n_steps)
            self._lengths[row] = self._n_steps_now(usual, row)
        waiting, begin = list(rows), 0
        while waiting:
            end = int(self._lengths[waiting].min())
            self._play(waiting, begin, end)
            begin, waiting = end, [row for row in waiting if self._lengths[row] > end]
        for length in dict.fromkeys(self._lengths[list(rows)].tolist()):
            self._complete([row for row in rows if self._lengths[row] == length], length)

    def _play(self, rows: list[int], begin: int, end: int) -> None:
        """Take these steps of the rollouts of some rows."""
        at, (actor, critic, head) = self._index(rows), self._policy_of(rows)
        generators = [self._streams[row].torch for row in rows]
        lengths = self._lengths[rows]
        cells: list[tuple[Array, Index, slice | Array]] = []
        for length in np.unique(lengths):
            places = np.flatnonzero(lengths == length)
            target = self._index([rows[place] for place in places])
            chosen = slice(None) if len(places) == len(rows) else places
            cells.append((self._store.cells(length), target, chosen))
        store = self._store
        for step in range(begin, end):
            features = self._features(self._last[at], rows)
            outputs = actor.forward(self._network_inputs.of_features(features))[:, : self.n_envs]
            actions = head.sample(outputs, generators).cpu().numpy()[: len(rows)]
            self._silence_diverged(actions, rows)
            for view, target, own in cells:
                now = view[:, :, step]
                now[target, :, store.features], now[target, :, store.actions] = features[own], actions[own]
            if self._images is not None and self._shown is not None:
                self._shown.put(rows, step, lengths, self._images.images(self._last[at]))
            store.starts[step, at] = self._starts[at]
            store.rewards[step, at], self._starts[at] = self._step(actions, rows, critic)
        self.timesteps[[self._rows[row] for row in rows]] += (end - begin) * self.n_envs

    def _complete(self, rows: list[int], length: int) -> None:
        """Store values, log-probabilities, advantages and returns of rollouts of one length."""
        at, (actor, critic, head) = self._index(rows), self._policy_of(rows)
        values = self._values(critic, self._last[at], rows)
        self._evaluate_store(rows, length, actor, critic, head)
        gammas, lambdas = self._gammas[at], self._lambdas[at]
        self._store.compute_returns(at, length, values, self._starts[at], gammas, lambdas)

    def _index(self, rows: Sequence[int]) -> Index:
        return slice(None) if len(rows) == len(self._rows) else list(rows)

    def _step(self, actions: Array, rows: list[int], critic: StackedMLP) -> tuple[Array, Array]:
        """Step environments; return rewards, bootstrapped where time ran out, and new episodes."""
        at = self._index(rows)
        transition = self.environments.step(environment_actions(self.action_space, actions), rows)
        observations, rewards, terminal = transition.observations, transition.rewards, transition.terminal
        if self._normaliser is not None:
            observations, rewards = self._normaliser.step(observations, rewards, transition.dones, at)
        if transition.timeouts.any():
            if self._normaliser is not None:
                terminal = self._normaliser.observations(terminal, at)
            values = self._values(critic, terminal, rows)
            rewards = np.where(
                transition.timeouts, rewards + self._gammas[at].astype(np.float32) * values, rewards
            )
        self._last[at] = observations
        return rewards, transition.dones.astype(np.float32)

    def _silence_diverged(self, actions: Array, rows: Sequence[int]) -> None:
        """Give the environments of a member with impossible actions zeros, and remember the member."""
        if not np.isfinite(actions).all():
            bad = ~np.isfinite(actions).all(axis=(1, 2))
            actions[bad] = 0.0
            self._suspects[np.array(rows)[bad]] = True

    def _evaluate_store(
        self, rows: list[int], length: int, actor: StackedMLP, critic: StackedMLP, head: ActionHead
    ) -> None:
        """Store the values, and the log-probabilities if needed, of whole rollouts of one length.

        The policies do not change during a rollout, so one pass at its end serves for all steps.
        """
        store, n_rows = self._store, round_up(self.n_envs * length)
        first = store.numbers.start
        for begin in range(0, n_rows, _CHUNK):
            there = slice(begin, min(begin + _CHUNK, n_rows))
            chosen = keep_rows(store.rows[:, there], rows)
            inputs = chosen[..., store.features].to(self.device)
            store.rows[rows, there, first] = critic.forward(inputs)[: len(rows), :, 0].cpu()
            if self.stores_log_probs:
                actions = chosen[..., store.actions].to(self.device)
                log_probs = head.evaluate(actor.forward(inputs), actions)[0]
                store.rows[rows, there, first + 1] = log_probs[: len(rows)].cpu()

    def _inputs(self, part: Part, batch: Tensor, indices: Tensor, size: int) -> Tensor:
        """Return what a part's actor and critic receive of some transitions, shape (width, padded size, n_features).

        Parameters
        ----------
        part : Part
        batch : Tensor, shape (width, padded size, n_numbers)
            The transitions.
        indices : Tensor of int64, shape (width, at least size)
            Their numbers.
        size : int
        """
        if part.image is None or self._shown is None:
            return batch[..., self._store.features]
        # The features that are stored are those of the policy that acted.
        images = self._shown.gather(part.rows.start, indices[0, :size], self.device)
        return pad_rows(part.image.forward(images)[None], batch.shape[1])

    def _begin_update(self, rows: Sequence[int]) -> None:
        """Prepare the update of some rows, whose rollouts are complete."""

    @abstractmethod
    def _update(self) -> list[int]:
        """Update parameters from the store until at least one row has ended its update; return those that have."""

    def _finite_rows(self) -> Array:
        n = len(self._rows)
        finite = (torch.isfinite(self._flat).all(1) & torch.isfinite(self._norm_sums)).cpu().numpy()[:n]
        for row in self._ready:
            cells = self._store.rows[row, : self.n_envs * int(self._lengths[row])]
            finite[row] &= bool(torch.isfinite(cells).all())
        return finite

    def _keep(self, rows: Sequence[int]) -> None:
        super()._keep(rows)
        self._last, self._starts = self._last[list(rows)], self._starts[list(rows)]
        self._lengths, self._norm_sums = self._lengths[list(rows)], keep_rows(self._norm_sums, rows)
        self._store.keep(rows)
        if self._shown is not None:
            self._shown.keep(rows)
