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
from torch import Tensor

from robusttune.training.lockstep.actor_critic import ActorCriticTrainer, Part, Stack
from robusttune.training.lockstep.layout import Array, FlatLayout, column, width_of
from robusttune.training.lockstep.networks import StackedMLP
from robusttune.training.lockstep.off_policy import Batch
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

    def sample(
        self, inputs: Tensor, n: int, generators: Sequence[torch.Generator], *, n_parts: int = 1
    ) -> tuple[Tensor, Tensor]:
        """Return squashed actions for the first `n` rows of each part of the inputs, and their log-probability.

        Parameters
        ----------
        inputs : Tensor, shape (width, n_parts * n_rows, n_features)
        n : int
        generators : sequence of torch.Generator
            Of each member; the parts are drawn in turn.
        n_parts : int, default 1

        Returns
        -------
        Tensor, shape (width, n_parts, n, action_dim)
        Tensor, shape (width, n_parts, n)
        """
        latent = self._trunk.forward(inputs)
        parts = (len(inputs), n_parts, inputs.shape[1] // n_parts, -1)
        mean, raw = (head.forward(latent).view(parts)[:, :, :n] for head in (self._mean, self._log_std))
        log_std = raw.clamp(LOG_STD_MIN, LOG_STD_MAX)
        noise = torch.zeros_like(mean, memory_format=torch.contiguous_format)
        for row, generator in zip(noise.unbind(0), generators, strict=False):
            for part in row.unbind(0):
                part.normal_(generator=generator)
        spread = log_std.exp().mul_(noise)
        actions = torch.tanh(mean + spread)
        squared = actions.square()
        normal = noise.square_().mul_(-0.5).sub_(log_std).sub_(math.log(math.sqrt(2 * math.pi))).sum(3)
        self._differentiable = actions[:, 0], squared[:, 0], spread[:, 0], (raw == log_std)[:, 0]
        return actions, normal - torch.log(1 - squared + _EPSILON).sum(3)

    def backward(self, d_actions: Tensor, d_log_prob: Tensor, n_rows: int) -> None:
        """Write the parameters' gradient for the first part of the last `sample`.

        Moving the mean moves the sample along, so of the log-probability only the correction and the
        normalising constant have a slope.

        Parameters
        ----------
        d_actions : Tensor, shape (width, n, action_dim)
        d_log_prob : Tensor, shape (width, n)
        n_rows : int
            `n`, padded.
        """
        actions, squared, spread, within = self._differentiable
        correction = d_log_prob[..., None] * 2.0 * actions / (1 - squared + _EPSILON)
        d_mean = (d_actions + correction) * (1 - squared)
        d_log_std = (d_mean * spread - d_log_prob[..., None]) * within
        d_latent = self._mean.backward(pad_rows(d_mean, n_rows), to_input=True)
        d_latent += self._log_std.backward(pad_rows(d_log_std, n_rows), to_input=True)
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
        self._acting = self._actor_on(self._actor.flat)
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

    def _sample_actions(self) -> Array:
        inputs = self._network_inputs(self._last)
        generators = [streams.torch for streams in self._streams]
        actions, _ = self._acting.sample(inputs, self.n_envs, generators)
        return actions[:, 0].cpu().numpy()[: len(self._rows)]

    def _gradient_step(self, part: Part, batch: Batch, rates: Sequence[float], step: int) -> None:
        size, n_rows = self._batch_size, batch.inputs.shape[1]
        generators = [self._streams[row].torch for row in part.rows]
        both = torch.cat([batch.inputs, batch.next_inputs], dim=1)
        drawn, log_probs = part.actor.sample(both, size, generators, n_parts=2)
        chosen, log_prob = drawn[:, 0], log_probs[:, 0]
        coefficients = self._step_temperature(part, log_prob, rates)
        next_values = part.slow_critics.values(batch.next_inputs, drawn[:, 1]).amin(1)
        next_values -= coefficients * log_probs[:, 1]
        self._step_critics(part, batch, next_values, 1.0, rates)
        values = part.critics.values(batch.inputs, chosen)
        least = torch.zeros_like(values).scatter_(1, values.argmin(1, keepdim=True), -1.0 / size)
        d_actions = part.critics.slope_by_actions(least, chosen.shape[2])
        part.actor.backward(d_actions, (coefficients / size).expand_as(log_prob), n_rows)
        self._actor.optimiser.step(part.rows, rates)
        if step % self._target_interval == 0:
            self._follow(part, self._slow_critic, self._critic.flat)

    def _step_temperature(self, part: Part, log_prob: Tensor, rates: Sequence[float]) -> Tensor:
        """Return the entropy coefficients, shape (width, 1), then move them if they are learnt."""
        at = part.at
        if self._temperature is None:
            return self._fixed_coefficients[at]
        coefficients = self._temperature.flat[at, :1].exp()
        slope = -(log_prob + self._target_entropies[at]).mean(1, keepdim=True)
        self._temperature.gradient[at, :1] = slope
        self._temperature.optimiser.step(part.rows, rates)
        return coefficients

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
