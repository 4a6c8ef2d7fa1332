"""What the protocol study's rows come to: ratios of regret, intervals over repetitions and landscapes, the advice.

One row is a landscape, sampler, budget and protocol, with means over repetitions and their standard errors. Its
`difference` is taken repetition by repetition from the comparator on the same landscape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.95
COMPARATOR = "top k"
SINGLE = "single seed, believed"
MIXED = "mixed, posterior pick"
MULTI = ("2 seeds a trial, believed", "3 seeds a trial, believed")
SAMPLERS = {"tpe": "TPE", "random": "random search"}
MATERIAL = 0.02
"""A higher regret by more than that is harm; with enough repetitions, any difference would be shown."""
EXACT = ("declared", "ARLBench")
"""Sources whose truth is that of the distribution that runs are drawn from: there intervals can be judged."""
LIBRARY: Mapping[str, Mapping[str, Any]] = {
    COMPARATOR: {},
    "top k, 50 %": {},
    "top k, posterior pick": {"recommend": "posterior"},
    "mixed": {"select": "mixed"},
    "mixed, posterior pick": {"select": "mixed", "recommend": "posterior"},
    "mixed, posterior pick, 50 %": {"select": "mixed", "recommend": "posterior"},
    "model": {"select": "model"},
    "model, posterior pick": {"select": "model", "recommend": "posterior"},
    "OCBA": {"allocation": "ocba"},
    "mixed, OCBA": {"allocation": "ocba", "select": "mixed"},
    "halving": {"allocation": "halving"},
    "top-two": {"allocation": "top-two"},
    "2 seeds a trial, top k": {"seeds_per_trial": 2},
    "3 seeds a trial, top k": {"seeds_per_trial": 3},
}
"""Protocols with a second stage that a study file can ask for, those that change least first, and how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A protocol at one budget with one sampler, over the landscapes on which it ran.

    Attributes
    ----------
    n_landscapes : int
    regret, optimism : float
        Means over landscapes.
    ratio, half_width : float
        Regret by the comparator's on the same landscapes, and half of its 95 % interval over repetitions.
    difference, difference_half_width : float
        Mean difference to the comparator, and half of its 95 % t interval over landscapes.
    better, worse : tuple of str
        Landscapes where the paired interval leaves out 0, at 95 % for all of them together.
    harmed : tuple of str
        Those of `worse` whose regret is higher by more than `MATERIAL`.
    """

    n_landscapes: int
    regret: float
    optimism: float
    ratio: float
    half_width: float
    difference: float
    difference_half_width: float
    better: tuple[str, ...]
    worse: tuple[str, ...]
    harmed: tuple[str, ...]

    def __str__(self) -> str:
        """Return the ratio and its half-width."""
        return f"{self.ratio:.2f} ± {self.half_width:.2f}"


def at(rows: pd.DataFrame, sampler: str, budget: int, protocol: str) -> pd.DataFrame:
    """Return the rows of a protocol, by landscape."""
    chosen = (rows["sampler"] == sampler) & (rows["budget"] == budget) & (rows["protocol"] == protocol)
    return rows[chosen].set_index("landscape").sort_index()


def cell(rows: pd.DataFrame, sampler: str, budget: int, protocol: str) -> Cell | None:
    """Return what a protocol comes to; None where it did not run."""
    own = at(rows, sampler, budget, protocol)
    if own.empty:
        return None
    n = len(own)
    base = float(at(rows, sampler, budget, COMPARATOR).loc[own.index, "regret"].mean())
    difference, error = own["difference"], own["difference_se"]
    bound = stats.norm.ppf(1 - (1 - LEVEL) / 2 / n) * error
    over_landscapes = (
        stats.t.ppf(0.5 + LEVEL / 2, n - 1) * difference.std(ddof=1) / math.sqrt(n) if n > 1 else math.nan
    )
    over_repetitions = stats.norm.ppf(0.5 + LEVEL / 2) * math.sqrt(float((error**2).sum())) / n
    return Cell(
        n_landscapes=n,
        regret=float(own["regret"].mean()),
        optimism=float(own["optimism"].mean()),
        ratio=1.0 + float(difference.mean()) / base,
        half_width=over_repetitions / base,
        difference=float(difference.mean()),
        difference_half_width=float(over_landscapes),
        better=tuple(own.index[difference < -bound]),
        worse=tuple(own.index[difference > bound]),
        harmed=tuple(own.index[(difference > bound) & (difference > MATERIAL)]),
    )


def known(rows: pd.DataFrame, sampler: str, budget: int, protocol: str) -> Cell:
    """Return what a protocol comes to that did run."""
    found = cell(rows, sampler, budget, protocol)
    assert found is not None, (sampler, budget, protocol)
    return found


def budgets(rows: pd.DataFrame, sampler: str) -> list[int]:
    """Return the budgets of a sampler."""
    return sorted(set(rows.loc[rows["sampler"] == sampler, "budget"].tolist()))


def protocols(rows: pd.DataFrame, sampler: str) -> list[str]:
    """Return the protocols of a sampler in the order of the study, of which TPE ran all."""
    ran = set(rows.loc[rows["sampler"] == sampler, "protocol"])
    return [name for name in dict.fromkeys(rows.loc[rows["sampler"] == "tpe", "protocol"]) if name in ran]


def advised(rows: pd.DataFrame, sampler: str) -> list[dict[str, Any]]:
    """Return what to advise at each budget.

    Of the protocols of `LIBRARY` that ran on all landscapes of the sampler, those that harm on none stay; of these, the
    first whose ratio lies within one standard error of the least.
    """
    return [_advised(rows, sampler, budget) for budget in budgets(rows, sampler)]


def _advised(rows: pd.DataFrame, sampler: str, budget: int) -> dict[str, Any]:
    found = {name: cell(rows, sampler, budget, name) for name in LIBRARY}
    n = len(at(rows, sampler, budget, COMPARATOR))
    safe = {name: one for name, one in found.items() if one and one.n_landscapes == n and not one.harmed}
    least = min(safe.values(), key=lambda one: one.ratio)
    margin = least.half_width / stats.norm.ppf(0.5 + LEVEL / 2)
    name, chosen = next((name, one) for name, one in safe.items() if one.ratio <= least.ratio + margin)
    spent = at(rows, sampler, budget, name).iloc[0]
    single, *multi = (cell(rows, sampler, budget, other) for other in (SINGLE, *MULTI))
    settings = {
        "seeds_per_trial": 1,
        "allocation": "fixed",
        "select": "top",
        "recommend": "mean",
        **LIBRARY[name],
    }
    return {
        "budget": budget,
        "protocol": name,
        "top_k": int(spent["k"]),
        "n_seeds": round(spent["second_stage"] / spent["k"]),
        **settings,
        "regret": round(chosen.regret, 4),
        "single_seed": round(single.regret, 4) if single else None,
        "multi_seed": round(min(one.regret for one in multi if one), 4),
    }


def coverage(
    rows: pd.DataFrame, sampler: str, budget: int, protocol: str, interval: str
) -> tuple[float, float] | None:
    """Return mean and least coverage of an interval over landscapes whose truth is exact; None where it has none."""
    own = at(rows[rows["source"].isin(EXACT)], sampler, budget, protocol)[f"covered: {interval}"].dropna()
    return (float(np.mean(own)), float(np.min(own))) if len(own) else None
