"""One row of numbers per member: every parameter of every network in a single matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

Array = npt.NDArray[Any]
ALIGNMENT = 16
"""Floats in a cache line. Matrix kernels round differently on unaligned memory, so every slab starts on a
line; a member's numbers would depend on its place in the batch if it did not."""


def round_up(count: int) -> int:
    """Return `count` rounded up to a multiple of the alignment."""
    return -(-count // ALIGNMENT) * ALIGNMENT


def width_of(n_members: int) -> int:
    """Return the number of rows used for `n_members`: at least two.

    A batch of one takes another matrix kernel than a batch of many, so a lone member trains beside an empty
    row.
    """
    return max(n_members, 2)


class FlatLayout:
    """Where each named parameter lies within a member's row.

    Parameters
    ----------
    parameters : mapping of str to Tensor
        The parameters of one member, in SB3's names and order.
    """

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self.slots: dict[str, tuple[int, tuple[int, ...]]] = {}
        offset = 0
        for name, parameter in parameters.items():
            self.slots[name] = (offset, tuple(parameter.shape))
            offset += round_up(parameter.numel())
        self.size = offset

    @property
    def n_products(self) -> int:
        """The multiplications that one row takes through the layers."""
        return sum(shape[0] * shape[1] for _, shape in self.slots.values() if len(shape) == 2)

    def view(self, flat: Tensor, name: str) -> Tensor:
        """Return the parameter `name` of all members as a view, shape (width, *shape)."""
        offset, shape = self.slots[name]
        count = 1
        for length in shape:
            count *= length
        return flat[:, offset : offset + count].view(flat.shape[0], *shape)

    def stack(self, modules: Sequence[nn.Module], device: torch.device) -> Tensor:
        """Return the parameters of `modules`, one row each and zeros in the rows beyond them.

        Returns
        -------
        Tensor, shape (width, size)
        """
        flat = torch.zeros(width_of(len(modules)), self.size, device=device)
        for row, module in enumerate(modules):
            named = dict(module.named_parameters())
            for name in self.slots:
                self.view(flat, name)[row].copy_(named[name].detach())
        return flat

    def unstack(self, row: Tensor) -> dict[str, Tensor]:
        """Return a copy of one member's parameters by name; `row` has shape (size,)."""
        return {name: self.view(row[None], name)[0].clone() for name in self.slots}


def column(device: torch.device, numbers: Sequence[float]) -> Tensor:
    """Return one number per row, shape (width, 1); the empty row gets zero."""
    filled = torch.zeros(width_of(len(numbers)), 1)
    filled[: len(numbers), 0] = torch.tensor([float(number) for number in numbers], dtype=torch.float64)
    return filled.to(device)


def keep_rows(matrix: Tensor, rows: Sequence[int]) -> Tensor:
    """Return the chosen rows of `matrix`, padded with zeros to the width of that many members."""
    kept = torch.zeros(width_of(len(rows)), *matrix.shape[1:], dtype=matrix.dtype, device=matrix.device)
    kept[: len(rows)] = matrix[list(rows)]
    return kept
