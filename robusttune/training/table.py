"""A table of results that somebody has made, read and checked."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import JsonValue

from robusttune.errors import SpecError
from robusttune.spec._messages import did_you_mean
from robusttune.spec.tabular import TabularSpec, file_hash

MIN_SEEDS = 3
"""One for tuning, and two for the post-evaluation to scatter."""

FloatArray = npt.NDArray[np.float64]


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
            self._places = np.interp(numbers, self._known, self._steps)

    def distances(self, value: JsonValue) -> FloatArray:
        """Return the squared distance of one value to each configuration's.

        Numbers are compared by their place among the values of the column, so that no scale need be known; other
        values are equal or not.
        """
        if not self._is_number or isinstance(value, bool) or not isinstance(value, int | float):
            unequal: FloatArray = np.asarray(self._values != value, dtype=np.float64)
            return unequal
        squares: FloatArray = (self._places - np.interp(value, self._known, self._steps)) ** 2
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

    def evaluations(self, place: int) -> tuple[int, ...]:
        """Return which evaluations the runs of a configuration have, the last always among them.

        A long rollout passes over some: what no seed has, though a later one is there, was not made.
        """
        if self.curves is None:
            return (0,)
        known = np.flatnonzero(np.isfinite(self.curves[place]).any(axis=0)).tolist()
        after = range(known[-1] + 1 if known else 0, self.n_evaluations)
        return (*known, *after)

    def nearest(self, hyperparameters: Mapping[str, JsonValue], n: int) -> tuple[list[int], FloatArray]:
        """Return the places of the nearest configurations, and their weights.

        Parameters
        ----------
        hyperparameters : mapping
            Exactly the table's names.
        n : int
            How many; fewer where the table has fewer.

        Returns
        -------
        places : list of int
        weights : ndarray, shape (n,)
            Inverse to the squared distance, with sum 1; a configuration of the table has all its own weight.

        Raises
        ------
        SpecError
            If a name is missing or is not in the table.
        """
        distance = self._distances(hyperparameters)
        places = np.argsort(distance, kind="stable")[:n]
        closest = distance[places]
        weights = (closest == 0.0).astype(np.float64) if closest[0] == 0.0 else closest[0] / closest
        if closest[0] == 0.0:  # of equal configurations the first, not their mean
            weights[1:] = 0.0
        return places.tolist(), weights / weights.sum()

    def truth(self, hyperparameters: Mapping[str, JsonValue], n: int) -> float:
        """Return the mean score of a configuration between its nearest; see `nearest`."""
        places, weights = self.nearest(hyperparameters, n)
        return float(weights @ np.array([self.scores[place].mean() for place in places]))

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


@functools.lru_cache(maxsize=8)
def read_table(tabular: TabularSpec) -> Table:
    """Return the table of a file, checked.

    Raises
    ------
    SpecError
        If the file has changed or cannot be read, a column is missing, a cell that must hold something is empty, a
        seed of a configuration stands twice, a configuration has too few seeds or two sets of hyperparameters, or a
        curve is no list of numbers as long as the others.
    """
    path = Path(tabular.path)
    where = f"tabular.path = {tabular.path!r}"
    if tabular.sha256 is not None and file_hash(path) != tabular.sha256:
        raise SpecError(f"{where}: has changed since the study was read. Start again with the new table.")
    frame = _read(path, where)
    frame = frame.drop(columns=[name for name in tabular.ignored if name in frame.columns])
    keys = [tabular.config, tabular.seed, tabular.score, *([tabular.curve] if tabular.curve else [])]
    for key in keys:
        if key not in frame.columns:
            listed = ", ".join(map(str, frame.columns))
            raise SpecError(
                f"{where}: has no column {key!r}{did_you_mean(key, frame.columns)}. It has: {listed}."
            )
    names = [name for name in frame.columns if name not in keys]
    if frame.empty or not names:
        raise SpecError(
            f"{where}: needs rows, and a column for each hyperparameter beside {', '.join(keys)}."
        )
    for name in (tabular.config, tabular.seed, *names):
        if frame[name].isna().any():
            row = int(np.flatnonzero(frame[name].isna())[0])
            raise SpecError(
                f"{where}: {name} is empty in row {row + 1}. Only {tabular.score} may be: it diverged."
            )
    if not pd.api.types.is_numeric_dtype(frame[tabular.score]):
        raise SpecError(f"{where}: {tabular.score} must hold numbers only.")
    _check_rows(frame, tabular, names, where)
    if tabular.curve is not None:
        frame = frame.assign(**{tabular.curve: pd.Series(_curves(frame[tabular.curve], where), frame.index)})
    groups = frame.sort_values([tabular.config, tabular.seed], kind="stable").groupby(tabular.config)
    hyperparameters = groups[names].first().reset_index(drop=True)
    return Table(
        hyperparameters=hyperparameters,
        columns={str(name): Column(hyperparameters[name]) for name in names},
        scores=tuple(own[tabular.score].to_numpy(dtype=np.float64) for _, own in groups),
        curves=None
        if tabular.curve is None
        else tuple(np.stack(own[tabular.curve].tolist()) for _, own in groups),
    )


def _read(path: Path, where: str) -> pd.DataFrame:
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except ImportError:
        raise SpecError(f"{where}: parquet needs `pip install pyarrow`; CSV needs nothing.") from None
    except (OSError, ValueError) as error:
        raise SpecError(f"{where}: is no table that can be read ({error}).") from None


def _check_rows(frame: pd.DataFrame, tabular: TabularSpec, names: Sequence[str], where: str) -> None:
    twice = frame.duplicated([tabular.config, tabular.seed])
    if twice.any():
        row = frame[twice].iloc[0]
        raise SpecError(
            f"{where}: seed {row[tabular.seed]} of configuration {row[tabular.config]} stands twice. "
            "Give each run a seed of its own, or remove one."
        )
    groups = frame.groupby(tabular.config)
    counts = groups.size()
    if counts.min() < MIN_SEEDS:
        raise SpecError(
            f"{where}: configuration {counts.idxmin()} has {counts.min()} seed(s), and {MIN_SEEDS} are the least: one "
            "for tuning, two for the post-evaluation. Add runs, or leave the configuration out."
        )
    differing = groups[list(names)].nunique().gt(1).any(axis=1)
    if differing.any():
        raise SpecError(
            f"{where}: configuration {differing.idxmax()} has different hyperparameters in different rows."
        )


def _curves(column: pd.Series, where: str) -> list[FloatArray]:
    curves: list[FloatArray] = []
    for row, cell in enumerate(column):
        try:
            values = json.loads(cell) if isinstance(cell, str) else cell
            curve = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        except (TypeError, ValueError):
            curve = np.empty(0)
        if curve.ndim != 1 or not curve.size:
            raise SpecError(
                f"{where}: {column.name} of row {row + 1} must be a list of numbers, but got {cell!r}. "
                'In CSV it is JSON text: "[1.5, 2.0]".'
            )
        if curves and curve.size != curves[0].size:
            raise SpecError(
                f"{where}: {column.name} of row {row + 1} has {curve.size} evaluations, and that of row 1 has "
                f"{curves[0].size}. All runs need the same; fill those of a diverged run with null."
            )
        curves.append(curve)
    return curves
