"""Proximal policy optimisation, the clipped kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor

from robusttune.training.lockstep.layout import Array, column, keep_rows, round_up
from robusttune.training.lockstep.on_policy import OnPolicyTrainer
from robusttune.training.lockstep.optimisers import clip_gradients
from robusttune.training.lockstep.parts import Part


class LockstepPPO(OnPolicyTrainer):
    """Train members by SB3's PPO; see `LockstepTrainer` for the arguments."""

    algorithm: ClassVar[type[BaseAlgorithm]] = PPO
    stores_log_probs: ClassVar[bool] = True

    def _setup(self) -> None:
        super()._setup()
        n = len(self.members)
        self._plans: list[Iterator[Array]] = [iter(()) for _ in range(n)]
        self._next: list[Array | None] = [None] * n
        self._rates = [0.0] * n
        self._clip, self._value_clip = column(self.device, [0.0] * n), column(self.device, [0.0] * n)

    def _connect(self) -> None:
        super()._connect()
        models = [self._models[member] for member in self._rows]
        self._normalises = bool(models[0].normalize_advantage)
        self._clips_values = any(model.clip_range_vf is not None for model in models)
        self._paces = [(model.n_steps, model.n_epochs) for model in models]
        limits: list[Any] = [model.target_kl for model in models]
        self._max_kls = [float("inf") if limit is None else 1.5 * float(limit) for limit in limits]

    def _keep(self, rows: Sequence[int]) -> None:
        super()._keep(rows)
        self._plans, self._next = [self._plans[row] for row in rows], [self._next[row] for row in rows]
        self._rates = [self._rates[row] for row in rows]
        self._clip, self._value_clip = keep_rows(self._clip, rows), keep_rows(self._value_clip, rows)
        self._has_value_clip = torch.isfinite(self._value_clip)

    def _begin_update(self, rows: Sequence[int]) -> None:
        for row in rows:
            model, progress = self._models[self._rows[row]], self._progress(row)
            self._rates[row] = model.lr_schedule(progress)
            self._clip[row] = model.clip_range(progress)
            vf = model.clip_range_vf
            self._value_clip[row] = float("inf") if vf is None else vf(progress)
            self._plans[row] = self._minibatches(row)
            self._next[row] = next(self._plans[row])
        self._has_value_clip = torch.isfinite(self._value_clip)

    def _minibatches(self, row: int) -> Iterator[Array]:
        """Yield the transitions of each minibatch of an update."""
        member, stream = self._rows[row], self._streams[row].numpy
        n_rows, model = self.n_envs * int(self._lengths[row]), self._models[member]
        for _ in range(model.n_epochs):
            order = stream.permutation(n_rows)
            for begin in range(0, n_rows, model.batch_size):
                yield order[begin : begin + model.batch_size]
            self.n_updates[member] += 1

    def _update(self) -> list[int]:
        # Members whose rollouts differ in length wait for each other before they update, never in an update:
        # minibatches cost more than steps. One that its `target_kl` stops waits for those of its own pace: the seeds
        # of a configuration are evaluated together.
        while not (ended := self._ended()):
            waiting = {row: chosen for row, chosen in enumerate(self._next) if chosen is not None}
            size = min(map(len, waiting.values()))
            rows = [row for row, chosen in waiting.items() if len(chosen) == size]
            indices = np.zeros((self._flat.shape[0], round_up(size)), dtype=np.int64)
            for row in rows:
                indices[row, :size] = waiting[row]
            near = self._minibatch(torch.from_numpy(indices), size, rows, self._rates)
            for row in rows:
                self._next[row] = next(self._plans[row], None) if row in near else None
                if row not in near:
                    self.n_updates[self._rows[row]] += 1
        return ended

    def _ended(self) -> list[int]:
        """Return the rows that have ended an update, as all of their pace have."""
        going_on = {self._paces[row] for row, chosen in enumerate(self._next) if chosen is not None}
        return [row for row, pace in enumerate(self._paces) if pace not in going_on]

    def _minibatch(
        self, indices: Tensor, size: int, going_on: list[int], learning_rates: list[float]
    ) -> list[int]:
        """Step the members in `going_on`; return those whose policy is still near the one that acted.

        Parameters
        ----------
        indices : Tensor, shape (width, padded size)
        """
        near = [row for part in self._parts for row in self._differentiate(part, indices, size, going_on)]
        if not near:
            return near
        norms = clip_gradients(self._gradient, self._max_norms)
        if len(near) == len(self._rows):
            self._norm_sums += norms
        else:
            self._norm_sums[near] += norms[near]
        self._optimiser.step(near, learning_rates)
        return near

    def _differentiate(self, part: Part, indices: Tensor, size: int, going_on: list[int]) -> list[int]:
        """Write the gradient of a part's rows; return those of `going_on` whose policy is still near."""
        going_on = [row for row in going_on if row in part.rows]
        if not going_on:
            return going_on
        store, at = self._store, part.at
        batch = store.gather(indices[at], self.device, first=part.rows.start)
        inputs = self._inputs(part, batch, indices[at], size)
        actions = batch[:, :size, store.actions]
        numbers = batch[:, :size, store.numbers].permute(2, 0, 1).contiguous()
        old_values, old_log_prob, advantages, returns = numbers.unbind(0)
        if self._normalises and size > 1:
            centred = advantages - advantages.mean(1, keepdim=True)
            advantages = centred.div_(advantages.std(1, keepdim=True).add_(1e-8))
        values = part.critic.forward(inputs)[:, :size, 0]
        log_prob, _ = part.head.evaluate(part.actor.forward(inputs)[:, :size], actions)
        log_ratio = log_prob - old_log_prob
        ratio = log_ratio.exp()
        going_on = self._near(part.rows.start, log_ratio, ratio, going_on)
        if not going_on:
            part.release()
            return going_on
        d_log_prob = self._surrogate_gradient(self._clip[at], ratio, advantages).div_(size)
        d_entropy = (self._entropy_weights[at] / -size).expand_as(d_log_prob)
        d_outputs = part.head.backward(d_log_prob, d_entropy)
        d_values = self._value_gradient(at, values, old_values, returns)
        d_values.mul_(self._value_weights[at] * (2.0 / size))
        part.backward(d_outputs, d_values, inputs.shape[1])
        return going_on

    def _near(self, first: int, log_ratio: Tensor, ratio: Tensor, going_on: list[int]) -> list[int]:
        """Return the members whose approximate divergence is within their `target_kl`; row `first` is the first."""
        if all(limit == float("inf") for limit in self._max_kls):
            return going_on
        divergences = (ratio - 1.0 - log_ratio).mean(1).tolist()
        return [row for row in going_on if not divergences[row - first] > self._max_kls[row]]

    def _surrogate_gradient(self, clip: Tensor, ratio: Tensor, advantages: Tensor) -> Tensor:
        """Return the gradient of each sample's clipped surrogate loss by its log-probability."""
        clipped = torch.clamp(ratio, 1.0 - clip, 1.0 + clip)
        surrogate = advantages * ratio
        slopes = (clipped == ratio) | (surrogate < advantages * clipped)
        return surrogate.mul_(slopes).neg_()

    def _value_gradient(self, at: slice, values: Tensor, old_values: Tensor, returns: Tensor) -> Tensor:
        """Return half the gradient of each sample's squared value error by its value."""
        errors = values - returns
        if not self._clips_values:
            return errors
        change = values - old_values
        clipped = torch.clamp(change, -self._value_clip[at], self._value_clip[at])
        within = (clipped == change).to(errors.dtype)
        return torch.where(self._has_value_clip[at], (old_values + clipped - returns) * within, errors)
