"""The matrix form of the bootstrap equals the loop that draws, sorts and averages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from robusttune.stats import bootstrap_intervals, headline_intervals
from robusttune.stats.estimates.resample import (
    resample_counts,
    resampled_moments,
    trimmed_weights,
    winsorised_weights,
)


def yuen(sample):
    """Trimmed mean and its squared error, written as in the textbook."""
    n = sample.size
    cut = int(0.25 * n)
    kept = n - 2 * cut
    winsorised = np.sort(sample)
    winsorised[:cut], winsorised[n - cut :] = winsorised[cut], winsorised[n - cut - 1]
    error = (n - 1) * winsorised.var(ddof=1) / (kept * (kept - 1))
    return np.sort(sample)[cut : n - cut].mean(), error


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 25), st.integers(0, 10_000), st.sampled_from(["mean", "iqm"]))
def test_resampled_moments_equal_the_loop_over_resamples(n, seed, statistic):
    rng = np.random.default_rng(seed)
    matrix, counts = rng.gamma(1.0, 1.0, (3, n)), resample_counts(n, 20, rng)
    found = resampled_moments(matrix, counts, statistic=statistic)
    for i, row in enumerate(np.sort(matrix, axis=1)):
        own = row.mean() if statistic == "mean" else yuen(row)[0]
        for b, drawn in enumerate(counts):
            sample = np.repeat(row, drawn)
            if statistic == "mean":
                estimate, variance = sample.mean(), sample.var(ddof=1) / n
            else:
                estimate, variance = yuen(sample)
            assert found.estimate[i, b] == pytest.approx(estimate - own, abs=1e-10)
            assert found.variance[i, b] == pytest.approx(variance, abs=1e-10)


def test_every_resample_draws_as_many_seeds_as_there_are():
    counts = resample_counts(7, 500, np.random.default_rng(0))
    assert (counts.sum(axis=1) == 7).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.15)


@pytest.mark.parametrize("weights", [trimmed_weights, winsorised_weights])
def test_weights_of_each_resample_sum_to_one(weights):
    counts = resample_counts(11, 200, np.random.default_rng(0))
    assert weights(counts, 2).sum(axis=1) == pytest.approx(np.ones(200))


def test_large_offsets_do_not_cost_the_variance_its_digits():
    rng = np.random.default_rng(0)
    x, counts = rng.normal(size=(1, 9)), resample_counts(9, 50, rng)
    near, far = resampled_moments(x, counts), resampled_moments(x + 1e6, counts)
    assert far.variance == pytest.approx(near.variance, rel=1e-6)


@pytest.mark.parametrize(("method", "scipys"), [("percentile", "percentile"), ("bca", "BCa")])
@pytest.mark.parametrize("statistic", ["mean", "iqm"])
def test_percentile_and_bca_agree_with_scipys_bootstrap(method, scipys, statistic):
    x = np.random.default_rng(5).gamma(2.0, 1.0, 14)
    function = np.mean if statistic == "mean" else lambda a, axis: scipy_stats.trim_mean(a, 0.25, axis=axis)
    expected = scipy_stats.bootstrap(
        (x,), function, method=scipys, n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    found = bootstrap_intervals([x], statistic=statistic, method=method, rng=np.random.default_rng(2))[0]
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.05)
    assert "undercover" in found.note


def test_equal_generators_give_equal_intervals_and_others_do_not():
    x = np.random.default_rng(0).normal(size=(3, 8))
    first, again = (bootstrap_intervals(x, rng=np.random.default_rng(4)) for _ in range(2))
    assert first == again
    assert first != bootstrap_intervals(x, rng=np.random.default_rng(5))


def test_configurations_with_other_numbers_of_seeds_keep_their_places():
    short, long = np.random.default_rng(0).normal(0, 1, 5), np.random.default_rng(1).normal(100, 1, 12)
    found = bootstrap_intervals([long, short, long], rng=np.random.default_rng(0))
    assert [one.n for one in found] == [12, 5, 12]
    assert found[0].estimate == pytest.approx(long.mean())
    assert found[0] == found[2]


def test_bootstrap_t_leans_towards_the_long_tail():
    x = -np.random.default_rng(3).lognormal(size=20)
    found = bootstrap_intervals([x], rng=np.random.default_rng(0))[0]
    assert found.estimate - found.low > 1.2 * (found.high - found.estimate)


def test_the_printed_interval_is_bootstrap_t_only_with_ten_seeds_and_skew():
    rng = np.random.default_rng(0)
    skewed, symmetric = -rng.lognormal(0, 1.5, 15), np.linspace(-1, 1, 15)
    methods = [one.method for one in headline_intervals([skewed, symmetric, skewed[:9]], rng=rng)]
    assert methods == ["bootstrap, studentised", "t", "t"]


def test_degenerate_samples_have_honest_bootstrap_intervals():
    rng = np.random.default_rng(0)
    for method in ("studentised", "percentile", "bca"):
        constant, single = bootstrap_intervals([[2.0] * 5, [1.0]], method=method, rng=rng)
        assert (constant.low, constant.high) == (2.0, 2.0)
        assert "no variation" in constant.note
        assert np.isinf([single.low, single.high]).all()
        assert "one seed" in single.note
