"""What SAC, TD3 and DDPG share: an actor, several critics, their slow copies, and actions within bounds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robusttune.training.lockstep.activations import make_activation
from robusttune.training.lockstep.critics import Critics, first_layout
from robusttune.training.lockstep.layout import Array, FlatLayout, column, keep_rows, width_of
from robusttune.training.lockstep.off_policy import Batch, OffPolicyTrainer
from robusttune.training.lockstep.optimisers import Optimiser, make_optimiser
from robusttune.training.lockstep.policies import Modes
from robusttune.training.lockstep.snapshots import Snapshot

_MOST_TOGETHER = 1 << 23
"""Multiplications of a batch in one network up to which members take their steps at once.

Of wider networks, such as SAC's own with 18 million, stacking saves next to nothing, and a member that trains alone
would pay for the empty row beside it.
"""


class Stack:
    """The parameters of one network of all members, with gradient and optimiser."""

    def __init__(self, layout: FlatLayout, flat: Tensor, reference: torch.optim.Optimizer) -> None:
        self.layout, self.flat = layout, flat
        self.gradient = torch.zeros_like(flat)
        self.optimiser: Optimiser = make_optimiser(reference, flat, self.gradient)

    def keep(self, rows: Sequence[int]) -> None:
        """Forget all members but the chosen ones."""
        self.flat, self.gradient = keep_rows(self.flat, rows), keep_rows(self.gradient, rows)
        self.optimiser = self.optimiser.keep(rows, self.flat, self.gradient)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows that take a gradient step at once: all of them, or one where the networks are wide.

    Which of the two depends on the configuration alone, never on who trains beside whom: the kernels round differently.

    Attributes
    ----------
    rows : range
    at : slice
        The same in matrices, an empty row included.
    actor, slow_actor : Any
        The algorithm's own, the second where it has one.
    critics, slow_critics : Critics
    first_critic : Critics
        The first one of each member, without a gradient.
    """

    rows: range
    at: slice
    actor: Any
    critics: Critics
    slow_critics: Critics
    first_critic: Critics
    slow_actor: Any = None


class ActorCriticTrainer(OffPolicyTrainer):
    """Train actors on the critics' gradient by the actions."""

    def _setup(self) -> None:
        super()._setup()
        policies = [model.policy for model in self._models]
        actors, critics = [policy.actor for policy in policies], [policy.critic for policy in policies]
        self._activation = make_activation(policies[0].activation_fn)
        layout = FlatLayout(dict(actors[0].named_parameters()))
        self._actor = Stack(layout, layout.stack(actors, self.device), actors[0].optimizer)
        layout = FlatLayout(dict(critics[0].named_parameters()))
        self._critic = Stack(layout, layout.stack(critics, self.device), critics[0].optimizer)
        self._slow_critic = self._critic.flat.clone()
        self._critic_layout = first_layout(critics[0])
        self._n_critics = len(critics[0].q_networks)
        self._n_actor_layers = len(actors[0].net_arch)
        n_critic_layers = sum(isinstance(module, torch.nn.Linear) for module in critics[0].q_networks[0])
        self._critic_layers = [f"qf0.{2 * i}" for i in range(n_critic_layers)]
        products = self._batch_size * max(self._actor.layout.n_products, self._critic_layout.n_products)
        self._apart = self.device.type == "cpu" and products > _MOST_TOGETHER
        self._low, self._high = self.action_space.low.reshape(-1), self.action_space.high.reshape(-1)  # type: ignore[attr-defined]
        self._error_sums = torch.zeros(width_of(len(self.members)), device=self.device)
        self._connect()

    def _connect(self) -> None:
        """Make the networks of the rows that there are now."""
        models = [self._models[member] for member in self._rows]
        self._gammas = column(self.device, [model.gamma for model in models])
        self._taus = column(self.device, [model.tau for model in models])
        self._one_minus_taus = column(self.device, [1 - model.tau for model in models])
        n = len(self._rows)
        if self._apart:
            self._parts = [self._part(range(row, row + 1), slice(row, row + 1)) for row in range(n)]
        else:
            self._parts = [self._part(range(n), slice(None))]

    def _part(self, rows: range, at: slice) -> Part:
        """Return the networks of some rows."""
        fast, slow, gradient = (
            matrix[at] for matrix in (self._critic.flat, self._slow_critic, self._critic.gradient)
        )
        own = self._critic_layout.size
        return Part(
            rows=rows,
            at=at,
            actor=self._actor_on(self._actor.flat[at], self._actor.gradient[at]),
            critics=self._critics_on(fast, gradient),
            slow_critics=self._critics_on(slow),
            first_critic=self._critics_on(fast[:, :own], n=1),
        )

    def _critics_on(self, flat: Tensor, gradient: Tensor | None = None, *, n: int | None = None) -> Critics:
        n_critics = self._n_critics if n is None else n
        return Critics(self._critic_layout, n_critics, self._critic_layers, self._activation, flat, gradient)

    def _act(self, *, warming_up: bool) -> tuple[Array, Array]:
        if warming_up:
            drawn = [np.stack(self._random_actions(member)) for member in self._rows]
            unscaled = np.stack(drawn).reshape(len(self._rows), self.n_envs, -1)
        else:
            unscaled = self._unscale(self._sample_actions())
        scaled = 2.0 * ((unscaled - self._low) / (self._high - self._low)) - 1.0
        for row, member in enumerate(self._rows):
            noise = self._models[member].action_noise
            if noise is not None:
                stream = self._streams[row].numpy
                for i in range(self.n_envs):
                    drawn_noise = stream.normal(noise._mu, noise._sigma).astype(noise._dtype).reshape(-1)
                    scaled[row, i] = np.clip(scaled[row, i] + drawn_noise, -1, 1)
        actions = self._unscale(scaled)
        return actions.reshape(*actions.shape[:2], *(self.action_space.shape or ())), scaled

    def _unscale(self, scaled: Array) -> Array:
        """Return actions in [-1, 1] stretched to the bounds of the action space."""
        stretched: Array = self._low + (0.5 * (scaled + 1.0) * (self._high - self._low))
        return stretched

    def _after_step(self) -> None:
        """Do nothing: target networks move with the gradient steps."""

    def _update(self, n_steps: int) -> None:
        rates = [self._models[member].lr_schedule(self._progress) for member in self._rows]
        for step in range(n_steps):
            batch = self._sample()
            for part in self._parts:
                self._gradient_step(part, batch.of(part.at), rates, step)

    def _step_critics(
        self, part: Part, batch: Batch, next_values: Tensor, factor: float, rates: Sequence[float]
    ) -> None:
        """Move the critics towards what their values of the next states say; `factor` is the slope of their loss."""
        targets = batch.rewards + (1.0 - batch.ends) * self._gammas[part.at] * next_values
        errors = part.critics.values(batch.inputs, batch.actions) - targets[:, None]
        self._error_sums[part.at] += errors.abs().mean(2).sum(1)
        part.critics.backward(errors.mul_(factor / errors.shape[2]))
        self._critic.optimiser.step(part.rows, rates)

    def _follow(self, part: Part, slow: Tensor, fast: Tensor) -> None:
        """Move the slow parameters a little towards the fast ones."""
        at = part.at
        slow[at].mul_(self._one_minus_taus[at]).addcmul_(fast[at], self._taus[at])

    def _finite_rows(self) -> Array:
        # A parameter that is not finite shows in the next error: only the last update needs a full look.
        finite = torch.isfinite(self._error_sums)
        if self._elapsed >= self.total_timesteps:
            finite &= torch.isfinite(self._actor.flat).all(1) & torch.isfinite(self._critic.flat).all(1)
        return finite.cpu().numpy()[: len(self._rows)]

    def _keep(self, rows: Sequence[int]) -> None:
        super()._keep(rows)
        self._actor.keep(rows)
        self._critic.keep(rows)
        self._slow_critic = keep_rows(self._slow_critic, rows)
        self._error_sums = keep_rows(self._error_sums, rows)
        self._connect()

    def _snapshot(self, row: int) -> Snapshot:
        parts = {
            "actor": self._actor.layout.unstack(self._actor.flat[row]),
            "critic": self._critic.layout.unstack(self._critic.flat[row]),
            "critic_target": self._critic.layout.unstack(self._slow_critic[row]),
        }
        weights = {f"{part}.{name}": value for part, named in parts.items() for name, value in named.items()}
        optimisers = {
            "actor.optimizer": self._actor.optimiser.state(row, self._actor.layout),
            "critic.optimizer": self._critic.optimiser.state(row, self._critic.layout),
        }
        return Snapshot(weights=weights, optimisers=optimisers)

    def _modes(self, members: Sequence[int]) -> Modes:
        actor = self._actor_on(self._parameters_of(members, self._actor.layout, self._actor.flat, "actor."))

        def modes(inputs: Tensor) -> Array:
            actions = self._unscale(self._means(actor, inputs).cpu().numpy())
            return actions.reshape(*actions.shape[:2], *(self.action_space.shape or ()))

        return modes

    @abstractmethod
    def _gradient_step(self, part: Part, batch: Batch, rates: Sequence[float], step: int) -> None:
        """Take the gradient step `step` of this update, counted from 0."""

    @abstractmethod
    def _sample_actions(self) -> Array:
        """Return exploring actions in [-1, 1], shape (n_rows, n_envs, action_dim)."""

    @abstractmethod
    def _actor_on(self, flat: Tensor, gradient: Tensor | None = None) -> Any:
        """Return the actor on some parameters; without a gradient it is for predictions."""

    @abstractmethod
    def _means(self, actor: Any, inputs: Tensor) -> Tensor:
        """Return the deterministic actions of `actor` in [-1, 1]."""
