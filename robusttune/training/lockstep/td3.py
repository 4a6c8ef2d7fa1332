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
from robusttune.training.lockstep.actor_critic import ActorCriticTrainer
from robusttune.training.lockstep.layout import Array, keep_rows
from robusttune.training.lockstep.networks import StackedMLP
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
        self._network = self._actor_on(self._actor.flat, self._actor.gradient)
        if self._slow_actor.numel():
            self._slow_network = self._actor_on(self._slow_actor)

    def _actor_on(self, flat: Tensor, gradient: Tensor | None = None) -> StackedMLP:
        layers = [f"mu.{2 * i}" for i in range(self._n_actor_layers + 1)]
        final = make_activation(nn.Tanh)
        return StackedMLP(self._actor.layout, flat, gradient, layers, self._activation, final)

    def _means(self, actor: Any, inputs: Tensor) -> Tensor:
        outputs: Tensor = actor.forward(inputs)
        return outputs

    def _sample_actions(self) -> Array:
        outputs = self._network.forward(self._network_inputs(self._last))
        return outputs.cpu().numpy()[: len(self._rows), : self.n_envs]

    def _update(self, n_steps: int) -> None:
        rates = [self._models[member].lr_schedule(self._progress) for member in self._rows]
        first = self.n_updates[self._rows[0]]
        for n_updates in range(first + 1, first + n_steps + 1):
            inputs, next_inputs, actions, rewards, ends = self._sample()
            next_values = self._smallest_slow_value(next_inputs, self._target_actions(next_inputs, actions))
            targets = rewards + (1.0 - ends) * self._gammas * next_values
            self._step_critics(self._with_actions(inputs, actions), targets, 2.0, rates)
            if n_updates % self._policy_delay == 0:
                self._step_actor(inputs, rates)
                self._follow(self._slow_critic, self._critic.flat)
                self._follow(self._slow_actor, self._actor.flat)

    def _target_actions(self, next_inputs: Tensor, actions: Tensor) -> Tensor:
        """Return the slow actor's actions with clipped noise from each member's own generator."""
        noise = torch.zeros_like(actions)
        for row, (member, streams) in enumerate(zip(self._rows, self._streams, strict=True)):
            model = self._models[member]
            noise[row].normal_(0, model.target_policy_noise, generator=streams.torch)
            noise[row].clamp_(-model.target_noise_clip, model.target_noise_clip)
        chosen = self._slow_network.forward(next_inputs)[:, : actions.shape[1]]
        return noise.add_(chosen).clamp_(-1, 1)

    def _step_actor(self, inputs: Tensor, rates: Sequence[float]) -> None:
        size = self._batch_size
        outputs = self._network.forward(inputs)
        values = self._critics[0].forward(self._with_actions(inputs, outputs[:, :size]))
        gradient = torch.zeros_like(values)
        gradient[:, :size] = -1.0 / size
        d_joined = self._critics[0].backward(gradient, to_parameters=False, to_input=True)
        self._network.backward(d_joined[..., inputs.shape[2] :].contiguous())
        self._actor.optimiser.step(range(len(self._rows)), rates)

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
