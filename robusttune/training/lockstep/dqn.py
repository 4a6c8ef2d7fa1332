"""Deep Q-learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor

from robusttune.training.lockstep.activations import make_activation
from robusttune.training.lockstep.layout import Array, FlatLayout, column, keep_rows
from robusttune.training.lockstep.networks import StackedMLP
from robusttune.training.lockstep.off_policy import OffPolicyTrainer
from robusttune.training.lockstep.optimisers import clip_gradients, make_optimiser
from robusttune.training.lockstep.policies import Modes
from robusttune.training.lockstep.snapshots import Snapshot


class LockstepDQN(OffPolicyTrainer):
    """Train members by SB3's DQN; see `LockstepTrainer` for the arguments."""

    algorithm: ClassVar[type[BaseAlgorithm]] = DQN

    def _setup(self) -> None:
        super()._setup()
        networks = [model.policy.q_net for model in self._models]
        self._layout = FlatLayout(dict(networks[0].named_parameters()))
        self._activation = make_activation(networks[0].activation_fn)
        self._layers = [f"q_net.{2 * i}" for i in range(len(networks[0].net_arch) + 1)]
        self._flat = self._layout.stack(networks, self.device)
        self._target = self._flat.clone()
        self._gradient = torch.zeros_like(self._flat)
        self._optimiser = make_optimiser(self._models[0].policy.optimizer, self._flat, self._gradient)
        self._norm_sums = torch.zeros(self._flat.shape[0], device=self.device)
        interval = int(self._models[0].target_update_interval)
        self._target_interval, self._n_calls = max(interval // self.n_envs, 1), 0
        self._exploration = [0.0] * len(self._models)
        self._connect()

    def _connect(self) -> None:
        self._network = self._network_on(self._flat, self._gradient)
        self._target_network = self._network_on(self._target, None)
        models = [self._models[member] for member in self._rows]
        self._gammas = column(self.device, [model.gamma for model in models])
        self._taus = column(self.device, [model.tau for model in models])
        self._one_minus_taus = column(self.device, [1 - model.tau for model in models])
        self._max_norms = column(self.device, [model.max_grad_norm for model in models])[:, 0]

    def _network_on(self, flat: Tensor, gradient: Tensor | None) -> StackedMLP:
        return StackedMLP(self._layout, flat, gradient, self._layers, self._activation)

    def _act(self, *, warming_up: bool) -> tuple[Array, Array]:
        actions = np.empty((len(self._rows), self.n_envs), dtype=np.int64)
        greedy = []
        for row, member in enumerate(self._rows):
            if warming_up or self._streams[row].numpy.rand() < self._exploration[row]:
                actions[row] = self._random_actions(member)
            else:
                greedy.append(row)
        if greedy:
            values = self._network.forward(self._network_inputs(self._last))[:, : self.n_envs]
            actions[greedy] = values.argmax(2).cpu().numpy()[greedy]
        return actions, actions

    def _after_step(self) -> None:
        self._n_calls += 1
        if self._n_calls % self._target_interval == 0:
            self._target.mul_(self._one_minus_taus).addcmul_(self._flat, self._taus)
        self._exploration = [
            self._models[member].exploration_schedule(self._progress) for member in self._rows
        ]

    def _update(self, n_steps: int) -> None:
        rows = range(len(self._rows))
        rates = [self._models[member].lr_schedule(self._progress) for member in self._rows]
        for _ in range(n_steps):
            inputs, next_inputs, actions, rewards, ends = self._sample()
            size = self._batch_size
            next_values = self._target_network.forward(next_inputs)[:, :size].amax(2)
            targets = rewards + (1.0 - ends) * self._gammas * next_values
            values = self._network.forward(inputs)
            chosen = actions.long()
            errors = values[:, :size].gather(2, chosen)[..., 0] - targets
            # The slope of the Huber loss (smooth L1) is the error, limited.
            slopes = errors.clamp_(-1.0, 1.0).div_(size)
            gradient = torch.zeros_like(values)
            gradient[:, :size].scatter_(2, chosen, slopes[..., None])
            self._network.backward(gradient)
            self._norm_sums += clip_gradients(self._gradient, self._max_norms)
            self._optimiser.step(rows, rates)

    def _finite_rows(self) -> Array:
        # A parameter that is not finite shows in the next gradient: only the last update needs a full look.
        finite = torch.isfinite(self._norm_sums)
        if self._elapsed >= self.total_timesteps:
            finite &= torch.isfinite(self._flat).all(1)
        return finite.cpu().numpy()[: len(self._rows)]

    def _keep(self, rows: Sequence[int]) -> None:
        super()._keep(rows)
        flat, gradient = keep_rows(self._flat, rows), keep_rows(self._gradient, rows)
        self._optimiser = self._optimiser.keep(rows, flat, gradient)
        self._flat, self._gradient, self._target = flat, gradient, keep_rows(self._target, rows)
        self._norm_sums = keep_rows(self._norm_sums, rows)
        self._exploration = [self._exploration[row] for row in rows]
        self._connect()

    def _snapshot(self, row: int) -> Snapshot:
        online = self._layout.unstack(self._flat[row])
        target = self._layout.unstack(self._target[row])
        return Snapshot(
            weights={f"q_net.{name}": weights for name, weights in online.items()}
            | {f"q_net_target.{name}": weights for name, weights in target.items()},
            optimisers={"policy.optimizer": self._optimiser.state(row, self._layout)},
            extra={"exploration_rate": self._exploration[row], "_n_calls": self._n_calls},
        )

    def _modes(self, members: Sequence[int]) -> Modes:
        network = self._network_on(self._parameters_of(members, self._layout, self._flat, "q_net."), None)
        return lambda inputs: network.forward(inputs).argmax(2).cpu().numpy()
