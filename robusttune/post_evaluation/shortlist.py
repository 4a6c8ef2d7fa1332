"""Whom to evaluate: the best trials by objective value, by a model of the whole search, or by both in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A trial that is to be evaluated.

    Attributes
    ----------
    trial : int
    proposed_by : tuple of str
        The lists among whose first k it is: "top", by objective value; "model", by posterior mean.
    """

    trial: int
    proposed_by: tuple[str, ...]


def shortlist(rule: str, k: int, *, top: Sequence[int], model: Sequence[int]) -> tuple[Proposal, ...]:
    """Return the k trials to evaluate, in the order in which they are taken.

    Parameters
    ----------
    rule : {"top", "model", "mixed"}
        "mixed" takes from the two lists in turn, the model's first.
    k : int
    top, model : sequence of int
        The eligible trials by objective value and by posterior mean, best first.
    """
    lists = {"top": [top], "model": [model], "mixed": [model, top]}[rule]
    turns = chain.from_iterable(zip_longest(*lists))
    chosen = list(dict.fromkeys(trial for trial in turns if trial is not None))[:k]
    heads = (("top", set(top[:k])), ("model", set(model[:k])))
    return tuple(
        Proposal(trial=trial, proposed_by=tuple(name for name, head in heads if trial in head))
        for trial in chosen
    )
