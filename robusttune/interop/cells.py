"""Cells of a table as labels and as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from robusttune.errors import SpecError

_BIGGEST = 1e100  # beyond it squares are no numbers any more


def labels(frame: pd.DataFrame, name: str, source: str) -> pd.Series[str]:
    """Return a column as text in one line; 3.0 is 3. Raise `SpecError` if a cell is empty."""
    column = frame[name]
    if pd.api.types.is_float_dtype(column) and _are_whole(column.dropna()):
        column = column.astype("Int64")
    codes, distinct = pd.factorize(
        column.map(str) if column.dtype == object and not hashable(column) else column
    )
    texts = np.array([" ".join(str(one).split()) for one in distinct] + [""], dtype=object)
    found = pd.Series(texts[codes], index=frame.index)
    empty = (found == "").to_numpy()
    if empty.any():
        raise SpecError(
            f"{source}: {name!r} is empty in row {int(np.flatnonzero(empty)[0]) + 1}. Only a score may be: its run "
            "diverged. Fill the cell, or remove the row."
        )
    return found


def _are_whole(numbers: pd.Series[float]) -> bool:
    return bool(((numbers % 1 == 0) & (numbers.abs() < 2**53)).all())


def hashable(column: pd.Series[Any]) -> bool:
    """Return whether no cell of a column is a list, a table or an array."""
    return not column.map(lambda value: isinstance(value, list | dict | set | np.ndarray)).any()


def numbers(column: pd.Series[Any], role: str, source: str) -> pd.Series[float]:
    """Return a column as numbers; empty and infinite cells are NaN. Raise `SpecError` if a cell is anything else."""
    if pd.api.types.is_complex_dtype(column) or column.dtype.kind in "Mm":
        raise SpecError(f"{source}: `{role}` = {column.name!r}: must hold numbers, but holds {column.dtype}.")
    found = pd.to_numeric(column.map(_scalar) if column.dtype == object else column, errors="coerce")
    found = found.astype("float64")
    wrong = (found.isna() & column.notna() & (column.astype(str).str.strip().str.lower() != "nan")).to_numpy()
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        raise SpecError(
            f"{source}: `{role}` = {column.name!r}: must hold numbers, but row {place + 1} has "
            f"{str(column.iloc[place])[:60]!r}. Name another column with `{role}`."
        )
    big = (found.abs().gt(_BIGGEST) & ~np.isinf(found)).to_numpy()
    if big.any():
        place = int(np.flatnonzero(big)[0])
        raise SpecError(
            f"{source}: `{role}` = {column.name!r}: row {place + 1} has {found.iloc[place]:g}, which is too large to "
            "compute with. Leave the cell empty if the run diverged."
        )
    return found.where(np.isfinite(found))


def _scalar(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | str | np.number) else str(value)
