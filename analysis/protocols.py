"""What the protocol study's rows come to: averages over landscapes, intervals over repetitions, the split to advise."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from robusttune.stats.estimates.estimate import mean_interval

LEVEL = 0.95
SINGLE = "single seed"
DECLARED: Mapping[int, str] = {60: "top 5 × 3", 120: "top 5 × 5", 240: "top 5 × 10", 480: "top 10 × 10"}
"""Splits that an earlier simulation with random search had named; what is chosen here is not judged here."""
_MULTI = re.compile(r"(\d+) seeds a trial")
_POST = re.compile(r"(?:(\d+) seeds a trial, )?top (\d+) × (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95 % interval; without one where there is a single repetition."""

    value: float
    low: float = math.nan
    high: float = math.nan

    def __format__(self, spec: str) -> str:
        value = format(self.value, spec)
        if math.isnan(self.low):
            return value
        return f"{value} [{format(self.low, spec)}, {format(self.high, spec)}]"


def is_multi(protocol: str) -> bool:
    """Whether a protocol gives every trial several seeds and nothing more."""
    return _MULTI.fullmatch(protocol) is not None


def is_post(protocol: str) -> bool:
    """Whether a protocol re-runs the top k trials on n seeds each."""
    return _POST.fullmatch(protocol) is not None


def split_of(protocol: str) -> tuple[int, int, int]:
    """Return seeds per trial, candidates, and seeds of each candidate."""
    found = _POST.fullmatch(protocol)
    if found is None:
        raise ValueError(
            f"{protocol!r} must be written 'top k × n', with 'm seeds a trial, ' before it or without."
        )
    return int(found[1] or 1), int(found[2]), int(found[3])


class Averages:
    """One measure of some protocols, averaged over landscapes repetition by repetition.

    Repetitions are what is independent: the searches of one repetition share their seeds, over landscapes and
    protocols. Differences of protocols are therefore sharper than each alone, and intervals are t intervals over
    repetitions, for these landscapes.

    Parameters
    ----------
    rows : DataFrame
        Of one source and one budget; a repetition that some landscape lacks is left out.
    measure : str
        Column.
    protocols : sequence of str, optional
        Those to compare; only repetitions that have them all count.
    """

    def __init__(
        self, rows: pd.DataFrame, measure: str = "regret", protocols: Sequence[str] | None = None
    ) -> None:
        wide = rows.pivot_table(
            index=["repetition", "landscape"], columns="protocol", values=measure, aggfunc="first"
        ).astype(float)
        wide = wide.dropna(axis="columns", how="all") if protocols is None else wide[list(protocols)]
        wide = wide.dropna()
        self.n_landscapes = rows["landscape"].nunique()
        sizes = wide.groupby(level="repetition").size()
        whole = sizes[sizes == self.n_landscapes].index
        self._means = wide.groupby(level="repetition").mean().loc[whole]
        self.n_repetitions = len(self._means)

    @property
    def protocols(self) -> tuple[str, ...]:
        """Return the protocols that have values."""
        return tuple(self._means.columns)

    def interval(self, protocol: str) -> Interval:
        """Return the average of one protocol."""
        return _t_interval(self._means[protocol].to_numpy())

    def difference(self, first: str, second: str) -> Interval:
        """Return the average of the first protocol minus that of the second."""
        return _t_interval((self._means[first] - self._means[second]).to_numpy())

    def against_best(
        self, protocol: str, others: Sequence[str]
    ) -> tuple[Interval, Interval, tuple[str, ...]]:
        """Return ratio and difference of a protocol to the best of others, and who that was.

        The best is chosen on every other repetition and measured on the rest, and the other way round: measured where
        it was chosen, the best of many looks better than it is.
        """
        half = np.arange(self.n_repetitions) % 2
        first = self._means[protocol].to_numpy()
        second = np.empty_like(first)
        chosen = []
        for side in (0, 1):
            elsewhere = self._means[half != side]
            best = str((elsewhere if len(elsewhere) else self._means)[list(others)].mean().idxmin())
            second[half == side] = self._means[best].to_numpy()[half == side]
            chosen.append(best)
        return _ratio(first, second), _t_interval(first - second), tuple(dict.fromkeys(chosen))

    def best(self, protocols: Sequence[str]) -> str:
        """Return the protocol with the lowest average."""
        return str(self._means[list(protocols)].mean().idxmin())


def coverage(rows: pd.DataFrame, protocol: str) -> Interval:
    """Return how often the reported interval of a protocol held the truth, with Clopper and Pearson's interval."""
    held = rows.loc[rows["protocol"] == protocol, "covered"].dropna().astype(int)
    found = stats.binomtest(int(held.sum()), len(held)).proportion_ci(LEVEL, method="exact")
    return Interval(value=float(held.mean()), low=float(found.low), high=float(found.high))


def advised(rows: pd.DataFrame) -> list[dict[str, float | int]]:
    """Return the split to advise at each budget for one sampler, over all its landscapes.

    Parameters
    ----------
    rows : DataFrame
        Of one sampler; the same landscape as rows and interpolated counts as two.

    Notes
    -----
    Of the splits whose mean regret over landscapes is within one standard error of the least, it is the one with most
    seeds per candidate, because the intervals of the report live on them.
    """
    return [_advice(int(str(budget)), own) for budget, own in rows.groupby("budget")]


def _advice(budget: int, rows: pd.DataFrame) -> dict[str, float | int]:
    rows = rows.assign(landscape=rows["source"] + " " + rows["landscape"])
    wide = rows.pivot_table(index="landscape", columns="protocol", values="regret", aggfunc="mean")
    posts = [name for name in wide.columns if is_post(name)]
    multis = [name for name in wide.columns if is_multi(name)]
    wide = wide[[SINGLE, *multis, *posts]].dropna()
    means = wide.mean()
    best = str(means[posts].idxmin())
    errors = wide.sub(wide[best], axis="index").std(ddof=1) / math.sqrt(len(wide))
    is_as_good = (means - means[best] <= errors).to_dict()
    as_good = [name for name in posts if is_as_good[name]]
    chosen = max(as_good, key=lambda name: (split_of(name)[2], -split_of(name)[0], -split_of(name)[1]))
    seeds_per_trial, top_k, n_seeds = split_of(chosen)
    return {
        "budget": budget,
        "seeds_per_trial": seeds_per_trial,
        "top_k": top_k,
        "n_seeds": n_seeds,
        "regret": round(float(means[chosen]), 4),
        "single_seed": round(float(means[SINGLE]), 4),
        "multi_seed": round(float(means[multis].min()), 4),
    }


def _t_interval(values: np.ndarray) -> Interval:
    if values.size < 2:
        return Interval(value=float(values.mean()))
    found = mean_interval(values, level=LEVEL)
    return Interval(value=found.estimate, low=found.low, high=found.high)


def _ratio(first: np.ndarray, second: np.ndarray) -> Interval:
    """Return the ratio of two means with its interval by the delta method."""
    ratio = float(first.mean() / second.mean())
    if first.size < 2:
        return Interval(value=ratio)
    spread = _t_interval((first - ratio * second) / second.mean())
    return Interval(value=ratio, low=ratio + spread.low, high=ratio + spread.high)
