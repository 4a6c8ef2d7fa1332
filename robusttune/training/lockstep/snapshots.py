"""A member's numbers apart from the batch, and the SB3 model that they make."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from robusttune.training.lockstep.layout import FlatLayout, width_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One member's numbers, enough to make its SB3 model.

    Parameters
    ----------
    weights : dict of str to Tensor
        All parameters, by the names of SB3's policy.
    optimisers : dict of str to list of dict
        By the attribute that holds the optimiser, a state per parameter.
    extra : dict
        Further attributes of the model; a tensor is copied into the one that is there.
    """

    weights: dict[str, torch.Tensor]
    optimisers: dict[str, list[dict[str, torch.Tensor]]]
    extra: dict[str, Any] = field(default_factory=dict)


def restore(template: Any, snapshot: Snapshot, *, n_timesteps: int, n_total: int, n_updates: int) -> Any:
    """Return a copy of the SB3 model `template` with a member's numbers.

    Parameters
    ----------
    template : BaseAlgorithm
        The member's model as SB3's constructor made it.
    snapshot : Snapshot
    n_timesteps, n_total : int
        Timesteps done, and those that training was asked for.
    n_updates : int
        Gradient updates done, as SB3 counts them.
    """
    model = copy.deepcopy(template, _without_experience(template))
    parameters = dict(model.policy.named_parameters())
    with torch.no_grad():
        for name, weights in snapshot.weights.items():
            parameters[name].copy_(weights)
    for path, states in snapshot.optimisers.items():
        holder = model
        for attribute in path.split("."):
            holder = getattr(holder, attribute)
        for parameter, state in zip(holder.param_groups[0]["params"], states, strict=True):
            holder.state[parameter] = state
    for name, value in snapshot.extra.items():
        if isinstance(value, torch.Tensor):
            # An optimiser holds this very tensor.
            getattr(model, name).data.copy_(value)
        else:
            setattr(model, name, value)
    model.num_timesteps, model._total_timesteps = n_timesteps, n_total
    model._n_updates = n_updates
    model._current_progress_remaining = 1.0 - n_timesteps / n_total
    return model


def _without_experience(template: Any) -> dict[int, Any]:
    """Return what a deep copy takes in place of a rollout, which may be large and is empty."""
    buffer = getattr(template, "rollout_buffer", None)
    if buffer is None:
        return {}
    empty = copy.copy(buffer)
    empty.reset()
    return {id(buffer): empty}


def stacked(
    found: Sequence[Snapshot | torch.Tensor], layout: FlatLayout, prefix: str, device: torch.device
) -> torch.Tensor:
    """Return the parameters of members, one row each: of those that train a copy, of others from their snapshot.

    Parameters
    ----------
    found : sequence of Snapshot or Tensor of shape (layout.size,)
    layout : FlatLayout
    prefix : str
        What the layout's names begin with in snapshots.
    device : torch.device
    """
    rows = torch.zeros(width_of(len(found)), layout.size, device=device)
    for place, one in enumerate(found):
        if isinstance(one, torch.Tensor):
            rows[place] = one
            continue
        for name in layout.slots:
            layout.view(rows, name)[place].copy_(one.weights[prefix + name])
    return rows
