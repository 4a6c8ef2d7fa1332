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
    assert tuple(found.configurations[name].rank_low for name in SCORES) == direct.rank_low
    assert tuple(found.configurations[name].rank_high for name in SCORES) == direct.rank_high
    printed = stats.headline_intervals(list(SCORES.values()))
    assert tuple(found.configurations[name].mean for name in SCORES) == printed
    assert tuple(found.configurations) == ("e", "d", "c", "b", "a")
    assert found.recommended == "e"
    assert found.winner.low < found.configurations["e"].mean.low
    assert found.best_set == ("e",)
    assert found.winner_is_clear


def test_luck_is_judged_among_candidates_and_controls_have_none():
    found = analysis()
    assert found.configurations["a"].luck.verdict == "LUCKY"
    assert found.configurations["a"].tuning_rank == 1
    assert found.configurations["a"].rank_lucky
    assert found.configurations["d"].hidden_gem
    control = found.configurations["e"]
    assert (control.luck, control.tuning_rank, control.rank_lucky) == (None, None, False)


def test_the_tuning_champion_is_a_trial_and_its_luck_is_told():
    found = analysis()
    assert found.champion == "a"
    assert found.configurations["a"].luck.low > 20
    assert found.configurations["a"].regret_high > 8
    assert 8 < found.configurations["a"].expected_regret < 10
    assert found.mean_luck.estimate == pytest.approx(
        np.mean([found.configurations[name].luck.luck for name in TUNING])
    )


def test_a_reported_score_is_judged_like_a_tuning_score_but_says_nothing_of_the_search():
    found = analyse(
        SCORES, tuning_scores=TUNING | {"e": [99.0]}, controls=["e"], rng=np.random.default_rng(0)
    )
    control = found.configurations["e"]
    assert control.luck.verdict == "LUCKY"
    assert (control.tuning_rank, found.champion) == (None, "a")
    assert found.mean_luck == analysis().mean_luck  # the control is not among them


def test_a_control_far_away_does_not_inflate_what_one_seed_tells():
    near = {name: R.normal(0, 1, 12) for name in "abc"}
    alone = analyse(near, rng=np.random.default_rng(0)).reliability
    beside = analyse(near | {"z": R.normal(-99, 1, 12)}, controls=["z"], rng=np.random.default_rng(0))
    assert beside.reliability == alone
    in_the_set = analyse(near | {"z": R.normal(0, 9, 12)}, controls=["z"], rng=np.random.default_rng(0))
    assert "z" in in_the_set.best_set
    assert in_the_set.best_set_reliability.n_configs == len(in_the_set.best_set) - 1


def test_confirmation_seeds_are_summarised_alone():
    found = analyse(SCORES, confirmation={"e": [1.0, 2.0, 3.0]}, rng=np.random.default_rng(0))
    assert (found.confirmed["e"].estimate, found.confirmed["e"].n) == (2.0, 3)
    with pytest.raises(ValueError, match="`confirmation` must name"):
        analyse(SCORES, confirmation={"x": [1.0]}, rng=np.random.default_rng(0))


def test_a_control_that_scatters_wildly_widens_no_interval_of_a_trial():
    def found(spread):
        control = {"control": spread * np.linspace(-1, 1, 12) - 2000}
        options = {"controls": ["control"], "confirmation": {"e": [8.0, 9.0, 10.0]}}
        return analyse(SCORES | control, rng=np.random.default_rng(0), **options)

    wild, calm = found(1000.0), found(1.0)
    assert (wild.winner, wild.confirmed) == (calm.winner, calm.confirmed)
    assert all(wild.configurations[name].mean == calm.configurations[name].mean for name in SCORES)


def test_tied_tuning_scores_are_no_evidence_of_luck():
    tied = analyse(SCORES, tuning_scores={name: [5.0] for name in "abcd"}, rng=np.random.default_rng(0))
    assert not any(one.rank_lucky or one.hidden_gem for one in tied.configurations.values())


def test_the_json_has_only_finite_numbers_even_for_degenerate_studies():
    degenerate = {"one": [1.0], "two": [1.0, 1.0], "same": [1.0] * 12, "wild": [-2.4e21, 1.0, 2.0]}
    found = analyse(degenerate, tuning_scores={"one": 3.0, "same": [1.0]}, rng=np.random.default_rng(0))
    text = json.dumps(found.to_dict(), allow_nan=False)
    back = json.loads(text)
    assert back["configurations"]["one"]["mean"]["low"] is None
    assert back["configurations"]["one"]["sd"] is None
    assert back["configurations"]["same"]["sd"] == 0.0
    assert set(back["configurations"]) == set(degenerate)
    assert len(back["pairs"]) == 6


def test_a_study_with_one_configuration_has_an_analysis():
    found = analyse({"only": [1.0, 2.0]}, rng=np.random.default_rng(0))
    assert found.best_set == ("only",)
    assert (found.champion, found.pairs, found.plan, found.tuning_agreement) == (None, {}, (), None)
    json.dumps(found.to_dict(), allow_nan=False)


def test_failures_are_a_share_with_its_interval():
    failure = analysis(n_failed={"a": 3}).configurations["a"].failure
    assert failure.estimate == 0.25
    assert (failure.low, failure.high) == stats.wilson_bounds(3, 12)


def test_episode_noise_is_measured_where_the_episodes_can_tell_it():
    r = np.random.default_rng(3)
    episodes = {name: r.normal(size=(6, 1)) * 0.5 + r.normal(0, 3, (6, 4)) for name in "ab"}
    scores = {name: runs.mean(axis=1) for name, runs in episodes.items()}
    assert analyse(scores, episode_scores=episodes, rng=r).noise.evaluation_share > 0.25
    assert analyse(scores, episode_scores={"a": [[1.0], [2.0]]}, rng=r).noise is None


def test_the_plan_speaks_about_undecided_pairs_with_the_first():
    close = {"x": np.linspace(0, 2, 6), "y": np.linspace(0.5, 2.5, 6), "z": np.linspace(-30, -28, 6)}
    found = analyse(close, rng=np.random.default_rng(0))
    step = found.plan[0]
    assert (step.first, step.second) == ("y", "x")
    assert step.more_seeds > 0
    assert len(found.plan) == 1
    assert not found.winner_is_clear


def test_practical_equality_reaches_the_pairs():
    found = analyse(
        {"x": np.linspace(0, 1, 9), "y": np.linspace(0, 1.01, 9)},
        indifference=5.0,
        rng=np.random.default_rng(0),
    )
    assert found.pairs["y", "x"].comparison.verdict == "practically equal"
    assert found.indifference == 5.0


def test_equal_seeds_repeat_the_analysis_to_the_last_digit():
    assert analysis().to_dict() == analysis().to_dict()
    assert analysis().rng_note == "PCG64, seed 0"


def test_every_pair_has_the_probability_that_a_run_of_the_first_beats_one_of_the_second():
    found = analysis()
    assert len(found.pairs) == 10
    for (first, second), pair in found.pairs.items():
        wins = SCORES[first][:, None] > SCORES[second][None, :]
        assert pair.improvement.estimate == pytest.approx(wins.mean())
    assert (
        analyse({"a": [1.0], "b": [1.0, 2.0]}, rng=np.random.default_rng(0)).pairs["b", "a"].improvement
        is None
    )


def test_importing_the_statistics_loads_no_heavy_library():
    heavy = ("pandas", "rliable", "matplotlib", "torch", "optuna")
    code = f"import sys, robusttune.stats; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
