from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy import stats

from robusttune.declaration.space import Categorical, Float, Int, SearchSpace
from robusttune.declaration.tuning import TuningSpec
from robusttune.tuning.aggregation import aggregate
from robusttune.tuning.parameters import distributions, grid, optuna_name, real_values

scores = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=12)


def tuning(aggregation: str, **more: Any) -> TuningSpec:
    return TuningSpec(n_trials=1, seeds_per_trial=12, aggregation=aggregation, **more)  # type: ignore[arg-type]


@given(scores)
def test_aggregations_equal_those_of_numpy_and_scipy(values: list[float]) -> None:
    for name, reference in (
        ("mean", np.mean(values)),
        ("median", np.median(values)),
        ("minimum", np.min(values)),
        ("iqm", stats.trim_mean(values, 0.25)),
        ("mean-minus-sd", np.mean(values) - 2.0 * np.std(values, ddof=1)),
    ):
        got = aggregate(values, tuning(name, sd_penalty=2.0), worst=None)
        assert got == pytest.approx(float(reference), rel=1e-9, abs=1e-6)


@given(st.lists(st.integers(-100, 100), min_size=1, max_size=8), st.integers(1, 8))
def test_the_lower_tail_mean_equals_that_of_the_finely_cut_scores(values: list[int], eighths: int) -> None:
    # Each score eight times: then an eighth of n scores is a whole number of pieces.
    pieces = sorted(value for value in values for _ in range(8))
    expected = np.mean(pieces[: eighths * len(values)])
    got = aggregate(
        [float(v) for v in values], tuning("lower-tail-mean", tail_fraction=eighths / 8), worst=None
    )
    assert got == pytest.approx(float(expected))


@given(
    scores,
    st.randoms(use_true_random=False),
    st.sampled_from(["mean", "iqm", "lower-tail-mean", "mean-minus-sd"]),
)
def test_the_order_of_seeds_does_not_matter(values: list[float], shuffler: Any, name: str) -> None:
    shuffled = list(values)
    shuffler.shuffle(shuffled)
    assert aggregate(shuffled, tuning(name), worst=None) == aggregate(values, tuning(name), worst=None)


@given(scores, st.floats(-1e6, 1e6))
def test_a_diverged_seed_counts_as_the_worst_score_known(values: list[float], worst: float) -> None:
    for known, floor in ((worst, min([*values, worst])), (None, min(values))):
        got = aggregate([*values, None], tuning("mean"), worst=known)
        assert got == aggregate([*values, floor], tuning("mean"), worst=None)
        assert aggregate([None, *values], tuning("minimum"), worst=known) == floor


def test_without_any_score_there_is_no_value() -> None:
    assert aggregate([None, None], tuning("mean"), worst=None) is None
    assert aggregate([None], tuning("mean"), worst=-3.0) == -3.0
    assert aggregate([2.0], tuning("mean-minus-sd"), worst=None) == 2.0


# --- scales ----------------------------------------------------------------------------------------------------------

SPACE = SearchSpace(
    parameters={
        "vf_coef": Float(low=0.1, high=1.0),
        "clip_range": Float(low=0.1, high=0.4, step=0.1),
        "learning_rate": Float(low=1e-5, high=1e-2, scale="log"),
        "gamma": Float(low=0.9, high=0.9999, scale="log1m"),
        "n_epochs": Int(low=1, high=9, step=2),
        "batch_size": Int(low=4, high=400, scale="log"),
        "n_steps": Int(low=32, high=4096, scale="pow2"),
        "activation_fn": Categorical(choices=("tanh", "relu")),
        "net_arch": Categorical(choices=([64, 64], {"vf": [8], "pi": [4]}, None)),
        "use_sde": Categorical(choices=(True, False)),
    }
)


def test_each_scale_has_its_distribution() -> None:
    found = distributions(SPACE)
    gamma = found.pop("one_minus_gamma")
    assert isinstance(gamma, FloatDistribution)
    assert (gamma.low, gamma.high, gamma.log) == (pytest.approx(1e-4), pytest.approx(0.1), True)
    assert found == {
        "vf_coef": FloatDistribution(0.1, 1.0),
        "clip_range": FloatDistribution(0.1, 0.4, step=0.1),
        "learning_rate": FloatDistribution(1e-5, 1e-2, log=True),
        "n_epochs": IntDistribution(1, 9, step=2),
        "batch_size": IntDistribution(4, 400, log=True),
        "n_steps_pow": IntDistribution(5, 12),
        "activation_fn": CategoricalDistribution(("tanh", "relu")),
        "net_arch": CategoricalDistribution(("[64,64]", '{"pi":[4],"vf":[8]}', "null")),
        "use_sde": CategoricalDistribution((True, False)),
    }


@given(st.data())
def test_real_values_lie_in_the_declared_ranges_and_on_their_scales(data: st.DataObject) -> None:
    suggested: dict[str, Any] = {}
    for name, d in distributions(SPACE).items():
        if isinstance(d, CategoricalDistribution):
            suggested[name] = data.draw(st.sampled_from(d.choices))
        elif isinstance(d, IntDistribution):
            suggested[name] = data.draw(st.integers(0, (d.high - d.low) // d.step)) * d.step + d.low
        else:
            assert isinstance(d, FloatDistribution)
            suggested[name] = data.draw(st.floats(d.low, d.high))
    real = real_values(SPACE, suggested)
    assert list(real) == list(SPACE.parameters)
    for name, parameter in SPACE.parameters.items():
        value: Any = real[name]
        if isinstance(parameter, Categorical):
            assert any(value is choice or value == choice for choice in parameter.choices)
        else:
            assert parameter.low <= value <= parameter.high
            assert isinstance(value, int if isinstance(parameter, Int) else float)
    assert real["gamma"] == pytest.approx(1 - suggested["one_minus_gamma"])
    assert real["n_steps"] == 2 ** suggested["n_steps_pow"]
    assert isinstance(real["use_sde"], bool)


def test_the_bounds_of_a_transformed_scale_are_reached_exactly() -> None:
    for one_minus, gamma in ((1 - 0.9, 0.9), (1 - 0.9999, 0.9999)):
        space = SearchSpace(parameters={"gamma": SPACE.parameters["gamma"]})
        assert real_values(space, {"one_minus_gamma": one_minus}) == {"gamma": gamma}
    assert optuna_name("gamma", SPACE.parameters["gamma"]) == "one_minus_gamma"


def test_a_grid_has_all_values() -> None:
    chosen = {name: SPACE.parameters[name] for name in ("clip_range", "n_epochs", "n_steps", "activation_fn")}
    points = grid(SearchSpace(parameters=chosen))
    assert points["n_epochs"] == [1, 3, 5, 7, 9]
    assert points["n_steps_pow"] == list(range(5, 13))
    assert points["activation_fn"] == ["tanh", "relu"]
    assert points["clip_range"] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert all(math.isfinite(value) and value <= 0.4 for value in points["clip_range"])


def test_a_grid_whose_step_does_not_divide_its_range_stays_inside() -> None:
    space = SearchSpace(parameters={"vf_coef": Float(low=0.0, high=1.0, step=0.3)})
    assert grid(space)["vf_coef"] == pytest.approx([0.0, 0.3, 0.6, 0.9])
