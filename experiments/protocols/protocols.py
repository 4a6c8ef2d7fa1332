"""The ways to spend a budget of training runs, and what each comes to on many searches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from experiments.protocols import second_stage
from experiments.protocols.landscapes import FloatArray
from experiments.protocols.searches import RISK, Searches
from experiments.protocols.second_stage import Judged
from robusttune.post_evaluation.shortlist import posterior_means, shortlist
from robusttune.post_evaluation.smoothing import Smoothed, smooth
from robusttune.stats._checks import BoolArray, IntArray

BUDGETS = (60, 120, 240, 480)
COMPARATOR = "top k"
SIZES: Mapping[int, tuple[int, int]] = {60: (3, 5), 120: (6, 5), 240: (6, 10), 480: (12, 10)}
"""Candidates and seeds of each that a quarter of the budget pays for."""
SHARES: Mapping[int, Mapping[str, tuple[int, int]]] = {
    60: {"10 %": (2, 3), "35 %": (4, 5), "50 %": (6, 5)},
    120: {"10 %": (3, 4), "35 %": (7, 6), "50 %": (6, 10)},
    240: {"10 %": (5, 5), "35 %": (8, 10), "50 %": (12, 10)},
    480: {"10 %": (6, 8), "35 %": (14, 12), "50 %": (20, 12)},
}
ADAPTIVE: Mapping[int, int] = {60: 4, 120: 5, 240: 10, 480: 15}
"""Candidates of the rules that give runs one by one."""
HALVED: Mapping[int, int] = {60: 4, 120: 8, 240: 8, 480: 16}
N_CONFIRMING = 10
KINDS = ("1 seed", "2 seeds", "3 seeds", "incumbents", "risk-averse incumbents")
_LARGEST_SHARED = 240
_LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One way to spend a budget.

    Attributes
    ----------
    name : str
    kind : str
        Of the search; see `searches.search_declared`.
    k, n : int
        Candidates, and fresh runs of each on average; without candidates a trial is believed.
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
    n: int = 0
    select: str = "top"
    rule: str = "fixed"
    pick: str = "mean"
    n_confirming: int = 0

    @property
    def reserved(self) -> int:
        """Return how many runs are kept back from the search."""
        return self.k * self.n + self.n_confirming


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What a protocol comes to, one value per search.

    Attributes
    ----------
    regret, optimism : ndarray
        True mean of the best minus that of the pick; reported number minus true mean of the pick. In units of the
        distance from the best to the median configuration.
    runs : ndarray
    intervals : mapping of str to (covered, width)
        By the name of the interval.
    """

    regret: FloatArray
    optimism: FloatArray
    runs: FloatArray
    intervals: Mapping[str, tuple[BoolArray, FloatArray]]


def protocols(budget: int) -> Iterator[Protocol]:
    """Yield the protocols of a budget, the comparator first."""
    k, n = SIZES[budget]
    yield Protocol(name=COMPARATOR, k=k, n=n)
    yield Protocol(name="single seed, believed")
    for m in (2, 3):
        yield Protocol(name=f"{m} seeds a trial, believed", kind=f"{m} seeds")
        yield Protocol(name=f"{m} seeds a trial, top k", kind=f"{m} seeds", k=k, n=n)
    for share, (k_share, n_share) in SHARES[budget].items():
        yield Protocol(name=f"top k, {share}", k=k_share, n=n_share)
        if budget <= _LARGEST_SHARED:
            yield Protocol(
                name=f"mixed, posterior pick, {share}", k=k_share, n=n_share, select="mixed", pick="posterior"
            )
    adaptive = ADAPTIVE[budget]
    for rule in ("ocba", "top-two", "elimination"):
        yield Protocol(name=rule, k=adaptive, n=k * n // adaptive, rule=rule)
    yield Protocol(name="halving", k=HALVED[budget], n=k * n // HALVED[budget], rule="halving")
    yield Protocol(name="mixed, ocba", k=adaptive, n=k * n // adaptive, select="mixed", rule="ocba")
    yield Protocol(name="top k, posterior pick", k=k, n=n, pick="posterior")
    yield Protocol(name="top k, mean − ½ SD", k=k, n=n, pick="risk")
    for select in ("model", "mixed"):
        yield Protocol(name=select, k=k, n=n, select=select)
        yield Protocol(name=f"{select}, posterior pick", k=k, n=n, select=select, pick="posterior")
    yield Protocol(name="best predicted, believed", select="model")
    yield Protocol(name="incumbents, believed", kind="incumbents")
    yield Protocol(name="incumbents, top k", kind="incumbents", k=k, n=n)
    yield Protocol(name="incumbents by mean − ½ SD, believed", kind="risk-averse incumbents")
    if budget > min(BUDGETS):
        yield Protocol(name="top k, confirmed", k=k, n=n, n_confirming=N_CONFIRMING)
        yield Protocol(
            name="mixed, posterior pick, confirmed",
            k=k,
            n=n,
            select="mixed",
            pick="posterior",
            n_confirming=N_CONFIRMING,
        )


class Judge:
    """Tells what protocols come to on the searches of one landscape.

    Parameters
    ----------
    searches : mapping
        By kind.
    seed : int
        Of whatever a rule draws.
    """

    def __init__(self, searches: Mapping[str, Searches], seed: int) -> None:
        self._searches = searches
        self._seed = seed
        self._models: dict[int, list[Smoothed | None]] = {}

    def outcome(self, protocol: Protocol, budget: int) -> Outcome:
        """Return what a protocol comes to at a budget."""
        searches = self._searches[protocol.kind]
        n_trials = searches.n_within(budget - protocol.reserved)
        ranked = self._ranked(searches, protocol, n_trials)
        if not protocol.k:
            return self._believed(searches, protocol, ranked[:, 0], n_trials)
        rows = np.arange(len(ranked))[:, None]
        fresh = searches.fresh[rows, ranked]
        judged = self._spend(protocol, fresh)
        place = self._pick(protocol, n_trials, ranked, fresh, judged)
        trial = ranked[rows[:, 0], place]
        confirming = fresh[rows[:, 0], place, protocol.n : protocol.n + protocol.n_confirming]
        reported = judged.mean[rows[:, 0], place]
        if protocol.n_confirming:
            reported = confirming.mean(axis=1)
        truth = searches.truth[rows[:, 0], trial]
        intervals = {}
        if protocol.rule == "fixed" and protocol.pick != "risk":
            own = fresh[rows[:, 0], place, : protocol.n]
            for name, (low, high) in _intervals(judged, place, own, confirming).items():
                intervals[name] = ((low <= truth) & (truth <= high), (high - low) / searches.unit)
        spent = searches.cost[rows[:, 0], n_trials - 1] + judged.n.sum(axis=1) + protocol.n_confirming
        return Outcome(
            regret=searches.regret(trial),
            optimism=(reported - truth) / searches.unit,
            runs=spent.astype(float),
            intervals=intervals,
        )

    def _believed(
        self, searches: Searches, protocol: Protocol, trial: IntArray, n_trials: IntArray
    ) -> Outcome:
        rows = np.arange(len(trial))
        reported = searches.values[rows, trial]
        if protocol.select == "model":
            models = self._models_of(searches, int(n_trials[0]))
            for row, model in enumerate(models):
                if model:
                    reported[row] = model.scale.median + model.scale.unit * model.mean[trial[row]]
        gap = (reported - searches.truth[rows, trial]) / searches.unit
        return Outcome(
            regret=searches.regret(trial), optimism=gap, runs=searches.cost[rows, n_trials - 1], intervals={}
        )

    def _ranked(self, searches: Searches, protocol: Protocol, n_trials: IntArray) -> IntArray:
        """Return the first k trials of each search, shape (n_searches, k)."""
        k = max(1, protocol.k)
        is_there = np.arange(searches.values.shape[1]) < n_trials[:, None]
        order = np.argsort(-np.where(is_there, searches.values, -np.inf), axis=1, kind="stable")
        if protocol.select == "top":
            return order[:, :k]
        models = self._models_of(searches, int(n_trials[0]))
        found = []
        for row, model in zip(order, models, strict=True):
            top = row[: n_trials[0]].tolist()
            by_model = np.argsort(-model.mean, kind="stable").tolist() if model else top
            found.append([proposal.trial for proposal in shortlist(protocol.select, k, top=top, model=by_model)])
        return np.array(found)

    def _models_of(self, searches: Searches, n: int) -> list[Smoothed | None]:
        if n not in self._models:
            found = []
            for r, values in enumerate(searches.values):
                encoded = searches.encode(r, n)
                found.append(smooth(encoded.columns, encoded.groups, values[:n]))
            self._models[n] = found
        return self._models[n]

    def _spend(self, protocol: Protocol, fresh: FloatArray) -> Judged:
        total = protocol.k * protocol.n
        match protocol.rule:
            case "ocba":
                return second_stage.ocba(fresh, total)
            case "top-two":
                return second_stage.top_two(fresh, total, np.random.default_rng(self._seed))
            case "halving":
                return second_stage.halving(fresh, total)
            case "elimination":
                return second_stage.elimination(fresh, total)
        return second_stage.fixed(fresh, protocol.n)

    def _pick(
        self, protocol: Protocol, n_trials: IntArray, ranked: IntArray, fresh: FloatArray, judged: Judged
    ) -> IntArray:
        if protocol.pick == "risk":
            return np.argmax(judged.mean - RISK * np.sqrt(second_stage.shrunk_variance(judged, 2)), axis=1)
        if protocol.pick == "mean":
            return judged.pick()
        places = []
        models = self._models_of(self._searches[protocol.kind], int(n_trials[0]))
        for model, trials, own, by_mean in zip(models, ranked, fresh[..., : protocol.n], judged.pick(), strict=True):
            places.append(int(np.argmax(posterior_means(model, trials, own))) if model else by_mean)
        return np.array(places)


def _intervals(
    judged: Judged, place: IntArray, own: FloatArray, confirming: FloatArray
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return the intervals of the pick's true mean: of its fresh runs, of those that confirm, and of both together."""
    k, n = judged.n.shape[1], own.shape[1]
    pooled = judged.variance.mean(axis=1)
    found = {
        "corrected": _interval(own, own.var(axis=1, ddof=1), k, n - 1),
        "corrected, floor": _interval(own, _floored(own, pooled), k, n + 3),
    }
    if confirming.shape[1]:
        both = np.concatenate([own, confirming], axis=1)
        n_confirming = confirming.shape[1]
        found |= {
            "confirmed": _interval(confirming, confirming.var(axis=1, ddof=1), 1, n_confirming - 1),
            "confirmed, floor": _interval(confirming, _floored(confirming, pooled), 1, n_confirming + 3),
            "together, floor": _interval(both, _floored(both, pooled), k, both.shape[1] - 1),
        }
    return found


def _floored(scores: FloatArray, pooled: FloatArray) -> FloatArray:
    """Return max(s², (4 p + (n − 1) s²) / (n + 3)), p the mean variance of the candidates."""
    n, variance = scores.shape[1], scores.var(axis=1, ddof=1)
    floored: FloatArray = np.maximum(variance, (4 * pooled + (n - 1) * variance) / (n + 3))
    return floored


def _interval(scores: FloatArray, variance: FloatArray, k: int, df: int) -> tuple[FloatArray, FloatArray]:
    """Return a t interval whose lower end allows for the choice of the best of k."""
    upper = 0.5 + _LEVEL / 2
    mean, error = scores.mean(axis=1), np.sqrt(variance / scores.shape[1])
    low = mean - special.stdtrit(df, upper ** (1.0 / k)) * error
    return low, mean + special.stdtrit(df, upper) * error
