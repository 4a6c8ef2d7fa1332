"""What trials say about the ranges they were drawn from, and the lines that follow can be pasted."""

from __future__ import annotations

import dataclasses
import tomllib
from typing import Any

import numpy as np
import pytest

from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.search_advice import advise
from robusttune.results.records import TrialRecord, TrialState
from tests.support.trials import searched

PPO = {
    "environment": {"id": "Pendulum-v1"},
    "algorithm": {"name": "ppo", "total_timesteps": 2000},
}


def line_of(name: str, parameter: dict[str, Any], *, best: float, n: int = 80) -> str | None:
    """Return the advice of a search in which values fall with the distance of a place in the range from `best`."""
    spaces = {name: parameter, "ent_coef": {"type": "float", "low": 0.0, "high": 0.1}}
    study = StudySpec.from_dict(
        {**PPO, "name": "s", "tuning": {"n_trials": n}, "search_space": {"parameters": spaces}}
    )
    trials = searched(study, lambda place: -20 * (place[name] - best) ** 2, n, seed=1)
    found = {one.name: one for one in advise(study, trials).ranges}
    assert set(found) <= {name}
    if name not in found:
        return None
    replaced = {**study.to_dict()["search_space"]["parameters"], **tomllib.loads(found[name].line)}
    StudySpec.from_dict({**study.to_dict(), "search_space": {"parameters": replaced}})
    return found[name].line


@pytest.mark.parametrize(
    ("name", "parameter", "best", "line"),
    [
        (
            "learning_rate",
            {"type": "float", "low": 1e-4, "high": 1e-2, "scale": "log"},
            1.3,
            'learning_rate = { type = "float", low = 0.001, high = 0.1, scale = "log" }',
        ),
        (
            "gamma",
            {"type": "float", "low": 0.9, "high": 0.999, "scale": "log1m"},
            1.3,
            'gamma = { type = "float", low = 0.99, high = 0.9999, scale = "log1m" }',
        ),
        (
            "n_steps",
            {"type": "int", "low": 64, "high": 1024, "scale": "pow2"},
            -0.3,
            'n_steps = { type = "int", low = 16, high = 256, scale = "pow2" }',
        ),
        (
            "n_epochs",
            {"type": "int", "low": 1, "high": 20},
            -0.3,
            'n_epochs = { type = "int", low = 1, high = 11 }',
        ),
        (
            "gae_lambda",
            {"type": "float", "low": 0.5, "high": 0.95},
            1.3,
            'gae_lambda = { type = "float", low = 0.72, high = 1.0 }',
        ),
        (
            "vf_coef",
            {"type": "float", "low": 0.0, "high": 1.0},
            0.5,
            'vf_coef = { type = "float", low = 0.25, high = 0.75 }',
        ),
        (
            "activation_fn",
            {"type": "categorical", "choices": ["tanh", "relu", "elu"]},
            0.0,
            'activation_fn = { type = "categorical", choices = ["tanh", "relu"] }',
        ),
    ],
)
def test_the_line_to_paste_has_the_range_that_the_trials_ask_for(
    name: str, parameter: dict[str, Any], best: float, line: str
) -> None:
    assert line_of(name, parameter, best=best) == line


def test_importance_tells_what_matters_from_what_does_not() -> None:
    study = synthetic()
    found = advise(study, searched(study, lambda place: 5 * place["x"], 40, seed=0)).importance
    assert next(iter(found)) == "x"
    assert found["x"].share > 0.8
    assert found["x"].p_value < 0.001
    assert min(found["y"].p_value, found["z"].p_value) > 0.05


def synthetic() -> StudySpec:
    ranges = {name: {"type": "float", "low": 1.0, "high": 2.0} for name in "xyz"}
    return StudySpec.from_dict(
        {"name": "s", "synthetic": {}, "tuning": {"n_trials": 40}, "search_space": {"parameters": ranges}}
    )


def test_few_equal_or_foreign_trials_say_nothing() -> None:
    study = synthetic()
    trials = searched(study, lambda place: 20 * place["x"], 40, seed=0)
    assert advise(study, trials).ranges
    equal = [dataclasses.replace(one, objective_value=1.0) for one in trials]
    foreign = [dataclasses.replace(one, hyperparameters={"w": 1.0}) for one in trials]
    failed = [dataclasses.replace(one, objective_value=None, state=TrialState.FAILED) for one in trials]
    for none in ([], trials[:8], equal, foreign, failed):
        found = advise(study, none)
        assert not found.ranges
        assert not found.importance


def test_one_disaster_does_not_decide() -> None:
    study = synthetic()
    rng = np.random.default_rng(0)
    trials: list[TrialRecord] = searched(study, lambda place: 0.0, 40, seed=3)
    lowest = min(trials, key=lambda one: one.hyperparameters["x"])
    assert lowest.objective_value is not None
    trials[lowest.number] = dataclasses.replace(lowest, objective_value=-1e9 * rng.uniform())
    assert not advise(study, trials).ranges
