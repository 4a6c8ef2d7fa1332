"""Landscapes whose truth is known: declared ones, and tables of real results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from robusttune import StudySpec
from robusttune.declaration.training import Training
from robusttune.declaration.training.synthetic import SyntheticTraining, truth_of
from robusttune.declaration.training.tabular import TabularTraining
from robusttune.training.table import Table
from robusttune.training.table_file import read_table

STEPS = 1000
N_SPACE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Landscape:
    """Something to tune, of which all is known.

    Attributes
    ----------
    name : str
    tables : mapping
        `[synthetic]` or `[tabular]` of the study: what runs are drawn from.
    parameters : mapping
        Of the search space.
    n_evaluations : int
        Of a run; with one, nothing can be pruned.
    best, typical : float
        Highest true mean, and the median of the true means of configurations drawn at random, in score units.
    is_searchable : bool
        Whether configurations have neighbours, so that a model of them is worth anything.
    largest_budget : int, optional
        With more runs than configurations, a search of single-seed trials would draw the same ones again.
    """

    name: str
    tables: Mapping[str, Any]
    parameters: Mapping[str, Any]
    n_evaluations: int = 1
    best: float
    typical: float
    is_searchable: bool = True
    largest_budget: int | None = None

    def truth(self, hyperparameters: Mapping[str, Any]) -> float:
        """Return the true mean of a configuration, in score units."""
        return truth(self.tables, hyperparameters)

    def scaled(self, difference: float) -> float:
        """Return a difference on the scale where the best has 0 and the middle one of all configurations loses 1."""
        return difference / (self.best - self.typical)

    def study(self, *, tuning: Mapping[str, Any], post: Mapping[str, Any], root_seed: int) -> StudySpec:
        """Return a study of this landscape."""
        every = -(-STEPS // self.n_evaluations)
        return StudySpec.from_dict(
            {
                "name": self.name,
                "root_seed": root_seed,
                **{kind: {**table, "total_timesteps": STEPS} for kind, table in self.tables.items()},
                "search_space": {"parameters": self.parameters},
                "tuning": tuning,
                "evaluation": {"n_episodes": 1, **({"every": every} if self.n_evaluations > 1 else {})},
                "post_evaluation": {"default_control": False, **post},
            }
        )


_SPACE: Mapping[str, Mapping[str, Any]] = {
    "learning_rate": {"type": "float", "low": 1e-5, "high": 1e-1, "scale": "log"},
    "gamma": {"type": "float", "low": 0.9, "high": 0.999},
    "ent_coef": {"type": "float", "low": 1e-5, "high": 1e-1, "scale": "log"},
    "activation_fn": {"type": "categorical", "choices": ["tanh", "relu"]},
}
_BEST = {"learning_rate": 1e-3, "gamma": 0.97, "ent_coef": 1e-4, "activation_fn": "tanh"}
_EFFECTS = {
    "learning_rate": {"best": 1e-3, "drop": 40.0, "scale": "log"},
    "gamma": {"best": 0.97, "drop": 20_000.0},
    "ent_coef": {"best": 1e-4, "drop": 5.0, "scale": "log"},
    "activation_fn": {"means": {"tanh": 0.0, "relu": -10.0}, "sd_factors": {"relu": 2.0}},
}
_SYNTHETIC = {
    "normal-noise": {"sd": 70.0, "effects": _EFFECTS},
    "skewed-noise": {"sd": 60.0, "skewness": -1.5, "effects": _EFFECTS},
    "failing-seeds": {"sd": 15.0, "p_failing": 0.2, "failing_mean": -250.0, "effects": _EFFECTS},
}


def synthetic() -> list[Landscape]:
    """Return the declared landscapes."""
    found = []
    for name, kwargs in _SYNTHETIC.items():
        tables = {"synthetic": kwargs}
        draws = random_configurations(_SPACE, N_SPACE, np.random.default_rng(0))
        found.append(
            Landscape(
                name=name,
                tables=tables,
                parameters=_SPACE,
                best=truth(tables, _BEST),
                typical=float(np.median([truth(tables, draw) for draw in draws])),
            )
        )
    return found


def random_configurations(
    parameters: Mapping[str, Mapping[str, Any]], n: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return configurations as random search draws them; the generator belongs to no search."""
    columns = {name: _random_values(parameter, n, rng) for name, parameter in parameters.items()}
    return [{name: values[place] for name, values in columns.items()} for place in range(n)]


def truth(tables: Mapping[str, Any], hyperparameters: Mapping[str, Any]) -> float:
    """Return the true mean of a configuration, in score units."""
    training = training_of(tables)
    if isinstance(training, SyntheticTraining):
        return truth_of(training, hyperparameters).mean
    assert isinstance(training, TabularTraining)
    return read_table(training).truth(hyperparameters, training.neighbours)


def table_of(tables: Mapping[str, Any]) -> Table:
    """Return the table that runs are drawn from."""
    training = training_of(tables)
    assert isinstance(training, TabularTraining)
    return read_table(training)


def training_of(tables: Mapping[str, Any]) -> Training:
    """Return what a study's one table declares."""
    ((kind, table),) = tables.items()
    found: Training = _TRAINING.validate_json(json.dumps({**table, "kind": kind}))
    return found


_TRAINING: TypeAdapter[Training] = TypeAdapter(Training)


def _random_values(parameter: Mapping[str, Any], n: int, rng: np.random.Generator) -> list[Any]:
    if parameter["type"] == "categorical":
        return [parameter["choices"][place] for place in rng.integers(len(parameter["choices"]), size=n)]
    low, high, scale = parameter["low"], parameter["high"], parameter.get("scale", "linear")
    values: np.ndarray
    match scale:
        case "log":
            values = np.exp(rng.uniform(np.log(low), np.log(high), n))
        case "log1m":
            values = 1.0 - np.exp(rng.uniform(np.log1p(-high), np.log1p(-low), n))
        case "pow2":
            values = 2.0 ** rng.integers(int(np.log2(low)), int(np.log2(high)) + 1, size=n)
        case _:
            values = rng.uniform(low, high, n)
    found: list[Any] = values.astype(int).tolist() if parameter["type"] == "int" else values.tolist()
    return found
