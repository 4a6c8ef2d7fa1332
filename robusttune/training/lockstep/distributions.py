"""Action distributions of all members at once, with written-out gradients of log-probability and entropy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from gymnasium import spaces
from torch import Tensor

from robusttune.training.lockstep.layout import FlatLayout

Generators = Sequence[torch.Generator]


class ActionHead(Protocol):
    """Turns the actor's outputs into actions.

    Shapes: outputs (width, n, n_outputs), actions (width, n, action_dim), log-probability and entropy
    (width, n).
    """

    action_dim: int

    def sample(self, outputs: Tensor, generators: Generators) -> Tensor:
        """Return actions drawn from each member's own generator, in SB3's order of draws."""

    def mode(self, outputs: Tensor) -> Tensor:
        """Return the most likely actions."""

    def evaluate(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-probability of the actions, and the entropy."""

    def backward(self, d_log_prob: Tensor, d_entropy: Tensor) -> Tensor:
        """Return the gradient of the outputs for the last `evaluate`; write those of own parameters."""


class _Noise:
    """Tensors that are drawn anew for each step; a row that draws nothing stays as it was made."""

    def __init__(self, make: Callable[..., Tensor]) -> None:
        self._make = make
        self._tensors: list[Tensor] = []
        self._rows: list[tuple[Tensor, ...]] = []

    def like(self, parts: Sequence[Tensor]) -> tuple[list[Tensor], list[tuple[Tensor, ...]]]:
        """Return a tensor for each part, and their rows by member."""
        if not self._tensors or self._tensors[0].shape != parts[0].shape:
            self._tensors = [self._make(part, memory_format=torch.contiguous_format) for part in parts]
            self._rows = list(zip(*(tensor.unbind(0) for tensor in self._tensors), strict=True))
        return self._tensors, self._rows


class Gaussian:
    """Independent normal actions whose log standard deviation is a parameter.

    Parameters
    ----------
    log_std : Tensor, shape (width, action_dim)
    gradient : Tensor, shape (width, action_dim)
    """

    def __init__(self, log_std: Tensor, gradient: Tensor) -> None:
        self._log_std, self._gradient = log_std, gradient
        self.action_dim = log_std.shape[1]
        self._noise = _Noise(torch.zeros_like)

    def sample(self, outputs: Tensor, generators: Generators) -> Tensor:
        """Return actions drawn from each member's own generator."""
        (noise,), rows = self._noise.like((outputs,))
        for generator, (row,) in zip(generators, rows, strict=False):
            row.normal_(generator=generator)
        return torch.mul(noise, self._log_std.exp()[:, None]).add_(outputs)

    def mode(self, outputs: Tensor) -> Tensor:
        """Return the means."""
        return outputs

    def evaluate(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-probability of the actions, and the entropy."""
        log_std = self._log_std[:, None]
        self._difference = actions - outputs
        self._variance = log_std.exp().square_()
        self._squares = self._difference.square().div_(self._variance)
        log_prob = self._squares.mul(-0.5).sub_(log_std).sub_(math.log(math.sqrt(2 * math.pi))).sum(2)
        entropy = (log_std + (0.5 + 0.5 * math.log(2 * math.pi))).sum(2).expand_as(log_prob)
        return log_prob, entropy

    def backward(self, d_log_prob: Tensor, d_entropy: Tensor) -> Tensor:
        """Return the gradient of the means; write that of the log standard deviation."""
        weight = d_log_prob[..., None]
        self._squares.sub_(1.0).mul_(weight).add_(d_entropy[..., None])
        torch.sum(self._squares, dim=1, out=self._gradient)
        return self._difference.div_(self._variance).mul_(weight)


class Categoricals:
    """One or several independent choices; the outputs are their concatenated logits.

    Parameters
    ----------
    sizes : sequence of int
        Number of options of each choice.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = list(sizes)
        self.action_dim = len(self._sizes)
        self._noise = _Noise(torch.ones_like)

    def sample(self, outputs: Tensor, generators: Generators) -> Tensor:
        """Return actions drawn from each member's own generator."""
        parts = (outputs,) if len(self._sizes) == 1 else torch.split(outputs, self._sizes, dim=2)
        noises, rows = self._noise.like(parts)
        for generator, own in zip(generators, rows, strict=False):
            for row in own:
                row.exponential_(generator=generator)
        # torch.multinomial draws one sample as argmax(p / Exp(1)).
        chosen = [
            torch.softmax(torch.log_softmax(logits, 2), 2).div_(noise).argmax(2)
            for logits, noise in zip(parts, noises, strict=True)
        ]
        return torch.stack(chosen, dim=2).float()

    def mode(self, outputs: Tensor) -> Tensor:
        """Return the most likely options."""
        return torch.stack(
            [logits.argmax(2) for logits in torch.split(outputs, self._sizes, dim=2)], dim=2
        ).float()

    def evaluate(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-probability of the actions, and the entropy."""
        self._indices = actions.long()
        self._logs = [torch.log_softmax(logits, 2) for logits in torch.split(outputs, self._sizes, dim=2)]
        self._probabilities = [logs.exp() for logs in self._logs]
        self._entropies = [
            -(p * logs).sum(2) for p, logs in zip(self._probabilities, self._logs, strict=True)
        ]
        log_prob = torch.stack(
            [logs.gather(2, self._indices[:, :, i : i + 1])[..., 0] for i, logs in enumerate(self._logs)],
            dim=2,
        )
        return log_prob.sum(2), torch.stack(self._entropies, dim=2).sum(2)

    def backward(self, d_log_prob: Tensor, d_entropy: Tensor) -> Tensor:
        """Return the gradient of the logits."""
        parts = []
        for i, (logs, p) in enumerate(zip(self._logs, self._probabilities, strict=True)):
            entropy_slope = (logs + self._entropies[i][..., None]).mul_(d_entropy[..., None])
            part = p.mul(-1.0).mul_(entropy_slope.add_(d_log_prob[..., None]))
            parts.append(part.scatter_add_(2, self._indices[:, :, i : i + 1], d_log_prob[..., None]))
        return torch.cat(parts, dim=2)


class Bernoullis:
    """Independent yes-or-no actions; the outputs are their logits.

    Parameters
    ----------
    size : int
    """

    def __init__(self, size: int) -> None:
        self.action_dim = size

    def sample(self, outputs: Tensor, generators: Generators) -> Tensor:
        """Return actions drawn from each member's own generator."""
        p = torch.sigmoid(outputs)
        actions = torch.zeros_like(p)
        for row, generator in enumerate(generators):
            torch.bernoulli(p[row], generator=generator, out=actions[row])
        return actions

    def mode(self, outputs: Tensor) -> Tensor:
        """Return the more likely of both values."""
        return torch.sigmoid(outputs).round_()

    def evaluate(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-probability of the actions, and the entropy."""
        self._logits, self._actions, self._p = outputs, actions, torch.sigmoid(outputs)
        softplus = torch.nn.functional.softplus(outputs)
        return (actions * outputs - softplus).sum(2), (softplus - self._p * outputs).sum(2)

    def backward(self, d_log_prob: Tensor, d_entropy: Tensor) -> Tensor:
        """Return the gradient of the logits."""
        slope = self._p * (1.0 - self._p) * self._logits
        return (self._actions - self._p).mul_(d_log_prob[..., None]).sub_(slope.mul_(d_entropy[..., None]))


def make_head(space: spaces.Space[object], layout: FlatLayout, flat: Tensor, gradient: Tensor) -> ActionHead:
    """Return the distribution that SB3 uses on `space`."""
    if isinstance(space, spaces.Box):
        return Gaussian(layout.view(flat, "log_std"), layout.view(gradient, "log_std"))
    if isinstance(space, spaces.Discrete):
        return Categoricals([int(space.n)])
    if isinstance(space, spaces.MultiDiscrete):
        return Categoricals([int(n) for n in space.nvec])
    if isinstance(space, spaces.MultiBinary) and isinstance(space.n, int):
        return Bernoullis(space.n)
    raise ValueError(
        f"Actions must be Box, Discrete, MultiDiscrete or MultiBinary, but got {space}; use trainer='sb3'."
    )
