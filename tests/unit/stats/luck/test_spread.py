"""Steady and erratic candidates, and seeds that fall in two groups."""

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from robusttune.stats.luck.spread import ERRATIC, STEADY, holm, spread, two_groups

EVEN = np.linspace(-1.5, 1.5, 20)
# 20 seeds of a real configuration: 13 near the optimum, 7 that never get there
REAL = [-166, -171, -178, -183, -190, -196, -204, -211, -219, -230, -241, -252, -265]
REAL += [-347, -360, -372, -391, -415, -437, -458]


def test_the_one_that_scatters_more_is_erratic_and_the_one_that_scatters_less_is_steady():
    runs = [EVEN + i for i in range(6)]
    assert spread([*runs, 6 * EVEN]) == (None,) * 6 + (ERRATIC,)
    assert spread([*runs, 0.1 * EVEN]) == (None,) * 6 + (STEADY,)


def test_with_two_candidates_the_p_value_is_that_of_brown_and_forsythe():
    rng = np.random.default_rng(3)
    for factor in np.linspace(1.0, 3.0, 9):
        runs = [rng.standard_normal(15), factor * rng.standard_normal(15)]
        p = scipy_stats.levene(*runs, center="median").pvalue
        # each side at .025, and Holm over two candidates: the smaller one-sided p-value against .0125
        assert (spread(runs) != (None, None)) == (p / 2 <= 0.0125)


def test_nothing_is_said_of_spread_without_noise_or_company():
    assert spread([EVEN]) == (None,)
    assert spread([np.full(20, 3.0)] * 3) == (None,) * 3
    assert spread([[1.0], EVEN, EVEN + 1]) == (None, None, None)


def test_a_configuration_without_any_variation_is_steady_beside_many_that_vary():
    assert spread([np.full(20, 3.0)] + [EVEN] * 5)[0] == STEADY
    assert spread([np.full(3, 3.0)] + [EVEN[::7]] * 5)[0] is None


@pytest.mark.thorough
def test_holm_is_that_of_statsmodels():
    rng = np.random.default_rng(0)
    for k in (1, 2, 5, 8, 20, 40):
        p = rng.uniform(0, 1, k) ** 4
        assert holm(p, 0.05).tolist() == multipletests(p, alpha=0.05, method="holm")[0].tolist()


def test_the_two_groups_of_a_real_configuration_are_found():
    found = two_groups(REAL[::-1])
    assert (found.n_worse, found.n_better) == (7, 13)
    assert (found.worse_low, found.worse_high) == (-458, -347)
    assert (found.better_low, found.better_high) == (-265, -166)


def test_the_share_between_the_groups_is_that_of_the_best_split():
    x = np.sort(REAL)
    shares = [
        1 - (x[:r].var() * r + x[r:].var() * (20 - r)) / (x.var() * 20)
        for r in range(4, 17)
    ]  # fmt: skip
    assert two_groups(x).share == pytest.approx(max(shares))


def test_two_values_are_two_groups_and_one_value_is_one():
    assert two_groups([500.0] * 12 + [20.0] * 8).share == pytest.approx(1.0)
    assert two_groups([500.0] * 20) is None


def test_a_few_failures_are_no_group_and_few_seeds_are_not_judged():
    assert two_groups([*EVEN[:18], -50.0, -51.0]) is None
    assert two_groups([1.0] * 5 + [9.0] * 4) is None
