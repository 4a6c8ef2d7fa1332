"""Single values as study files have them, from what searches and RL Zoo's files hold; nothing is executed."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.hyperparameters import ACTIVATIONS
from robusttune.errors import SpecError

_ON_POLICY_NETS: Mapping[str, JsonValue] = {
    "tiny": {"pi": [64], "vf": [64]},
    "small": [64, 64],
    "medium": [256, 256],
}
_OFF_POLICY_NETS: Mapping[str, JsonValue] = {
    **{"small": [64, 64], "medium": [256, 256], "big": [400, 300]},
    **{"large": [256, 256, 256], "verybig": [512, 512, 512]},
}


def plain_value(algorithm: str, name: str, value: Any) -> JsonValue:
    """Return a value as study files have it: no classes, no names of networks, no numbers that are not finite.

    Raises
    ------
    SpecError
        If it cannot be understood.
    """
    if name == "net_arch" and isinstance(value, str):
        nets = _ON_POLICY_NETS if ALGORITHMS[algorithm].on_policy else _OFF_POLICY_NETS
        if value in nets:
            return nets[value]
    if name == "activation_fn" and isinstance(value, str):
        word = value.rpartition(".")[2]
        return next((key for key, kind in ACTIVATIONS.items() if word in (key, kind)), word)
    if isinstance(value, str) and value[:1] in ("[", "{", "("):
        value = literal(name, value)
    if name == "noise_type" and value == "None":
        return None
    checked: JsonValue = _checked(name, value)
    return checked


def literal(name: str, text: str) -> Any:
    """Return the value of a literal, in which `dict(…)` and `nn.ReLU` may stand too; nothing is executed.

    Raises
    ------
    SpecError
        If it is anything else.
    """
    try:
        return _evaluated(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise SpecError(f"{name} = {text[:80]!r}: cannot be read without executing it ({error}).") from None


def _evaluated(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords) if all(
            one.arg for one in keywords
        ):
            return {str(one.arg): _evaluated(one.value) for one in keywords}
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {str(_evaluated(k)): _evaluated(v) for k, v in zip(keys, values, strict=True) if k}
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_evaluated(item) for item in items]
        case ast.Attribute(attr=name):
            return name
    return ast.literal_eval(node)


def _checked(name: str, value: Any) -> Any:
    """Return a value that JSON and TOML can have."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SpecError(f"{name} = {value}: must be a finite number.")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise SpecError(f"{name} = {str(value)[:40]}: is no number that a study file can have.")
    if isinstance(value, Mapping):
        return {str(key): _checked(name, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_checked(name, inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise SpecError(f"{name} = {value!r}: a {type(value).__name__} is no value of a study file.")
