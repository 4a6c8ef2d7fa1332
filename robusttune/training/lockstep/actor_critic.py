"""What SAC, TD3 and DDPG share: an actor, several critics, their slow copies, and actions within bounds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robusttune.training.lockstep.activations import make_activation
from robusttune.training.lockstep.layout import Array, FlatLayout, column, keep_rows, width_of
from robusttune.training.lockstep.networks import StackedMLP
from robusttune.training.lockstep.off_policy import OffPolicyTrainer
from robusttune.training.lockstep.optimisers import Optimiser, make_optimiser
from robusttune.training.lockstep.policies import Modes
from robusttune.training.lockstep.snapshots import Snapshot


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
        self._n_critics = len(critics[0].q_networks)
        self._n_actor_layers = len(actors[0].net_arch)
        n_critic_layers = sum(isinstance(module, torch.nn.Linear) for module in critics[0].q_networks[0])
        self._critic_layers = [
            [f"qf{k}.{2 * i}" for i in range(n_critic_layers)] for k in range(self._n_critics)
        ]
        self._low, self._high = self.action_space.low.reshape(-1), self.action_space.high.reshape(-1)  # type: ignore[attr-defined]
        self._error_sums = torch.zeros(width_of(len(self.members)), device=self.device)
        self._connect()

    def _connect(self) -> None:
        """Make the networks of the rows that there are now."""
        critic = self._critic
        self._critics = [
            StackedMLP(critic.layout, critic.flat, critic.gradient, layers, self._activation)
            for layers in self._critic_layers
        ]
        self._slow_critics = [
            StackedMLP(critic.layout, self._slow_critic, None, layers, self._activation)
            for layers in self._critic_layers
        ]
        models = [self._models[member] for member in self._rows]
        self._gammas = column(self.device, [model.gamma for model in models])
        self._taus = column(self.device, [model.tau for model in models])
        self._one_minus_taus = column(self.device, [1 - model.tau for model in models])

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

    def _with_actions(self, inputs: Tensor, actions: Tensor) -> Tensor:
        """Return the critics' inputs; `inputs` has padded rows, `actions` has batch_size."""
        joined = torch.zeros(*inputs.shape[:2], inputs.shape[2] + actions.shape[2], device=self.device)
        joined[..., : inputs.shape[2]] = inputs
        joined[:, : actions.shape[1], inputs.shape[2] :] = actions
        return joined

    def _smallest_slow_value(self, inputs: Tensor, actions: Tensor) -> Tensor:
        """Return the least of the slow critics' values, shape (width, batch_size)."""
        joined = self._with_actions(inputs, actions)
        values = torch.cat([critic.forward(joined) for critic in self._slow_critics], dim=2)
        return values[:, : actions.shape[1]].amin(2)

    def _step_critics(self, joined: Tensor, targets: Tensor, factor: float, rates: Sequence[float]) -> None:
        """Move the critics towards the targets; `factor` is the slope of their loss."""
        size = targets.shape[1]
        for critic in self._critics:
            values = critic.forward(joined)
            errors = values[:, :size, 0] - targets
            self._error_sums += errors.abs().mean(1)
            gradient = torch.zeros_like(values)
            gradient[:, :size, 0] = errors.mul_(factor / size)
            critic.backward(gradient)
        self._critic.optimiser.step(range(len(self._rows)), rates)

    def _follow(self, slow: Tensor, fast: Tensor) -> None:
        """Move the slow parameters a little towards the fast ones."""
        slow.mul_(self._one_minus_taus).addcmul_(fast, self._taus)

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
    def _sample_actions(self) -> Array:
        """Return exploring actions in [-1, 1], shape (n_rows, n_envs, action_dim)."""

    @abstractmethod
    def _actor_on(self, flat: Tensor) -> Any:
        """Return the actor on other parameters, for predictions."""

    @abstractmethod
    def _means(self, actor: Any, inputs: Tensor) -> Tensor:
        """Return the deterministic actions of `actor` in [-1, 1]."""
