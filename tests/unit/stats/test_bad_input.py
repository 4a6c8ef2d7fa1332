"""Every public function refuses bad input by naming the argument, the rule and the value."""

import numpy as np
import pytest

from robusttune import stats

GOOD = np.arange(12.0).reshape(3, 4)


def rng():
    return np.random.default_rng(0)


ONE = [
    stats.mean_interval,
    stats.trimmed_interval,
    stats.skewness,
    stats.lower_tail_mean,
]
MANY = [
    lambda x: stats.rank(x, rng=rng()),
    lambda x: stats.best_set(x, rng=rng()),
    lambda x: stats.compare(x, rng=rng()),
    lambda x: stats.best_probability(x, rng=rng()),
    stats.headline_intervals,
    lambda x: stats.winner_interval(x, winner=0),
    stats.single_seed_reliability,
]
LEVELS = [
    lambda level: stats.mean_interval(GOOD[0], level=level),
    lambda level: stats.trimmed_interval(GOOD[0], level=level),
    lambda level: stats.winner_interval(GOOD, winner=0, level=level),
    lambda level: stats.wilson_bounds(1, 4, level=level),
    lambda level: stats.tolerance_bound(n=4, level=level),
    lambda level: stats.rank(GOOD, level=level, rng=rng()),
    lambda level: stats.best_set(GOOD, level=level, rng=rng()),
    lambda level: stats.compare(GOOD, level=level, rng=rng()),
    lambda level: stats.headline_intervals(GOOD, level=level),
    lambda level: stats.single_seed_reliability(GOOD, level=level),
    lambda level: stats.tuning_agreement(GOOD[0], GOOD[1], level=level, rng=rng()),
    lambda level: stats.noise_components([GOOD], level=level),
    lambda level: stats.aggregate(GOOD, level=level, rng=rng()),
    lambda level: stats.improvement_over_tasks(GOOD, GOOD, level=level, rng=rng()),
    lambda level: stats.probability_of_improvement(GOOD[0], GOOD[1], level=level, rng=rng()),
    lambda level: stats.profile_over_tasks(GOOD, thresholds=[1.0], level=level, rng=rng()),
    lambda level: stats.required_seeds([0, 1], [1, 1], level=level, rng=rng()),
    lambda level: stats.seeds_to_separate([0, 1], [1, 1], first=1, second=0, level=level, rng=rng()),
    lambda level: stats.analyse({"a": GOOD[0], "b": GOOD[1]}, level=level, rng=rng()),
]
RANDOM = [
    lambda r: stats.rank(GOOD, rng=r),
    lambda r: stats.best_set(GOOD, rng=r),
    lambda r: stats.compare(GOOD, rng=r),
    lambda r: stats.best_probability(GOOD, rng=r),
    lambda r: stats.tuning_agreement(GOOD[0], GOOD[1], rng=r),
    lambda r: stats.aggregate(GOOD, rng=r),
    lambda r: stats.improvement_over_tasks(GOOD, GOOD, rng=r),
    lambda r: stats.probability_of_improvement(GOOD[0], GOOD[1], rng=r),
    lambda r: stats.profile_over_tasks(GOOD, thresholds=[1.0], rng=r),
    lambda r: stats.required_seeds([0, 1], [1, 1], rng=r),
    lambda r: stats.seeds_to_separate([0, 1], [1, 1], first=1, second=0, rng=r),
    lambda r: stats.analyse({"a": GOOD[0], "b": GOOD[1]}, rng=r),
]


@pytest.mark.parametrize("call", ONE)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_refused_with_its_position(call, bad):
    with pytest.raises(ValueError, match=r"`scores` must be finite, but got .*(nan|inf) at position 1"):
        call([1.0, bad, 2.0])


@pytest.mark.parametrize("call", ONE)
def test_episodes_of_one_seed_are_not_taken_for_seeds(call):
    with pytest.raises(ValueError, match=r"`scores` must be one-dimensional.*\(1, 5\).*average them"):
        call(np.ones((1, 5)))


@pytest.mark.parametrize("call", ONE)
def test_an_empty_sample_is_refused(call):
    with pytest.raises(ValueError, match="`scores` must hold at least 1"):
        call([])


@pytest.mark.parametrize("call", MANY)
def test_a_matrix_with_one_row_is_refused_as_episodes(call):
    with pytest.raises(ValueError, match=r"one row per configuration, but got shape \(1, 4\).*episodes"):
        call(GOOD[:1])


@pytest.mark.parametrize("call", MANY)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_configuration_with_a_bad_score_is_named(call, bad):
    with pytest.raises(ValueError, match=r"`scores\[1\]` must be finite"):
        call([[1.0, 2.0], [3.0, bad]])


@pytest.mark.parametrize("call", MANY)
def test_wrong_shapes_are_refused(call):
    with pytest.raises(ValueError, match="`scores` must be two-dimensional"):
        call(np.ones(5))
    with pytest.raises(ValueError, match="`scores` must be two-dimensional"):
        call(np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match="`scores` must hold at least 1 configuration"):
        call([])


@pytest.mark.parametrize("call", MANY)
def test_scores_too_large_to_square_are_refused(call):
    with pytest.raises(ValueError, match="must lie within"):
        call([[1.0, 1e200], [1.0, 2.0]])


@pytest.mark.parametrize("call", LEVELS)
@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 95, float("nan")])
def test_a_confidence_level_outside_0_and_1_is_refused(call, level):
    with pytest.raises(ValueError, match="`0 < level < 1` must hold, but got"):
        call(level)


@pytest.mark.parametrize("call", RANDOM)
@pytest.mark.parametrize("bad", [None, 0, np.random.RandomState(0)])
def test_anything_but_a_generator_is_refused(call, bad):
    with pytest.raises(ValueError, match=r"`rng` must be a numpy.random.Generator.*default_rng"):
        call(bad)


@pytest.mark.parametrize(
    "call",
    [
        lambda n: stats.rank(GOOD, n_resamples=n, rng=rng()),
        lambda n: stats.aggregate(GOOD, n_resamples=n, rng=rng()),
        lambda n: stats.analyse({"a": GOOD[0], "b": GOOD[1]}, n_resamples=n, rng=rng()),
    ],
)
@pytest.mark.parametrize("bad", [-1, 0, 10, 1000.0, True])
def test_too_few_resamples_are_refused(call, bad):
    with pytest.raises(ValueError, match="`n_resamples"):
        call(bad)


def test_negative_sizes_are_refused():
    with pytest.raises(ValueError, match="`n_events >= 0` must hold, but got -1"):
        stats.wilson_bounds(-1, 5)
    with pytest.raises(ValueError, match="`n_events <= n` must hold, but got 6 > 5"):
        stats.wilson_bounds(6, 5)
    with pytest.raises(ValueError, match="`n >= 2` must hold, but got 1"):
        stats.tolerance_bound(n=1)
    with pytest.raises(
        ValueError, match=r"`winner < 3` \(the number of configurations\) must hold, but got 3"
    ):
        stats.winner_interval(GOOD, winner=3)
    with pytest.raises(ValueError, match="`margin >= 0`"):
        stats.compare(GOOD, margin=-1.0, rng=rng())


def test_unknown_choices_list_the_known_ones():
    with pytest.raises(ValueError, match="`statistic` must be one of 'mean', 'iqm', but got 'median'"):
        stats.rank(GOOD, statistic="median", rng=rng())
    with pytest.raises(ValueError, match="`metric` must be one of"):
        stats.aggregate(GOOD, metric="max", rng=rng())
    with pytest.raises(ValueError, match="`claim` must be one of"):
        stats.required_seeds([0, 1], [1, 1], claim="win", rng=rng())


def test_mismatched_lengths_are_refused():
    with pytest.raises(ValueError, match="`tuning` must match `post`, but got 1 entries for 2"):
        stats.luck([[1.0]], [[1.0, 2.0], [2.0, 3.0]])
    with pytest.raises(ValueError, match="`tuning` must have as many values as `post`, but got 2 and 3"):
        stats.tuning_agreement([1, 2], [1, 2, 3], rng=rng())
    with pytest.raises(ValueError, match="`is_control` must have one entry per configuration"):
        stats.headline_intervals(GOOD, is_control=[True])
    with pytest.raises(ValueError, match="`sds` must hold 2 values"):
        stats.required_seeds([0, 1], [1, 1, 1], rng=rng())
    with pytest.raises(ValueError, match="`low` and `high` must have one value per task"):
        stats.normalise([[1.0, 2.0]], low=[0.0, 0.0], high=[1.0])
    with pytest.raises(ValueError, match="`low != high` must hold"):
        stats.normalise([[1.0, 2.0]], low=[1.0], high=[1.0])


def test_the_one_call_entry_refuses_unknown_ids_and_impossible_failure_counts():
    scores = {"a": [1.0, 2.0], "b": [2.0, 3.0]}
    with pytest.raises(ValueError, match=r"`tuning_scores` must name configurations.*'c'.*Known: a, b"):
        stats.analyse(scores, tuning_scores={"c": [1.0]}, rng=rng())
    with pytest.raises(ValueError, match="`n_failed` must name configurations"):
        stats.analyse(scores, n_failed={"c": 1}, rng=rng())
    with pytest.raises(ValueError, match="`episode_scores` must name configurations"):
        stats.analyse(scores, episode_scores={"c": [[1.0, 2.0]]}, rng=rng())
    with pytest.raises(ValueError, match=r"`n_failed\['a'\] <= 2`"):
        stats.analyse(scores, n_failed={"a": 3}, rng=rng())
    with pytest.raises(ValueError, match="`scores` must map names to arrays"):
        stats.analyse({}, rng=rng())
    with pytest.raises(ValueError, match=r"`tuning_scores\['a'\]` must be finite"):
        stats.analyse(scores, tuning_scores={"a": [np.nan]}, rng=rng())


def test_ids_that_become_equal_as_text_are_refused():
    with pytest.raises(ValueError, match="`config_ids` must be distinct, but '1' occurs twice"):
        stats.analyse({1: [1.0, 2.0], "1": [2.0, 3.0]}, rng=rng())
