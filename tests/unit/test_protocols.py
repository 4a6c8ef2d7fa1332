from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.protocols import Regrets, advised, is_multi, is_post, split_of
from experiments.protocols.landscapes import Landscape, synthetic
from experiments.protocols.protocols import BUDGETS, SEEDS_PER_TRIAL, outcome, protocols, search

NORMAL = synthetic()[0]


def without_noise() -> Landscape:
    kwargs = {**NORMAL.environment["kwargs"], "sd": 0.0}
    return dataclasses.replace(NORMAL, environment={"id": "synthetic", "kwargs": kwargs})


def test_no_protocol_spends_more_than_its_budget() -> None:
    found = search(NORMAL, tuning={"sampler": "random"}, budget=120, root_seed=1)
    for budget in (60, 120):
        names = set()
        for protocol in protocols(budget, 1, with_second_stage=True):
            result = outcome(found, protocol, budget)
            names.add(protocol.name)
            assert result.runs <= budget
            if protocol.name != "elimination":
                assert result.runs == budget
            assert result.regret >= 0
        assert {"single seed", "elimination", "ocba", "top 5 × 3"} <= names


@pytest.mark.parametrize("n_seeds", SEEDS_PER_TRIAL[1:])
def test_trials_of_several_seeds_are_fewer(n_seeds: int) -> None:
    found = search(NORMAL, tuning={"sampler": "random", "seeds_per_trial": n_seeds}, budget=60, root_seed=1)
    (protocol,) = protocols(60, n_seeds, with_second_stage=False)
    result = outcome(found, protocol, 60)
    assert len(found.beginning(60)) == 60 // n_seeds
    assert result.covered is not None


def test_the_best_of_trials_of_several_seeds_can_be_judged_too() -> None:
    tuning = {"sampler": "random", "seeds_per_trial": 2}
    found = search(NORMAL, tuning=tuning, budget=60, root_seed=1)
    results = {p.name: outcome(found, p, 60) for p in protocols(60, 2, with_second_stage=True)}
    assert results["2 seeds a trial, top 3 × 5"].runs in (59, 60)  # 45 runs pay for 22 trials
    assert results["2 seeds a trial"].runs == 60


def test_a_shorter_search_is_the_beginning_of_a_longer_one() -> None:
    long, short = (search(NORMAL, tuning={"sampler": "tpe"}, budget=b, root_seed=3) for b in (40, 25))
    assert long.beginning(25) == short.trials


def test_without_noise_every_protocol_picks_the_best_trial_it_has_and_reports_its_mean() -> None:
    landscape = without_noise()
    found = search(landscape, tuning={"sampler": "random"}, budget=60, root_seed=2)
    for protocol in protocols(60, 1, with_second_stage=True):
        result = outcome(found, protocol, 60)
        trials = found.beginning(60 - protocol.reserved)
        best = max(landscape.truth(trial.hyperparameters) for trial in trials)
        assert result.regret == pytest.approx(landscape.scaled(landscape.best - best))
        assert result.optimism == pytest.approx(0.0, abs=1e-9)
        assert result.covered in (None, True)


def test_a_pruned_run_costs_what_it_was_trained() -> None:
    # A learning curve of ten evaluations, to be pruned by.
    kwargs = {**NORMAL.environment["kwargs"], "start": -400.0}
    landscape = dataclasses.replace(
        NORMAL, n_evaluations=10, environment={"id": "synthetic", "kwargs": kwargs}
    )
    found = search(landscape, tuning={"sampler": "random", "pruner": "median"}, budget=30, root_seed=0)
    costs = np.diff(found.costs, prepend=0.0)
    assert costs.min() < 0.5
    assert costs.max() == pytest.approx(1.0)
    assert len(found.beginning(30)) > 30
    assert found.costs[len(found.beginning(30)) - 1] <= 30


def test_the_known_truth_has_its_best_where_it_says() -> None:
    for landscape in synthetic():
        best = {"learning_rate": 1e-3, "gamma": 0.97, "ent_coef": 1e-4, "activation_fn": "tanh"}
        assert landscape.truth(best) == pytest.approx(landscape.best)
        for name, value in (("learning_rate", 2e-3), ("gamma", 0.98), ("activation_fn", "relu")):
            assert landscape.truth({**best, name: value}) < landscape.best
        assert landscape.scaled(landscape.best - landscape.typical) == pytest.approx(1.0)


def rows(values: Mapping[str, Mapping[str, list[float]]], **columns: Any) -> pd.DataFrame:
    """Return rows from landscape → protocol → regret by repetition."""
    return pd.DataFrame(
        [
            {
                "landscape": landscape,
                "protocol": protocol,
                "repetition": repetition,
                "regret": value,
                **columns,
            }
            for landscape, own in values.items()
            for protocol, regrets in own.items()
            for repetition, value in enumerate(regrets)
        ]
    )


def test_landscapes_count_alike_whatever_their_repetitions() -> None:
    regrets = Regrets(rows({"a": {"p": [1.0, 3.0]}, "b": {"p": [10.0] * 6}}))
    assert regrets.interval("p").value == pytest.approx(6.0)


def test_intervals_are_those_of_the_mean_over_repetitions() -> None:
    rng = np.random.default_rng(5)
    values = {name: {"p": rng.normal(size=40).tolist()} for name in "abc"}
    found = Regrets(rows(values)).interval("p")
    error = np.sqrt(np.sum([np.var(own["p"]) / 40 for own in values.values()])) / 3
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_differences_are_taken_repetition_by_repetition() -> None:
    shared = np.random.default_rng(1).normal(size=30)
    found = Regrets(rows({"a": {"p": shared.tolist(), "q": (shared + 0.5).tolist()}})).difference("q", "p")
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_best_of_many_equal_protocols_is_not_flattered() -> None:
    ratios = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        own = {f"top {k} × 5": (1.0 + rng.normal(size=8)).tolist() for k in range(1, 16)}
        own["2 seeds a trial"] = (1.0 + rng.normal(size=8)).tolist()
        regrets = Regrets(rows({"a": own}))
        posts = [p for p in regrets.protocols if is_post(p)]
        ratio, tops, bottoms = regrets.ratio(posts, ["2 seeds a trial"])
        ratios.append(ratio.value)
        assert bottoms == ("2 seeds a trial",)
        assert set(tops) <= set(posts)
    # The best of fifteen where it was chosen would have about 0.4.
    assert 0.8 < np.median(ratios) < 1.25


def test_names_tell_what_a_protocol_is() -> None:
    for budget in BUDGETS:
        posts = [p for p in protocols(budget, 1, with_second_stage=True) if is_post(p.name)]
        assert len(posts) >= 5
        for protocol in posts:
            k, n = split_of(protocol.name)
            assert protocol.post == {"top_k": k, "n_seeds": n}
            assert protocol.reserved == k * n
    assert all(is_multi(p.name) for m in (2, 3, 5) for p in protocols(60, m, with_second_stage=False))
    with pytest.raises(ValueError, match="must be written"):
        split_of("single seed")


def test_of_splits_that_are_as_good_the_one_with_most_seeds_is_advised() -> None:
    rng = np.random.default_rng(0)
    common = rng.normal(size=50)
    own = {
        "single seed": (0.9 + common).tolist(),
        "2 seeds a trial": (0.7 + common).tolist(),
        "top 10 × 3": (0.300 + common + 0.01 * rng.normal(size=50)).tolist(),
        "top 5 × 5": (0.3005 + common + 0.01 * rng.normal(size=50)).tolist(),
        "top 3 × 10": (0.5 + common).tolist(),
    }
    (found,) = advised(rows({"a": own}, budget=120, search="tpe", source="own"))
    assert (found["budget"], found["top_k"], found["n_seeds"]) == (120, 5, 5)
    assert found["multi_seed"] == pytest.approx(0.7 + common.mean(), abs=1e-3)
