"""Luck and its four words."""

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from robusttune.stats import CONSISTENT, INCONCLUSIVE, LUCKY, UNLUCKY, LuckRules, luck
from robusttune.stats.luck.measure import benjamini_hochberg

TEN = np.linspace(-1.5, 1.5, 10)


def test_one_tuning_seed_gives_the_prediction_t_of_a_single_new_value():
    found = luck([[2.0]], [TEN])[0]
    expected = 2.0 / (TEN.std(ddof=1) * np.sqrt(1 + 1 / 10))
    assert found.t == pytest.approx(expected)
    assert found.df == 9
    assert found.p_lucky == pytest.approx(scipy_stats.t.sf(expected, 9))
    assert found.p_unlucky == pytest.approx(1 - found.p_lucky)


def test_several_tuning_seeds_give_the_two_sample_t_test():
    tuning = [1.0, 2.0, 2.5]
    expected = scipy_stats.ttest_ind(tuning, TEN, alternative="greater")
    found = luck([tuning], [TEN])[0]
    assert (found.t, found.p_lucky, found.df) == pytest.approx((expected.statistic, expected.pvalue, 11))


def test_the_rank_p_value_counts_fresh_seeds_at_least_as_good():
    assert luck([[1.5]], [TEN])[0].p_rank == pytest.approx(2 / 11)
    assert luck([[9.0]], [TEN])[0].p_rank == pytest.approx(1 / 11)


def test_the_four_words():
    found = luck([[9.0], [-9.0], [0.1], [1.6]], [TEN] * 4)
    assert [one.verdict for one in found] == [LUCKY, UNLUCKY, CONSISTENT, INCONCLUSIVE]


def test_a_significant_gap_below_the_tolerance_is_not_called_luck():
    rules = LuckRules(tolerance=20.0)
    assert luck([[9.0]], [TEN], rules=rules)[0].verdict == INCONCLUSIVE


def test_five_seeds_are_too_few_to_call_a_configuration_consistent():
    found = luck([[0.0]], [TEN[:5] - TEN[:5].mean()])[0]
    assert found.verdict == INCONCLUSIVE
    assert found.seeds_to_decide == 9  # where no failure in n runs bounds the failure fraction below .30


def test_failed_runs_keep_a_configuration_from_being_consistent():
    assert luck([[0.1]], [TEN], n_failed=[0])[0].verdict == CONSISTENT
    assert luck([[0.1]], [TEN], n_failed=[2])[0].verdict == INCONCLUSIVE


def test_a_long_lower_tail_keeps_a_configuration_from_being_consistent():
    assert luck([[0.1]], [TEN], rules=LuckRules(spread_tolerance=0.5))[0].verdict == INCONCLUSIVE


def test_the_seeds_that_decide_really_decide_if_the_estimates_stay():
    post = np.tile([-1.0, 1.0], 3)
    one = luck([[0.0]], [post])[0]
    more = np.tile([-1.0, 1.0], one.seeds_to_decide // 2 + 1)
    assert luck([[0.0]], [more])[0].verdict != INCONCLUSIVE


def test_one_post_seed_gives_no_test_and_says_so():
    found = luck([[3.0]], [[1.0]])[0]
    assert (found.t, found.p_lucky, found.verdict) == (None, None, INCONCLUSIVE)
    assert "one seed" in found.note


def test_equal_runs_are_consistent_with_an_equal_tuning_score_and_lucky_beside_a_better_one():
    same, better = luck([[500.0], [600.0]], [[500.0] * 10] * 2)
    assert same.verdict == CONSISTENT
    assert better.verdict == LUCKY
    assert same.gap_in_sd is None


def test_benjamini_hochberg_is_that_of_statsmodels():
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.uniform(0, 1, 12) ** 3
        expected = multipletests(p, alpha=0.1, method="fdr_bh")[0]
        assert benjamini_hochberg(p.tolist(), 0.1) == tuple(expected.tolist())


def test_more_candidates_make_one_flag_harder_to_get():
    alone = luck([[2.4]], [TEN])[0]
    among = luck([[2.4]] + [[0.0]] * 19, [TEN] * 20)[0]
    assert alone.p_lucky == among.p_lucky
    assert (alone.verdict, among.verdict) == (LUCKY, INCONCLUSIVE)


def test_rules_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="`0 < false_discovery < 1`"):
        LuckRules(false_discovery=10)
    with pytest.raises(ValueError, match="`tolerance >= 0`"):
        LuckRules(tolerance=-1.0)
    with pytest.raises(ValueError, match=r"`n_failed\[0\] <= n_seeds`"):
        luck([[1.0]], [TEN], n_failed=[11])
