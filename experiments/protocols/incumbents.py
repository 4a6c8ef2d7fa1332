"""Trials that would be the best are run again before they are believed, in many searches at once."""

from __future__ import annotations

import numpy as np

from experiments.protocols.landscapes import FloatArray
from robusttune.stats.arrays import IntArray

INCUMBENT_SEEDS = 5
RISK = 0.5
"""How many SDs between seeds a risk-averse protocol subtracts from a mean."""


class Incumbents:
    """Which trials are run again because they would be the best; as `robusttune.tuning.incumbents` does it."""

    def __init__(self, n_searches: int, risk: float) -> None:
        self._risk = risk
        self._incumbent = np.full(n_searches, -np.inf)
        self._sum_of_variances = np.zeros(n_searches)
        self._n_variances = np.zeros(n_searches)

    def tell(self, runs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the objective value and the number of runs of each search's next trial."""
        first = not np.isfinite(self._incumbent).any()
        n = np.ones(len(runs), dtype=int)
        value = self._value(runs, n)
        for more in [INCUMBENT_SEEDS] if first else [2, 4, INCUMBENT_SEEDS]:
            n = np.where(value > self._incumbent, more, n)
            value = self._value(runs, n)
        rerun = n > 1
        self._sum_of_variances += np.where(rerun, self._variance(runs, n), 0.0)
        self._n_variances += rerun
        value = self._value(runs, n)
        self._incumbent = np.maximum(self._incumbent, value)
        return value, n.astype(float)

    def _variance(self, runs: FloatArray, n: IntArray) -> FloatArray:
        used = np.arange(runs.shape[1]) < n[:, None]
        squares = np.where(used, (runs - self._mean(runs, n)[:, None]) ** 2, 0.0)
        variance: FloatArray = squares.sum(axis=1) / np.maximum(n - 1, 1)
        return variance

    @staticmethod
    def _mean(runs: FloatArray, n: IntArray) -> FloatArray:
        mean: FloatArray = np.where(np.arange(runs.shape[1]) < n[:, None], runs, 0.0).sum(axis=1) / n
        return mean

    def _value(self, runs: FloatArray, n: IntArray) -> FloatArray:
        mean = self._mean(runs, n)
        if not self._risk or not self._n_variances.any():
            return mean
        pooled = self._sum_of_variances / np.maximum(self._n_variances, 1.0)
        shrunk = (2.0 * pooled + (n - 1) * self._variance(runs, n)) / (n + 1)
        return mean - self._risk * np.sqrt(shrunk)
