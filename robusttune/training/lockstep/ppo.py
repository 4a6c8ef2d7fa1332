"""Proximal policy optimisation, the clipped kind."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor

from robusttune.training.lockstep.on_policy import OnPolicyTrainer
from robusttune.training.lockstep.optimisers import clip_gradients
from robusttune.training.lockstep.rollout import minibatches, pad_rows, permutations


class LockstepPPO(OnPolicyTrainer):
    """Train members by SB3's PPO; see `LockstepTrainer` for the arguments."""

    algorithm: ClassVar[type[BaseAlgorithm]] = PPO
    stores_log_probs: ClassVar[bool] = True

    def _connect(self) -> None:
        super()._connect()
        models = [self._models[member] for member in self._rows]
        self._batch_size, self._n_epochs = int(models[0].batch_size), int(models[0].n_epochs)
        self._normalises = bool(models[0].normalize_advantage)
        limits: list[Any] = [model.target_kl for model in models]
        self._max_kls = [float("inf") if limit is None else 1.5 * float(limit) for limit in limits]

    def _update(self) -> None:
        models = [self._models[member] for member in self._rows]
        learning_rates = [model.lr_schedule(self._progress) for model in models]
        self._clip = self._column([model.clip_range(self._progress) for model in models])
        value_clips = [None if m.clip_range_vf is None else m.clip_range_vf(self._progress) for m in models]
        self._clips_values = any(clip is not None for clip in value_clips)
        self._value_clip = self._column([float("inf") if clip is None else clip for clip in value_clips])
        self._has_value_clip = torch.isfinite(self._value_clip)
        going_on = list(range(len(self._rows)))
        for _ in range(self._n_epochs):
            epoch = going_on
            streams = [self._streams[row].numpy if row in epoch else None for row in range(len(self._rows))]
            order = permutations(streams, self._store.n_rows, self._flat.shape[0])
            for indices, size in minibatches(order, self._batch_size):
                going_on = self._minibatch(indices, size, going_on, learning_rates)
                if not going_on:
                    break
            for row in epoch:
                self.n_updates[self._rows[row]] += 1
            if not going_on:
                break

    def _minibatch(
        self, indices: Tensor, size: int, going_on: list[int], learning_rates: list[float]
    ) -> list[int]:
        """Step the members in `going_on`; return those whose policy is still near the one that acted.

        Parameters
        ----------
        indices : Tensor, shape (width, padded size)
        """
        store = self._store
        batch = store.gather(indices, self.device)
        inputs, actions = batch[..., store.features], batch[:, :size, store.actions]
        numbers = batch[:, :size, store.numbers].permute(2, 0, 1).contiguous()
        old_values, old_log_prob, advantages, returns = numbers.unbind(0)
        if self._normalises and size > 1:
            centred = advantages - advantages.mean(1, keepdim=True)
            advantages = centred.div_(advantages.std(1, keepdim=True).add_(1e-8))
        values = self._critic.forward(inputs)[:, :size, 0]
        log_prob, _ = self._head.evaluate(self._actor.forward(inputs)[:, :size], actions)
        log_ratio = log_prob - old_log_prob
        ratio = log_ratio.exp()
        going_on = self._near(log_ratio, ratio, going_on)
        if not going_on:
            return going_on
        d_log_prob = self._surrogate_gradient(ratio, advantages).div_(size)
        d_entropy = (self._entropy_weights / -size).expand_as(d_log_prob)
        d_outputs = self._head.backward(d_log_prob, d_entropy)
        self._actor.backward(pad_rows(d_outputs, inputs.shape[1]))
        d_values = self._value_gradient(values, old_values, returns).mul_(self._value_weights * (2.0 / size))
        self._critic.backward(pad_rows(d_values[..., None], inputs.shape[1]))
        norms = clip_gradients(self._gradient, self._max_norms)
        self._norm_sums[going_on] += norms[going_on]
        self._optimiser.step(going_on, learning_rates)
        return going_on

    def _near(self, log_ratio: Tensor, ratio: Tensor, going_on: list[int]) -> list[int]:
        """Return the members whose approximate divergence is within their `target_kl`."""
        if all(limit == float("inf") for limit in self._max_kls):
            return going_on
        divergences = (ratio - 1.0 - log_ratio).mean(1).tolist()
        return [row for row in going_on if not divergences[row] > self._max_kls[row]]

    def _surrogate_gradient(self, ratio: Tensor, advantages: Tensor) -> Tensor:
        """Return the gradient of each sample's clipped surrogate loss by its log-probability."""
        clipped = torch.clamp(ratio, 1.0 - self._clip, 1.0 + self._clip)
        surrogate = advantages * ratio
        slopes = (clipped == ratio) | (surrogate < advantages * clipped)
        return surrogate.mul_(slopes).neg_()

    def _value_gradient(self, values: Tensor, old_values: Tensor, returns: Tensor) -> Tensor:
        """Return half the gradient of each sample's squared value error by its value."""
        errors = values - returns
        if not self._clips_values:
            return errors
        change = values - old_values
        clipped = torch.clamp(change, -self._value_clip, self._value_clip)
        within = (clipped == change).to(errors.dtype)
        return torch.where(self._has_value_clip, (old_values + clipped - returns) * within, errors)
