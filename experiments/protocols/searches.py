"""Many searches of one landscape at once, with everything that any protocol needs to know of them.

A search of fewer trials is the beginning of a longer one, so that all budgets share their searches; and the fresh runs
of a trial are drawn once, so that all protocols that judge it see the same ones. Both sharpen the comparisons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from experiments.protocols.incumbents import INCUMBENT_SEEDS, RISK, Incumbents
from experiments.protocols.landscapes import Declared, FloatArray, uniform
from experiments.protocols.tables import Table
from experiments.protocols.tpe import suggest
from robusttune.post_evaluation.encoding import Encoded
from robusttune.stats.arrays import IntArray

N_FRESH = 40
"""Fresh runs of a trial at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Searches:
    """Searches of one landscape.

    Attributes
    ----------
    values : ndarray, shape (n_searches, n_trials)
        Objective values.
    cost : ndarray, shape (n_searches, n_trials)
        Runs spent up to each trial, that one included.
    truth : ndarray, shape (n_searches, n_trials)
        True means.
    fresh : ndarray, shape (n_searches, n_trials, N_FRESH)
        Scores of further runs.
    best, unit : ndarray, shape (n_searches,)
        What can be attained, and the distance from there to the median configuration, in score units.
    encode : callable
        From (search, number of trials) to the configurations as the model reads them.
    """

    values: FloatArray
    cost: FloatArray
    truth: FloatArray
    fresh: FloatArray
    best: FloatArray
    unit: FloatArray
    encode: Callable[[int, int], Encoded]

    def n_within(self, runs: int) -> IntArray:
        """Return how many trials of each search so many runs pay for."""
        found: IntArray = (self.cost <= runs).sum(axis=1)
        return found

    def regret(self, trials: IntArray) -> FloatArray:
        """Return the regret of one trial of each search."""
        return (self.best - self.truth[np.arange(len(trials)), trials]) / self.unit


def search_declared(
    landscape: Declared, sampler: str, *, n_searches: int, n_runs: int, kind: str, rng: np.random.Generator
) -> Searches:
    """Return searches of a declared landscape.

    Parameters
    ----------
    landscape : Declared
    sampler : {"random", "tpe"}
    n_searches, n_runs : int
        Each search has as many trials as n_runs pay for, or a few more.
    kind : str
        "1 seed", "2 seeds" or "3 seeds" a trial; "incumbents" re-runs a trial that would be the best on up to 5 seeds;
        "risk-averse incumbents" compares mean − 0.5 SD.
    rng : numpy.random.Generator
    """

    def draw(points: FloatArray, n: int) -> FloatArray:
        return landscape.draw(points, n, rng)

    points, values, cost = _search(landscape.dimensions, sampler, draw, (n_searches, n_runs), kind, rng)
    everywhere = np.ones(n_searches)
    return Searches(
        values=values,
        cost=cost,
        truth=landscape.truth(points),
        fresh=draw(points, N_FRESH),
        best=landscape.best * everywhere,
        unit=(landscape.best - landscape.typical) * everywhere,
        encode=lambda r, n: encode_points(landscape.dimensions, points[r, :n]),
    )


def search_rows(
    table: Table, *, n_searches: int, n_runs: int, n_seeds: int, rng: np.random.Generator
) -> Searches:
    """Return random searches of a table: each visits its rows in an order of its own, none twice."""
    n_trials = min(len(table.scores), n_runs // n_seeds)
    rows = np.argsort(rng.random((n_searches, len(table.scores))), axis=1)[:, :n_trials]
    dealt = _Dealt(table, n_searches, rng)
    return Searches(
        values=dealt.draw(rows, n_seeds).mean(axis=-1),
        cost=np.broadcast_to(n_seeds * np.arange(1.0, n_trials + 1), (n_searches, n_trials)),
        truth=dealt.truth(rows),
        fresh=dealt.draw(rows, N_FRESH),
        best=dealt.best,
        unit=dealt.unit,
        encode=lambda r, n: Encoded(columns=table.columns[rows[r, :n]], groups=table.groups),
    )


def search_nearest(
    table: Table, *, n_searches: int, n_runs: int, kind: str, rng: np.random.Generator
) -> Searches:
    """Return searches by TPE of a table's space, where each point has the results of the row nearest to it."""
    dealt = _Dealt(table, n_searches, rng)

    def rows(points: FloatArray) -> IntArray:
        asked = encode_points(table.dimensions, points.reshape(-1, points.shape[-1])).columns
        nearest: IntArray = cdist(asked, table.columns).argmin(axis=1).reshape(points.shape[:-1])
        return nearest

    def draw(points: FloatArray, n: int) -> FloatArray:
        at = rows(points)
        return dealt.draw(at.reshape(n_searches, -1), n).reshape(*at.shape, n)

    points, values, cost = _search(table.dimensions, "tpe", draw, (n_searches, n_runs), kind, rng)
    return Searches(
        values=values,
        cost=cost,
        truth=dealt.truth(rows(points)),
        fresh=draw(points, N_FRESH),
        best=dealt.best,
        unit=dealt.unit,
        encode=lambda r, n: encode_points(table.dimensions, points[r, :n]),
    )


class _Dealt:
    """A table whose seeds each search deals anew: some to draw runs from, the others to judge."""

    def __init__(self, table: Table, n_searches: int, rng: np.random.Generator) -> None:
        n_rows, n_all = table.scores.shape
        self._rng = rng
        searched = judged = np.broadcast_to(table.scores, (n_searches, n_rows, n_all))
        if table.is_halved:
            # A row's seeds are its own: each row of each repetition is dealt anew.
            order = np.argsort(rng.random((n_searches, n_rows, n_all)), axis=-1)
            mixed = np.take_along_axis(searched, order, axis=-1)
            searched, judged = mixed[..., : n_all // 2], mixed[..., n_all // 2 :]
        self._searched, self._truth = searched, judged.mean(axis=-1)
        known = searched.mean(axis=-1).argmax(axis=1)[:, None]
        self.best: FloatArray = np.take_along_axis(self._truth, known, axis=1)[:, 0]
        # One scale for all repetitions: the best of one deal alone would be a noisy divisor.
        self.unit = np.full(n_searches, self.best.mean() - np.median(self._truth))

    def truth(self, rows: IntArray) -> FloatArray:
        """Return the means of rows over the seeds that judge, shape (n_searches, n)."""
        found: FloatArray = np.take_along_axis(self._truth, rows, axis=1)
        return found

    def draw(self, rows: IntArray, n: int) -> FloatArray:
        """Return n runs of rows of shape (n_searches, m), with replacement."""
        place = self._rng.integers(self._searched.shape[-1], size=(*rows.shape, n))
        drawn: FloatArray = self._searched[np.arange(len(rows))[:, None, None], rows[..., None], place]
        return drawn


def _search(
    dimensions: tuple[int, ...],
    sampler: str,
    draw: Callable[[FloatArray, int], FloatArray],
    shape: tuple[int, int],
    kind: str,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return points, objective values and cumulated cost of searches, shape (n_searches, n_trials, …)."""
    n_searches, n_runs = shape
    n_seeds = int(kind[0]) if kind[0].isdigit() else 1
    n_trials = n_runs // n_seeds
    points, values = np.empty((n_searches, n_trials, len(dimensions))), np.empty((n_searches, n_trials))
    cost = np.full((n_searches, n_trials), float(n_seeds))
    believed = Incumbents(n_searches, RISK if kind.startswith("risk") else 0.0)
    for t in range(n_trials):
        if sampler == "tpe":
            points[:, t] = suggest(dimensions, points[:, :t], values[:, :t], rng)
        else:
            points[:, t] = uniform(dimensions, rng.random((n_searches, len(dimensions))))
        if kind.endswith("incumbents"):
            values[:, t], cost[:, t] = believed.tell(draw(points[:, t], INCUMBENT_SEEDS))
        else:
            values[:, t] = draw(points[:, t], n_seeds).mean(axis=-1)
    return points, values, np.cumsum(cost, axis=1)


def encode_points(dimensions: tuple[int, ...], points: FloatArray) -> Encoded:
    """Return points as the model reads them: numbers on [0, 1], choices one-hot."""
    blocks = [
        points[:, [i]] / max(1, m - 1) if m >= 0 else (points[:, [i]] == np.arange(-m)).astype(float)
        for i, m in enumerate(dimensions)
    ]
    groups = np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks])
    return Encoded(columns=np.concatenate(blocks, axis=1), groups=groups)
