"""Soft actor-critic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.sac.policies import LOG_STD_MAX, LOG_STD_MIN
from torch import Tensor, nn

from robusttune.training.lockstep.actor_critic import ActorCriticTrainer, Stack
from robusttune.training.lockstep.layout import Array, FlatLayout, column, width_of
from robusttune.training.lockstep.networks import StackedMLP
from robusttune.training.lockstep.rollout import pad_rows
from robusttune.training.lockstep.snapshots import Snapshot

_EPSILON = 1e-6
"""Keeps SB3's correction for the squashing finite."""


class _Actor:
    """A trunk with two heads: mean and log standard deviation of a normal that tanh squashes."""

    def __init__(self, trunk: StackedMLP, mean: StackedMLP, log_std: StackedMLP) -> None:
        self._trunk, self._mean, self._log_std = trunk, mean, log_std

    def means(self, inputs: Tensor) -> Tensor:
        """Return the squashed means."""
        return torch.tanh(self._mean.forward(self._trunk.forward(inputs)))

    def sample(self, inputs: Tensor, n: int, generators: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
        """Return squashed actions for the first `n` rows, and their log-probability."""
        latent = self._trunk.forward(inputs)
        mean, raw = self._mean.forward(latent)[:, :n], self._log_std.forward(latent)[:, :n]
        log_std = raw.clamp(LOG_STD_MIN, LOG_STD_MAX)
        self._within = (raw == log_std).to(raw.dtype)
        noise = torch.zeros_like(mean, memory_format=torch.contiguous_format)
        for row, generator in zip(noise.unbind(0), generators, strict=False):
            row.normal_(generator=generator)
        self._spread = log_std.exp().mul_(noise)
        self._actions = torch.tanh(mean + self._spread)
        normal = noise.square().mul_(-0.5).sub_(log_std).sub_(math.log(math.sqrt(2 * math.pi))).sum(2)
        return self._actions, normal - torch.log(1 - self._actions.square() + _EPSILON).sum(2)

    def backward(self, d_actions: Tensor, d_log_prob: Tensor, n_rows: int) -> None:
        """Write the parameters' gradient for the last `sample`.

        Moving the mean moves the sample along, so of the log-probability only the correction and the
        normalising constant have a slope.
        """
        squared = self._actions.square()
        correction = d_log_prob[..., None] * 2.0 * self._actions / (1 - squared + _EPSILON)
        d_mean = (d_actions + correction) * (1 - squared)
        d_log_std = (d_mean * self._spread - d_log_prob[..., None]) * self._within
        d_latent = self._mean.backward(pad_rows(d_mean, n_rows), to_input=True)
        d_latent = d_latent + self._log_std.backward(pad_rows(d_log_std, n_rows), to_input=True)
        self._trunk.backward(d_latent)


class LockstepSAC(ActorCriticTrainer):
    """Train members by SB3's SAC; see `LockstepTrainer` for the arguments."""

    algorithm: ClassVar[type[BaseAlgorithm]] = SAC

    def _setup(self) -> None:
        self._temperature: Stack | None = None
        super()._setup()
        models = self._models
        self._target_interval = int(models[0].target_update_interval)
        if models[0].ent_coef_optimizer is not None:
            layout = FlatLayout({"log_ent_coef": models[0].log_ent_coef})
            flat = torch.zeros(width_of(len(models)), layout.size, device=self.device)
            for row, model in enumerate(models):
                flat[row, 0] = model.log_ent_coef.detach()[0]
            self._temperature = Stack(layout, flat, models[0].ent_coef_optimizer)

    def _connect(self) -> None:
        super()._connect()
        self._network = self._actor_on(self._actor.flat, self._actor.gradient)
        self._network_of_next = self._actor_on(self._actor.flat)
        models = [self._models[member] for member in self._rows]
        self._target_entropies = column(self.device, [model.target_entropy for model in models])
        fixed = [0.0 if model.ent_coef_optimizer else float(model.ent_coef_tensor) for model in models]
        self._fixed_coefficients = column(self.device, fixed)

    def _actor_on(self, flat: Tensor, gradient: Tensor | None = None) -> _Actor:
        layout, activation = self._actor.layout, self._activation
        trunk = [f"latent_pi.{2 * i}" for i in range(self._n_actor_layers)]
        return _Actor(
            StackedMLP(layout, flat, gradient, trunk, activation, activation),
            StackedMLP(layout, flat, gradient, ["mu"], activation),
            StackedMLP(layout, flat, gradient, ["log_std"], activation),
        )

    def _means(self, actor: Any, inputs: Tensor) -> Tensor:
        means: Tensor = actor.means(inputs)
        return means

    def _generators(self) -> list[torch.Generator]:
        return [streams.torch for streams in self._streams]

    def _sample_actions(self) -> Array:
        inputs = self._network_inputs(self._last)
        actions, _ = self._network.sample(inputs, self.n_envs, self._generators())
        return actions.cpu().numpy()[: len(self._rows)]

    def _update(self, n_steps: int) -> None:
        rates = [self._models[member].lr_schedule(self._progress) for member in self._rows]
        for step in range(n_steps):
            self._gradient_step(rates)
            if step % self._target_interval == 0:
                self._follow(self._slow_critic, self._critic.flat)

    def _gradient_step(self, rates: Sequence[float]) -> None:
        size, generators = self._batch_size, self._generators()
        inputs, next_inputs, actions, rewards, ends = self._sample()
        chosen, log_prob = self._network.sample(inputs, size, generators)
        coefficients = self._step_temperature(log_prob, rates)
        next_actions, next_log_prob = self._network_of_next.sample(next_inputs, size, generators)
        next_values = self._smallest_slow_value(next_inputs, next_actions) - coefficients * next_log_prob
        targets = rewards + (1.0 - ends) * self._gammas * next_values
        self._step_critics(self._with_actions(inputs, actions), targets, 1.0, rates)
        d_actions = self._value_slope(inputs, chosen)
        d_log_prob = (coefficients / size).expand_as(log_prob)
        self._network.backward(d_actions, d_log_prob, inputs.shape[1])
        self._actor.optimiser.step(range(len(self._rows)), rates)

    def _step_temperature(self, log_prob: Tensor, rates: Sequence[float]) -> Tensor:
        """Return the entropy coefficients, shape (width, 1), then move them if they are learnt."""
        if self._temperature is None:
            return self._fixed_coefficients
        coefficients = self._temperature.flat[:, :1].exp()
        self._temperature.gradient[:, :1] = -(log_prob + self._target_entropies).mean(1, keepdim=True)
        self._temperature.optimiser.step(range(len(self._rows)), rates)
        return coefficients

    def _value_slope(self, inputs: Tensor, actions: Tensor) -> Tensor:
        """Return the gradient of minus the mean least value by the actions."""
        size = actions.shape[1]
        joined = self._with_actions(inputs, actions)
        values = torch.cat([critic.forward(joined) for critic in self._critics], dim=2)
        least = nn.functional.one_hot(values.argmin(2), self._n_critics).to(values.dtype)
        least[:, size:] = 0.0
        slopes = least.mul_(-1.0 / size)
        d_joined = torch.zeros_like(joined)
        for k, critic in enumerate(self._critics):
            d_joined += critic.backward(
                slopes[..., k : k + 1].contiguous(), to_parameters=False, to_input=True
            )
        return d_joined[:, :size, inputs.shape[2] :]

    def _keep(self, rows: Sequence[int]) -> None:
        if self._temperature is not None:
            self._temperature.keep(rows)
        super()._keep(rows)

    def _snapshot(self, row: int) -> Snapshot:
        snapshot = super()._snapshot(row)
        if self._temperature is None:
            return snapshot
        temperature = self._temperature
        state = temperature.optimiser.state(row, temperature.layout)
        return replace(
            snapshot,
            optimisers=snapshot.optimisers | {"ent_coef_optimizer": state},
            extra={"log_ent_coef": temperature.flat[row, :1].clone()},
        )
