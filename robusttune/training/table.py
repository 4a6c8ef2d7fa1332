"""A table of earlier results: configurations, distances between them, and the scores of their seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import JsonValue

from robusttune.declaration.messages import did_you_mean
from robusttune.errors import SpecError
from robusttune.stats.arrays import FloatArray


class Column:
    """The values of one hyperparameter, and how far others are from them.

    Parameters
    ----------
    values : Series, shape (n_configs,)
    """

    def __init__(self, values: pd.Series) -> None:
        self._values = values.to_numpy()
        self._is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        if self._is_number:
            numbers = values.to_numpy(dtype=np.float64)
            self._known = np.unique(numbers)
            self._steps = np.linspace(0.0, 1.0, self._known.size)
            self._positions = np.interp(numbers, self._known, self._steps)

    def distances(self, value: JsonValue) -> FloatArray:
        """Return the squared distance of one value to each configuration's.

        Numbers are compared by their position among the values of the column, so that no scale need be known; other
        values are equal or not.
        """
        if not self._is_number or isinstance(value, bool) or not isinstance(value, int | float):
            unequal: FloatArray = np.asarray(self._values != value, dtype=np.float64)
            return unequal
        squares: FloatArray = (self._positions - np.interp(value, self._known, self._steps)) ** 2
        return squares


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A checked table.

    Attributes
    ----------
    hyperparameters : DataFrame
        One row per configuration.
    columns : dict of str to Column
        The same, to measure distances by.
    scores : tuple of ndarray, shape (n_seeds_i,)
        Per configuration, by seed; not finite where a run diverged.
    curves : tuple of ndarray, shape (n_seeds_i, n_evaluations), optional
        Mean returns of the evaluations of each run; the last is made at the end of training, as the score is.
    """

    hyperparameters: pd.DataFrame
    columns: Mapping[str, Column]
    scores: tuple[FloatArray, ...]
    curves: tuple[FloatArray, ...] | None

    @property
    def n_evaluations(self) -> int:
        """How many evaluations a run has."""
        return 1 if self.curves is None else self.curves[0].shape[1]

    def evaluations(self, row: int) -> tuple[int, ...]:
        """Return which evaluations the runs of a configuration have, the last always among them.

        A long rollout skips some: an evaluation that no seed has, before one that some seed has, was not made.
        """
        if self.curves is None:
            return (0,)
        known = np.flatnonzero(np.isfinite(self.curves[row]).any(axis=0)).tolist()
        after = range(known[-1] + 1 if known else 0, self.n_evaluations)
        return (*known, *after)

    def nearest(self, hyperparameters: Mapping[str, JsonValue], n: int) -> tuple[list[int], FloatArray]:
        """Return the rows of the nearest configurations, and their weights.

        Parameters
        ----------
        hyperparameters : mapping
            Exactly the table's names.
        n : int
            How many; fewer where the table has fewer.

        Returns
        -------
        rows : list of int
        weights : ndarray, shape (n,)
            Inverse to the squared distance, with sum 1; a configuration of the table has all its own weight.

        Raises
        ------
        SpecError
            If a name is missing or is not in the table.
        """
        distance = self._distances(hyperparameters)
        rows = np.argsort(distance, kind="stable")[:n]
        closest = distance[rows]
        weights = (closest == 0.0).astype(np.float64) if closest[0] == 0.0 else closest[0] / closest
        if closest[0] == 0.0:  # of equal configurations the first, not their mean
            weights[1:] = 0.0
        return rows.tolist(), weights / weights.sum()

    def truth(self, hyperparameters: Mapping[str, JsonValue], n: int) -> float:
        """Return the mean score of a configuration between its nearest; see `nearest`."""
        rows, weights = self.nearest(hyperparameters, n)
        return float(weights @ np.array([self.scores[row].mean() for row in rows]))

    def _distances(self, hyperparameters: Mapping[str, JsonValue]) -> FloatArray:
        for name in hyperparameters:
            if name not in self.columns:
                raise SpecError(
                    f"tabular: the table has no hyperparameter {name!r}{did_you_mean(name, self.columns)}. "
                    f"It has: {', '.join(self.columns)}."
                )
        distance = np.zeros(len(self.scores))
        for name, column in self.columns.items():
            if name not in hyperparameters:
                raise SpecError(
                    f"tabular: a configuration does not name {name!r}{did_you_mean(name, hyperparameters)}, a "
                    "hyperparameter of the table. Search or fix it; the default configuration names none: set "
                    "post_evaluation.default_control = false."
                )
            distance += column.distances(hyperparameters[name])
        return distance
