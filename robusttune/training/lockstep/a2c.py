"""Advantage actor-critic."""

from __future__ import annotations

from typing import ClassVar

from stable_baselines3 import A2C
from stable_baselines3.common.base_class import BaseAlgorithm

from robusttune.training.lockstep.layout import round_up
from robusttune.training.lockstep.on_policy import OnPolicyTrainer
from robusttune.training.lockstep.optimisers import clip_gradients
from robusttune.training.lockstep.rollout import pad_rows


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
        store = self._store
        size = self.n_envs * int(self._lengths[0])
        inputs = store.rows[:, : round_up(size), store.features].to(self.device)
        actions = store.rows[:, :size, store.actions].to(self.device)
        numbers = store.rows[:, :size, store.numbers].permute(2, 0, 1).contiguous().to(self.device)
        _, _, advantages, returns = numbers.unbind(0)
        if self._normalises and not (self.exact and size == 1):  # one number has no deviation
            centred = advantages - advantages.mean(1, keepdim=True)
            advantages = centred.div_(advantages.std(1, keepdim=True).add_(1e-8))
        values = self._critic.forward(inputs)[:, :size, 0]
        self._head.evaluate(self._actor.forward(inputs)[:, :size], actions)
        d_entropy = (self._entropy_weights / -size).expand_as(advantages)
        d_outputs = self._head.backward(advantages / -size, d_entropy)
        self._actor.backward(pad_rows(d_outputs, inputs.shape[1]))
        d_values = (values - returns).mul_(self._value_weights * (2.0 / size))
        self._critic.backward(pad_rows(d_values[..., None], inputs.shape[1]))
        self._norm_sums += clip_gradients(self._gradient, self._max_norms)
        rates = [
            self._models[member].lr_schedule(self._progress(row)) for row, member in enumerate(self._rows)
        ]
        self._optimiser.step(range(len(self._rows)), rates)
        for member in self._rows:
            self.n_updates[member] += 1
        return list(range(len(self._rows)))
