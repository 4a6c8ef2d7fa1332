"""Tables of results in files: read, and checked so that every fault has a name."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from robusttune.declaration.files import regular
from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.training.tabular import TabularTraining, file_hash
from robusttune.errors import SpecError
from robusttune.stats.arrays import FloatArray
from robusttune.training.table import Column, Table
from robusttune.training.table_formats import read_parquet, read_separated, read_text, readable

MIN_SEEDS = 3
"""One for tuning, and two for the post-evaluation to have a spread."""


@functools.lru_cache(maxsize=8)
def read_table(tabular: TabularTraining) -> Table:
    """Return the table of a file, checked.

    Raises
    ------
    SpecError
        If the file has changed or cannot be read, a column is missing, a cell that must hold something is empty, a
        seed of a configuration appears twice, a configuration has too few seeds or two sets of hyperparameters, or a
        curve is no list of numbers as long as the others.
    """
    path = Path(tabular.path)
    where = f"tabular.path = {tabular.path!r}"
    if tabular.sha256 is not None and file_hash(path) != tabular.sha256:
        raise SpecError(f"{where}: has changed since the study was read. Start again with the new table.")
    frame = _read(path, where)
    for name in tabular.ignored:
        _require_column(frame, name, where)
    frame = frame.drop(columns=list(tabular.ignored))
    keys = [tabular.config, tabular.seed, tabular.score, *([] if tabular.curve is None else [tabular.curve])]
    for key in keys:
        _require_column(frame, key, where)
    names = [name for name in frame.columns if name not in keys]
    if frame.empty or not names:
        raise SpecError(
            f"{where}: needs rows, and a column for each hyperparameter beside {', '.join(keys)}."
        )
    for name in names:
        if frame[name].map(lambda value: isinstance(value, list | np.ndarray | dict)).any():
            raise SpecError(
                f"{where}: {name} holds lists, which are no values of a hyperparameter. Name it in tabular.ignored, or "
                "tabular.curve if it holds learning curves."
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


def _require_column(frame: pd.DataFrame, name: str, where: str) -> None:
    if name not in frame.columns:
        listed = ", ".join(map(str, frame.columns))
        raise SpecError(
            f"{where}: has no column {name!r}{did_you_mean(name, frame.columns)}. It has: {listed}."
        )


def _read(path: Path, where: str) -> pd.DataFrame:
    is_parquet = path.suffix == ".parquet"
    with readable(where, "parquet" if is_parquet else "csv"):
        regular(path, where=where)
        return read_parquet(path) if is_parquet else read_separated(read_text(path, where), where)


def _check_rows(frame: pd.DataFrame, tabular: TabularTraining, names: Sequence[str], where: str) -> None:
    twice = frame.duplicated([tabular.config, tabular.seed])
    if twice.any():
        row = frame[twice].iloc[0]
        raise SpecError(
            f"{where}: seed {row[tabular.seed]} of configuration {row[tabular.config]} appears twice. "
            "Give each run a seed of its own, or remove one."
        )
    groups = frame.groupby(tabular.config)
    counts = groups.size()
    if counts.min() < MIN_SEEDS:
        raise SpecError(
            f"{where}: configuration {counts.idxmin()} has {counts.min()} seed(s), but needs at least {MIN_SEEDS}: one "
            "for tuning, two for the post-evaluation. Add runs, or leave the configuration out."
        )
    differing = groups[list(names)].nunique().gt(1).any(axis=1)
    if differing.any():
        raise SpecError(
            f"{where}: configuration {differing.idxmax()} has different hyperparameters in different rows. A column "
            "that is no hyperparameter belongs in tabular.ignored, or in tabular.curve."
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
