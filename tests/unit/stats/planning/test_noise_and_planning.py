"""Noise components, reliability, planning, budgets: against closed forms and by their limits."""

import numpy as np
import pytest
from scipy import special
from scipy import stats as scipy_stats

from robusttune import stats
from robusttune.stats.planning.power import difference_power


def rng(seed=0):
    return np.random.default_rng(seed)


def test_components_equal_the_one_way_analysis_of_variance():
    runs = rng(1).normal(size=(6, 1)) + rng(2).normal(size=(6, 9))
    found = stats.noise_components([runs])
    f = scipy_stats.f_oneway(*runs).statistic
    within = runs.var(axis=1, ddof=1).mean()
    assert found.sd_episode == pytest.approx(np.sqrt(within))
    assert found.sd_seed == pytest.approx(np.sqrt(within * (f - 1) / 9))
    assert found.icc == pytest.approx((f - 1) / (f + 8))
    assert found.icc_low < found.icc < found.icc_high
    assert found.evaluation_share == pytest.approx(1 / f)


def test_configurations_are_pooled_within_and_never_between():
    runs = rng(1).normal(size=(5, 8))
    one, both = stats.noise_components([runs]), stats.noise_components([runs, runs + 100])
    assert both.sd_seed == pytest.approx(one.sd_seed)
    assert both.sd_episode == pytest.approx(one.sd_episode)
    assert both.n_seeds == 10


def test_unequal_numbers_of_episodes_recover_the_truth():
    r = rng(3)
    runs = [r.normal(r.normal(0, 2.0), 3.0, r.integers(5, 40)) for _ in range(3000)]
    found = stats.noise_components([runs])
    assert (found.sd_seed, found.sd_episode) == pytest.approx((2.0, 3.0), rel=0.05)


def test_the_warning_comes_above_a_quarter_and_the_advice_removes_it():
    r = rng(4)
    few = [r.normal(s, 3.0, 5) for s in r.normal(0, 1.0, 400)]
    noisy = stats.noise_components([few])
    assert noisy.evaluation_share > 0.25
    assert "evaluate more episodes" in noisy.warning
    many = [r.normal(s, 3.0, noisy.advised_episodes) for s in r.normal(0, 1.0, 400)]
    calm = stats.noise_components([many])
    assert calm.warning is None
    assert calm.evaluation_share < 0.15


def test_noise_without_seed_variance_has_no_advice_and_constant_returns_no_noise():
    pure = stats.noise_components([[[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]])
    assert pure.sd_seed == 0.0
    assert pure.advised_episodes is None
    flat = stats.noise_components([[[5.0, 5.0], [5.0, 5.0]]])
    assert (flat.evaluation_share, flat.warning, flat.icc) == (0.0, None, 0.0)


def test_single_episodes_cannot_tell_seeds_from_episodes():
    with pytest.raises(ValueError, match="single episodes"):
        stats.noise_components([[[1.0], [2.0]]])


def test_reliability_is_near_one_for_distant_configurations_and_near_zero_for_equal_ones():
    noise = rng(5).normal(size=(30, 10))
    assert stats.single_seed_reliability(noise + 50 * np.arange(30)[:, None]).estimate > 0.99
    equal = stats.single_seed_reliability(noise)
    assert abs(equal.estimate) < 0.1
    assert equal.low < 0 < equal.high


def test_tuning_agreement_is_scipys_tau_b_also_with_ties():
    r = rng(6)
    x, y = r.integers(0, 5, 12), r.integers(0, 5, 12)
    found = stats.tuning_agreement(x, y, rng=r)
    assert found.estimate == pytest.approx(scipy_stats.kendalltau(x, y).statistic)
    assert found.low <= found.estimate <= found.high


def test_agreement_has_no_interval_below_eight_configurations_and_no_value_without_variation():
    assert stats.tuning_agreement(range(7), range(7), rng=rng()).low is None
    assert stats.tuning_agreement([1, 1, 1], [1, 2, 3], rng=rng()).estimate is None
    assert stats.single_seed_reliability([[1.0, 2.0]]).estimate is None


def test_the_planned_number_of_seeds_reaches_its_power_in_real_studies():
    means, sds = [0.0, 1.0, 3.0], [0.5, 1.0, 1.0]
    plan = stats.required_seeds(means, sds, claim="separate_top_two", rng=rng(1))
    made, r = 0, rng(2)
    for _ in range(300):
        scores = r.normal(np.array(means)[:, None], np.array(sds)[:, None], (3, plan.n_seeds))
        made += stats.rank(scores, n_resamples=400, robust=False, rng=r).better[2][1]
    assert 0.70 <= made / 300 <= 0.95
    quick = stats.seeds_to_separate(means, sds, first=2, second=1, rng=rng(3))
    assert abs(quick - plan.n_seeds) <= 3


def test_a_plan_that_no_number_of_seeds_fulfils_says_none():
    plan = stats.required_seeds([0.0, 0.001], [1.0, 1.0], max_seeds=20, n_studies=20, rng=rng())
    assert plan.n_seeds is None
    assert plan.achieved < 0.8
    assert stats.seeds_to_separate([1.0, 1.0], [1.0, 1.0], first=0, second=1, rng=rng()) is None


def test_a_small_pilot_inflates_its_sds():
    expected = np.sqrt(4 / scipy_stats.chi2.ppf(0.2, 4))
    assert stats.inflated_sd(1.0, n=5) == pytest.approx(expected)
    assert stats.inflated_sd(1.0, n=500) < 1.05


def test_a_smaller_best_set_needs_more_seeds():
    args = {"claim": "small_best_set", "n_studies": 60}
    few, many = (
        stats.required_seeds([0, 1, 2, 2.7], [1] * 4, best_set_size=size, rng=rng(), **args).n_seeds
        for size in (3, 1)
    )
    assert few < many


@pytest.mark.parametrize(("ratio", "df", "critical"), [(50.0, 2, 1.5), (51.0, 3, 2.0), (49.0, 200, 10.0)])
def test_power_is_a_probability_where_scipy_has_no_value(ratio: float, df: float, critical: float) -> None:
    assert np.isnan(special.nctdtr(df, ratio, critical))
    assert difference_power(ratio, 1.0, 1.0, 2, df, critical) == pytest.approx(1.0, abs=1e-3)
