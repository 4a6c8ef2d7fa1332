"""One configuration: values that can be worked out by hand, and what happens with degenerate data."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from robusttune import stats

SAMPLES = st.lists(st.floats(-1e3, 1e3, allow_nan=False).map(lambda v: round(v, 3)), min_size=3, max_size=30)


def test_mean_interval_is_scipys_t_interval():
    x = np.random.default_rng(1).normal(size=7)
    expected = scipy_stats.ttest_1samp(x, 0.0).confidence_interval(0.9)
    found = stats.mean_interval(x, level=0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.df == 6
    assert found.width == pytest.approx(found.high - found.low)


@settings(max_examples=50)
@given(SAMPLES, st.floats(0.1, 10), st.floats(-100, 100))
def test_intervals_move_and_stretch_with_the_scores(values, scale, shift):
    x = np.array(values)
    for make in (stats.mean_interval, stats.trimmed_interval):
        plain, moved = make(x), make(scale * x + shift)
        for name in ("estimate", "low", "high"):
            assert getattr(moved, name) == pytest.approx(scale * getattr(plain, name) + shift, abs=1e-6)


@settings(max_examples=50)
@given(SAMPLES, st.randoms(use_true_random=False))
def test_the_order_of_the_seeds_does_not_matter(values, random):
    other = list(values)
    random.shuffle(other)
    assert stats.trimmed_interval(values).estimate == pytest.approx(
        stats.trimmed_interval(other).estimate, abs=1e-9
    )
    assert stats.trimmed_interval(values).width == pytest.approx(
        stats.trimmed_interval(other).width, abs=1e-9
    )


def test_one_seed_has_no_interval_and_says_so():
    for found in (stats.mean_interval([3.0]), stats.trimmed_interval([3.0])):
        assert found.estimate == 3.0
        assert (found.low, found.high) == (-math.inf, math.inf)
        assert "one seed" in found.note


def test_equal_runs_give_a_degenerate_interval_that_says_so():
    found = stats.mean_interval([0.1] * 6)  # the rounded mean of these is not 0.1
    assert found.standard_error == 0.0
    assert found.width == 0.0
    assert "no variation" in found.note


def test_two_seeds_give_the_very_wide_interval_of_one_degree_of_freedom():
    assert stats.mean_interval([0.0, 2.0]).high == pytest.approx(1 + 12.706, abs=1e-3)


def test_one_extreme_seed_moves_the_trimmed_interval_not_at_all():
    x = np.arange(8.0)
    worse = x.copy()
    worse[0] = -1e6
    assert stats.trimmed_interval(worse) == stats.trimmed_interval(x)
    assert stats.mean_interval(worse).estimate < -1e5


def test_a_middle_without_variation_still_has_an_interval():
    found = stats.trimmed_interval([500, 500, 500, 500, 500, 500, 480, 300])
    assert found.estimate == 500
    assert found.low < 500 < found.high
    assert found.note is None


def test_skewness_is_scipys_and_zero_without_variation():
    x = np.random.default_rng(2).gamma(1, size=20)
    assert stats.skewness(x) == pytest.approx(scipy_stats.skew(x))
    assert stats.skewness([0.1] * 5) == 0.0
    assert stats.skewness(x * 1e120) == pytest.approx(scipy_stats.skew(x))


def test_lower_tail_mean_takes_fractions_of_seeds():
    assert stats.lower_tail_mean([1, 2, 3, 4, 5, 6], fraction=0.25) == pytest.approx((1 + 0.5 * 2) / 1.5)
    assert stats.lower_tail_mean([1, 2, 3], fraction=0.2) == 1.0
    assert stats.lower_tail_mean([1, 2, 3], fraction=1.0) == 2.0
