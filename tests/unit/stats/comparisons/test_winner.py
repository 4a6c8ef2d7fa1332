"""The winner's interval: corrected for the choice, or confirmed on fresh seeds."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from robusttune import stats

UNIT = np.linspace(-1.5, 1.5, 5)
STUDY = [UNIT + 1, 2 * UNIT, 3 * UNIT]
COMMON = 14 / 3 * UNIT.var(ddof=1)  # mean of 1, 4 and 9


def error(x):
    n, own = len(x), np.var(x, ddof=1)
    return np.sqrt(max(own, (4 * COMMON + (n - 1) * own) / (n + 3)) / n)


@pytest.mark.parametrize("winner", [0, 2])  # calmer than the mean of all, and wilder
def test_the_corrected_interval_borrows_the_mean_spread_upwards_and_lowers_the_lower_bound(winner):
    found = stats.winner_interval(STUDY, winner=winner)
    beside = stats.headline_intervals(STUDY)[winner]
    mean = STUDY[winner].mean()
    low = mean - scipy_stats.t.ppf(0.975 ** (1 / 3), 8) * error(STUDY[winner])
    high = mean + scipy_stats.t.ppf(0.975, 8) * error(STUDY[winner])
    assert (found.low, found.high) == pytest.approx((min(low, beside.low), max(high, beside.high)))
    assert found.low < beside.low
    assert found.method == "t, borrowed spread, corrected for selection"


def test_confirmation_seeds_alone_make_the_confirmed_mean_without_correction():
    fresh = np.array([0.2, 0.9, -0.4])
    found = stats.winner_interval(STUDY, winner=0, confirmation=fresh)
    half = scipy_stats.t.ppf(0.975, 6) * error(fresh)
    assert found.estimate == pytest.approx(fresh.mean())
    assert (found.low, found.high) == pytest.approx((fresh.mean() - half, fresh.mean() + half))
    assert found.n == 3


def test_the_corrected_interval_contains_the_printed_one():
    rng = np.random.default_rng(0)
    for _ in range(300):
        k, n = rng.integers(1, 7), rng.integers(2, 7)
        runs = list(rng.lognormal(0, 2, (k, 1)) * rng.standard_normal((k, n)) * rng.integers(0, 2, (k, 1)))
        winner = int(np.argmax([x.mean() for x in runs]))
        for plain in (stats.headline_intervals(runs)[winner], stats.mean_interval(runs[winner])):
            found = stats.winner_interval(runs, winner=winner, plain=plain)
            assert found.low <= plain.low
            assert found.high >= plain.high


@pytest.mark.parametrize("fresh", [None, [0.2, 0.9, -0.4]])
def test_controls_lend_no_spread_to_the_winner_but_it_was_chosen_from_them_too(fresh):
    def found(spread):
        return stats.winner_interval(
            [*STUDY, spread * UNIT], winner=0, is_control=[False, False, False, True], confirmation=fresh
        )

    assert found(1000.0) == found(0.1)
    alone = stats.winner_interval(STUDY, winner=0, confirmation=fresh)
    assert found(1000.0).high == alone.high
    assert (found(1000.0).low < alone.low) == (fresh is None)


def test_a_control_that_wins_borrows_no_spread():
    found = stats.winner_interval(STUDY, winner=0, is_control=[True, False, False])
    assert found.high == pytest.approx(stats.mean_interval(STUDY[0]).high)


def test_the_confirmation_of_the_only_trial_has_students_interval():
    fresh = [0.2, 0.9, -0.4]
    found = stats.winner_interval([UNIT, 1000 * UNIT], winner=0, is_control=[False, True], confirmation=fresh)
    student = stats.mean_interval(fresh)
    assert (found.low, found.high) == pytest.approx((student.low, student.high))


def test_chosen_from_one_is_not_chosen():
    assert stats.winner_interval([UNIT], winner=0).width == pytest.approx(stats.mean_interval(UNIT).width)


def test_one_seed_gives_no_interval():
    assert np.isinf(stats.winner_interval([[1.0], UNIT], winner=0).low)
    assert np.isinf(stats.winner_interval(STUDY, winner=0, confirmation=[1.0]).low)
