"""The printed interval of a mean borrows the typical spread of the trials."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from robusttune import stats

UNIT = np.array([-1.0, 0.0, 1.0])  # SD 1


def test_the_variance_is_drawn_towards_the_square_of_the_median_sd():
    found = stats.headline_intervals([UNIT, 2 * UNIT, 6 * UNIT])
    for one, own in zip(found, (1.0, 4.0, 36.0), strict=True):
        variance = (2 * own + 2 * 2.0**2) / 4
        half = scipy_stats.t.ppf(0.975, 2) * np.sqrt(variance / 3)
        assert (one.low, one.high) == pytest.approx((-half, half))
        assert one.method == "t, borrowed spread"


def test_controls_lend_and_borrow_nothing():
    trials = stats.headline_intervals([UNIT, 2 * UNIT, 6 * UNIT])
    found = stats.headline_intervals(
        [UNIT, 2 * UNIT, 100 * UNIT, 6 * UNIT], is_control=[False, False, True, False]
    )
    assert [found[i] for i in (0, 1, 3)] == list(trials)
    assert found[2] == stats.mean_interval(100 * UNIT)


@pytest.mark.parametrize(
    ("scores", "is_control"),
    [
        ([UNIT], [False]),
        ([UNIT, [5.0]], [False, False]),
        ([[3.0] * 4, [4.0] * 4], [False, False]),
        ([UNIT, 7 * UNIT], [False, True]),
    ],
)
def test_a_trial_without_company_has_students_interval(scores, is_control):
    found = stats.headline_intervals(scores, is_control=is_control)
    assert found == tuple(stats.mean_interval(x) for x in scores)


def test_a_trial_that_does_not_vary_gets_an_interval_and_a_note():
    constant = stats.headline_intervals([[500.0] * 3, 300 * UNIT, 300 * UNIT])[0]
    assert constant.low < 400
    assert "the spread is borrowed" in constant.note


def test_one_seed_has_no_interval_even_beside_others():
    one = stats.headline_intervals([[1.0], UNIT, UNIT])[0]
    assert np.isinf([one.low, one.high]).all()
    assert "one seed" in one.note
