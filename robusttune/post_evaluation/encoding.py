"""Configurations as numbers, on the scales on which a study searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from robusttune.declaration.space import Categorical, Float, Int, Parameter, SearchSpace
from robusttune.stats.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoded:
    """Configurations as an array.

    Attributes
    ----------
    columns : ndarray, shape (n_configurations, n_columns)
        Numbers scaled to [0, 1] of their range, on the scale of the search; choices one-hot.
    groups : ndarray of int, shape (n_columns,)
        Which hyperparameter each column belongs to, counted from 0.
    """

    columns: FloatArray
    groups: IntArray


def encode(space: SearchSpace, configurations: Sequence[Mapping[str, JsonValue]]) -> Encoded:
    """Return configurations of a search space as an array. A hyperparameter with a single value has no column."""
    blocks: list[FloatArray] = []
    groups: list[int] = []
    for name, parameter in sorted(space.parameters.items()):
        values = [configuration[name] for configuration in configurations]
        block = (
            _one_hot(parameter, values) if isinstance(parameter, Categorical) else _scaled(parameter, values)
        )
        if block.shape[1]:
            groups += [len(blocks)] * block.shape[1]
            blocks.append(block)
    columns = np.concatenate(blocks, axis=1) if blocks else np.zeros((len(configurations), 0))
    return Encoded(columns=columns, groups=np.array(groups, dtype=np.int64))


def _one_hot(parameter: Categorical, values: Sequence[JsonValue]) -> FloatArray:
    choices = parameter.choices if len(parameter.choices) > 1 else ()
    # 1 == True in Python, but not as hyperparameters.
    rows = [[float(type(v) is type(choice) and v == choice) for choice in choices] for v in values]
    return np.array(rows).reshape(len(values), len(choices))


def unscaled(parameter: Float | Int, place: float) -> float:
    """Return the value at a place of a range, on the scale of the search: 0 its low end, 1 its high end."""
    low, high = float(parameter.low), float(parameter.high)
    match parameter.scale:
        case "log" | "pow2":
            return float(low * (high / low) ** place)
        case "log1m":
            return float(1 - (1 - low) * ((1 - high) / (1 - low)) ** place)
    return low + place * (high - low)


def place_of(parameter: Float | Int, values: Sequence[JsonValue]) -> FloatArray:
    """Return the places of values in a range, as `unscaled` takes them; 0 in a range of a single value."""
    if parameter.low == parameter.high:
        return np.zeros(len(values))
    numbers = np.array([parameter.low, parameter.high, *values], dtype=float)
    match parameter.scale:
        case "log" | "pow2":
            numbers = np.log(numbers)
        case "log1m":
            numbers = -np.log1p(-numbers)
    low, high = numbers[:2]
    places: FloatArray = (numbers[2:] - low) / (high - low)
    return places


def _scaled(parameter: Parameter, values: Sequence[JsonValue]) -> FloatArray:
    assert not isinstance(parameter, Categorical)
    n_columns = int(parameter.low < parameter.high)
    return place_of(parameter, values)[:, None][:, :n_columns]
