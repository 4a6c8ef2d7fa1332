"""The promises, measured with fewer studies than `make calibration`; wrong methods must be seen to be wrong.

Bounds on 2,000 studies: 1,860 to 1,936 hits for a promise of .95.
"""

import numpy as np
import pytest

from benchmarks import cells
from benchmarks.noise import NOISES, landscapes, normal, opposite

pytestmark = pytest.mark.statistical
STUDIES = 2000


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("n", [3, 5, 10, 30])
def test_the_t_interval_covers_normal_means(n):
    assert 1860 <= STUDIES * cells.mean_coverage(normal, n, studies=STUDIES, rng=rng(n)) <= 1936


@pytest.mark.parametrize("name", list(NOISES))
@pytest.mark.parametrize("n", [5, 10])
def test_the_trimmed_t_interval_covers_whatever_the_shape(name, n):
    floor = 0.87 if name == "saturated" else 0.91
    assert cells.iqm_coverage(NOISES[name], n, studies=STUDIES, rng=rng(n)) >= floor


def test_the_trimmed_t_interval_is_exact_for_normal_scores():
    # with the usual h - 1 degrees of freedom the mean of these coverages is .937
    rates = [cells.iqm_coverage(normal, n, studies=4000, rng=rng(n)) for n in (5, 8, 12, 16)]
    assert np.mean(rates) == pytest.approx(0.95, abs=0.006)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_percentile_and_bca_intervals_are_seen_to_be_too_short(method):
    assert cells.bootstrap_coverage(normal, 3, method, studies=STUDIES, rng=rng()) < 0.80
    assert cells.bootstrap_coverage(normal, 5, method, studies=STUDIES, rng=rng()) < 0.90


@pytest.mark.parametrize(("k", "n"), [(3, 3), (10, 3), (10, 5), (20, 3)])
def test_rank_intervals_hold_together_with_unequal_variances(k, n):
    found = cells.ranking(cells.synthetic(normal, k, n), robust=False, studies=500, rng=rng(k + n))
    assert found.error <= 0.08
    assert found.single_winner <= 0.05


@pytest.mark.parametrize("draw", [NOISES["failing fifth"], NOISES["left lognormal"], opposite])
def test_robust_claims_hold_under_skew(draw):
    found = cells.ranking(cells.synthetic(draw, 10, 10), robust=True, studies=500, rng=rng())
    assert found.robust_error <= 0.09


def test_claims_without_the_robust_check_are_seen_to_fail_under_opposite_skews():
    found = cells.ranking(cells.synthetic(opposite, 10, 10), robust=True, studies=300, rng=rng())
    assert found.error > 0.12


@pytest.mark.parametrize("n", [3, 10])
def test_the_best_configuration_is_in_the_best_set(n):
    found = cells.ranking(cells.synthetic(normal, 10, n, step=0.5), robust=False, studies=500, rng=rng())
    assert found.best_kept >= 0.95


def test_plug_in_and_bootstrapped_ranks_are_seen_to_be_wrong():
    assert cells.plug_in_error(10, 5, studies=200, rng=rng()) > 0.2
    assert cells.naive_rank_error(10, 5, studies=200, rng=rng()) > 0.9


def test_the_winners_interval_covers_and_the_naive_one_is_seen_not_to():
    corrected, naive = cells.winner(cells.synthetic(normal, 10, 5), studies=STUDIES, rng=rng())
    assert corrected >= 0.95
    assert naive < 0.94


@pytest.mark.parametrize("n", [3, 10])
def test_the_luck_test_has_its_size(n):
    assert 0.03 <= cells.luck_size(normal, n, studies=STUDIES, rng=rng()) <= 0.07


@pytest.mark.parametrize(("n", "shift", "sd"), [(5, 0.0, 1.0), (5, 1.0, 3.0), (10, 1.0, 2.0)])
def test_the_interval_of_improvement_covers(n, shift, sd):
    assert cells.improvement_coverage(n, shift, sd, studies=500, rng=rng()) >= 0.93


def test_episodes_taken_for_seeds_are_seen_to_be_wrong():
    assert cells.episodes_as_seeds(5, 20, studies=500, rng=rng()) < 0.8


def test_studies_on_real_landscapes_keep_their_promises():
    tables = list(landscapes().values())
    if not tables:
        pytest.skip("the folder of real results is not beside the checkout")
    found = cells.ranking(cells.real(tables, 5), robust=False, studies=500, rng=rng())
    assert found.error <= 0.05
    assert found.best_kept >= 0.95
