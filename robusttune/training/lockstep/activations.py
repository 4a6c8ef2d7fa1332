"""Activation functions with a backward pass that needs no autograd tape."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn


class Activation(Protocol):
    """An elementwise function of a layer's sums."""

    def forward(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output, and what `backward` needs; may write into `sums`."""

    def backward(self, gradient: Tensor, saved: Tensor) -> Tensor:
        """Return the gradient with respect to the sums."""


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
        return torch.ops.aten.tanh_backward(gradient, saved)  # type: ignore[no-any-return]


class _Relu:
    def forward(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        sums.relu_()
        return sums, sums

    def backward(self, gradient: Tensor, saved: Tensor) -> Tensor:
        return torch.ops.aten.threshold_backward(gradient, saved, 0)  # type: ignore[no-any-return]


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
