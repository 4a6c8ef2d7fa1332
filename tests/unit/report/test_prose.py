"""What the report says in words, and that the numbers in its sentences are those of the data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from robusttune.report.model import Ranking
from robusttune.report.prose.words import (
    count,
    interval,
    known_decimals,
    listed,
    number,
    share,
    share_interval,
    with_interval,
)
from tests.support.rankings import ranked, skewed_scores

RNG = np.random.default_rng(11)
GOOD = list(RNG.normal(-200.0, 20.0, 20))
TUTORIAL = [*RNG.normal(-392.0, 216.0, 18), -180.0, -150.0]
SCORES = {"trial 1": GOOD, "tutorial's best": TUTORIAL, "default": list(RNG.normal(-1200.0, 20.0, 20))}
TUNING = {"trial 1": -195.0}
CONTROLS = {"tutorial's best": -198.0, "default": None}


@pytest.fixture(scope="module")
def tutorial() -> Ranking:
    return ranked(SCORES, TUNING, controls=CONTROLS)


def test_the_answer_has_at_most_five_lines_and_names_choice_luck_rivals_and_the_next_command(
    tutorial: Ranking,
) -> None:
    choice, lucky, rivals, following = tutorial.answer
    assert choice.startswith("Use trial 1: ")
    assert lucky.startswith("The −198 reported for tutorial's best was lucky by ")
    assert rivals == "trial 1 is better than each of the 2 others, at 95% confidence."
    assert following.endswith("`robusttune run study.toml --set post_evaluation.confirm=10`")


def test_the_tutorial_s_score_was_lucky_by_what_the_fresh_seeds_say(tutorial: Ranking) -> None:
    x = np.array(TUTORIAL)
    low, high = stats.t.interval(0.95, x.size - 1, loc=-198.0 - x.mean(), scale=stats.sem(x))
    reach = int((x >= -198.0).sum())
    assert 1 < reach < 10
    assert tutorial.answer[1] == (
        f"The −198 reported for tutorial's best was lucky by {-198.0 - x.mean():.0f} [{low:.0f}, {high:.0f}]; {reach} "
        "of 20 fresh seeds reach it."
    )


def test_with_confirmation_the_number_is_that_of_the_confirmation_seeds_alone() -> None:
    seeds = [-210.0, -220.0, -230.0, -240.0]
    ranking = ranked(SCORES, TUNING, controls=CONTROLS, confirmation={"trial 1": seeds})
    assert ranking.answer[0].startswith("Use trial 1: it scores −225 on average, 95% interval [")
    assert ranking.answer[0].endswith("over 4 confirmation seeds, which had no part in choosing it.")
    assert "confirm=" not in " ".join(ranking.answer)
    mean = ranking.row("trial 1").analysis.mean
    assert ranking.findings["Who is better"][0] == (
        f"4 confirmation seeds of trial 1 give {with_interval(-225.0, *interval_of(seeds))}; the 20 seeds that chose "
        f"it gave {with_interval(mean.estimate, mean.low, mean.high)}."
    )


def interval_of(scores: list[float]) -> tuple[float, float]:
    low, high = stats.t.interval(0.95, len(scores) - 1, np.mean(scores), stats.sem(scores))
    return float(low), float(high)


def test_seeds_that_nobody_can_afford_are_not_offered() -> None:
    even = np.linspace(-1.0, 1.0, 10)
    ranking = ranked({"a": even, "b": even + 0.05}, confirmation={"b": [1.0, 2.0]})
    assert ranking.answer[-1] == (
        "Next: choose between b and a by spread and cost; more seeds would hardly tell them apart."
    )


def test_what_cannot_be_told_apart_is_named_and_the_way_to_tell_it_can_be_pasted() -> None:
    even = np.linspace(-1.0, 1.0, 10)
    scores = {"a": even, "b": even + 0.4, "c": even - 50.0}
    ranking = ranked(scores, confirmation={"b": [1.0, 2.0]})
    first, second = ranking.analysis.best_set
    assert ranking.answer[2] == f"Cannot be told apart from {first}: {second}."
    step = ranking.analysis.plan[0]
    assert step.more_seeds is not None
    n_seeds = ranking.study.post_evaluation.n_seeds + step.more_seeds
    command = f"`robusttune run study.toml --set post_evaluation.n_seeds={n_seeds}`"
    assert ranking.answer[3].endswith(f"(80% power if the observed difference is the true one): {command}")
    (plan,) = [text for text in ranking.findings["Who is better"] if command in text]
    assert "with probability 80% if the observed difference" in plan
    assert "is the true one" in plan


def test_a_best_set_of_everybody_is_counted_not_listed() -> None:
    even = np.linspace(-1.0, 1.0, 10)
    ranking = ranked(dict.fromkeys("abcdef", even))
    assert ranking.answer[2] == f"Cannot be told apart from {ranking.analysis.recommended}: all 5 others."


def test_what_to_run_next_tells_apart_what_cannot_be_told_apart_now() -> None:
    """A rival that needs fewer seeds is of no use if it cannot be the best anyway."""
    rng = np.random.default_rng(1)
    shapes = {"a": (0.0, 1.0), "b": (-0.6, 1.0), "c": (-1.3, 1.2), "d": (-1.3, 1.5)}
    scores = {name: rng.normal(*shape, 8) for name, shape in shapes.items()}
    ranking = ranked(scores, confirmation={"a": [1.0, 2.0]})
    fewest = min(ranking.analysis.plan, key=lambda step: step.more_seeds or 1000)
    assert ranking.analysis.best_set == ("a", "b")
    assert fewest.second == "d"
    assert ranking.answer[-1].startswith("Next: tell a from b with ")


def test_an_open_verdict_on_the_recommended_one_does_not_read_as_failure() -> None:
    x = np.array([-1.0, 1.0] * 4)
    ranking = ranked({"a": x, "b": x - 50}, {"a": 0.75, "b": 0.0})
    assert ranking.row("a").verdict == "INCONCLUSIVE"
    assert "INCONCLUSIVE" not in " ".join(ranking.answer)
    (text,) = [
        text for text in ranking.findings["Luck of the tuning scores"] if text.startswith("Still open")
    ]
    assert text.startswith(
        "Still open is how lucky the tuning score was, not how good the configuration is: a "
    )


def test_first_against_second_is_told_as_a_probability(tutorial: Ranking) -> None:
    wins = (np.array(GOOD)[:, None] > np.array(TUTORIAL)[None, :]).mean()
    (text,) = [text for text in tutorial.findings["Who is better"] if text.startswith("A fresh run of")]
    assert text.startswith(
        f"A fresh run of trial 1 beats one of tutorial's best with probability {wins:.2f} ["
    )


def test_skew_sensitive_claims_are_named() -> None:
    ranking = ranked(skewed_scores())
    fragile = {
        pair for pair, one in ranking.analysis.pairs.items() if one.comparison.support == "skew-sensitive"
    }
    assert fragile
    (text,) = [text for text in ranking.findings["Who is better"] if text.startswith("Skew-sensitive")]
    for first, second in fragile:
        assert f"{first} over {second}" in text


def test_two_groups_of_seeds_are_told_with_their_sizes() -> None:
    worse, better = np.linspace(-410.0, -390.0, 5), np.linspace(-210.0, -190.0, 9)
    ranking = ranked({"a": [*worse, *better], "b": np.linspace(-430.0, -130.0, 14)})
    assert ranking.findings["Spread between seeds"][0] == (
        "The seeds of a fall into two groups: 5 of 14 in the worse one, −410 to −390, the others −210 to −190. Which "
        "one a run falls into is luck."
    )


def test_the_word_for_spread_reaches_the_sentence() -> None:
    rng = np.random.default_rng(0)
    scores = {name: list(rng.normal(0.0, 1.0, 20)) for name in "abc"} | {
        "wild": list(rng.normal(0.0, 9.0, 20))
    }
    found = ranked(scores).findings["Spread between seeds"]
    assert "ERRATIC: wild; its seeds scatter more than those of the other trials." in found


def test_tau_is_told_only_with_an_interval_and_icc_without_the_controls(tutorial: Ranking) -> None:
    assert "What one seed tells" not in tutorial.findings  # one trial: neither can be known
    rng = np.random.default_rng(1)
    few = {f"trial {i}": list(rng.normal(i, 1.0, 10)) for i in range(4)}
    many = {f"trial {i}": list(rng.normal(i, 1.0, 10)) for i in range(9)}
    texts = [
        " ".join(
            ranked(scores, dict.fromkeys(scores, 1.0) | {"trial 0": 2.0}).findings["What one seed tells"]
        )
        for scores in (few, many)
    ]
    assert ["tau" in text for text in texts] == [False, True]
    assert all("among the trials" in text for text in texts)


def test_fewer_episodes_in_tuning_are_said() -> None:
    ranking = ranked(
        SCORES,
        TUNING,
        controls=CONTROLS,
        changes={"post_evaluation.n_episodes": 100, "evaluation.n_episodes": 20},
    )
    assert any(
        "rests on 20 episodes per seed, a post-evaluation score on 100" in text
        for text in ranking.findings["Luck of the tuning scores"]
    )


def test_the_interval_method_is_told_row_by_row_where_it_differs() -> None:
    ranking = ranked(SCORES | {"trial 2": RNG.normal(-300.0, 20.0, 20)}, TUNING, controls=CONTROLS)
    methods = {row.name: row.analysis.mean.method for row in ranking.rows}
    assert len(set(methods.values())) == 2
    (text,) = [text for text in ranking.methods if text.startswith("Intervals")]
    for method in set(methods.values()):
        assert f"{method} ({', '.join(name for name, own in methods.items() if own == method)})" in text


def test_what_the_iqm_does_not_see_is_said() -> None:
    ranking = ranked(SCORES, TUNING, controls=CONTROLS, changes={"post_evaluation.statistic": "iqm"})
    assert any("the IQM, ignores" in text for text in ranking.findings["Before using these numbers"])


def test_few_seeds_and_constant_runs_are_said() -> None:
    ranking = ranked({"a": [1.0, 2.0, 3.0], "b": [5.0] * 8})
    texts = [text for texts in ranking.findings.values() for text in texts]
    assert any(text.startswith("Fewer than 5 seeds for a:") for text in texts)
    assert any(text.startswith("All runs of b gave one value") for text in texts)


@pytest.mark.parametrize(
    "scores", [{"a": [1.0]}, {"a": [1.0, 2.0]}, {"a": [1.0], "b": [2.0]}, {"a": [3.0] * 5}]
)
def test_the_smallest_studies_have_an_answer(scores: dict[str, list[float]]) -> None:
    ranking = ranked(scores, dict.fromkeys(scores, 1.0))
    assert 3 <= len(ranking.answer) <= 5
    assert all(
        not text.endswith(": .") and "nan" not in text and "inf" not in text for text in ranking.answer
    )


def test_numbers_are_rounded_to_what_is_known() -> None:
    assert with_interval(193.64, 92.1, 295.2) == "194 [92, 295]"
    assert with_interval(0.12345, 0.11, 0.13) == "0.123 [0.110, 0.130]"
    assert with_interval(5.0, -np.inf, np.inf) == "5.00 –"
    assert known_decimals(1.0, 1.0) is None
    assert interval(None, 1.0) == "–"
    assert (number(-1234.5), number(0.00001234), number(float("inf"))) == ("−1234", "1.23e−05", "–")
    assert (share(-0.087), share(-0.001), share_interval(-0.1, 0.25)) == ("−0.09", "0.00", "[−0.10, 0.25]")
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert (count(1, "seed"), count(1200, "seed")) == ("1 seed", "1,200 seeds")


@pytest.mark.parametrize(("told", "how"), [(5.0, "high"), (-5.0, "low")])
def test_tuning_scores_are_on_average_too_high_or_too_low_by_a_positive_number(told: float, how: str) -> None:
    scores = {f"trial {i}": list(RNG.normal(0.0, 1.0, 12)) for i in range(3)}
    ranking = ranked(scores, dict.fromkeys(scores, told))
    found = ranking.analysis.mean_luck
    assert found is not None
    low, high = sorted((abs(found.low), abs(found.high)))
    assert (
        f"tuning scores were too {how} by {with_interval(abs(found.estimate), low, high)}."
        in ranking.findings["Luck of the tuning scores"][-1]
    )
