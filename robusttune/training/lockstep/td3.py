"""Twin delayed deep deterministic policy gradient, and DDPG, its plain form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from stable_baselines3 import DDPG, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor, nn

from robusttune.training.lockstep.activations import make_activation
from robusttune.training.lockstep.actor_critic import ActorCriticTrainer, Part
from robusttune.training.lockstep.layout import Array, keep_rows
from robusttune.training.lockstep.networks import StackedMLP
from robusttune.training.lockstep.off_policy import Batch
from robusttune.training.lockstep.rollout import pad_rows
from robusttune.training.lockstep.snapshots import Snapshot


class LockstepTD3(ActorCriticTrainer):
    """Train members by SB3's TD3; see `LockstepTrainer` for the arguments."""

    algorithm: ClassVar[type[BaseAlgorithm]] = TD3

    def _setup(self) -> None:
        self._slow_actor = torch.zeros(0)
        super()._setup()
        self._slow_actor = self._actor.flat.clone()
        self._policy_delay = int(self._models[0].policy_delay)
        self._connect()

    def _connect(self) -> None:
        super()._connect()
        self._acting = self._actor_on(self._actor.flat)

    def _part(self, rows: range, at: slice) -> Part:
        slow = self._actor_on(self._slow_actor[at]) if self._slow_actor.numel() else None
        return replace(super()._part(rows, at), slow_actor=slow)

    def _actor_on(self, flat: Tensor, gradient: Tensor | None = None) -> StackedMLP:
        layers = [f"mu.{2 * i}" for i in range(self._n_actor_layers + 1)]
        final = make_activation(nn.Tanh)
        return StackedMLP(self._actor.layout, flat, gradient, layers, self._activation, final)

    def _means(self, actor: Any, inputs: Tensor) -> Tensor:
        outputs: Tensor = actor.forward(inputs)
        return outputs

    def _sample_actions(self) -> Array:
        outputs = self._acting.forward(self._network_inputs(self._last))
        return outputs.cpu().numpy()[: len(self._rows), : self.n_envs]

    def _gradient_step(self, part: Part, batch: Batch, rates: Sequence[float], step: int) -> None:
        next_actions = self._target_actions(part, batch)
        next_values = part.slow_critics.values(batch.next_inputs, next_actions).amin(1)
        self._step_critics(part, batch, next_values, 2.0, rates)
        if (self.n_updates[self._rows[0]] + step + 1) % self._policy_delay == 0:
            self._step_actor(part, batch.inputs, rates)
            self._follow(part, self._slow_critic, self._critic.flat)
            self._follow(part, self._slow_actor, self._actor.flat)

    def _target_actions(self, part: Part, batch: Batch) -> Tensor:
        """Return the slow actor's actions with clipped noise from each member's own generator."""
        noise = torch.zeros_like(batch.actions)
        for row, own in zip(part.rows, noise.unbind(0), strict=False):
            model = self._models[self._rows[row]]
            own.normal_(0, model.target_policy_noise, generator=self._streams[row].torch)
            own.clamp_(-model.target_noise_clip, model.target_noise_clip)
        chosen = part.slow_actor.forward(batch.next_inputs)[:, : noise.shape[1]]
        return noise.add_(chosen).clamp_(-1, 1)

    def _step_actor(self, part: Part, inputs: Tensor, rates: Sequence[float]) -> None:
        size = self._batch_size
        actions = part.actor.forward(inputs)[:, :size]
        values = part.first_critic.values(inputs, actions)
        d_actions = part.first_critic.slope_by_actions(torch.full_like(values, -1.0 / size), actions.shape[2])
        part.actor.backward(pad_rows(d_actions, inputs.shape[1]))
        self._actor.optimiser.step(part.rows, rates)

    def _keep(self, rows: Sequence[int]) -> None:
        self._slow_actor = keep_rows(self._slow_actor, rows)
        super()._keep(rows)

    def _snapshot(self, row: int) -> Snapshot:
        snapshot = super()._snapshot(row)
        slow = self._actor.layout.unstack(self._slow_actor[row])
        named = {f"actor_target.{name}": value for name, value in slow.items()}
        return replace(snapshot, weights=snapshot.weights | named)


class LockstepDDPG(LockstepTD3):
    """Train members by SB3's DDPG; see `LockstepTrainer` for the arguments."""

    algorithm: ClassVar[type[BaseAlgorithm]] = DDPG
