"""Luck: what a tuning score overstates, and its four words."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from robusttune.stats import CONSISTENT, INCONCLUSIVE, LUCKY, UNLUCKY, luck, mean_interval
from robusttune.stats.luck.measure import yardstick

TEN = np.linspace(-1.5, 1.5, 10)
SD = TEN.std(ddof=1)


def test_the_interval_of_the_luck_is_that_of_the_fresh_mean_alone():
    found = luck([[2.0]], [TEN])[0]
    low, high = scipy_stats.t.interval(0.95, 9, loc=2.0, scale=SD / np.sqrt(10))
    assert (found.luck, found.low, found.high) == pytest.approx((2.0, low, high))
    assert (found.luck_in_sd, found.mean) == pytest.approx((2.0 / SD, 0.0), abs=1e-12)


def test_the_p_value_is_that_of_the_t_test_beyond_the_indifference():
    found = luck([[2.0]], [TEN])[0]
    expected = scipy_stats.ttest_1samp(TEN, 2.0 - SD / 4, alternative="less").pvalue
    assert found.p_lucky == pytest.approx(expected)
    assert luck([[-2.0]], [TEN])[0].p_unlucky == pytest.approx(expected)
    given = luck([[2.0]], [TEN], indifference=0.5)[0]
    assert given.p_lucky == pytest.approx(scipy_stats.ttest_1samp(TEN, 1.5, alternative="less").pvalue)


def test_a_borrowed_spread_counts_as_two_more_degrees_of_freedom():
    found = luck([[2.0], [0.0], [0.0]], [TEN, 2 * TEN, 3 * TEN])[0]
    error = np.sqrt((9 * SD**2 + 2 * (2 * SD) ** 2) / 11 / 10)
    assert found.p_lucky == pytest.approx(scipy_stats.t.sf((2.0 - 2 * SD / 4) / error, 11))


def test_several_tuning_seeds_are_one_known_number():
    assert luck([[1.0, 3.0]], [TEN]) == luck([[2.0]], [TEN])


def test_the_fresh_seeds_that_reach_the_tuning_score_are_counted_with_an_exact_interval():
    found = luck([[1.5]], [TEN])[0]
    assert (found.n_reached, found.n_seeds, found.reached) == (1, 10, 0.1)
    # Clopper and Pearson for 1 of 10, from the beta quantiles
    expected = scipy_stats.beta.ppf([0.025, 0.975], [1, 2], [10, 9])
    assert (found.reached_low, found.reached_high) == pytest.approx(tuple(expected))
    assert luck([[9.0]], [TEN])[0].n_reached == 0


def test_the_four_words():
    found = luck([[9.0], [-9.0], [0.1], [0.75]], [TEN] * 4)
    assert [one.verdict for one in found] == [LUCKY, UNLUCKY, CONSISTENT, INCONCLUSIVE]


def test_no_flag_stands_beside_an_interval_that_contains_0():
    r, flags = np.random.default_rng(5), 0
    for _ in range(40):
        post = list(r.normal(0.0, 1.0, (6, 3)))
        for one in luck(r.normal(1.5, 0.5, (6, 1)).tolist(), post):
            flags += one.verdict in (LUCKY, UNLUCKY)
            assert one.verdict != LUCKY or one.low > 0
            assert one.verdict != UNLUCKY or one.high < 0
    assert flags > 10


def test_more_seeds_always_decide_a_number_that_could_have_been_drawn():
    # some fresh seeds reach it: no test of "could it have been drawn" would ever flag it
    found = [luck([[0.9]], [np.tile([-1.0, 1.0], n)])[0] for n in (2, 5, 20)]
    assert [one.verdict for one in found] == [INCONCLUSIVE, LUCKY, LUCKY]
    assert [one.reached for one in found] == [0.5] * 3


def test_the_seeds_that_decide_really_decide_if_the_estimates_stay():
    post = np.tile([-1.0, 1.0], 2)
    for tuning, expected in ((0.1, CONSISTENT), (0.9, LUCKY), (-0.9, UNLUCKY)):
        one = luck([[tuning]], [post])[0]
        assert one.verdict == INCONCLUSIVE
        half = one.seeds_to_decide // 2
        fewer, enough = np.tile([-1.0, 1.0], half - 1), np.tile([-1.0, 1.0], half + 2)
        assert luck([[tuning]], [fewer])[0].verdict == INCONCLUSIVE
        assert luck([[tuning]], [enough])[0].verdict == expected


def test_a_settled_verdict_needs_no_more_seeds():
    assert luck([[9.0]], [TEN])[0].seeds_to_decide is None


def test_one_fresh_seed_gives_no_test_and_says_so():
    found = luck([[3.0]], [[1.0]])[0]
    assert (found.luck, found.p_lucky, found.verdict) == (2.0, None, INCONCLUSIVE)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert "one seed" in found.note
    assert (found.n_reached, found.reached_low) == (0, 0.0)


def test_equal_runs_are_consistent_with_an_equal_tuning_score_and_lucky_beside_a_better_one():
    same, better, worse = luck([[500.0], [600.0], [400.0]], [[500.0] * 10] * 3)
    assert [one.verdict for one in (same, better, worse)] == [CONSISTENT, LUCKY, UNLUCKY]
    assert same.luck_in_sd is None
    assert same.n_reached == 10


def test_a_constant_configuration_is_judged_in_the_yardstick_of_the_others():
    found = luck([[500.1], [600.0], [0.0]], [[500.0] * 10, [500.0] * 10, 10 * TEN])
    assert [one.verdict for one in found[:2]] == [CONSISTENT, LUCKY]
    assert found[1].luck_in_sd == pytest.approx(100 / (10 * SD))


def test_the_yardstick_is_the_median_sd_of_the_trials_alone():
    runs = [TEN, 2 * TEN, 3 * TEN, 100 * TEN, 100 * TEN]
    control = [False, False, False, True, True]
    assert yardstick(runs, control) == pytest.approx(2 * SD)
    found = luck([[0.0]] * 5, runs, is_control=control)
    more = luck([[0.0]] * 3, runs[:3])
    assert [one.luck_in_sd for one in found[:3]] == [one.luck_in_sd for one in more]


def test_the_yardstick_falls_back_to_what_varies():
    constant = np.full(10, 500.0)
    assert yardstick([constant, constant, TEN], [False] * 3) == pytest.approx(SD)
    assert yardstick([constant, TEN], [False, True]) == pytest.approx(SD)
    assert yardstick([np.array([1.0]), TEN], [False, True]) == pytest.approx(SD)
    assert yardstick([np.array([1.0]), constant], [False, True]) is None


def test_controls_are_judged_in_the_same_units_and_change_no_verdict_of_a_trial():
    alone = luck([[9.0], [0.6]], [TEN, TEN])
    beside = luck([[9.0], [0.6], [9.0], [8.0]], [TEN] * 4, is_control=[False, False, True, True])
    assert beside[:2] == alone
    assert (beside[2].verdict, beside[2].luck_in_sd) == (LUCKY, alone[0].luck_in_sd)


def test_more_trials_make_one_flag_harder_to_get():
    alone = luck([[0.8]] * 2, [TEN] * 2)[0]
    among = luck([[0.8]] + [[0.0]] * 19, [TEN] * 20)[0]
    assert alone.p_lucky == pytest.approx(among.p_lucky)
    assert (alone.verdict, among.verdict) == (LUCKY, INCONCLUSIVE)


def test_the_interval_is_that_of_the_means_that_are_printed():
    wide = mean_interval(TEN, level=0.99)
    found = luck([[2.0]], [TEN], means=[wide])[0]
    assert (found.low, found.high) == pytest.approx((2.0 - wide.high, 2.0 - wide.low))


def test_a_larger_indifference_makes_consistent_what_was_lucky():
    assert luck([[1.0]], [TEN])[0].verdict == LUCKY
    assert luck([[1.0]], [TEN], indifference=2.0)[0].verdict == CONSISTENT


def test_arguments_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="`0 < false_discovery < 1`"):
        luck([[1.0]], [TEN], false_discovery=10)
    with pytest.raises(ValueError, match="`indifference >= 0`"):
        luck([[1.0]], [TEN], indifference=-1.0)
    with pytest.raises(ValueError, match="`tuning` must match `post`"):
        luck([[1.0], [2.0]], [TEN])
    with pytest.raises(ValueError, match="`is_control` must match"):
        luck([[1.0]], [TEN], is_control=[True, False])
