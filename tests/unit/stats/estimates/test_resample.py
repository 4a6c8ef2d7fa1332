"""The matrix form of the bootstrap equals the loop that draws, sorts and averages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
