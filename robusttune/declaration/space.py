"""Search spaces: which hyperparameters are searched, in which range and on which scale.

Values are always the real hyperparameters. A scale only says how the range is searched.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import ConfigDict, Field, JsonValue, model_validator
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


_LARGEST = 2**53
"""Samplers compute with floats, which know every whole number up to here."""
_MOST_STEPS, _MOST_POINTS = 10**9, 4096


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Float:
    """A real-valued hyperparameter in `[low, high]`.

    Attributes
    ----------
    low, high : float
        Bounds, both included.
    scale : {"linear", "log", "log1m"}
        `"log1m"` searches log(1 − x), which suits γ and λ: 0.9 … 0.9999 gets as much room as 0.99 … 0.9999.
    step : float, optional
        Grid width on the linear scale.
    """

    type: Literal["float"] = "float"
    low: float
    high: float
    scale: Literal["linear", "log", "log1m"] = "linear"
    step: float | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_order(self.low, self.high)
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"`low > 0` must hold on the log scale, but got low = {self.low}.")
        if self.scale == "log1m" and self.high >= 1:
            raise ValueError(f"`high < 1` must hold on the log1m scale, but got high = {self.high}.")
        if self.step is not None and (self.scale != "linear" or self.step <= 0):
            raise ValueError(
                f"`step` must be positive and needs scale = 'linear', but got step = {self.step}."
            )
        if not math.isfinite(self.high - self.low):
            raise ValueError(f"`high - low` must be finite, but got {self.low} and {self.high}.")
        if self.step is not None and not (self.high - self.low) / self.step <= _MOST_STEPS:
            raise ValueError(
                f"`step` must part the range into at most {_MOST_STEPS:,} steps, but got step = {self.step}."
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Int:
    """A whole-numbered hyperparameter in `[low, high]`.

    Attributes
    ----------
    low, high : int
        Bounds, both included.
    scale : {"linear", "log", "pow2"}
        `"pow2"` searches powers of two; `low` and `high` are then the powers themselves (32, not 5).
    step : int
        Grid width on the linear scale.
    """

    type: Literal["int"] = "int"
    low: int = Field(ge=-_LARGEST, le=_LARGEST)
    high: int = Field(ge=-_LARGEST, le=_LARGEST)
    scale: Literal["linear", "log", "pow2"] = "linear"
    step: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_order(self.low, self.high)
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"`low > 0` must hold on the log scale, but got low = {self.low}.")
        if self.scale == "pow2":
            for bound in (self.low, self.high):
                if bound < 1 or bound & (bound - 1):
                    raise ValueError(
                        f"bounds on the pow2 scale must be powers of two such as 32 or 4096, but got {bound}."
                    )
        if self.step != 1 and self.scale != "linear":
            raise ValueError(
                f"`step` needs scale = 'linear', but got step = {self.step}, scale = {self.scale!r}."
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Categorical:
    """A hyperparameter with unordered choices.

    Attributes
    ----------
    choices : tuple
        Any JSON values, for example `[[64, 64], [256, 256]]`.
    """

    type: Literal["categorical"] = "categorical"
    choices: tuple[JsonValue, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for index, choice in enumerate(self.choices):
            # 1 == True in Python, but not as hyperparameters.
            if any(type(choice) is type(other) and choice == other for other in self.choices[:index]):
                raise ValueError(f"choices must differ, but {choice!r} appears twice.")
        return self


Parameter: TypeAlias = Annotated[Float | Int | Categorical, Field(discriminator="type")]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class SearchSpace:
    """The searched hyperparameters.

    Attributes
    ----------
    parameters : mapping of str to Float, Int or Categorical
        Name of the hyperparameter (as Stable-Baselines3 calls it) → where to search it.
    """

    parameters: Mapping[str, Parameter] = Field(default_factory=dict)


def bounds(parameter: Parameter) -> tuple[float, float] | None:
    """Return the lowest and highest number that a parameter can take, or None if it is not numeric."""
    if isinstance(parameter, Categorical):
        numbers = [c for c in parameter.choices if isinstance(c, int | float) and not isinstance(c, bool)]
        return (min(numbers), max(numbers)) if numbers else None
    return (parameter.low, parameter.high)


def points(parameter: Parameter) -> Iterable[JsonValue]:
    """Return every value that a whole-numbered or categorical parameter can have; of a real-valued one, its ends.

    Of a range that holds very many, evenly spread ones and its ends are enough for what is asked of them.
    """
    if isinstance(parameter, Int) and parameter.scale == "pow2":
        return [2**power for power in range(parameter.low.bit_length() - 1, parameter.high.bit_length())]
    if isinstance(parameter, Int):
        n_steps = (parameter.high - parameter.low) // parameter.step
        if n_steps <= _MOST_POINTS:
            return range(parameter.low, parameter.high + 1, parameter.step)
        stride = parameter.step * -(-n_steps // _MOST_POINTS)
        last = parameter.low + n_steps * parameter.step
        return (*range(parameter.low, last, stride), last)
    return parameter.choices if isinstance(parameter, Categorical) else (parameter.low, parameter.high)


def n_grid_points(parameter: Parameter) -> int | None:
    """Return how many values a parameter has, or None if it is continuous."""
    if isinstance(parameter, Categorical):
        return len(parameter.choices)
    if isinstance(parameter, Float):
        return (
            None
            if parameter.step is None
            else math.floor((parameter.high - parameter.low) / parameter.step + 1e-9) + 1
        )
    if parameter.scale == "pow2":
        return parameter.high.bit_length() - parameter.low.bit_length() + 1
    return (parameter.high - parameter.low) // parameter.step + 1


def _check_order(low: float, high: float) -> None:
    if low > high:
        raise ValueError(f"`low <= high` must hold, but got low = {low}, high = {high}.")
