"""Optimisers that step each member by its own learning rate, and leave out members that are not to move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from robusttune.training.lockstep.layout import FlatLayout, keep_rows


class Optimiser(Protocol):
    """Moves rows of the parameter matrix against their gradients."""

    def step(self, rows: Sequence[int], learning_rates: Sequence[float]) -> None:
        """Move the members in `rows`; `learning_rates` has one number per member."""

    def keep(self, rows: Sequence[int], flat: Tensor, gradient: Tensor) -> Optimiser:
        """Return the optimiser of the chosen rows alone, on their new matrices."""

    def state(self, row: int, layout: FlatLayout) -> list[dict[str, Tensor]]:
        """Return one member's state as torch's optimiser stores it, a dictionary per parameter."""


class Adam:
    """torch's Adam, through its fused kernel.

    Parameters
    ----------
    flat, gradient : Tensor, shape (width, size)
    betas : (float, float)
    eps : float
    """

    def __init__(self, flat: Tensor, gradient: Tensor, *, betas: tuple[float, float], eps: float) -> None:
        self._betas, self._eps = betas, eps
        self._mean, self._square = torch.zeros_like(flat), torch.zeros_like(flat)
        self._counts = torch.zeros(flat.shape[0], device=flat.device)
        self._bind(flat, gradient)

    def _bind(self, flat: Tensor, gradient: Tensor) -> None:
        self._steps = list(self._counts.unbind(0))
        self._rows = [list(matrix.unbind(0)) for matrix in (flat, gradient, self._mean, self._square)]

    def step(self, rows: Sequence[int], learning_rates: Sequence[float]) -> None:
        """Move the members in `rows`."""
        if len(rows) == len(self._steps):
            self._counts.add_(1)
        else:
            torch._foreach_add_([self._steps[row] for row in rows], 1)
        groups: dict[float, list[int]] = {}
        for row in rows:
            groups.setdefault(learning_rates[row], []).append(row)
        for learning_rate, members in groups.items():
            steps = [self._steps[row] for row in members]
            parameters, gradients, means, squares = (
                [column[row] for row in members] for column in self._rows
            )
            torch._fused_adam_(
                parameters,
                gradients,
                means,
                squares,
                [],
                steps,
                lr=learning_rate,
                beta1=self._betas[0],
                beta2=self._betas[1],
                weight_decay=0.0,
                eps=self._eps,
                amsgrad=False,
                maximize=False,
            )

    def keep(self, rows: Sequence[int], flat: Tensor, gradient: Tensor) -> Adam:
        """Return the optimiser of the chosen rows alone."""
        kept = Adam(flat, gradient, betas=self._betas, eps=self._eps)
        kept._mean, kept._square = keep_rows(self._mean, rows), keep_rows(self._square, rows)
        kept._counts = keep_rows(self._counts, rows)
        kept._bind(flat, gradient)
        return kept

    def state(self, row: int, layout: FlatLayout) -> list[dict[str, Tensor]]:
        """Return one member's state, a dictionary per parameter."""
        means, squares = layout.unstack(self._mean[row]), layout.unstack(self._square[row])
        step = self._steps[row].cpu()
        return [
            {"step": step.clone(), "exp_avg": means[name], "exp_avg_sq": squares[name]}
            for name in layout.slots
        ]


class RMSprop:
    """torch's RMSprop.

    Parameters
    ----------
    flat, gradient : Tensor, shape (width, size)
    alpha, eps : float
    """

    def __init__(self, flat: Tensor, gradient: Tensor, *, alpha: float, eps: float) -> None:
        self._flat, self._gradient = flat, gradient
        self._alpha, self._eps = alpha, eps
        self._square = torch.zeros_like(flat)
        self._n_steps = 0

    def step(self, rows: Sequence[int], learning_rates: Sequence[float]) -> None:
        """Move the members in `rows`."""
        n = len(rows)
        flat, gradient, square = self._flat[:n], self._gradient[:n], self._square[:n]
        if list(rows) != list(range(n)):
            raise ValueError(
                f"RMSprop moves all members or none, but got rows {list(rows)}; use Adam instead."
            )
        self._n_steps += 1
        rates = torch.tensor([[learning_rates[row]] for row in rows], device=flat.device)
        square.mul_(self._alpha).addcmul_(gradient, gradient, value=1 - self._alpha)
        flat.sub_(gradient.mul(rates).div_(square.sqrt().add_(self._eps)))

    def keep(self, rows: Sequence[int], flat: Tensor, gradient: Tensor) -> RMSprop:
        """Return the optimiser of the chosen rows alone."""
        kept = RMSprop(flat, gradient, alpha=self._alpha, eps=self._eps)
        kept._square, kept._n_steps = keep_rows(self._square, rows), self._n_steps
        return kept

    def state(self, row: int, layout: FlatLayout) -> list[dict[str, Tensor]]:
        """Return one member's state, a dictionary per parameter."""
        squares = layout.unstack(self._square[row])
        step = torch.tensor(float(self._n_steps))
        return [{"step": step.clone(), "square_avg": squares[name]} for name in layout.slots]


def make_optimiser(reference: torch.optim.Optimizer, flat: Tensor, gradient: Tensor) -> Optimiser:
    """Return the stacked twin of the optimiser that SB3 made for one member."""
    options = reference.param_groups[0]
    if isinstance(reference, torch.optim.RMSprop):
        return RMSprop(flat, gradient, alpha=options["alpha"], eps=options["eps"])
    return Adam(flat, gradient, betas=options["betas"], eps=options["eps"])


def clip_gradients(gradient: Tensor, max_norms: Tensor) -> Tensor:
    """Scale each member's gradient to at most its largest norm; return the norms before that.

    Parameters
    ----------
    gradient : Tensor, shape (width, size)
    max_norms : Tensor, shape (width,)
    """
    norms: Tensor = torch.linalg.vector_norm(gradient, dim=1)
    # The epsilon is torch.nn.utils.clip_grad_norm_'s.
    gradient.mul_((max_norms / (norms + 1e-6)).clamp_(max=1.0)[:, None])
    return norms
