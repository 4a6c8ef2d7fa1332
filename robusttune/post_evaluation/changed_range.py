"""The range that a search should have had: wider where its best trials lie at an edge, narrower where none does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from robusttune.declaration.space import Categorical, Float, Int, Parameter
from robusttune.post_evaluation.encoding import unscaled

_FURTHER = 0.5  # of the old range, on the scale of the search
_DIGITS = 2
# No more than 1 can be meant.
_SHARES = (
    "gamma",
    "gae_lambda",
    "tau",
    "exploration_fraction",
    "exploration_initial_eps",
    "exploration_final_eps",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a range of which something is shown.

    Attributes
    ----------
    kind : {"widen", "narrow"}
        The best trials lie there, at an edge; or none of them does, and those that do are worse.
    side : {"low", "high"} or None
        Which end of the range it is; None for a choice.
    until : value
        Where it ends inside the range, or the choice.
    n_trials, n_best : int
        How many of all trials, and of the best, lie there.
    p_value : float
        Adjusted for all parts that were tested.
    """

    kind: Literal["widen", "narrow"]
    side: Literal["low", "high"] | None
    until: JsonValue
    n_trials: int
    n_best: int
    p_value: float


def changed_range(
    name: str, parameter: Parameter, parts: Sequence[Part]
) -> tuple[Parameter, tuple[Part, ...]] | None:
    """Return the range that the parts ask for and those that change it, or None if none does."""
    if isinstance(parameter, Categorical):
        dead = [part.until for part in parts]
        left = tuple(c for c in parameter.choices if not any(type(c) is type(d) and c == d for d in dead))
        is_other = 0 < len(left) < len(parameter.choices)
        return (dataclasses.replace(parameter, choices=left), tuple(parts)) if is_other else None
    ends: dict[str, float] = {"low": parameter.low, "high": parameter.high}
    old, effective = dict(ends), []
    for part in parts:
        assert part.side is not None
        assert isinstance(part.until, float)
        if part.kind == "narrow":
            end = _rounded(parameter, part.until)
        else:
            place = -_FURTHER if part.side == "low" else 1 + _FURTHER
            end = _within(name, parameter, part.side, _rounded(parameter, unscaled(parameter, place)))
        if end != old[part.side]:
            ends[part.side] = end
            effective.append(part)
    if not effective or ends["low"] >= ends["high"]:
        return None
    return dataclasses.replace(parameter, **ends), tuple(effective)  # type: ignore[arg-type]


def _within(name: str, parameter: Float | Int, side: str, value: float) -> float:
    """Return a new end that the hyperparameter can have: numbers that were not negative stay so, shares below 1."""
    if side == "low" and parameter.low >= 0:
        value = max(value, min(parameter.low, 1) if isinstance(parameter, Int) else 0.0)
    if side == "high" and name in _SHARES:
        value = min(value, 1.0 if parameter.scale != "log1m" else value)
    return type(parameter.low)(value)


def _rounded(parameter: Float | Int, value: float) -> float:
    """Return a value of the range's kind: a power of two, a step from its low end, or a number of two digits."""
    if isinstance(parameter, Int) and parameter.scale == "pow2":
        return int(2 ** max(0, round(math.log2(value))))
    if parameter.step not in (None, 1) or isinstance(parameter, Int):
        step = parameter.step or 1
        rounded = parameter.low + step * round((value - parameter.low) / step)
        return int(rounded) if isinstance(parameter, Int) else float(rounded)
    if parameter.scale == "log1m":
        return 1 - float(f"{1 - value:.{_DIGITS - 1}e}")
    return float(f"{value:.{_DIGITS - 1}e}")
