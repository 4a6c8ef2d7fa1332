"""What PPO and A2C share: the actor and the critic, the rollout, and the state of a member."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from robusttune.training.lockstep.activations import make_activations
from robusttune.training.lockstep.distributions import ActionHead, make_head
from robusttune.training.lockstep.environments import environment_actions
from robusttune.training.lockstep.images import ImageNetworks, ImageStore, is_convolutional
from robusttune.training.lockstep.layout import Array, FlatLayout, column, keep_rows, round_up, width_of
from robusttune.training.lockstep.networks import StackedMLP
from robusttune.training.lockstep.normalisation import Index
from robusttune.training.lockstep.optimisers import make_optimiser
from robusttune.training.lockstep.parts import Part
from robusttune.training.lockstep.policies import Modes
from robusttune.training.lockstep.rollout import RolloutStore, pad_rows
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
        extractor = policies[0].mlp_extractor
        n_hidden = (len(extractor.policy_net) // 2, len(extractor.value_net) // 2)
        self._actor_layers = [f"mlp_extractor.policy_net.{2 * i}" for i in range(n_hidden[0])] + [
            "action_net"
        ]
        self._critic_layers = [f"mlp_extractor.value_net.{2 * i}" for i in range(n_hidden[1])] + ["value_net"]
        self._flat = self._layout.stack(policies, self.device)
        self._gradient = torch.zeros_like(self._flat)
        self._optimiser = make_optimiser(policies[0].optimizer, self._flat, self._gradient)
        n_members, n_features = len(self.members), self._network_inputs.n_features
        lengths = [int(model.n_steps) for model in self._models]
        self._lengths = np.array(lengths)  # steps of the rollout under way, by row
        self._images: ImageNetworks | None = None
        if is_convolutional(policies[0]):
            self._images = ImageNetworks(policies[0], self._layout, self.observation_space, self.device)
            self._shown = ImageStore(n_members, self.n_envs, max(lengths), self._images.shape)
        action_dim = self._head_on(self._flat, self._gradient).action_dim
        self._store = RolloutStore(n_members, self.n_envs, max(lengths), n_features, action_dim)
        self._norm_sums = torch.zeros(width_of(n_members), device=self.device)
        self._connect()

    def _connect(self) -> None:
        """Make the networks and the head of the rows that there are now."""
        self._actor = self._network(self._flat, self._gradient, self._actor_layers, self._rows)
        self._critic = self._network(self._flat, self._gradient, self._critic_layers, self._rows)
        self._head = self._head_on(self._flat, self._gradient)
        everyone = range(len(self._rows))
        self._parts = [
            Part(rows=everyone, at=slice(None), actor=self._actor, critic=self._critic, head=self._head, image=None)
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

    def _begin(self) -> None:
        observations = self.environments.reset()
        self._last = observations if self._normaliser is None else self._normaliser.reset(observations)
        self._starts = np.ones(observations.shape[:2], dtype=np.float32)

    def _advance(self) -> None:
        if self._ready:
            self._collect(self._ready)
            self._norm_sums[self._ready] = 0.0
            self._begin_update(self._ready)
        self._ready = self._update()

    def _progress(self, row: int) -> float:
        """Return which part of its training is still before a row."""
        return 1.0 - float(self.timesteps[self._rows[row]]) / float(self.total_timesteps)

    def _collect(self, rows: Sequence[int]) -> None:
        """Collect rollouts of some rows, each of its own length: the short ones end first."""
        for row in rows:
            usual = int(self._models[self._rows[row]].n_steps)
            self._lengths[row] = self._n_steps_now(usual, row)
        waiting, begin = list(rows), 0
        while waiting:
            end = int(self._lengths[waiting].min())
            self._play(waiting, begin, end)
            begin, waiting = end, [row for row in waiting if self._lengths[row] > end]
        for length in dict.fromkeys(self._lengths[list(rows)].tolist()):
            self._complete([row for row in rows if self._lengths[row] == length], length)

    def _play(self, rows: list[int], begin: int, end: int) -> None:
        """Take these steps of the rollouts of some rows."""
        at, (actor, critic, head) = self._index(rows), self._policy_of(rows)
        generators = [self._streams[row].torch for row in rows]
        lengths = self._lengths[rows]
        cells: list[tuple[Array, Index, slice | Array]] = []
        for length in np.unique(lengths):
            places = np.flatnonzero(lengths == length)
            target = self._index([rows[place] for place in places])
            chosen = slice(None) if len(places) == len(rows) else places
            cells.append((self._store.cells(length), target, chosen))
        store = self._store
        for step in range(begin, end):
            features = self._features(self._last[at], rows)
            outputs = actor.forward(self._network_inputs.of_features(features))[:, : self.n_envs]
            actions = head.sample(outputs, generators).cpu().numpy()[: len(rows)]
            self._silence_diverged(actions, rows)
            for view, target, own in cells:
                now = view[:, :, step]
                now[target, :, store.features], now[target, :, store.actions] = features[own], actions[own]
            if self._images is not None:
                for row in rows:
                    seen = self._images.images(self._last[row])
                    self._shown.put(row, step, int(self._lengths[row]), seen)
            store.starts[step, at] = self._starts[at]
            store.rewards[step, at], self._starts[at] = self._step(actions, rows, critic)
        self.timesteps[[self._rows[row] for row in rows]] += (end - begin) * self.n_envs

    def _complete(self, rows: list[int], length: int) -> None:
        """Store values, log-probabilities, advantages and returns of rollouts of one length."""
        at, (actor, critic, head) = self._index(rows), self._policy_of(rows)
        values = self._values(critic, self._last[at], rows)
        self._evaluate_store(rows, length, actor, critic, head)
        gammas, lambdas = self._gammas[at], self._lambdas[at]
        self._store.compute_returns(at, length, values, self._starts[at], gammas, lambdas)

    def _features(self, observations: Array, rows: Sequence[int]) -> Array:
        """Return what actor and critic receive of observations, shape (n_rows, n_envs, n_features)."""
        if self._images is None:
            return self._codec.features(observations)
        return self._images.features([self._parts[row].image for row in rows], observations)

    def _values(self, critic: StackedMLP, observations: Array, rows: Sequence[int]) -> Array:
        """Return the values of observations, shape (n_rows, n_envs)."""
        inputs = self._network_inputs.of_features(self._features(observations, rows))
        values: Array = critic.forward(inputs).cpu().numpy()[: len(rows), : self.n_envs, 0]
        return values

    def _index(self, rows: Sequence[int]) -> Index:
        return slice(None) if len(rows) == len(self._rows) else list(rows)

    def _policy_of(self, rows: Sequence[int]) -> tuple[StackedMLP, StackedMLP, ActionHead]:
        """Return actor, critic and head on the parameters that some rows have now."""
        if len(rows) == len(self._rows):
            return self._actor, self._critic, self._head
        flat, members = keep_rows(self._flat, rows), [self._rows[row] for row in rows]
        actor = self._network(flat, None, self._actor_layers, members)
        critic = self._network(flat, None, self._critic_layers, members)
        return actor, critic, self._head_on(flat, torch.zeros_like(flat))

    def _step(self, actions: Array, rows: list[int], critic: StackedMLP) -> tuple[Array, Array]:
        """Step environments; return rewards, bootstrapped where time ran out, and new episodes."""
        at = self._index(rows)
        transition = self.environments.step(environment_actions(self.action_space, actions), rows)
        observations, rewards, terminal = transition.observations, transition.rewards, transition.terminal
        if self._normaliser is not None:
            observations, rewards = self._normaliser.step(observations, rewards, transition.dones, at)
        if transition.timeouts.any():
            if self._normaliser is not None:
                terminal = self._normaliser.observations(terminal, at)
            values = self._values(critic, terminal, rows)
            rewards = np.where(
                transition.timeouts, rewards + self._gammas[at].astype(np.float32) * values, rewards
            )
        self._last[at] = observations
        return rewards, transition.dones.astype(np.float32)

    def _silence_diverged(self, actions: Array, rows: Sequence[int]) -> None:
        """Give the environments of a member with impossible actions zeros, and remember the member."""
        if not np.isfinite(actions).all():
            bad = ~np.isfinite(actions).all(axis=(1, 2))
            actions[bad] = 0.0
            self._suspects[np.array(rows)[bad]] = True

    def _evaluate_store(
        self, rows: list[int], length: int, actor: StackedMLP, critic: StackedMLP, head: ActionHead
    ) -> None:
        """Store the values, and the log-probabilities if needed, of whole rollouts of one length.

        The policies do not change during a rollout, so one pass at its end serves for all steps.
        """
        store, n_rows = self._store, round_up(self.n_envs * length)
        first = store.numbers.start
        for begin in range(0, n_rows, _CHUNK):
            there = slice(begin, min(begin + _CHUNK, n_rows))
            chosen = keep_rows(store.rows[:, there], rows)
            inputs = chosen[..., store.features].to(self.device)
            store.rows[rows, there, first] = critic.forward(inputs)[: len(rows), :, 0].cpu()
            if self.stores_log_probs:
                actions = chosen[..., store.actions].to(self.device)
                log_probs = head.evaluate(actor.forward(inputs), actions)[0]
                store.rows[rows, there, first + 1] = log_probs[: len(rows)].cpu()

    def _inputs(self, part: Part, batch: Tensor, indices: Tensor, size: int) -> Tensor:
        """Return what a part's actor and critic receive of some transitions, shape (width, padded size, n_features).

        Parameters
        ----------
        part : Part
        batch : Tensor, shape (width, padded size, n_numbers)
            The transitions.
        indices : Tensor of int64, shape (width, at least size)
            Their numbers.
        size : int
        """
        if part.image is None:
            return batch[..., self._store.features]
        # The features that are stored are those of the policy that acted.
        images = self._shown.gather(part.rows.start, indices[0, :size], self.device)
        return pad_rows(part.image.forward(images)[None], batch.shape[1])

    def _begin_update(self, rows: Sequence[int]) -> None:
        """Prepare the update of some rows, whose rollouts are complete."""

    @abstractmethod
    def _update(self) -> list[int]:
        """Update parameters from the store until at least one row has ended its update; return those that have."""

    def _finite_rows(self) -> Array:
        n = len(self._rows)
        finite = (torch.isfinite(self._flat).all(1) & torch.isfinite(self._norm_sums)).cpu().numpy()[:n]
        for row in self._ready:
            cells = self._store.rows[row, : self.n_envs * int(self._lengths[row])]
            finite[row] &= bool(torch.isfinite(cells).all())
        return finite

    def _keep(self, rows: Sequence[int]) -> None:
        super()._keep(rows)
        flat, gradient = keep_rows(self._flat, rows), keep_rows(self._gradient, rows)
        self._optimiser = self._optimiser.keep(rows, flat, gradient)
        self._flat, self._gradient = flat, gradient
        self._last, self._starts = self._last[list(rows)], self._starts[list(rows)]
        self._lengths, self._norm_sums = self._lengths[list(rows)], keep_rows(self._norm_sums, rows)
        self._store.keep(rows)
        if self._images is not None:
            self._shown.keep(rows)
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
