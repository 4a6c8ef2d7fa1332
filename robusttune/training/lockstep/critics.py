"""The critics of SAC, TD3 and DDPG: every critic of every member is a row of one stack."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from robusttune.training.lockstep.activations import Activation
from robusttune.training.lockstep.layout import FlatLayout
from robusttune.training.lockstep.networks import StackedMLP
from robusttune.training.lockstep.rollout import pad_rows


class Critics:
    """Equal networks that value actions in states, `n` for each member.

    Parameters
    ----------
    layout : FlatLayout
        Of the first critic alone.
    n : int
    layers : sequence of str
        Names of the first critic's linear layers, from input to output.
    activation : Activation
    flat : Tensor, shape (width, n * layout.size)
        The parameters, one critic after the other.
    gradient : Tensor, shape (width, n * layout.size), optional
        Where `backward` writes.
    """

    def __init__(
        self,
        layout: FlatLayout,
        n: int,
        layers: Sequence[str],
        activation: Activation,
        flat: Tensor,
        gradient: Tensor | None = None,
    ) -> None:
        self._n, self._n_rows = n, 0
        shape = (len(flat) * n, layout.size)
        stacked = None if gradient is None else gradient.view(shape)
        self._network = StackedMLP(layout, flat.view(shape), stacked, layers, activation)

    def values(self, inputs: Tensor, actions: Tensor) -> Tensor:
        """Return the values of actions, and keep what the slopes need.

        Parameters
        ----------
        inputs : Tensor, shape (width, n_rows, n_features)
            States, padded.
        actions : Tensor, shape (width, batch_size, action_dim)

        Returns
        -------
        Tensor, shape (width, n, batch_size)
        """
        width, n_rows, n_features = inputs.shape
        size, self._n_rows = actions.shape[1], n_rows
        joined = inputs.new_zeros(width, self._n, n_rows, n_features + actions.shape[2])
        joined[..., :n_features] = inputs[:, None]
        joined[:, :, :size, n_features:] = actions[:, None]
        return self._network.forward(joined.flatten(0, 1)).view(width, self._n, n_rows)[..., :size]

    def backward(self, slopes: Tensor) -> None:
        """Write the parameters' gradient; `slopes`, by the last values, has their shape."""
        self._network.backward(self._padded(slopes))

    def slope_by_actions(self, slopes: Tensor, action_dim: int) -> Tensor:
        """Return what the last values' slopes are by the actions, summed over the critics.

        Returns
        -------
        Tensor, shape (width, batch_size, action_dim)
        """
        width, _, size = slopes.shape
        by_joined = self._network.backward(self._padded(slopes), to_parameters=False, to_input=True)
        by_actions = by_joined.view(width, self._n, self._n_rows, -1)[:, :, :size, -action_dim:]
        return by_actions.sum(1)

    def _padded(self, slopes: Tensor) -> Tensor:
        return pad_rows(slopes.flatten(0, 1)[..., None], self._n_rows)


def first_layout(critic: torch.nn.Module) -> FlatLayout:
    """Return the layout of the first of SB3's critics, by the names that it has among all."""
    own = {name: parameter for name, parameter in critic.named_parameters() if name.startswith("qf0.")}
    return FlatLayout(own)
