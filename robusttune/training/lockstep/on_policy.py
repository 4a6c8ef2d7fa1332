"""What PPO and A2C share: the actor and the critic, the rollout, and the state of a member."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from robusttune.training.lockstep.activations import Activation, make_activation
from robusttune.training.lockstep.distributions import ActionHead, make_head
from robusttune.training.lockstep.environments import environment_actions
from robusttune.training.lockstep.layout import Array, FlatLayout, keep_rows, width_of
from robusttune.training.lockstep.networks import StackedMLP
from robusttune.training.lockstep.optimisers import make_optimiser
from robusttune.training.lockstep.rollout import RolloutStore
from robusttune.training.lockstep.snapshots import Snapshot
from robusttune.training.lockstep.trainer import LockstepTrainer

_CHUNK = 2048
"""Rows per matrix product where a whole rollout is evaluated: keeps the activations in the cache."""


class OnPolicyTrainer(LockstepTrainer):
    """Collect a rollout with the current policies, then update them."""

    stores_log_probs: ClassVar[bool]

    def _setup(self) -> None:
        policies = [model.policy for model in self._models]
        self._layout = FlatLayout(dict(policies[0].named_parameters()))
        self._activation: Activation = make_activation(policies[0].activation_fn)
        extractor = policies[0].mlp_extractor
        n_hidden = (len(extractor.policy_net) // 2, len(extractor.value_net) // 2)
        self._actor_layers = [f"mlp_extractor.policy_net.{2 * i}" for i in range(n_hidden[0])] + [
            "action_net"
        ]
        self._critic_layers = [f"mlp_extractor.value_net.{2 * i}" for i in range(n_hidden[1])] + ["value_net"]
        self._flat = self._layout.stack(policies, self.device)
        self._gradient = torch.zeros_like(self._flat)
        self._optimiser = make_optimiser(policies[0].optimizer, self._flat, self._gradient)
        self._n_steps = int(self._models[0].n_steps)
        self._connect()

    def _connect(self) -> None:
        """Make the networks, the head and the rollout of the rows that there are now."""
        self._actor = self._network(self._flat, self._gradient, self._actor_layers)
        self._critic = self._network(self._flat, self._gradient, self._critic_layers)
        self._acting = self._network(self._flat, None, self._actor_layers)
        self._head = self._head_on(self._flat, self._gradient)
        n_features = self._codec.n_features
        self._store = RolloutStore(
            len(self._rows), self.n_envs, self._n_steps, n_features, self._head.action_dim
        )
        models = [self._models[member] for member in self._rows]
        self._gammas = np.array([[float(model.gamma)] for model in models])
        self._lambdas = np.array([[float(model.gae_lambda)] for model in models])
        self._entropy_weights = self._column([model.ent_coef for model in models])
        self._value_weights = self._column([model.vf_coef for model in models])
        self._max_norms = self._column([model.max_grad_norm for model in models])[:, 0]
        self._norm_sums = torch.zeros(width_of(len(self._rows)), device=self.device)
        self._everyone: Any = None

    def _network(self, flat: Tensor, gradient: Tensor | None, layers: Sequence[str]) -> StackedMLP:
        return StackedMLP(self._layout, flat, gradient, layers, self._activation)

    def _head_on(self, flat: Tensor, gradient: Tensor) -> ActionHead:
        return make_head(self.action_space, self._layout, flat, gradient)

    def _begin(self) -> None:
        observations = self.environments.reset()
        self._last = observations if self._normaliser is None else self._normaliser.reset(observations)
        self._starts = np.ones(observations.shape[:2], dtype=np.float32)

    def _advance(self) -> None:
        self._everyone = None
        if (n_steps := self._n_steps_now(self._n_steps)) < self._n_steps:
            self._n_steps = n_steps
            self._connect()
        self._collect()
        self._progress = 1.0 - float(self.timesteps[self._rows[0]]) / float(self.total_timesteps)
        self._norm_sums.zero_()
        self._update()

    def _collect(self) -> None:
        generators = [streams.torch for streams in self._streams]
        for step in range(self._n_steps):
            features = self._codec.features(self._last)
            outputs = self._acting.forward(self._network_inputs(self._last))[:, : self.n_envs]
            actions = self._head.sample(outputs, generators).cpu().numpy()[: len(self._rows)]
            self._silence_diverged(actions)
            rewards, starts = self._step(actions)
            self._store.write(step, features, actions, rewards, self._starts)
            self._starts = starts
        self.timesteps[self._rows] += self._n_steps * self.n_envs
        last_values = self._critic.forward(self._network_inputs(self._last)).cpu().numpy()
        self._evaluate_store()
        values = last_values[: len(self._rows), : self.n_envs, 0]
        self._store.compute_returns(values, self._starts, self._gammas, self._lambdas)

    def _step(self, actions: Array) -> tuple[Array, Array]:
        """Step the environments; return rewards, bootstrapped where time ran out, and new episodes."""
        transition = self.environments.step(environment_actions(self.action_space, actions))
        observations, rewards, terminal = transition.observations, transition.rewards, transition.terminal
        if self._normaliser is not None:
            observations, rewards = self._normaliser.step(observations, rewards, transition.dones)
        if transition.timeouts.any():
            if self._normaliser is not None:
                terminal = self._normaliser.observations(terminal)
            values = self._critic.forward(self._network_inputs(terminal)).cpu().numpy()
            values = values[: len(self._rows), : self.n_envs, 0]
            rewards = np.where(
                transition.timeouts, rewards + self._gammas.astype(np.float32) * values, rewards
            )
        self._last = observations
        return rewards, transition.dones.astype(np.float32)

    def _silence_diverged(self, actions: Array) -> None:
        """Give the environments of a member with impossible actions zeros, and remember the member."""
        if not np.isfinite(actions).all():
            bad = ~np.isfinite(actions).all(axis=(1, 2))
            actions[bad] = 0.0
            self._suspects |= bad

    def _evaluate_store(self) -> None:
        """Store the values, and the log-probabilities if needed, of the whole rollout.

        The policies do not change during a rollout, so one pass at its end serves for all steps.
        """
        store = self._store
        for begin in range(0, store.rows.shape[1], _CHUNK):
            rows = store.rows[:, begin : begin + _CHUNK]
            inputs = rows[..., store.features].to(self.device)
            first = store.numbers.start
            rows[..., first] = self._critic.forward(inputs)[..., 0].cpu()
            if self.stores_log_probs:
                actions = rows[..., store.actions].to(self.device)
                rows[..., first + 1] = self._head.evaluate(self._actor.forward(inputs), actions)[0].cpu()

    @abstractmethod
    def _update(self) -> None:
        """Update the parameters from the store."""

    def _finite_rows(self) -> Array:
        n = len(self._rows)
        flat = torch.isfinite(self._flat).all(1) & torch.isfinite(self._norm_sums)
        numbers = np.isfinite(self._store.cells).all(axis=(1, 2, 3))
        finite: Array = flat.cpu().numpy()[:n] & numbers
        return finite

    def _keep(self, rows: Sequence[int]) -> None:
        super()._keep(rows)
        flat, gradient = keep_rows(self._flat, rows), keep_rows(self._gradient, rows)
        self._optimiser = self._optimiser.keep(rows, flat, gradient)
        self._flat, self._gradient = flat, gradient
        self._last, self._starts = self._last[list(rows)], self._starts[list(rows)]
        self._connect()

    def _snapshot(self, row: int) -> Snapshot:
        return Snapshot(
            weights=self._layout.unstack(self._flat[row]),
            optimisers={"policy.optimizer": self._optimiser.state(row, self._layout)},
        )

    def _modes(self, inputs: Tensor) -> Array:
        if self._everyone is None:
            flat = self._of_everyone(self._layout, self._flat)
            head = self._head_on(flat, torch.zeros_like(flat))
            self._everyone = self._network(flat, None, self._actor_layers), head
        network, head = self._everyone
        return environment_actions(self.action_space, head.mode(network.forward(inputs)).cpu().numpy())
