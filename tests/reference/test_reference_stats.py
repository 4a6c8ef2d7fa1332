"""Numbers published by others, or computed by other libraries; each with its source."""

import csv
import json

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from robusttune import stats
from robusttune.stats.comparisons.best_set import _constrained
from robusttune.stats.comparisons.contrasts import assemble
from robusttune.stats.comparisons.maxt import (
    NullDraws,
    largest_against,
    largest_of_all,
    parametric_draws,
    upper_quantile,
)
from robusttune.stats.comparisons.ranking import rank_contrasts
from robusttune.stats.estimates.estimate import trimmed_parts
from robusttune.stats.estimates.location import Locations, locate
from robusttune.stats.tasks.rliable import rliable_aggregate, rliable_interval
from tests.support.cases import cases
from tests.support.places import SHARED_DATA as DATA

needs_data = pytest.mark.skipif(
    not DATA.exists(), reason="the folder of real results is not beside the checkout"
)


def known(estimate, error):
    """Estimates with known standard errors: infinite degrees of freedom make the procedure normal."""
    k = len(estimate)
    return Locations(
        estimate=np.asarray(estimate, dtype=float),
        variance=np.asarray(error, dtype=float) ** 2,
        df=np.full(k, np.inf),
        floor=np.zeros(k),
        n=np.full(k, 2),
    )


# PISA 2018 mathematics, 37 countries: scores and standard errors of the OECD; rank intervals published with
# the R package csranks (Mogstad, Romano, Shaikh and Wilhelm, doi:10.1093/restud/rdad006; arXiv:2401.15205).
@pytest.fixture(scope="module")
def pisa():
    rows = json.loads((DATA / "pisa2018_math_rank_cs.json").read_text())
    locations = known([row["score"] for row in rows], [row["se"] for row in rows])
    draws = parametric_draws(locations, n_resamples=50_000, rng=np.random.default_rng(0))
    return rows, assemble(locations, draws)


@pytest.mark.thorough
@needs_data
def test_pisa_simultaneous_rank_intervals_are_all_the_published_ones(pisa):
    rows, contrasts = pisa
    found = rank_contrasts(contrasts, level=0.95)
    assert found.rank_low == tuple(row["L95"] for row in rows)
    assert found.rank_high == tuple(row["U95"] for row in rows)


# Two of the marginal bounds are ties: their deciding pair has p = .050, so the number of draws decides. (The
# package's own vignette prints 7 to 23 for the United Kingdom, its figure 8 to 23.)
@pytest.mark.thorough
@needs_data
def test_pisa_marginal_rank_intervals_are_the_published_ones_but_for_two_ties(pisa):
    rows, contrasts = pisa
    found, strict, loose = (rank_contrasts(contrasts, level=level) for level in (0.95, 0.953, 0.947))
    low = np.array([row["L95_marginal"] for row in rows])
    high = np.array([row["U95_marginal"] for row in rows])
    assert (np.array(strict.marginal_low) <= low).all()
    assert (low <= np.array(loose.marginal_low)).all()
    assert (np.array(loose.marginal_high) <= high).all()
    assert (high <= np.array(strict.marginal_high)).all()
    equal = (np.array(found.marginal_low) == low).sum() + (np.array(found.marginal_high) == high).sum()
    assert equal >= 72


# Hsu (1996), Multiple Comparisons, SAT example: computer science, engineering, other majors; alpha = .10.
def test_hsus_sat_intervals_are_the_published_ones():
    n, means = np.array([103, 31, 122]), np.array([619.0, 629.0, 575.0])
    error = 82.52 * np.sqrt(1 / n[:, None] + 1 / n[None, :])
    found = _constrained(means, error, np.array([1.605, 1.505, 1.612]), 0.90, 0.0)
    assert found.gap_low == pytest.approx((-35.44, -17.14, -78.97), abs=0.012)
    assert found.gap_high == pytest.approx((17.14, 35.44, 0.0), abs=0.012)
    assert found.members == (True, True, False)


def pooled_draws(k, nu, seed=0, n=400_000):
    """Equal variances, estimated together with nu degrees of freedom: the setting of the printed tables."""
    rng = np.random.default_rng(seed)
    variance = np.broadcast_to(rng.chisquare(nu, n) / nu if np.isfinite(nu) else np.ones(n), (k, n))
    return NullDraws(deviation=rng.standard_normal((k, n)), variance=variance, usable=np.ones(k, dtype=bool))


# Hsu (1996), appendix E, alpha = .05: one-sided critical values of comparisons with a control (Dunnett).
@pytest.mark.parametrize(
    ("nu", "k", "expected"),
    cases([
        (5, 2, 2.016), (5, 5, 2.849), (5, 10, 3.300),
        (10, 2, 1.812), (10, 5, 2.466), (10, 10, 2.807),
        (20, 2, 1.725), (20, 5, 2.305), (20, 10, 2.601),
    ], fast=[(5, 2, 2.016), (10, 5, 2.466), (20, 10, 2.601)]),
)  # fmt: skip
def test_critical_values_against_the_best_are_dunnetts(nu, k, expected):
    assert upper_quantile(largest_against(pooled_draws(k, nu), 0), 0.95) == pytest.approx(expected, abs=0.02)


# Hsu (1996), appendix E: |q|* with 20 degrees of freedom, the studentised range over the root of two.
@pytest.mark.parametrize(("k", "expected"), cases([(3, 2.530), (5, 2.992), (10, 3.541)], fast=[(5, 2.992)]))
def test_critical_values_of_all_pairs_are_tukeys(k, expected):
    assert upper_quantile(largest_of_all(pooled_draws(k, 20)), 0.95) == pytest.approx(expected, abs=0.015)
    assert scipy_stats.studentized_range.ppf(0.95, k, 20) / np.sqrt(2) == pytest.approx(expected, abs=2e-3)


# Bechhofer (1954), doi:10.1214/aoms/1177728845: h for P(correct selection) = .95 under slippage.
@pytest.mark.parametrize(
    ("k", "h"),
    cases([(3, 2.7101), (5, 3.0552), (10, 3.4182), (20, 3.7207)], fast=[(5, 3.0552)]),
)
def test_known_variances_give_bechhofers_constants(k, h):
    critical = upper_quantile(largest_against(pooled_draws(k, np.inf), 0), 0.95)
    assert critical * np.sqrt(2) == pytest.approx(h, abs=0.015)


# Normal tolerance factors, 90 % content, 95 % confidence: printed in Hahn and Meeker (1991), table A.12.
@pytest.mark.parametrize(("n", "factor"), [(5, 3.407), (10, 2.355), (20, 1.926), (30, 1.777)])
def test_tolerance_factors_are_the_printed_ones(n, factor):
    assert stats.tolerance_bound(n=n) == pytest.approx(factor, abs=6e-4)


# scipy documentation of `ttest_ind`, the example with trim=.2 (Yuen's test, variances pooled).
def test_trimmed_means_and_errors_give_scipys_yuen_statistic():
    a, b = (56, 128.6, 12, 123.8, 64.34, 78, 763.3), (1.1, 2.9, 4.2)
    (first, error_a, _), (second, error_b, _) = (trimmed_parts(np.array(x), trim=0.2) for x in (a, b))
    kept_a, kept_b = 5, 3
    squares = error_a**2 * kept_a * (kept_a - 1) + error_b**2 * kept_b * (kept_b - 1)
    pooled = squares / (kept_a + kept_b - 2) * (1 / kept_a + 1 / kept_b)
    assert (first - second) / np.sqrt(pooled) == pytest.approx(3.4463884, abs=1e-6)
    unequal = scipy_stats.ttest_ind(a, b, trim=0.2, equal_var=False).statistic
    assert (first - second) / np.hypot(error_a, error_b) == pytest.approx(unequal)


# scipy documentation of `tukey_hsd`, with equal_var=False (Games-Howell): p = .03906, .97882, .02470.
def test_single_step_p_values_come_close_to_games_howell():
    groups = [[24.5, 23.5, 26.4, 27.1, 29.9], [28.4, 34.2, 29.5, 32.2, 30.1], [26.1, 28.3, 24.3, 26.2, 27.8]]
    locations = locate([np.array(group) for group in groups])
    draws = parametric_draws(locations, n_resamples=200_000, rng=np.random.default_rng(0))
    t, largest = assemble(locations, draws).t, largest_of_all(draws)
    for (i, j), expected in {(0, 1): 0.03906, (0, 2): 0.97882, (1, 2): 0.02470}.items():
        assert (largest >= abs(t[i, j])).mean() == pytest.approx(expected, abs=0.012)


def test_wilson_bounds_are_those_of_statsmodels():
    for events, n in ((0, 5), (2, 10), (7, 7), (13, 30)):
        assert stats.wilson_bounds(events, n) == pytest.approx(
            proportion_confint(events, n, method="wilson"), abs=1e-9
        )


# Colas, Sigaud and Oudeyer (2018), arXiv:1806.08295: standard sample sizes of the two-sample t test.
@pytest.mark.parametrize(("d", "n"), [(0.5, 64), (0.75, 29), (1.0, 17), (1.5, 9), (2.0, 6)])
def test_sample_sizes_are_the_standard_ones(d, n):
    found = stats.seeds_to_separate([d, 0.0], [1.0, 1.0], first=0, second=1, rng=np.random.default_rng(0))
    assert found == pytest.approx(n, rel=0.1, abs=1)  # its critical value is simulated


# rliable's own unit tests (tests/rliable/metrics_test.py).
def test_rliables_unit_test_values():
    x, y = np.array([[1, 2], [2, 2], [1, 1], [2, 1]]), np.array([[1, 1], [2, 2], [3, 3]])
    rng = np.random.default_rng(0)
    assert stats.aggregate(x, rng=rng).estimate == pytest.approx(1.5)
    assert stats.aggregate(y, rng=rng).estimate == pytest.approx(2.0)
    assert stats.improvement_over_tasks(x, y, rng=rng).estimate == pytest.approx(1 / 3)


@pytest.mark.parametrize("metric", cases(["mean", "median", "iqm", "optimality_gap"], fast=["iqm"]))
def test_aggregates_and_their_intervals_are_rliables(metric):
    x = np.random.default_rng(1).gamma(1.0, 1.0, (6, 5))
    ours = stats.aggregate(x, metric=metric, rng=np.random.default_rng(0))
    assert ours.estimate == pytest.approx(rliable_aggregate(x, metric=metric), abs=1e-12)
    theirs = rliable_interval(x, metric=metric, n_resamples=3000)
    assert (ours.low, ours.high) == pytest.approx(theirs, abs=0.06)


def test_the_iqm_of_one_configuration_is_rliables():
    for n in range(1, 15):
        x = np.random.default_rng(n).normal(size=n)
        assert stats.trimmed_interval(x).estimate == pytest.approx(
            rliable_aggregate(x[:, None], metric="iqm")
        )


def test_the_cross_check_leaves_the_global_generator_as_it_was():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    rliable_interval(np.ones((3, 2)) * [[1], [2], [3]], metric="mean", n_resamples=100)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_the_cross_check_refuses_tasks_of_unequal_length():
    with pytest.raises(ValueError, match=r"equally many seeds.*\[2, 3\]"):
        rliable_aggregate([[1.0, 2.0], [1.0, 2.0, 3.0]], metric="mean")


# Atari-100k: raw scores of google-research/rliable's data (100 runs, 26 games). Mean and median are as
# printed in its notebook (the stored table agrees to nine digits); IQM and optimality gap to four digits.
@needs_data
@pytest.mark.parametrize(
    ("algorithm", "mean", "median", "iqm", "gap"),
    [
        ("SPR", 0.6157957428691673, 0.39562938291779215, 0.3366, 0.5773),
        ("DrQ(eps)", 0.4647412513971657, 0.312901399063074, 0.2796, 0.6305),
    ],
)
def test_atari_100k_aggregates_are_the_published_ones(algorithm, mean, median, iqm, gap):
    matrix = atari(algorithm)
    assert matrix.shape == (100, 26)
    rng = np.random.default_rng(0)
    found = {
        name: stats.aggregate(matrix, metric=name, n_resamples=100, rng=rng).estimate
        for name in ("mean", "median", "iqm", "optimality_gap")
    }
    assert found["mean"] == pytest.approx(mean, abs=2e-9)
    assert found["median"] == pytest.approx(median, abs=2e-9)
    assert found["iqm"] == pytest.approx(iqm, abs=6e-5)
    assert found["optimality_gap"] == pytest.approx(gap, abs=6e-5)


# The interval is that of rliable 1.2.0 with 4,000 resamples.
@needs_data
def test_atari_100k_interval_and_improvement():
    from rliable import metrics

    spr, drq = atari("SPR"), atari("DrQ(eps)")
    found = stats.aggregate(spr, n_resamples=4000, rng=np.random.default_rng(0))
    assert (found.low, found.high) == pytest.approx((0.326, 0.348), abs=2e-3)
    better = stats.improvement_over_tasks(spr, drq, n_resamples=200, rng=np.random.default_rng(0))
    assert better.estimate == pytest.approx(metrics.probability_of_improvement(spr, drq))


def atari(algorithm):
    import pandas as pd

    frame = pd.read_parquet(DATA / "atari100k_scores.parquet")
    frame = frame[(frame["algo"] == algorithm) & (frame["metric"] == "score")]
    matrix = frame.pivot_table(index="seed", columns="env", values="return")
    with (DATA / "atari_random_human.csv").open() as file:
        reference = {row["env"]: row for row in csv.DictReader(file)}
    rows = [reference[name.lower()] for name in matrix.columns]
    low, high = ([float(row[name]) for row in rows] for name in ("random", "human"))
    return np.stack(stats.normalise(list(matrix.to_numpy().T), low=low, high=high), axis=1)
