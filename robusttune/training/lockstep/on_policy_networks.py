"""The actors and critics of PPO and A2C, and what is read from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from robusttune.training.lockstep.activations import make_activations
from robusttune.training.lockstep.distributions import ActionHead, make_head
from robusttune.training.lockstep.environments import environment_actions
from robusttune.training.lockstep.images import ImageNetworks, is_convolutional
from robusttune.training.lockstep.layout import Array, FlatLayout, column, keep_rows
from robusttune.training.lockstep.networks import StackedMLP
from robusttune.training.lockstep.optimisers import make_optimiser
from robusttune.training.lockstep.parts import Part
from robusttune.training.lockstep.policies import Modes
from robusttune.training.lockstep.snapshots import Snapshot
from robusttune.training.lockstep.trainer import LockstepTrainer
from robusttune.training.memory import keep_freed_memory


class OnPolicyNetworks(LockstepTrainer):
    """Actor and critic of every member: on common features of images, or each on the observations themselves."""

    def _setup(self) -> None:
        policies = [model.policy for model in self._models]
        self._layout = FlatLayout(dict(policies[0].named_parameters()))
        extractor = policies[0].mlp_extractor
        n_hidden = (len(extractor.policy_net) // 2, len(extractor.value_net) // 2)
        self._actor_layers = [f"mlp_extractor.policy_net.{2 * i}" for i in range(n_hidden[0])] + [
            "action_net"
        ]
        self._critic_layers = [f"mlp_extractor.value_net.{2 * i}" for i in range(n_hidden[1])] + ["value_net"]
        self._flat = self._layout.stack(policies, self.device)
        self._gradient = torch.zeros_like(self._flat)
        self._optimiser = make_optimiser(policies[0].optimizer, self._flat, self._gradient)
        self._images: ImageNetworks | None = None
        if is_convolutional(policies[0]):
            keep_freed_memory()
            self._images = ImageNetworks(policies[0], self._layout, self.observation_space, self.device)
        self._connect()

    def _connect(self) -> None:
        """Make the networks and the head of the rows that there are now."""
        self._actor = self._network(self._flat, self._gradient, self._actor_layers, self._rows)
        self._critic = self._network(self._flat, self._gradient, self._critic_layers, self._rows)
        self._head = self._head_on(self._flat, self._gradient)
        everyone = range(len(self._rows))
        self._parts = [
            Part(
                rows=everyone,
                at=slice(None),
                actor=self._actor,
                critic=self._critic,
                head=self._head,
                image=None,
            )
        ]
        if self._images is not None:
            self._parts = [self._part(self._images, row) for row in everyone]
        models = [self._models[member] for member in self._rows]
        self._gammas = np.array([[float(model.gamma)] for model in models])
        self._lambdas = np.array([[float(model.gae_lambda)] for model in models])
        self._entropy_weights = column(self.device, [model.ent_coef for model in models])
        self._value_weights = column(self.device, [model.vf_coef for model in models])
        self._max_norms = column(self.device, [model.max_grad_norm for model in models])[:, 0]

    def _part(self, images: ImageNetworks, row: int) -> Part:
        """Return the networks of a member that sees images."""
        at, members = slice(row, row + 1), self._rows[row : row + 1]
        flat, gradient = self._flat[at], self._gradient[at]
        return Part(
            rows=range(row, row + 1),
            at=at,
            actor=self._network(flat, gradient, self._actor_layers, members),
            critic=self._network(flat, gradient, self._critic_layers, members),
            head=self._head_on(flat, gradient),
            image=images.of(flat[0], gradient[0]),
        )

    def _network(
        self, flat: Tensor, gradient: Tensor | None, layers: Sequence[str], members: Sequence[int]
    ) -> StackedMLP:
        activation = make_activations([self._models[member].policy.activation_fn for member in members])
        return StackedMLP(self._layout, flat, gradient, layers, activation)

    def _head_on(self, flat: Tensor, gradient: Tensor) -> ActionHead:
        return make_head(self.action_space, self._layout, flat, gradient)

    def _features(self, observations: Array, rows: Sequence[int]) -> Array:
        """Return what actor and critic receive of observations, shape (n_rows, n_envs, n_features)."""
        if self._images is None:
            return self._codec.features(observations)
        networks = [part.image for row in rows if (part := self._parts[row]).image is not None]
        return self._images.features(networks, observations)

    def _values(self, critic: StackedMLP, observations: Array, rows: Sequence[int]) -> Array:
        """Return the values of observations, shape (n_rows, n_envs)."""
        inputs = self._network_inputs.of_features(self._features(observations, rows))
        values: Array = critic.forward(inputs).cpu().numpy()[: len(rows), : self.n_envs, 0]
        return values

    def _policy_of(self, rows: Sequence[int]) -> tuple[StackedMLP, StackedMLP, ActionHead]:
        """Return actor, critic and head on the parameters that some rows have now."""
        if len(rows) == len(self._rows):
            return self._actor, self._critic, self._head
        flat, members = keep_rows(self._flat, rows), [self._rows[row] for row in rows]
        actor = self._network(flat, None, self._actor_layers, members)
        critic = self._network(flat, None, self._critic_layers, members)
        return actor, critic, self._head_on(flat, torch.zeros_like(flat))

    def _keep(self, rows: Sequence[int]) -> None:
        super()._keep(rows)
        flat, gradient = keep_rows(self._flat, rows), keep_rows(self._gradient, rows)
        self._optimiser = self._optimiser.keep(rows, flat, gradient)
        self._flat, self._gradient = flat, gradient
        self._connect()

    def _snapshot(self, row: int) -> Snapshot:
        return Snapshot(
            weights=self._layout.unstack(self._flat[row]),
            optimisers={"policy.optimizer": self._optimiser.state(row, self._layout)},
        )

    def _seeing(self, members: Sequence[int]) -> Callable[[Array], Array]:
        if self._images is None:
            return super()._seeing(members)
        images, flat = self._images, self._parameters_of(members, self._layout, self._flat)
        networks = [images.of(row) for row in flat[: len(members)]]
        return lambda observations: images.features(networks, observations)

    def _modes(self, members: Sequence[int]) -> Modes:
        flat = self._parameters_of(members, self._layout, self._flat)
        network, head = (
            self._network(flat, None, self._actor_layers, members),
            self._head_on(flat, torch.zeros_like(flat)),
        )
        return lambda inputs: environment_actions(
            self.action_space, head.mode(network.forward(inputs)).cpu().numpy()
        )
