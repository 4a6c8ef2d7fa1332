"""Search spaces and values of hyperparameters, as people read them."""

from __future__ import annotations

from typing import Any

from robusttune.declaration.space import Categorical, Int, Parameter

_SCALES = {"log1m": "log of 1 − x", "pow2": "powers of two"}


def searched(parameter: Parameter) -> tuple[str, str]:
    """Return in which values a hyperparameter was searched, and on which scale."""
    if isinstance(parameter, Categorical):
        return f"{{{', '.join(map(short, parameter.choices))}}}", "categorical"
    step = "" if parameter.step in (None, 1) else f" in steps of {short(parameter.step)}"
    whole = "whole numbers, " if isinstance(parameter, Int) and parameter.scale != "pow2" else ""
    scale = _SCALES.get(parameter.scale, parameter.scale)
    return f"[{short(parameter.low)}, {short(parameter.high)}]{step}", f"{whole}{scale}"


def short(found: Any) -> str:
    """Return the value of a hyperparameter with six significant digits."""
    return f"{found:.6g}" if isinstance(found, float) else str(found)
