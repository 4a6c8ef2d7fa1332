"""Rank intervals, best sets and comparisons: against naive versions, and with data that try to break them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robusttune.stats import best_set, compare, rank
from robusttune.stats.comparisons import maxt
from robusttune.stats.comparisons.comparison import compare_contrasts
from robusttune.stats.comparisons.contrasts import make_contrasts, wants_robust
from robusttune.stats.comparisons.maxt import largest_against, largest_of_all, stepdown_p, upper_quantile
from robusttune.stats.comparisons.ranking import rank_contrasts

FAR = np.array([[0.0, 0.1, 0.2, 0.1], [9.0, 9.1, 9.2, 9.1], [5.0, 5.1, 5.2, 5.0]])


def rng(seed=0):
    return np.random.default_rng(seed)


def contrasts_of(scores, seed=0, robust=False, n_resamples=500):
    runs = [np.asarray(row, dtype=float) for row in scores]
    return make_contrasts(
        runs, statistic="mean", robust=robust, resolution=None, n_resamples=n_resamples, rng=rng(seed)
    )


def ratio(contrasts, i, j):
    d, v = contrasts.draws.deviation, contrasts.draws.variance
    return (d[i] - d[j]) / np.sqrt(v[i] + v[j])


def naive_stepdown(contrasts, level):
    """Reject by the common quantile, drop what was rejected, repeat: the procedure as it is written down."""
    k = len(contrasts.t)
    active = {(i, j) for i in range(k) for j in range(k) if i != j}
    rejected = set()
    while active:
        largest = np.max([ratio(contrasts, i, j) for i, j in sorted(active)], axis=0)
        n = largest.size
        # p = (1 + exceedances) / (n + 1) <= 1 - level, written as a rule for one hypothesis
        new = {
            (i, j)
            for i, j in active
            if contrasts.t[i, j] > 0 and (1 + np.sum(largest >= contrasts.t[i, j])) / (n + 1) <= 1 - level
        }
        if not new:
            break
        rejected |= new
        active -= new
    return rejected


def test_draws_that_are_kept_for_the_reverse_of_a_pair_change_no_number(monkeypatch):
    scores = [*rng().normal(np.array([[0.0], [0.0], [1.0], [3.0]]), 1.0, (4, 6)), np.ones(6)]
    kept = rank(scores, rng=rng(), n_resamples=200)
    monkeypatch.setattr(maxt, "_KEPT", 0)
    assert rank(scores, rng=rng(), n_resamples=200) == kept


@pytest.mark.parametrize("seed", range(8))
def test_stepdown_p_values_reject_what_the_stepwise_procedure_rejects(seed):
    r = rng(seed)
    scores = r.normal(np.arange(6)[:, None] * 0.8, r.uniform(0.3, 2, (6, 1)), (6, 8))
    contrasts = contrasts_of(scores, seed)
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    p = stepdown_p(contrasts.t, contrasts.draws, pairs)
    for level in (0.5, 0.8, 0.95):
        expected = naive_stepdown(contrasts, level)
        assert {(i, j) for i, j in pairs if p[i, j] <= 1 - level} == expected


def test_later_steps_reject_what_the_first_would_not():
    found = 0
    for seed in range(40):
        contrasts = contrasts_of(rng(seed).normal([[0.0], [1.4], [8.0], [16.0]], 1.0, (4, 8)), seed)
        single = upper_quantile(largest_of_all(contrasts.draws), 0.95)
        found += naive_stepdown(contrasts, 0.95) > {
            (i, j) for i in range(4) for j in range(4) if contrasts.t[i, j] > single
        }
    assert found > 0


def test_a_claim_with_a_smaller_t_never_has_a_smaller_p():
    spreads = np.array([0.05, 0.05, 3.0, 3.0, 1.0])[:, None]
    for seed in range(20):
        contrasts = contrasts_of(rng(seed).normal(0, spreads, (5, 3)), seed, n_resamples=200)
        pairs = [(i, j) for i in range(5) for j in range(5) if i != j and contrasts.t[i, j] > 0]
        p = stepdown_p(contrasts.t, contrasts.draws, pairs)
        ordered = [p[pair] for pair in sorted(pairs, key=lambda pair: -contrasts.t[pair])]
        assert ordered == sorted(ordered)


def test_bootstrap_draws_of_two_configurations_are_independent():
    row = rng(1).normal(size=8)
    draws = contrasts_of([row, row, row[:5]], robust=True, n_resamples=4000).robust_draws
    assert np.abs(np.corrcoef(draws.deviation) - np.eye(3)).max() < 0.06


def test_maxima_equal_the_naive_loop_over_pairs():
    contrasts = contrasts_of(rng(1).normal(size=(5, 4)))
    every = [np.abs(ratio(contrasts, i, j)) for i in range(5) for j in range(i)]
    assert (largest_of_all(contrasts.draws) == np.max(every, axis=0)).all()
    rivals = [ratio(contrasts, j, 2) for j in range(5) if j != 2]
    assert (largest_against(contrasts.draws, 2) == np.max(rivals, axis=0)).all()


def test_clear_differences_give_a_full_ranking():
    found = rank(FAR, rng=rng())
    assert found.ranks == found.rank_low == found.rank_high == (3, 1, 2)
    assert found.order == (1, 2, 0)
    assert best_set(FAR, rng=rng()).members == (False, True, False)


def test_identical_configurations_have_every_rank_and_are_all_in_the_best_set():
    row = rng(3).normal(size=6)
    found = rank([row, row, row], rng=rng())
    assert found.rank_low == (1, 1, 1)
    assert found.rank_high == (3, 3, 3)
    assert found.ranks == (1, 1, 1)
    assert best_set([row, row, row], rng=rng()).size == 3


def test_constant_configurations_at_one_value_cannot_be_told_apart():
    found = compare([[500.0] * 5, [500.0] * 5, [500.0] * 5], rng=rng())
    assert {pair.verdict for pair in found.pairs} == {"undecided"}
    assert best_set([[0.1] * 5, [0.1] * 6], rng=rng()).members == (True, True)


def test_a_resolution_keeps_rounding_from_becoming_a_claim():
    scores = [[500.0] * 5, [499.9] * 5]
    assert rank(scores, rng=rng()).better[0][1]
    assert not rank(scores, resolution=1.0, rng=rng()).better[0][1]


def test_a_configuration_with_one_seed_enters_no_claim_and_keeps_every_rank():
    scores = [FAR[0], FAR[1], [1000.0]]
    found = rank(scores, rng=rng(), robust=True)
    assert (found.rank_low[2], found.rank_high[2]) == (1, 3)
    assert found.better[1][0]
    assert not any(found.better[2])
    best = best_set(scores, rng=rng())
    assert best.members[2]
    assert np.isinf(best.regret_high[0])
    pair = next(one for one in compare(scores, rng=rng()).pairs if {one.first, one.second} == {1, 2})
    assert (pair.low, pair.high, pair.verdict) == (-np.inf, np.inf, "undecided")


def test_two_seeds_and_a_single_configuration_have_an_answer():
    two = rank([[0.0, 1.0], [2.0, 3.0]], rng=rng())  # t = 2.8; 4.3 would be needed
    assert two.rank_low == (1, 1)
    assert two.rank_high == (2, 2)
    alone = rank([[1.0, 2.0]], rng=rng())
    assert (alone.rank_low, alone.rank_high) == ((1,), (1,))
    assert best_set([[1.0, 2.0]], rng=rng()).members == (True,)
    assert compare([[1.0, 2.0]], rng=rng()).pairs == ()


def test_equal_generators_give_equal_results():
    scores = rng(5).normal(size=(4, 6))
    assert rank(scores, rng=rng(9)) == rank(scores, rng=rng(9))
    assert rank(scores, rng=rng(9)).p_adjusted != rank(scores, rng=rng(10)).p_adjusted


def test_arguments_are_not_changed():
    scores = rng(5).normal(size=(4, 12))
    before = scores.copy()
    rank(scores, robust=True, rng=rng())
    compare(scores, rng=rng())
    assert (scores == before).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(5)))
def test_renaming_the_configurations_renames_the_claims(seed, order):
    scores = rng(seed).normal([[0.0], [0.0], [5.0], [20.0], [50.0]], 1.0, (5, 6))
    plain, moved = rank(scores, rng=rng(1)), rank(scores[list(order)], rng=rng(2))
    clear = [(i, j) for i in range(5) for j in range(5) if plain.p_adjusted[i][j] < 0.02]
    for i, j in clear:
        assert moved.better[list(order).index(i)][list(order).index(j)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-1000, 1000))
def test_the_unit_of_the_scores_does_not_matter(seed, scale, shift):
    scores = rng(seed).normal(np.arange(4)[:, None], 1.0, (4, 6))
    plain, moved = rank(scores, rng=rng(1)), rank(scale * scores + shift, rng=rng(1))
    assert np.allclose(plain.p_adjusted, moved.p_adjusted, atol=2e-3)
    assert plain.ranks == moved.ranks


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_rank_intervals_hold_the_rank_and_robust_ones_are_never_shorter(seed):
    r = rng(seed)
    scores = [r.normal(i * 0.5, r.uniform(0.2, 2), r.integers(2, 15)) for i in range(5)]
    found = rank(scores, robust=True, n_resamples=500, rng=r)
    for i in range(5):
        assert found.robust_low[i] <= found.rank_low[i] <= found.ranks[i]
        assert found.ranks[i] <= found.rank_high[i] <= found.robust_high[i]
        assert found.rank_low[i] <= found.marginal_low[i]
        assert found.marginal_high[i] <= found.rank_high[i]


def test_the_robust_check_is_on_by_default_for_ten_skewed_seeds_only():
    skewed, symmetric = np.r_[np.zeros(11), -50.0], np.linspace(-1, 1, 12)
    assert wants_robust([skewed, symmetric])
    assert not wants_robust([symmetric, symmetric])
    assert not wants_robust([skewed[-9:], symmetric])
    assert rank([skewed, symmetric], rng=rng()).robust is not None
    assert rank([skewed, symmetric], robust=False, rng=rng()).robust is None


def test_a_claim_that_rests_on_normal_noise_is_called_skew_sensitive():
    labels = set()
    for seed in range(30):
        r = rng(seed)
        scores = np.stack([r.lognormal(0, 1.5, 10) - 3, 3 - r.lognormal(0, 1.5, 10), r.normal(30, 1, 10)])
        found = compare(scores, robust=True, n_resamples=1000, rng=r)
        labels |= {one.support for one in found.pairs}
    assert labels >= {"robust", "skew-sensitive"}


def test_the_three_words_follow_from_interval_and_margin():
    close = np.vstack([FAR, FAR[1] + 0.01])
    found = {(one.first, one.second): one for one in compare(close, margin=1.0, rng=rng()).pairs}
    equal = found[3, 1]
    assert equal.verdict == "practically equal"
    assert -1.0 <= equal.low <= equal.difference <= equal.high <= 1.0
    assert found[3, 0].verdict == "better"
    without = {(one.first, one.second): one for one in compare(close, rng=rng()).pairs}
    assert without[3, 1].verdict == "undecided"


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(2, 7),
    st.integers(2, 12),
    st.sampled_from([0.0, 0.5, 2.0]),
    st.sampled_from([101, 500]),
    st.sampled_from([0.8, 0.9]),
)
def test_a_difference_interval_excludes_0_exactly_where_a_claim_is_made(seed, k, n, step, resamples, level):
    r = rng(seed)
    scores = list(r.normal(step * np.arange(k)[:, None], r.uniform(0.1, 3, (k, 1)), (k, n)))
    scores[0] = scores[0][: 1 + seed % n]
    margin = None if seed % 2 else 1.0
    found = compare(scores, margin=margin, level=level, n_resamples=resamples, rng=rng(seed))
    claims = rank(scores, level=level, n_resamples=resamples, rng=rng(seed)).better
    for pair in found.pairs:
        excludes = pair.low > 0 or (pair.low == 0 and pair.low_is_open)
        assert excludes == claims[pair.first][pair.second]
        assert excludes == (pair.verdict == "better") or pair.verdict == "practically equal"
        assert not claims[pair.second][pair.first]
        assert pair.low <= pair.difference <= pair.high


def test_without_a_claim_every_difference_interval_contains_0():
    contrasts = contrasts_of(FAR)
    ranking = replace(rank_contrasts(contrasts, level=0.95), better=((False,) * 3,) * 3)
    pairs = compare_contrasts(contrasts, ranking, margin=None).pairs
    assert [(pair.low, pair.verdict) for pair in pairs] == [(0.0, "undecided")] * 3


def test_every_pair_occurs_once_and_the_higher_estimate_comes_first():
    found = compare(rng(2).normal(size=(6, 5)), rng=rng())
    assert len({frozenset((one.first, one.second)) for one in found.pairs}) == 15
    assert all(one.difference >= 0 for one in found.pairs)


def test_the_best_observed_configuration_is_always_in_the_best_set():
    for seed in range(30):
        r = rng(seed)
        scores = r.normal(np.arange(6)[:, None], r.uniform(0.1, 3, (6, 1)), (6, 4))
        found = best_set(scores, n_resamples=500, rng=r)
        top = int(scores.mean(axis=1).argmax())
        assert found.members[top]
        assert found.gap_high[top] > 0
        assert all(low <= 0 <= high for low, high in zip(found.gap_low, found.gap_high, strict=True))


def test_indifference_only_ever_adds_to_the_best_set():
    scores = rng(4).normal(np.arange(6)[:, None] * 0.7, 1.0, (6, 8))
    strict, wide = best_set(scores, rng=rng()), best_set(scores, indifference=2.0, rng=rng())
    assert wide.size > strict.size
    assert all(b or not a for a, b in zip(strict.members, wide.members, strict=True))


def test_ranking_by_iqm_ignores_the_one_failed_seed_that_ranking_by_mean_sees():
    good, failing = np.linspace(9.9, 10.1, 12), np.r_[np.linspace(10.9, 11.1, 11), -500.0]
    assert rank([good, failing], statistic="iqm", rng=rng()).better[1][0]
    assert rank([good, failing], statistic="mean", rng=rng()).ranks == (1, 2)
