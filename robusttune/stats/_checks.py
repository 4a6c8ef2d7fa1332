"""Checks of arguments, in one place; every other module trusts what has passed here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from robusttune.stats.arrays import BoolArray as BoolArray
from robusttune.stats.arrays import FloatArray as FloatArray
from robusttune.stats.arrays import IntArray as IntArray

# Squares of larger values overflow the sums of squares that every variance here is made of.
LARGEST_SCORE = 1e140


def as_sample(values: npt.ArrayLike, *, name: str = "scores", min_n: int = 1) -> FloatArray:
    """Return one configuration's values as a fresh 1-D float array.

    Parameters
    ----------
    values : array_like, shape (n_seeds,)
        One value per seed.
    name : str
        The argument's name, for the message.
    min_n : int
        Fewest values allowed.

    Raises
    ------
    ValueError
        If the values are not one-dimensional, too few, not finite, or too large to square.
    """
    array = np.array(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(
            f"`{name}` must be one-dimensional, one value per seed, but got shape {array.shape}. "
            "Episodes of one run are not seeds: average them first, then pass one score per seed."
        )
    if array.size < min_n:
        raise ValueError(f"`{name}` must hold at least {min_n} value(s), but got {array.size}.")
    finite = np.isfinite(array)
    if not finite.all():
        at = int(np.flatnonzero(~finite)[0])
        raise ValueError(
            f"`{name}` must be finite, but got {array[at]} at position {at}. "
            "Give a diverged run the score that the failure policy names; do not drop it."
        )
    if array.size and float(np.abs(array).max()) > LARGEST_SCORE:
        raise ValueError(
            f"`{name}` must lie within ±{LARGEST_SCORE:g}, but got {array[np.abs(array).argmax()]:g}. "
            "Treat such runs as diverged."
        )
    return array


def as_runs(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike],
    *,
    name: str = "scores",
    min_n: int = 1,
) -> tuple[FloatArray, ...]:
    """Return scores of several configurations as a tuple of 1-D float arrays.

    Parameters
    ----------
    scores : array_like, shape (n_configs, n_seeds), or sequence of arrays of shape (n_seeds_i,)
        One row, or one array, per configuration.
    name : str
        The argument's name, for the message.
    min_n : int
        Fewest seeds of each configuration.

    Raises
    ------
    ValueError
        If a row breaks a rule of `as_sample`, if there is none, or if a matrix has a single row (then its columns
        are most likely episodes, not seeds of several configurations).
    """
    if isinstance(scores, np.ndarray):
        if scores.ndim != 2:
            raise ValueError(
                f"`{name}` must be two-dimensional (n_configs, n_seeds) or a sequence of 1-D arrays, "
                f"but got shape {scores.shape}."
            )
        if scores.shape[0] == 1:
            raise ValueError(
                f"`{name}` must have one row per configuration, but got shape {scores.shape}: a single row. "
                "If its columns are episodes, average them to one score per seed; if they are the seeds of "
                "one configuration, pass a list that holds the 1-D array."
            )
    if isinstance(scores, str | bytes) or not isinstance(scores, Iterable):
        raise ValueError(f"`{name}` must be a sequence of 1-D arrays, but got {type(scores).__name__}.")
    rows = list(scores)
    if (together := _of_one_length(rows, min_n)) is not None:
        return tuple(together)
    runs = tuple(as_sample(row, name=f"{name}[{i}]", min_n=min_n) for i, row in enumerate(rows))
    if not runs:
        raise ValueError(f"`{name}` must hold at least 1 configuration, but got none.")
    return runs


def _of_one_length(rows: Sequence[npt.ArrayLike], min_n: int) -> FloatArray | None:
    """Return arrays of one length as a fresh matrix, checked at once; None leaves the rows to `as_sample`."""
    arrays = [row for row in rows if isinstance(row, np.ndarray) and row.ndim == 1]
    if len(arrays) < len(rows) or len({row.size for row in arrays}) != 1 or arrays[0].size < max(1, min_n):
        return None
    matrix = np.array(arrays, dtype=np.float64)
    # NaN is not below anything.
    return matrix if (np.abs(matrix) <= LARGEST_SCORE).all() else None


def as_flags(values: Sequence[bool] | None, length: int, *, name: str = "is_control") -> BoolArray:
    """Return one flag per configuration; none is set by default.

    Parameters
    ----------
    values : sequence of bool, optional
        One per configuration.
    length : int
        How many configurations there are.
    name : str
        Name for the message.

    Raises
    ------
    ValueError
        If there is not one flag per configuration.
    """
    flags = np.zeros(length, dtype=bool) if values is None else np.asarray(values, dtype=bool)
    if flags.shape != (length,):
        raise ValueError(
            f"`{name}` must have one entry per configuration, but got {flags.size} for {length}."
        )
    return flags


def check_level(level: float, *, name: str = "level") -> float:
    """Return a confidence level, strictly between 0 and 1.

    Raises
    ------
    ValueError
        If it is not; the message points at percentages, the usual slip.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"`0 < {name} < 1` must hold, but got {level!r}. Write 95 % as 0.95.")
    return float(level)


def check_count(value: int, *, name: str, minimum: int = 0) -> int:
    """Return an integer that is not below `minimum`.

    Raises
    ------
    ValueError
        If it is not a whole number, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"`{name}` must be a whole number, but got {value!r}.")
    if value < minimum:
        raise ValueError(f"`{name} >= {minimum}` must hold, but got {value}. Raise it.")
    return int(value)


def check_resampling(level: float, n_resamples: int, rng: Any) -> None:
    """Raise `ValueError` unless an interval can be resampled so: a level, a hundred resamples or more, a generator."""
    check_level(level)
    check_count(n_resamples, name="n_resamples", minimum=100)
    check_rng(rng)


def check_number(value: float, *, name: str, minimum: float = -math.inf, strict: bool = False) -> float:
    """Return a finite number that is not below (or, if strict, is above) `minimum`.

    Raises
    ------
    ValueError
        If it is not finite, or too small.
    """
    sign = ">" if strict else ">="
    ok = math.isfinite(value) and (value > minimum if strict else value >= minimum)
    if not ok:
        raise ValueError(f"`{name} {sign} {minimum:g}` and finite must hold, but got {value!r}.")
    return float(value)


def check_choice(value: str, *, name: str, choices: Sequence[str]) -> str:
    """Return `value` if it is one of the choices.

    Raises
    ------
    ValueError
        If it is not; the message lists the choices.
    """
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, choices))}, but got {value!r}.")
    return value


def check_ids(ids: Iterable[str], *, name: str = "config_ids") -> tuple[str, ...]:
    """Return ids as a tuple without duplicates.

    Raises
    ------
    ValueError
        If an id occurs twice.
    """
    found = tuple(str(one) for one in ids)
    if len(set(found)) != len(found):
        twice = next(one for one in found if found.count(one) > 1)
        raise ValueError(
            f"`{name}` must be distinct, but {twice!r} occurs twice. Merge its runs into one array."
        )
    return found


def check_rng(rng: Any) -> np.random.Generator:
    """Return the generator.

    Raises
    ------
    ValueError
        If it is anything else, an integer seed for example.
    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"`rng` must be a numpy.random.Generator, but got {rng!r}. Pass numpy.random.default_rng(seed)."
        )
    return rng
