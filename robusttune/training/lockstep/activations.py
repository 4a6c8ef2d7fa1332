"""Activation functions with a backward pass that needs no autograd tape."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn


class Activation(Protocol):
    """An elementwise function of a layer's sums."""

    def forward(self, sums: Tensor) -> tuple[Tensor, Any]:
        """Return the output, and what `backward` needs; may write into `sums`."""

    def backward(self, gradient: Tensor, saved: Any) -> Tensor:
        """Return the gradient with respect to the sums; may write into `gradient`."""


class _Tanh:
    def forward(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        if sums.device.type == "cpu":
            # NumPy's vectorised tanh is several times faster than torch's, and as exact.
            array = sums.numpy()
            np.tanh(array, out=array)
        else:
            sums.tanh_()
        return sums, sums

    def backward(self, gradient: Tensor, saved: Tensor) -> Tensor:
        return torch.ops.aten.tanh_backward.grad_input(gradient, saved, grad_input=gradient)  # type: ignore[no-any-return]


class _Relu:
    def forward(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        sums.relu_()
        return sums, sums

    def backward(self, gradient: Tensor, saved: Tensor) -> Tensor:
        # In place: on wide networks the memory is what the time goes into.
        return torch.ops.aten.threshold_backward.grad_input(gradient, saved, 0, grad_input=gradient)  # type: ignore[no-any-return]


class _Taped:
    """Any other parameter-free elementwise module, differentiated by autograd."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def forward(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        return self._module(sums), sums

    def backward(self, gradient: Tensor, saved: Tensor) -> Tensor:
        with torch.enable_grad():
            leaf = saved.detach().requires_grad_()
            return torch.autograd.grad(self._module(leaf), leaf, gradient)[0]


def make_activation(module_class: type[nn.Module]) -> Activation:
    """Return the fastest implementation of an activation class."""
    if module_class is nn.Tanh:
        return _Tanh()
    if module_class is nn.ReLU:
        return _Relu()
    return _Taped(module_class())


class _Mixed:
    """Activations that differ between members: each on its own slabs."""

    def __init__(self, parts: Sequence[tuple[slice, Activation]]) -> None:
        self._parts = parts

    def forward(self, sums: Tensor) -> tuple[Tensor, Any]:
        kept = []
        for part, activation in self._parts:
            own = sums[part]
            output, saved = activation.forward(own)
            if output is not own:  # it has not written into the sums
                saved = saved.clone()
                own.copy_(output)
            kept.append(saved)
        return sums, kept

    def backward(self, gradient: Tensor, saved: Any) -> Tensor:
        parts = zip(self._parts, saved, strict=True)
        return torch.cat([activation.backward(gradient[part], own) for (part, activation), own in parts])


def make_activations(module_classes: Sequence[type[nn.Module]]) -> Activation:
    """Return the activation of stacked networks, given that of each member; an empty row goes with the last."""
    kinds = list(itertools.groupby(module_classes))
    if len(kinds) == 1:
        return make_activation(module_classes[0])
    counts = [sum(1 for _ in group) for _, group in itertools.groupby(module_classes)]
    ends = list(itertools.accumulate(counts))
    return _Mixed(
        [
            (slice(end - count, end), make_activation(kind))
            for (kind, _), count, end in zip(kinds, counts, ends, strict=True)
        ]
    )
