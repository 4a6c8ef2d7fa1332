"""Reliability of training. The expected numbers are those of the tests of google-research/rl-reliability-metrics
(metrics_online_test.py and metric_utils_test.py, Apache-2.0), or follow by hand from its definitions."""

import numpy as np
import pytest

from robusttune.stats.luck.curves import curve_reliability, lower_tails

RAMP, DIP = [1.0, 2.0, 3.0, 4.0], [0.3, 0.1, -0.5, 1.0]


@pytest.mark.parametrize(
    ("values", "timesteps", "expected"),
    [
        ([1, 1, 1], [5, 7, 9], 0.0),
        ([2, 3, 4, 5], [5, 7, 9, 11], 0.0),
        ([5, 4, 2, 1], [5, 7, 9, 10], 0.25),
    ],
)
def test_dispersion_within_a_run_is_that_of_the_package(values, timesteps, expected):
    found = curve_reliability([values], timesteps=timesteps)
    assert found.dispersion[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "timesteps", "tail", "expected"),
    [
        (RAMP, [1, 2, 4, 5], 0.51, 0.8333333),
        (RAMP, [1, 2, 4, 5], 0.49, 0.5),
        (DIP, [0, 1, 2, 3], 0.51, -0.4),
        (DIP, [0, 1, 2, 3], 0.49, -0.6),
    ],
)
def test_short_term_risk_is_the_packages_lower_cvar_on_differences(values, timesteps, tail, expected):
    found = curve_reliability([values], timesteps=timesteps, tail=tail)
    assert found.short_term_risk[0] == pytest.approx(expected)


@pytest.mark.parametrize(("tail", "expected"), [(0.25, [0.0, 0.8]), (0.49, [0.0, 0.5])])
def test_long_term_risk_is_the_packages_upper_cvar_on_drawdown(tail, expected):
    assert curve_reliability([RAMP, DIP], tail=tail).long_term_risk == pytest.approx(expected)


def test_the_tail_mean_is_the_packages():
    values = np.array([-1, 2, 3.5, 5, 2, 1, 1.5, 3, 1.5, 6, 2])
    assert lower_tails(values[None], 0.3) == (0.75,)
    assert lower_tails(-values[None], 0.1) == (-5.5,)


def test_the_long_term_risk_of_few_points_is_the_maximum_drawdown():
    # largest fall below the best so far: from 150 to 80
    assert curve_reliability([[100, 150, 90, 120, 80, 200]]).long_term_risk == (70.0,)


def test_a_steady_rise_has_no_dispersion_and_no_risk():
    found = curve_reliability([np.arange(10.0)])
    assert (found.dispersion, found.short_term_risk, found.long_term_risk) == ((0.0,), (1.0,), (0.0,))


def test_time_in_other_units_changes_the_rates_and_not_the_drawdown():
    one = curve_reliability([DIP])
    thousand = curve_reliability([DIP], timesteps=[0, 1000, 2000, 3000])
    assert thousand.dispersion[0] == pytest.approx(one.dispersion[0] / 1000)
    assert thousand.long_term_risk == one.long_term_risk


def test_curves_of_the_wrong_shape_or_order_are_refused():
    with pytest.raises(ValueError, match=r"\(n_runs, n_points\)"):
        curve_reliability([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="3 increasing numbers"):
        curve_reliability([[1.0, 2.0, 3.0]], timesteps=[0, 2, 1])
    with pytest.raises(ValueError, match="must be finite"):
        curve_reliability([[1.0, np.nan, 3.0]])
