"""What the protocols come to on many searches of a landscape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from experiments.protocols import second_stage
from experiments.protocols.incumbents import RISK
from experiments.protocols.landscapes import FloatArray
from experiments.protocols.protocols import Protocol
from experiments.protocols.searches import Searches
from experiments.protocols.second_stage import Judged
from robusttune.post_evaluation.shortlist import shortlist
from robusttune.post_evaluation.smoothing import Smoothed, posterior_means, smooth
from robusttune.stats.arrays import BoolArray, IntArray
from robusttune.stats.comparisons.winner import winner_interval


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
        n = protocol.runs // protocol.k
        confirming = fresh[rows[:, 0], place, n : n + protocol.n_confirming]
        reported = judged.mean[rows[:, 0], place]
        if protocol.n_confirming:
            reported = confirming.mean(axis=1)
        truth = searches.truth[rows[:, 0], trial]
        intervals = {}
        if protocol.rule == "fixed" and protocol.pick != "risk":
            for name, (low, high) in _intervals(fresh[..., :n], place, confirming).items():
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
            found.append(
                [proposal.trial for proposal in shortlist(protocol.select, k, top=top, model=by_model)]
            )
        return np.array(found)

    def _models_of(self, searches: Searches, n: int) -> list[Smoothed | None]:
        if n not in self._models:
            found = []
            for r, values in enumerate(searches.values):
                found.append(smooth(searches.encode(r, n), values[:n]))
            self._models[n] = found
        return self._models[n]

    def _spend(self, protocol: Protocol, fresh: FloatArray) -> Judged:
        total = protocol.runs
        match protocol.rule:
            case "OCBA":
                return second_stage.ocba(fresh, total)
            case "top-two":
                return second_stage.top_two(fresh, total, np.random.default_rng(self._seed))
            case "halving":
                return second_stage.halving(fresh, total)
            case "elimination":
                return second_stage.elimination(fresh, total)
        return second_stage.fixed(fresh, total // protocol.k)

    def _pick(
        self, protocol: Protocol, n_trials: IntArray, ranked: IntArray, fresh: FloatArray, judged: Judged
    ) -> IntArray:
        if protocol.pick == "risk":
            found: IntArray = np.argmax(
                judged.mean - RISK * np.sqrt(second_stage.shrunk_variance(judged)), axis=1
            )
            return found
        if protocol.pick == "mean":
            return judged.pick()
        places = []
        models = self._models_of(self._searches[protocol.kind], int(n_trials[0]))
        judging = fresh[..., : protocol.runs // protocol.k]
        for model, trials, own, by_mean in zip(models, ranked, judging, judged.pick(), strict=True):
            places.append(int(np.argmax(posterior_means(model, trials, own))) if model else by_mean)
        return np.array(places)


def _intervals(
    judging: FloatArray, place: IntArray, confirming: FloatArray
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return the library's intervals of the pick's true mean: of the runs that chose it, and of those that confirm."""
    found = {"winner": [winner_interval(own, winner=int(at)) for own, at in zip(judging, place, strict=True)]}
    if confirming.shape[1]:
        found["confirmed"] = [
            winner_interval(own, winner=int(at), confirmation=more)
            for own, at, more in zip(judging, place, confirming, strict=True)
        ]
    return {
        name: (np.array([one.low for one in own]), np.array([one.high for one in own]))
        for name, own in found.items()
    }
