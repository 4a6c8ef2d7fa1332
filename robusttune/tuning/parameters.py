"""Search spaces in Optuna's terms.

Optuna has no log(1 − x) scale and no powers of two. Such a parameter is stored there under the name of its transform
(`one_minus_gamma`, `n_steps_pow`), so that nobody takes it for the real value; the real value is a user attribute
of the trial, and everything that robusttune shows is real.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import JsonValue

from robusttune.declaration.ids import canonical_json
from robusttune.declaration.space import Categorical, Float, Int, Parameter, SearchSpace


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Return Optuna's name → distribution for each parameter."""
    # In an order that does not depend on how the study file is written: samplers draw in this order.
    return {optuna_name(name, p): _distribution(p) for name, p in sorted(space.parameters.items())}


def real_values(space: SearchSpace, suggested: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Return the real hyperparameters that Optuna's values stand for."""
    return {name: _real_value(p, suggested[optuna_name(name, p)]) for name, p in space.parameters.items()}


def grid(space: SearchSpace) -> dict[str, list[Any]]:
    """Return Optuna's name → all values, for the grid sampler. Continuous parameters need a step."""
    return {optuna_name(name, p): _grid_values(_distribution(p)) for name, p in space.parameters.items()}


def optuna_name(name: str, parameter: Parameter) -> str:
    """Return the name under which Optuna stores a parameter."""
    if isinstance(parameter, Float) and parameter.scale == "log1m":
        return f"one_minus_{name}"
    if isinstance(parameter, Int) and parameter.scale == "pow2":
        return f"{name}_pow"
    return name


def _distribution(parameter: Parameter) -> BaseDistribution:
    if isinstance(parameter, Categorical):
        return CategoricalDistribution(_stored_choices(parameter))
    if isinstance(parameter, Float):
        if parameter.scale == "log1m":
            return FloatDistribution(1 - parameter.high, 1 - parameter.low, log=True)
        return FloatDistribution(
            parameter.low, parameter.high, log=parameter.scale == "log", step=parameter.step
        )
    if parameter.scale == "pow2":
        return IntDistribution(parameter.low.bit_length() - 1, parameter.high.bit_length() - 1)
    return IntDistribution(parameter.low, parameter.high, log=parameter.scale == "log", step=parameter.step)


def _real_value(parameter: Parameter, value: Any) -> JsonValue:
    if isinstance(parameter, Categorical):
        return parameter.choices[_stored_choices(parameter).index(value)]
    if isinstance(parameter, Float):
        if parameter.scale == "log1m":
            # 1 - (1 - x) may miss the bound by a rounding error.
            return min(max(1 - float(value), parameter.low), parameter.high)
        return float(value)
    return 2 ** int(value) if parameter.scale == "pow2" else int(value)


def _stored_choices(parameter: Categorical) -> list[Any]:
    """Return the choices as Optuna's storages can keep them: lists and tables become JSON text."""
    scalar = all(
        choice is None or isinstance(choice, bool | int | float | str) for choice in parameter.choices
    )
    return list(parameter.choices) if scalar else [canonical_json(choice) for choice in parameter.choices]


def _grid_values(distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    assert isinstance(distribution, FloatDistribution)
    assert distribution.step is not None
    n_points = round((distribution.high - distribution.low) / distribution.step) + 1
    return [distribution.low + index * distribution.step for index in range(n_points)]


def shown(value: JsonValue) -> Any:
    """Return a value as Optuna's user attributes can keep it."""
    return json.loads(canonical_json(value))
