"""What the protocol study found: averages over landscapes, intervals over repetitions, and the split to advise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

N_BOOTSTRAP = 4000
LEVEL = 0.95
SINGLE = "single seed"
_MULTI = re.compile(r"(\d+) seeds a trial")
_POST = re.compile(r"top (\d+) × (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95 % interval over repetitions; the landscapes are those that they are."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def is_multi(protocol: str) -> bool:
    """Whether a protocol gives every trial several seeds and nothing more."""
    return _MULTI.fullmatch(protocol) is not None


def is_post(protocol: str) -> bool:
    """Whether a protocol re-runs the top k trials on n seeds each."""
    return _POST.fullmatch(protocol) is not None


def split_of(protocol: str) -> tuple[int, int]:
    """Return candidates and seeds of a post-evaluation."""
    found = _POST.fullmatch(protocol)
    if found is None:
        raise ValueError(f"{protocol!r} must be written 'top k × n'.")
    return int(found[1]), int(found[2])


class Regrets:
    """One measure of some protocols on many landscapes, repetition by repetition.

    All protocols of one repetition share their searches, so differences and ratios of them are sharper than each alone:
    the bootstrap draws whole repetitions, for each landscape anew, and weighs all landscapes alike.

    Parameters
    ----------
    rows : DataFrame
        Rows of one search and one budget; a protocol that has no value in one of them is left out.
    measure : str
        Column.
    """

    def __init__(self, rows: pd.DataFrame, measure: str = "regret") -> None:
        wide = rows.pivot_table(
            index=["landscape", "repetition"], columns="protocol", values=measure, aggfunc="first"
        ).astype(float)
        self._wide = wide.dropna(axis="columns")
        self.protocols = tuple(self._wide.columns)
        self.n_landscapes = self._wide.index.get_level_values("landscape").nunique()
        self._draws = self._bootstrap()

    def interval(self, protocol: str) -> Interval:
        """Return the average of one protocol."""
        place = self.protocols.index(protocol)
        return _interval(self._average()[place], self._draws[:, place])

    def difference(self, first: str, second: str) -> Interval:
        """Return the average of the first protocol minus that of the second."""
        a, b = self.protocols.index(first), self.protocols.index(second)
        average = self._average()
        return _interval(average[a] - average[b], self._draws[:, a] - self._draws[:, b])

    def ratio(
        self, firsts: Sequence[str], seconds: Sequence[str]
    ) -> tuple[Interval, tuple[str, ...], tuple[str, ...]]:
        """Return the best of some protocols divided by the best of others, and which these were.

        Who is best is chosen on every other repetition and measured on the rest, and the other way round: measured
        where it was chosen, the best of many looks better than it is.
        """
        fold = self._wide.index.get_level_values("repetition").to_numpy() % 2
        values: list[tuple[float, float]] = []
        tops: list[str] = []
        bottoms: list[str] = []
        for half in (0, 1):
            choose, judge = self._part(fold == half), self._part(fold != half)
            top, bottom = choose.best(firsts), choose.best(seconds)
            values.append((judge.interval(top).value, judge.interval(bottom).value))
            tops.append(top)
            bottoms.append(bottom)
        mean = np.mean(values, axis=0)
        # Two halves together scatter as the whole does, given who was chosen.
        drawn = self._mean_of(tops, self._draws) / self._mean_of(bottoms, self._draws)
        middle = self._mean_of(tops, self._average()) / self._mean_of(bottoms, self._average())
        ratio = _interval(mean[0] / mean[1], mean[0] / mean[1] * drawn / middle)
        return ratio, tuple(dict.fromkeys(tops)), tuple(dict.fromkeys(bottoms))

    def _mean_of(self, protocols: Sequence[str], values: np.ndarray) -> np.ndarray:
        found: np.ndarray = values[..., [self.protocols.index(p) for p in protocols]].mean(axis=-1)
        return found

    def best(self, protocols: Sequence[str]) -> str:
        """Return the protocol with the lowest average."""
        average = dict(zip(self.protocols, self._average(), strict=True))
        return min(protocols, key=lambda protocol: average[protocol])

    def as_good(self, protocols: Sequence[str]) -> list[str]:
        """Return the protocols that are within one standard error of the best of them."""
        best = self.best(protocols)
        b = self.protocols.index(best)
        average = self._average()
        found = []
        for protocol in protocols:
            place = self.protocols.index(protocol)
            error = float(np.std(self._draws[:, place] - self._draws[:, b], ddof=1))
            if average[place] - average[b] <= error:
                found.append(protocol)
        return found

    def _part(self, rows: np.ndarray) -> Regrets:
        part = self._wide[rows].reset_index().melt(id_vars=["landscape", "repetition"])
        return Regrets(part, "value")

    def _average(self) -> np.ndarray:
        average: np.ndarray = self._wide.groupby(level="landscape").mean().mean().to_numpy()
        return average

    def _bootstrap(self) -> np.ndarray:
        rng = np.random.default_rng(0)
        total = np.zeros((N_BOOTSTRAP, len(self.protocols)))
        for _, own in self._wide.groupby(level="landscape"):
            n = len(own)
            weights = rng.multinomial(n, np.full(n, 1 / n), size=N_BOOTSTRAP) / n
            total += weights @ own.to_numpy()
        return total / self.n_landscapes


def _interval(value: float, draws: np.ndarray) -> Interval:
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value=float(value), low=float(low), high=float(high))


def advised(rows: pd.DataFrame) -> list[dict[str, float | int]]:
    """Return the split to advise at each budget, over all landscapes of all sources and the searches of `rows`.

    Of the splits within one standard error of the least regret, it is the one with most seeds per candidate: the
    intervals of the report live on them.
    """
    found = []
    for budget, own in rows.groupby("budget"):
        # One and the same landscape under two searches counts as two: a split should suit both.
        own = own.assign(landscape=own["source"] + own["landscape"] + own["search"])
        regrets = Regrets(own)
        posts = [protocol for protocol in regrets.protocols if is_post(protocol)]
        multis = [protocol for protocol in regrets.protocols if is_multi(protocol)]
        chosen = max(regrets.as_good(posts), key=lambda p: (split_of(p)[1], -split_of(p)[0]))
        k, n = split_of(chosen)
        found.append(
            {
                "budget": int(str(budget)),
                "top_k": k,
                "n_seeds": n,
                "regret": round(regrets.interval(chosen).value, 4),
                "single_seed": round(regrets.interval(SINGLE).value, 4),
                "multi_seed": round(regrets.interval(regrets.best(multis)).value, 4),
            }
        )
    return found
