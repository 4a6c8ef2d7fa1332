from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study_runs import post_evaluation_runs
from robusttune.errors import StudyError
from robusttune.results.records import RunResult, RunStatus
from robusttune.results.scores import ScoreTable, score_table
from robusttune.seeds import Stage, run_seed
from tests.support.studies import make_study, noise, synthetic_result

STUDY = make_study({"post_evaluation.n_seeds": 4})
PLANNED = post_evaluation_runs(STUDY, {"a": {"learning_rate": 1e-3}, "b": {"learning_rate": 1e-5}})
RUNS = [run for runs in PLANNED.values() for run in runs]


def results(statuses: dict[int, RunStatus] | None = None) -> dict[str, RunResult]:
    """Return a completed result of every run, except those at the named places."""
    chosen = {RUNS[place].run_id: status for place, status in (statuses or {}).items()}

    def behaviour(spec: RunSpec) -> RunStatus:
        return chosen.get(spec.run_id, RunStatus.COMPLETED)

    return {run.run_id: synthetic_result(run, behaviour) for run in RUNS}


def table(stored: dict[str, RunResult], **options: Any) -> ScoreTable:
    outcomes = {run_id: result.outcome for run_id, result in stored.items()}
    return score_table(PLANNED, outcomes, **{"diverged_score": None, "allow_missing": False, **options})


def test_scores_stand_beside_the_seeds_that_made_them() -> None:
    stored = results()
    made = table(stored)
    assert made.config_ids == ("a", "b")
    for runs, seeds, scores in zip(PLANNED.values(), made.seeds, made.scores, strict=True):
        assert seeds == tuple(run.seed for run in runs)
        assert scores == tuple(stored[run.run_id].score for run in runs)
    assert (made.n_diverged, made.n_missing, made.diverged_score) == ((0, 0), (0, 0), None)


@given(st.sets(st.integers(0, len(RUNS) - 1), max_size=len(RUNS) - 1))
def test_a_diverged_run_counts_as_the_worst_score_of_the_study(diverged: set[int]) -> None:
    stored = results(dict.fromkeys(diverged, RunStatus.DIVERGED))
    made = table(stored)
    worst = min(result.score for result in stored.values() if result.score is not None)
    flat = [score for scores in made.scores for score in scores]
    assert flat == [
        worst if place in diverged else stored[run.run_id].score for place, run in enumerate(RUNS)
    ]
    assert made.n_diverged == (len([p for p in diverged if p < 4]), len([p for p in diverged if p >= 4]))
    assert made.diverged_score == (worst if diverged else None)


def test_the_score_of_a_diverged_run_may_be_named() -> None:
    made = table(results({0: RunStatus.DIVERGED}), diverged_score=-2000.0)
    assert made.scores[0][0] == -2000.0
    assert made.diverged_score == -2000.0
    assert table(results(), diverged_score=-2000.0).diverged_score is None


def test_missing_runs_block_the_ranking_with_their_number_and_the_last_error() -> None:
    stored = results({1: RunStatus.CRASHED, 5: RunStatus.FAILED, 6: RunStatus.FAILED})
    del stored[RUNS[0].run_id]
    with pytest.raises(StudyError) as caught:
        table(stored)
    message = str(caught.value)
    assert "1 not run yet" in message
    assert "1 crashed" in message
    assert "2 failed" in message
    assert f"synthetic failed of {RUNS[6].run_id}" in message
    assert "allow_missing" in message


def test_missing_runs_may_be_allowed_and_are_counted() -> None:
    stored = results({1: RunStatus.CRASHED, 5: RunStatus.TIMED_OUT, 6: RunStatus.DIVERGED})
    del stored[RUNS[0].run_id]
    made = table(stored, allow_missing=True)
    assert made.n_missing == (2, 1)
    assert made.n_diverged == (0, 1)
    assert [len(scores) for scores in made.scores] == [2, 3]
    assert made.seeds[0] == tuple(run.seed for run in PLANNED["a"][2:])


def test_without_any_score_there_is_nothing_to_rank_and_the_message_says_what_helps() -> None:
    crashed, diverged = (
        results(dict.fromkeys(range(len(RUNS)), one)) for one in (RunStatus.CRASHED, RunStatus.DIVERGED)
    )
    for stored, allow_missing, helps in (
        (diverged, False, "all 8 runs .* diverged. Evaluate other configurations"),
        ({}, True, "has been made yet. `evaluate_study` makes them"),
        (crashed, True, "8 of them did not end well. `evaluate_study` tries these again"),
    ):
        with pytest.raises(StudyError, match=f"There is nothing to rank: .*{helps}"):
            table(stored, allow_missing=allow_missing)


def test_runs_that_had_an_accident_are_tried_again_and_not_made() -> None:
    with pytest.raises(StudyError, match=r"\(8 crashed\). `evaluate_study` tries them again"):
        table(results(dict.fromkeys(range(len(RUNS)), RunStatus.CRASHED)))


def a_table(**changes: Any) -> ScoreTable:
    seeds = tuple(run_seed(0, Stage.POST_EVALUATION, index) for index in range(2))
    fields = {
        "config_ids": ("a",),
        "seeds": (seeds,),
        "scores": ((1.0, noise("b")),),
        "n_diverged": (0,),
        "n_missing": (0,),
        "diverged_score": None,
    }
    return ScoreTable(**{**fields, **changes})


def test_tuning_seeds_cannot_enter_a_table() -> None:
    seeds = (run_seed(0, Stage.POST_EVALUATION, 0), run_seed(0, Stage.TUNING, 0))
    with pytest.raises(ValueError, match=f"seed {seeds[1]} belongs to the tuning stage"):
        a_table(seeds=(seeds,))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_are_finite(bad: float) -> None:
    with pytest.raises(ValueError, match="scores must be finite"):
        a_table(scores=((1.0, bad),))


def test_a_table_is_consistent() -> None:
    assert a_table().config_ids == ("a",)
    with pytest.raises(ValueError, match="2 seeds, 1 scores"):
        a_table(scores=((1.0,),))
    with pytest.raises(ValueError, match="config_ids must differ"):
        a_table(config_ids=("a", "a"))
    with pytest.raises(ValueError, match=r"shorter|longer"):
        a_table(seeds=())
