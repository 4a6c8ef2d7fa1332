from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robusttune.declaration.allocation import MAX_SEEDS
from robusttune.errors import SpecError
from robusttune.pipeline.planning.advice import (
    DEFAULT_BUDGET,
    LARGEST_BUDGET,
    LEAST_BUDGET,
    advised_split,
    findings,
    split_for,
)
from tests.support.studies import make_study


@given(
    budget=st.integers(LEAST_BUDGET, LARGEST_BUDGET),
    sampler=st.sampled_from(sorted(findings())),
    n_controls=st.integers(0, 2),
)
def test_a_split_spends_the_budget_and_about_half_of_it_at_most_on_judging(
    budget: int, sampler: str, n_controls: int
) -> None:
    split = advised_split(budget, sampler=sampler, n_controls=n_controls)
    spent = split.n_trials * split.seeds_per_trial + split.n_post_evaluation_runs + split.n_confirm
    assert split.n_confirm == (10 if budget >= 120 else 0)
    assert budget - split.seeds_per_trial < spent <= budget
    assert split.n_post_evaluation_runs == (split.top_k + n_controls) * split.n_seeds <= budget / 2
    assert split.n_trials >= split.top_k >= 1
    assert 3 <= split.n_seeds <= MAX_SEEDS


def test_at_a_studied_budget_the_split_is_the_one_that_was_found() -> None:
    for sampler, known in findings().items():
        for found in known:
            split = advised_split(found.budget, sampler=sampler, n_controls=0)
            assert (split.top_k, split.n_seeds, split.seeds_per_trial) == (
                found.top_k,
                found.n_seeds,
                found.seeds_per_trial,
            )


def test_a_larger_budget_of_the_same_kind_buys_more_of_both() -> None:
    largest = findings()["tpe"][-1].budget
    small, large = advised_split(largest), advised_split(2 * largest)
    assert large.n_seeds > small.n_seeds
    assert large.n_trials > small.n_trials


def test_controls_come_off_the_trials() -> None:
    without, with_one = advised_split(240, n_controls=0), advised_split(240)
    assert (with_one.top_k, with_one.n_seeds) == (without.top_k, without.n_seeds)
    fewer = (without.n_trials - with_one.n_trials) * without.seeds_per_trial
    assert abs(fewer - with_one.n_seeds) < without.seeds_per_trial


@pytest.mark.parametrize("budget", [0, 19, 10_001, 10**300])
def test_a_budget_that_is_too_small_or_beyond_all_study_is_refused(budget: int) -> None:
    with pytest.raises(SpecError, match=r"must lie between 20 and 10000 training runs"):
        advised_split(budget)


def test_every_control_needs_room_for_three_seeds() -> None:
    with pytest.raises(SpecError, match=r"budget = 35: must lie between 36 and .* evaluate 6 configurations"):
        advised_split(35, n_controls=5)
    split = advised_split(36, n_controls=5)
    assert (split.top_k, split.n_seeds) == (1, 3)


def test_a_study_has_the_split_of_its_own_sampler_and_controls() -> None:
    control = {"name": "published", "hyperparameters": {"gamma": 0.97}}
    study = make_study({"tuning.sampler": "random", "post_evaluation.controls": [control]})
    assert split_for(study, 120) == advised_split(120, sampler="random", n_controls=2)
    assert split_for(make_study({"tuning.sampler": "gp"}), 120) == advised_split(120, sampler="tpe")


def test_what_a_study_leaves_out_is_what_is_advised_at_the_default_budget() -> None:
    study = make_study({"post_evaluation.top_k": None, "post_evaluation.n_seeds": None})
    split, post = advised_split(DEFAULT_BUDGET), study.post_evaluation
    assert (post.top_k, post.n_seeds, study.has_default_control) == (
        split.top_k,
        split.n_seeds,
        split.n_controls,
    )
    assert study.tuning.sampler == split.sampler


def test_findings_are_in_order_and_on_their_scale() -> None:
    assert {"random", "tpe"} == set(findings())
    for known in findings().values():
        budgets = [found.budget for found in known]
        assert all(a < b for a, b in itertools.pairwise(budgets))
        for found in known:
            assert 0 <= found.regret < found.single_seed <= 1.5
