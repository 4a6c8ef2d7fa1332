"""Advantage actor-critic."""

from __future__ import annotations

from typing import ClassVar

import torch
from stable_baselines3 import A2C
from stable_baselines3.common.base_class import BaseAlgorithm

from robusttune.training.lockstep.layout import round_up
from robusttune.training.lockstep.on_policy import OnPolicyTrainer
from robusttune.training.lockstep.optimisers import clip_gradients
from robusttune.training.lockstep.parts import Part


class LockstepA2C(OnPolicyTrainer):
    """Train members by SB3's A2C; see `LockstepTrainer` for the arguments."""

    algorithm: ClassVar[type[BaseAlgorithm]] = A2C
    stores_log_probs: ClassVar[bool] = False

    def _connect(self) -> None:
        super()._connect()
        normalises = bool(self._rows) and bool(self._models[self._rows[0]].normalize_advantage)
        self._normalises = normalises

    def _update(self) -> list[int]:
        # SB3 shuffles the rollout that it then uses whole: the order changes nothing, nothing else is drawn.
        size = self.n_envs * int(self._lengths[0])
        for part in self._parts:
            self._differentiate(part, size)
        self._norm_sums += clip_gradients(self._gradient, self._max_norms)
        rates = [
            self._models[member].lr_schedule(self._progress(row)) for row, member in enumerate(self._rows)
        ]
        self._optimiser.step(range(len(self._rows)), rates)
        for member in self._rows:
            self.n_updates[member] += 1
        return list(range(len(self._rows)))

    def _differentiate(self, part: Part, size: int) -> None:
        """Write the gradient of a part's rows."""
        store, at = self._store, part.at
        batch = store.rows[at, : round_up(size)].to(self.device)
        inputs = self._inputs(part, batch, torch.arange(size)[None], size)
        actions = batch[:, :size, store.actions]
        numbers = batch[:, :size, store.numbers].permute(2, 0, 1).contiguous()
        _, _, advantages, returns = numbers.unbind(0)
        if self._normalises and not (self.exact and size == 1):  # one number has no deviation
            centred = advantages - advantages.mean(1, keepdim=True)
            advantages = centred.div_(advantages.std(1, keepdim=True).add_(1e-8))
        values = part.critic.forward(inputs)[:, :size, 0]
        part.head.evaluate(part.actor.forward(inputs)[:, :size], actions)
        d_entropy = (self._entropy_weights[at] / -size).expand_as(advantages)
        d_outputs = part.head.backward(advantages / -size, d_entropy)
        d_values = (values - returns).mul_(self._value_weights[at] * (2.0 / size))
        part.backward(d_outputs, d_values, inputs.shape[1])
