from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robusttune.errors import SpecError
from robusttune.pipeline.advice import LEAST_BUDGET, advised_split, findings


@given(budget=st.integers(LEAST_BUDGET, 100_000), n_controls=st.integers(0, 3))
def test_a_split_spends_the_budget_and_no_more_than_half_of_it_on_judging(
    budget: int, n_controls: int
) -> None:
    split = advised_split(budget, n_controls=n_controls)
    judged = (split.top_k + n_controls) * split.n_seeds
    assert split.n_trials + judged == budget
    assert split.n_trials >= max(split.top_k, budget / 2)
    assert split.top_k >= 1
    assert split.n_seeds >= 2
    assert split.post_share == pytest.approx(judged / budget)


def test_at_a_studied_budget_the_split_is_the_one_that_was_found() -> None:
    for found in findings():
        split = advised_split(found.budget)
        assert (split.top_k, split.n_seeds) == (found.top_k, found.n_seeds)


def test_a_larger_budget_of_the_same_kind_buys_more_of_both() -> None:
    largest = findings()[-1].budget
    small, large = advised_split(largest), advised_split(2 * largest)
    assert large.n_seeds > small.n_seeds
    assert large.n_trials > small.n_trials


def test_controls_come_off_the_trials() -> None:
    without, with_one = advised_split(240), advised_split(240, n_controls=1)
    assert (with_one.top_k, with_one.n_seeds) == (without.top_k, without.n_seeds)
    assert without.n_trials - with_one.n_trials == with_one.n_seeds


def test_too_small_a_budget_is_refused() -> None:
    with pytest.raises(SpecError, match=r"--budget 19: must be at least 20 training runs"):
        advised_split(19)


def test_findings_are_in_order_and_on_their_scale() -> None:
    budgets = [found.budget for found in findings()]
    assert all(a < b for a, b in itertools.pairwise(budgets))
    for found in findings():
        assert 0 <= found.regret < found.single_seed <= 1.5
