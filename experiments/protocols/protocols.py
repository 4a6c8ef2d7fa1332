"""The ways to spend a budget of training runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

BUDGETS = (60, 120, 240, 480)
COMPARATOR = "top k"
SIZES: Mapping[int, tuple[int, int]] = {60: (3, 5), 120: (6, 5), 240: (6, 10), 480: (12, 10)}
"""Candidates and seeds of each that a quarter of the budget pays for."""
SHARES: Mapping[int, Mapping[str, tuple[int, int]]] = {
    60: {"10 %": (2, 3), "50 %": (6, 5)},
    120: {"10 %": (3, 4), "50 %": (6, 10)},
    240: {"10 %": (5, 5), "50 %": (12, 10)},
    480: {"10 %": (6, 8), "50 %": (20, 12)},
}
ADAPTIVE: Mapping[int, int] = {60: 4, 120: 5, 240: 10, 480: 15}
"""Candidates of the rules that give runs one by one."""
HALVED: Mapping[int, int] = {60: 4, 120: 8, 240: 8, 480: 16}
N_CONFIRMING = 10
LARGEST_OF_ALL = 240
"""Beyond this budget protocols that need searches or models of their own are left out."""
KINDS = ("1 seed", "2 seeds", "3 seeds", "incumbents", "risk-averse incumbents")


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One way to spend a budget.

    Attributes
    ----------
    name : str
    kind : str
        Of the search; see `searches.search_declared`.
    k, runs : int
        Candidates, and fresh runs of them all; without candidates a trial is believed.
    select : {"top", "model", "mixed"}
    rule : str
        How the fresh runs are given.
    pick : {"mean", "posterior", "risk"}
    n_confirming : int
        Further runs of the pick.
    """

    name: str
    kind: str = "1 seed"
    k: int = 0
    runs: int = 0
    select: str = "top"
    rule: str = "fixed"
    pick: str = "mean"
    n_confirming: int = 0

    @property
    def reserved(self) -> int:
        """Return how many runs are kept back from the search."""
        return self.runs + self.n_confirming

    @property
    def needs_model(self) -> bool:
        """Return whether a model of the whole search takes part."""
        return self.select != "top" or self.pick == "posterior"


def protocols(budget: int) -> Iterator[Protocol]:
    """Yield the protocols of a budget, the comparator first."""
    k, n = SIZES[budget]
    quarter = k * n
    yield Protocol(name=COMPARATOR, k=k, runs=quarter)
    yield Protocol(name="single seed, believed")
    for m in (2, 3):
        yield Protocol(name=f"{m} seeds a trial, believed", kind=f"{m} seeds")
        yield Protocol(name=f"{m} seeds a trial, top k", kind=f"{m} seeds", k=k, runs=quarter)
    for share, (k_share, n_share) in SHARES[budget].items():
        yield Protocol(name=f"top k, {share}", k=k_share, runs=k_share * n_share)
    for rule in ("OCBA", "top-two", "elimination"):
        yield Protocol(name=rule, k=ADAPTIVE[budget], runs=quarter, rule=rule)
    yield Protocol(name="halving", k=HALVED[budget], runs=quarter, rule="halving")
    yield Protocol(name="mixed, OCBA", k=ADAPTIVE[budget], runs=quarter, select="mixed", rule="OCBA")
    yield Protocol(name="top k, posterior pick", k=k, runs=quarter, pick="posterior")
    yield Protocol(name="top k, mean − ½ SD", k=k, runs=quarter, pick="risk")
    for select in ("model", "mixed"):
        yield Protocol(name=select, k=k, runs=quarter, select=select)
        yield Protocol(name=f"{select}, posterior pick", k=k, runs=quarter, select=select, pick="posterior")
    if budget <= LARGEST_OF_ALL:
        yield from _dear(budget)


def _dear(budget: int) -> Iterator[Protocol]:
    """Yield the protocols that need searches or models of their own."""
    k, n = SIZES[budget]
    k_half, n_half = SHARES[budget]["50 %"]
    mixed = Protocol(
        name="mixed, posterior pick, 50 %", k=k_half, runs=k_half * n_half, select="mixed", pick="posterior"
    )
    yield mixed
    yield Protocol(name="best predicted, believed", select="model")
    yield Protocol(name="incumbents, believed", kind="incumbents")
    yield Protocol(name="incumbents, top k", kind="incumbents", k=k, runs=k * n)
    yield Protocol(name="incumbents by mean − ½ SD, believed", kind="risk-averse incumbents")
    if budget > min(BUDGETS):
        yield Protocol(name="top k, confirmed", k=k, runs=k * n, n_confirming=N_CONFIRMING)
        yield replace(
            mixed, name="mixed, posterior pick, confirmed", k=k, runs=k * n, n_confirming=N_CONFIRMING
        )
