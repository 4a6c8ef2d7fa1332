"""Multi-layer perceptrons of all members at once: a layer is one batched matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from robusttune.training.lockstep.activations import Activation
from robusttune.training.lockstep.layout import ALIGNMENT, FlatLayout, round_up


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    weight: Tensor  # (width, n_out, n_in)
    transposed: Tensor
    bias: Tensor  # (width, 1, n_out)
    weight_gradient: Tensor | None
    bias_gradient: Tensor | None
    activation: Activation | None


class StackedMLP:
    """The same perceptron for every member, each with its own weights.

    Parameters
    ----------
    layout : FlatLayout
    flat : Tensor, shape (width, layout.size)
        The parameters; the network reads them through views.
    gradient : Tensor, shape (width, layout.size), or None
        Where `backward` writes; None for a network whose parameters are never differentiated.
    layers : sequence of str
        Names of the linear layers, as in SB3's state dict, from input to output.
    activation : Activation
        Follows every layer but the last.
    final : Activation, optional
        Follows the last layer.
    """

    def __init__(
        self,
        layout: FlatLayout,
        flat: Tensor,
        gradient: Tensor | None,
        layers: Sequence[str],
        activation: Activation,
        final: Activation | None = None,
    ) -> None:
        self._layers = [
            _Layer(
                weight=layout.view(flat, f"{name}.weight"),
                transposed=layout.view(flat, f"{name}.weight").transpose(1, 2),
                bias=layout.view(flat, f"{name}.bias")[:, None],
                weight_gradient=None if gradient is None else layout.view(gradient, f"{name}.weight"),
                bias_gradient=None if gradient is None else layout.view(gradient, f"{name}.bias"),
                activation=final if depth == len(layers) - 1 else activation,
            )
            for depth, name in enumerate(layers)
        ]
        self._inputs: list[Tensor] = []
        self._saved: list[Any] = []

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, and keep what `backward` needs.

        Parameters
        ----------
        x : Tensor, shape (width, n_rows, n_in)
            `n_rows` a multiple of the alignment.

        Returns
        -------
        Tensor, shape (width, n_rows, n_out)
        """
        self._inputs, self._saved = [], []
        for layer in self._layers:
            self._inputs.append(x)
            x = torch.baddbmm(layer.bias, x, layer.transposed)
            saved: Any = x
            if layer.activation is not None:
                x, saved = layer.activation.forward(x)
            self._saved.append(saved)
        return x

    def backward(self, gradient: Tensor, *, to_parameters: bool = True, to_input: bool = False) -> Tensor:
        """Write the gradient of the parameters; return that of the last layer reached.

        Parameters
        ----------
        gradient : Tensor, shape (width, n_rows, n_out)
            Gradient with respect to the outputs of the last `forward`, or to those of its first rows; it may be
            written into.
        to_parameters : bool, default True
            Whether the parameters' gradient is wanted.
        to_input : bool, default False
            Whether to go on to the inputs, and return their gradient.
        """
        for depth in range(len(self._layers) - 1, -1, -1):
            layer = self._layers[depth]
            x, saved = self._inputs[depth], self._saved[depth]
            n_rows = gradient.shape[1]
            if n_rows < x.shape[1]:
                x, saved = x[:, :n_rows], saved[:, :n_rows]
            if layer.activation is not None:
                gradient = layer.activation.backward(gradient, saved)
            if to_parameters:
                _write_gradient(layer, gradient, x)
            if depth > 0 or to_input:
                gradient = torch.bmm(gradient, layer.weight)
        return gradient


def _write_gradient(layer: _Layer, gradient: Tensor, x: Tensor) -> None:
    """Write the gradient of one layer's weight and bias; `x` is what the layer received."""
    if layer.weight_gradient is None or layer.bias_gradient is None:
        raise ValueError("A network without a gradient cannot be differentiated; pass `gradient`.")
    n_in, n_out = x.shape[2], gradient.shape[2]
    torch.sum(gradient, dim=1, out=layer.bias_gradient)
    if n_in * n_out % ALIGNMENT:
        # The product must fill whole cache lines, see ALIGNMENT.
        wide = pad(x, (0, round_up(n_in) - n_in))
        layer.weight_gradient.copy_(torch.bmm(gradient.transpose(1, 2), wide)[..., :n_in])
    elif n_in < n_out:
        # The thin matrix first: the kernel is several times faster that way round.
        layer.weight_gradient.copy_(torch.bmm(x.transpose(1, 2), gradient).transpose(1, 2))
    else:
        torch.bmm(gradient.transpose(1, 2), x, out=layer.weight_gradient)
