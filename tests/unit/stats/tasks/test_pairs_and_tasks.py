"""Probability of improvement, P(best), and aggregates over environments."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from robusttune import stats


def rng(seed=0):
    return np.random.default_rng(seed)


def test_improvement_is_the_mann_whitney_statistic_with_half_ties():
    x, y = [1, 2, 2, 5], [2, 2, 3]
    found = stats.probability_of_improvement(x, y, rng=rng())
    assert found.estimate == pytest.approx(scipy_stats.mannwhitneyu(x, y).statistic / 12)


def test_improvement_of_a_over_b_mirrors_that_of_b_over_a():
    x, y = rng(1).normal(size=12), rng(2).normal(0.5, 2, 12)
    one = stats.probability_of_improvement(x, y, rng=rng())
    other = stats.probability_of_improvement(y, x, rng=rng())
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))


def test_complete_separation_bounds_the_probability_by_the_number_of_seeds():
    found = stats.probability_of_improvement([5, 6, 7, 8, 9], [0, 1, 2, 3, 4], rng=rng())
    assert (found.estimate, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 5))
    worse = stats.probability_of_improvement([0, 1, 2, 3, 4], [5, 6, 7, 8, 9], rng=rng())
    assert (worse.low, worse.high) == pytest.approx((0.0, 1 - 0.025 ** (1 / 5)))


def test_all_ties_say_nothing():
    found = stats.probability_of_improvement([1, 1, 1], [1, 1, 1], rng=rng())
    assert (found.estimate, found.low, found.high) == (0.5, 0.0, 1.0)


def test_fewer_seeds_give_a_wider_interval_for_improvement():
    x, y = np.arange(20.0), np.arange(20.0) + 0.5
    few = stats.probability_of_improvement(x[::5], y[::5], rng=rng())
    many = stats.probability_of_improvement(x, y, rng=rng())
    assert few.width > many.width


def test_p_best_sums_to_one_and_follows_the_evidence():
    found = stats.best_probability([[0.0, 0.1, 0.2], [0.0, 0.2, 0.1], [5.0, 5.1, 5.2]], rng=rng())
    assert sum(found.p_best) == pytest.approx(1.0)
    assert found.p_best[2] > 0.97
    assert found.expected_regret[2] < 0.1 < found.expected_regret[0]
    assert "descriptive" in found.note


def test_p_best_of_equal_configurations_is_equal():
    row = rng(1).normal(size=10)
    found = stats.best_probability([row] * 4, rng=rng())
    assert found.p_best == pytest.approx((0.25,) * 4, abs=0.03)


def test_p_best_does_not_depend_on_the_unit():
    x = rng(2).normal(np.arange(4)[:, None], 1.0, (4, 6))
    plain, moved = (stats.best_probability(y, rng=rng(3)) for y in (x, 1e6 * x - 1e8))
    assert moved.p_best == pytest.approx(plain.p_best, abs=1e-3)
    assert moved.expected_regret == pytest.approx(tuple(1e6 * v for v in plain.expected_regret), rel=1e-2)


def test_aggregates_equal_their_definitions():
    x = rng(4).gamma(1.0, 1.0, (5, 8))
    values = {name: stats.aggregate(x, metric=name, rng=rng()).estimate for name in ("mean", "median", "iqm")}
    assert values["mean"] == pytest.approx(x.mean())
    assert values["median"] == pytest.approx(np.median(x.mean(axis=0)))
    assert values["iqm"] == pytest.approx(scipy_stats.trim_mean(x, 0.25, axis=None))
    gap = stats.aggregate(x, metric="optimality_gap", rng=rng()).estimate
    assert gap == pytest.approx(1 - np.minimum(x, 1).mean())


@pytest.mark.parametrize("metric", ["mean", "median", "iqm", "optimality_gap"])
def test_aggregate_intervals_equal_the_loop_that_resamples_within_tasks(metric):
    x, r = rng(5).gamma(1.0, 1.0, (6, 4)), rng(6)
    functions = {
        "mean": lambda s: s.mean(),
        "median": lambda s: np.median(s.mean(axis=0)),
        "iqm": lambda s: scipy_stats.trim_mean(s, 0.25, axis=None),
        "optimality_gap": lambda s: 1 - np.minimum(s, 1).mean(),
    }
    drawn = [
        functions[metric](r.permuted(x[r.integers(0, 6, (6, 4)), np.arange(4)], axis=0)) for _ in range(4000)
    ]
    found = stats.aggregate(x, metric=metric, rng=rng(7))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.06)


def test_tasks_may_have_unequal_numbers_of_seeds():
    found = stats.aggregate([[1.0, 2.0], [3.0, 4.0, 5.0]], metric="mean", rng=rng())
    assert found.estimate == pytest.approx((1.5 + 4.0) / 2)
    assert found.n_seeds == (2, 3)


def test_normalising_sends_the_references_to_zero_and_one():
    first, second = stats.normalise([[0.0, 10.0], [5.0, -5.0]], low=[0.0, -5.0], high=[10.0, 5.0])
    assert first.tolist() == [0.0, 1.0]
    assert second.tolist() == [1.0, 0.0]


def test_improvement_over_tasks_is_the_mean_over_tasks():
    found = stats.improvement_over_tasks([[1, 2], [5, 5]], [[0, 0], [5, 6]], rng=rng())
    assert found.estimate == pytest.approx((1.0 + 0.25) / 2)
    assert found.low <= found.estimate <= found.high


def test_profile_over_tasks_falls_from_one_to_zero():
    x = rng(1).uniform(0, 1, (5, 3))
    found = stats.profile_over_tasks(x, thresholds=[-1, 0.3, 0.6, 2], rng=rng())
    assert (found.share[0], found.share[-1]) == (pytest.approx(1.0), 0.0)
    assert list(found.share) == sorted(found.share, reverse=True)
    assert found.share[1] == pytest.approx((x > 0.3).mean())
    assert all(a <= b <= c for a, b, c in zip(found.low, found.share, found.high, strict=True))


def test_in_the_interquartile_mean_tasks_count_alike_whatever_their_seeds():
    few, many = [0.0, 4.0], [1.0, 2.0, 3.0, 3.5]
    unequal = stats.aggregate([few, many], metric="iqm", rng=rng())
    repeated = stats.aggregate([few * 2, many], metric="iqm", rng=rng())
    assert unequal.estimate == pytest.approx(repeated.estimate)
    assert unequal.estimate == pytest.approx(scipy_stats.trim_mean(few * 2 + many, 0.25))
    gap = stats.aggregate([few, many], metric="optimality_gap", target=10.0, rng=rng())
    assert gap.estimate == pytest.approx((8.0 + 7.625) / 2)


def test_complete_separation_is_bounded_by_as_many_pairs_as_there_are():
    high, low = [[5.0, 6.0, 7.0]] * 2, [[1.0, 2.0, 3.0, 4.0]] * 2
    better = stats.improvement_over_tasks(high, low, rng=rng())
    assert (better.estimate, better.high) == (1.0, 1.0)
    assert better.low == pytest.approx(0.025 ** (1 / 6))
    worse = stats.improvement_over_tasks(low, high, rng=rng())
    assert (worse.low, worse.high) == (0.0, pytest.approx(1 - better.low))


def test_the_analysis_over_tasks_orders_methods_and_holds_each_pair_once():
    r = rng(3)
    scores = {
        name: [r.normal(mean, 0.1, 6) for _ in range(3)]
        for name, mean in (("b", 0.2), ("a", 0.8), ("c", 0.5))
    }
    found = stats.analyse_tasks(scores, tasks=("x", "y", "z"), target=0.9, rng=rng())
    assert [one.method for one in found.methods] == ["a", "c", "b"]
    assert [(one.first, one.second) for one in found.improvements] == [("a", "c"), ("a", "b"), ("c", "b")]
    top = found.methods[0]
    assert list(top.metrics) == ["iqm", "median", "mean", "optimality_gap"]
    assert top.metrics["mean"].estimate == pytest.approx(np.mean([x.mean() for x in scores["a"]]))
    assert top.metrics["optimality_gap"].estimate == pytest.approx(
        np.mean([np.maximum(0.9 - x, 0).mean() for x in scores["a"]])
    )
    assert found.rliable_difference == pytest.approx(0.0, abs=1e-12)
    assert all(one.profile.share[0] == 1.0 and one.profile.share[-1] == 0.0 for one in found.methods)
    assert "optimality_gap" not in stats.analyse_tasks(scores, tasks="xyz", rng=rng()).methods[0].metrics


@pytest.mark.parametrize(
    "call",
    [
        lambda x: stats.aggregate(x, rng=rng()),
        lambda x: stats.improvement_over_tasks(x, x, rng=rng()),
        lambda x: stats.profile_over_tasks(x, thresholds=[0.0], rng=rng()),
        lambda x: stats.analyse_tasks({"a": x}, tasks=("x", "y"), rng=rng()),
    ],
)
def test_a_single_seed_is_not_taken_for_certainty(call):
    with pytest.raises(ValueError, match=r"must hold at least 2"):
        call([[1.0, 2.0], [1.0]])


def test_a_method_that_lacks_a_task_is_refused():
    with pytest.raises(
        ValueError, match=r"`scores\['b'\]` must have one array for each of 2 tasks, but got 1"
    ):
        stats.analyse_tasks({"a": [[1.0, 2.0]] * 2, "b": [[1.0, 2.0]]}, tasks=("x", "y"), rng=rng())
    with pytest.raises(ValueError, match="`scores` must hold at least one method"):
        stats.analyse_tasks({}, tasks=("x",), rng=rng())
