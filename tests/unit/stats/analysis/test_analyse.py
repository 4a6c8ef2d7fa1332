"""The one-call analysis: consistent with its parts, complete, and fit for JSON."""

import json
import subprocess
import sys

import numpy as np
import pytest

from robusttune import stats
from robusttune.stats import analyse

R = np.random.default_rng(7)
SCORES = {name: R.normal(mean, 1.0, 12) for name, mean in zip("abcde", (0, 1, 2, 3, 9), strict=True)}
TUNING = {"a": [30.0], "b": [1.1], "c": [2.0], "d": [2.8]}


def analysis(**options):
    return analyse(SCORES, tuning_scores=TUNING, rng=np.random.default_rng(0), **options)


def test_the_parts_equal_the_functions_they_come_from():
    found = analysis()
    direct = stats.rank(list(SCORES.values()), rng=np.random.default_rng(0))
    assert tuple(one.rank_low for one in found.configurations) == direct.rank_low
    assert tuple(one.rank_high for one in found.configurations) == direct.rank_high
    expected = stats.mean_interval(SCORES["c"])
    assert (found.by_id("c").mean.low, found.by_id("c").mean.high) == (expected.low, expected.high)
    assert found.order == ("e", "d", "c", "b", "a")
    assert found.winner_id == "e"
    assert found.winner.low < found.by_id("e").mean.low
    assert found.best_set == ("e",)
    assert found.winner_is_clear


def test_luck_is_judged_among_candidates_and_controls_have_none():
    found = analysis()
    assert found.by_id("a").luck.verdict == "LUCKY"
    assert found.by_id("a").tuning_rank == 1
    assert found.by_id("a").rank_lucky
    assert found.by_id("d").hidden_gem
    control = found.by_id("e")
    assert (control.luck, control.tuning_rank, control.rank_lucky) == (None, None, False)


def test_the_tuning_champion_and_what_it_costs():
    found = analysis().champion
    assert found.config_id == "a"
    assert not found.in_best_set
    assert found.optimism.low > 20
    assert found.regret_high > 8
    assert 8 < found.expected_regret < 10


def test_tied_tuning_scores_are_no_evidence_of_luck():
    tied = analyse(SCORES, tuning_scores={name: [5.0] for name in "abcd"}, rng=np.random.default_rng(0))
    assert not any(one.rank_lucky or one.hidden_gem for one in tied.configurations)


def test_the_json_has_only_finite_numbers_even_for_degenerate_studies():
    degenerate = {"one": [1.0], "two": [1.0, 1.0], "same": [1.0] * 12, "wild": [-2.4e21, 1.0, 2.0]}
    found = analyse(degenerate, tuning_scores={"one": 3.0, "same": [1.0]}, rng=np.random.default_rng(0))
    text = json.dumps(found.to_dict(), allow_nan=False)
    back = json.loads(text)
    assert back["configurations"][0]["mean"]["low"] is None
    assert back["configurations"][0]["sd"] is None
    assert back["configurations"][2]["sd"] == 0.0
    assert {one["config_id"] for one in back["configurations"]} == set(degenerate)


def test_a_study_with_one_configuration_has_an_analysis():
    found = analyse({"only": [1.0, 2.0]}, rng=np.random.default_rng(0))
    assert found.best_set == ("only",)
    assert (found.champion, found.pairs, found.plan, found.tuning_agreement) == (None, (), (), None)
    json.dumps(found.to_dict(), allow_nan=False)


def test_failures_are_counted_and_shown():
    found = analysis(n_failed={"a": 3})
    assert found.by_id("a").n_failed == 3
    assert found.by_id("a").failure.estimate == 0.25
    assert (found.by_id("a").failure.low, found.by_id("a").failure.high) == stats.wilson_bounds(3, 12)
    assert any("failed runs" in text and "a" in text for text in found.warnings)


def test_few_seeds_and_no_variation_are_warned_about():
    found = analyse({"a": [1.0, 2.0, 3.0], "b": [5.0] * 8}, rng=np.random.default_rng(0))
    assert any("n too small" in text for text in found.warnings)
    assert any("no variation" in text for text in found.warnings)


def test_episode_noise_is_reported_and_warned_about():
    r = np.random.default_rng(3)
    episodes = {name: r.normal(size=(6, 1)) * 0.5 + r.normal(0, 3, (6, 4)) for name in "ab"}
    scores = {name: runs.mean(axis=1) for name, runs in episodes.items()}
    found = analyse(scores, episode_scores=episodes, rng=r)
    assert found.noise.evaluation_share > 0.25
    assert found.noise.warning in found.warnings
    assert analyse(scores, episode_scores={"a": [[1.0], [2.0]]}, rng=r).noise is None


def test_the_plan_speaks_about_undecided_pairs_with_the_first():
    close = {"x": np.linspace(0, 2, 6), "y": np.linspace(0.5, 2.5, 6), "z": np.linspace(-30, -28, 6)}
    found = analyse(close, rng=np.random.default_rng(0))
    step = found.plan[0]
    assert (step.first, step.second) == ("y", "x")
    assert step.sentence == f"{step.more_seeds} more seeds each would separate #1 (y) and #2 (x)"
    assert step.total_seeds == 6 + step.more_seeds
    assert len(found.plan) == 1
    assert not found.winner_is_clear


def test_practical_equality_reaches_the_pairs():
    found = analyse(
        {"x": np.linspace(0, 1, 9), "y": np.linspace(0, 1.01, 9)}, delta=5.0, rng=np.random.default_rng(0)
    )
    assert found.pairs[0].verdict == "practically equal"
    assert found.margin == 5.0


def test_equal_seeds_repeat_the_analysis_to_the_last_digit():
    assert analysis() == analysis()
    assert analysis().rng_note == "PCG64, seed 0"


def test_improvement_is_given_for_pairs_with_the_first_only():
    found = analysis()
    for pair in found.pairs:
        assert (pair.p_improvement is not None) == (pair.first == "e")


def test_an_unknown_id_names_the_known_ones():
    with pytest.raises(KeyError, match="known: e, d, c, b, a"):
        analysis().by_id("z")


def test_importing_the_statistics_loads_no_heavy_library():
    heavy = ("pandas", "rliable", "matplotlib", "torch", "optuna")
    code = f"import sys, robusttune.stats; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
