"""Who is judged, and who is recommended, when a model of the whole search has a say in it."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robusttune import evaluate_study, rank_study, simulate_study, stats, study_status, tune_study
from robusttune.cli.display import workload_table
from robusttune.declaration.ids import config_id
from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError
from robusttune.pipeline import check_study
from robusttune.post_evaluation.search_model import SearchModel
from robusttune.post_evaluation.select import select
from robusttune.post_evaluation.shortlist import shortlist
from robusttune.report.build import make_ranking
from robusttune.report.model import Ranking
from robusttune.report.write import to_markdown
from robusttune.results.records import TrialRecord, TrialState
from tests.support.cases import cases
from tests.support.rankings import ranked
from tests.support.studies import drawn, make_study

TRUTH: Mapping[str, Any] = {
    "sd": 8.0,
    "effects": {
        "learning_rate": {"best": 1e-3, "drop": 20.0, "scale": "log"},
        "activation_fn": {"means": {"tanh": 0.0, "relu": 5.0}},
    },
}


def study(rule: str = "model", **post: Any) -> StudySpec:
    wanted = {"top_k": 4, "n_seeds": 3, "default_control": False, "select": rule, **post}
    return make_study({"post_evaluation": wanted})


def simulated(rule: str = "mixed", *, n_trials: int = 24, **changes: Any) -> StudySpec:
    post = {"top_k": 4, "n_seeds": 4, "select": rule, **changes.pop("post", {})}
    tuning = {"n_trials": n_trials, "sampler": "random", **changes.pop("tuning", {})}
    return make_study({**drawn("synthetic", TRUTH), "tuning": tuning, "post_evaluation": post, **changes})


def trial(number: int, rate: float, value: float | None, **more: Any) -> TrialRecord:
    hyperparameters = {
        "learning_rate": rate,
        "gamma": 0.95 + 0.001 * (number % 7),
        "n_steps": 16,
        "activation_fn": ("tanh", "relu")[number % 2],
    }
    state = more.pop("state", TrialState.COMPLETE)
    return TrialRecord(
        number=number,
        config_id=config_id(hyperparameters),
        hyperparameters=hyperparameters,
        objective_value=value if state is TrialState.COMPLETE else None,
        state=state,
        **{"scores": (value,), "run_ids": (f"run {number}",), **more},
    )


def hill(n: int = 30) -> list[TrialRecord]:
    """Return a search of a hill around a learning rate of 1e-3, with one lucky trial far from its top."""
    rates = 10 ** np.linspace(-5, -2, n)
    values = -10.0 * (np.log10(rates) + 3) ** 2 + np.random.default_rng(0).standard_normal(n)
    trials = [
        trial(i, float(rate), float(value)) for i, (rate, value) in enumerate(zip(rates, values, strict=True))
    ]
    trials[2] = dataclasses.replace(trials[2], number=2, objective_value=3.0, scores=(3.0,))
    return trials


def numbers(declared: StudySpec, trials: list[TrialRecord]) -> list[int | None]:
    return [candidate.trial_number for candidate in select(declared, trials)]


# --- the lists ---------------------------------------------------------------------------------------------------


def test_mixed_takes_from_both_lists_in_turn_and_each_trial_once() -> None:
    found = shortlist("mixed", 5, top=[1, 2, 3, 4, 5, 6], model=[9, 1, 8, 7, 2, 6])
    assert [one.trial for one in found] == [9, 1, 2, 8, 3]
    assert [one.proposed_by for one in found] == [
        ("model",),
        ("top", "model"),
        ("top", "model"),
        ("model",),
        ("top",),
    ]
    assert [one.trial for one in shortlist("top", 2, top=[1, 2, 3], model=[])] == [1, 2]
    assert [one.trial for one in shortlist("model", 9, top=[1, 2], model=[2, 1])] == [2, 1]


def test_a_lucky_trial_far_from_the_others_is_on_top_by_score_and_not_by_model() -> None:
    trials = hill()
    assert numbers(study("top"), trials)[0] == 2
    assert 2 not in numbers(study("model"), trials)
    mixed = select(study("mixed"), trials)
    assert {c.trial_number: c.proposed_by for c in mixed}[2] == ("top",)
    assert mixed[0].proposed_by in {("model",), ("top", "model")}


@pytest.mark.parametrize("rule", ["model", "mixed"])
def test_the_order_of_the_records_says_nothing(rule: str) -> None:
    # So many that only some set the length scales, and with ties.
    trials = [
        dataclasses.replace(one, objective_value=round(one.objective_value or 0.0, 0)) for one in hill(200)
    ]
    expected = numbers(study(rule), trials)
    for seed in range(5):
        random.Random(seed).shuffle(trials)
        assert numbers(study(rule), trials) == expected


def test_pruned_diverged_failed_and_running_trials_are_never_judged() -> None:
    trials = hill()
    best = numbers(study(), trials)
    states = [TrialState.PRUNED, TrialState.FAILED, TrialState.RUNNING]
    for number, state in zip(best, states, strict=False):
        assert number is not None
        trials[number] = dataclasses.replace(
            trials[number], state=state, objective_value=None, scores=(None,)
        )
    assert best[3] is not None
    trials[best[3]] = dataclasses.replace(trials[best[3]], scores=(None,), n_diverged=1)
    chosen = numbers(study(), trials)
    assert len(chosen) == 4
    assert not set(chosen) & set(best)


def test_a_pruned_trial_speaks_against_its_neighbours() -> None:
    trials = hill()
    top = numbers(study(), trials)[0]
    assert top is not None
    pruned = [
        trial(100 + i, trials[top].hyperparameters["learning_rate"] * factor, None, state=TrialState.PRUNED)
        for i, factor in enumerate((0.93, 0.96, 1.0, 1.04, 1.07))
    ]
    failed = [dataclasses.replace(one, state=TrialState.FAILED) for one in pruned]
    plain, against, silent = (SearchModel(study(), [*trials, *more]) for more in ([], pruned, failed))
    assert silent.best_first(range(30)) == plain.best_first(range(30))
    assert against.best_first(range(30)).index(top) > plain.best_first(range(30)).index(top)


def test_of_equal_configurations_the_best_trial_is_judged_and_all_count() -> None:
    trials = hill()
    again = dataclasses.replace(trials[20], number=30, objective_value=-50.0, scores=(-50.0,))
    assert 30 not in numbers(study(top_k=30), [*trials, again])
    assert len(numbers(study(top_k=30), [*trials, again])) == 30


def test_a_search_that_is_too_short_or_flat_is_judged_by_its_scores() -> None:
    short, flat = hill()[:7], [dataclasses.replace(one, objective_value=0.0) for one in hill()]
    for trials in (short, flat):
        assert numbers(study("model"), trials) == numbers(study("top"), trials)
        assert {c.proposed_by for c in select(study("model"), trials)} == {("top",)}
    assert select(study("model"), []) == ()


def test_controls_come_last_and_no_list_proposes_them() -> None:
    controls = [{"name": "published", "hyperparameters": {"gamma": 0.97}}]
    chosen = select(study("mixed", default_control=True, controls=controls), hill())
    assert [c.name for c in chosen][4:] == ["default", "published"]
    assert [c.proposed_by for c in chosen][4:] == [(), ()]


# --- from the study file to the report ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "seeds"),
    cases([("model", "one seed"), ("mixed", "pruned and diverged")], fast=[("model", "one seed")]),
)
def test_a_study_chooses_by_its_model_and_reads_again_what_it_chose(
    tmp_path: Path, rule: str, seeds: str
) -> None:
    more: dict[str, Any] = {"post": {"recommend": "posterior", "confirm": 3}}
    if seeds != "one seed":
        more |= {"synthetic.p_diverged": 0.15, "tuning": {"seeds_per_trial": 2, "pruner": "median"}}
    declared = simulated(rule, **more)
    trials = tune_study(declared, out=tmp_path)
    if seeds != "one seed":
        assert {TrialState.PRUNED, TrialState.COMPLETE} <= {one.state for one in trials}
        assert any(one.n_diverged for one in trials)
    found = evaluate_study(declared, out=tmp_path)
    proposed = {c.name: c.proposed_by for c in found.candidates}
    assert any("model" in lists for lists in proposed.values())
    assert proposed["default"] == ()
    assert study_status(declared, out=tmp_path).n_missing == 0
    ranking = rank_study(declared, out=tmp_path)
    for again in (
        ranking.found,
        simulate_study(declared).post_evaluation,
        evaluate_study(declared, out=tmp_path),
    ):
        assert again.candidates == found.candidates
        assert (again.scores, again.confirmed) == (found.scores, found.confirmed)
    top = ranking.row(ranking.analysis.recommended)
    assert next(iter(found.confirmation)) == top.candidate.config_id
    assert top.analysis.in_best_set


def made(declared: StudySpec) -> Ranking:
    """Return the ranking of a simulated study."""
    found = simulate_study(declared)
    return make_ranking(
        declared,
        found.trials,
        found.post_evaluation,
        is_reproducible=True,
        command="robusttune run study.toml",
    )


@pytest.mark.parametrize("rule", ["top", "mixed", "model"])
def test_the_tuning_champion_is_the_highest_tuning_score_whoever_was_proposed(rule: str) -> None:
    ranking = made(simulated(rule, post={"top_k": 2}, root_seed=1))
    best = max(ranking.trials, key=lambda trial: trial.objective_value or -np.inf)
    (sentence,) = [text for text in ranking.findings["Who is better"] if "tuning champion" in text]
    assert f"trial {best.number} (" in sentence
    is_evaluated = any(c.trial_number == best.number for c in ranking.found.candidates)
    assert ("has no fresh seeds" in sentence) == (not is_evaluated)
    assert is_evaluated == (rule != "model")


def test_the_report_says_which_list_proposed_whom() -> None:
    ranking = made(simulated("mixed"))
    (sentence,) = ranking.findings["Who was evaluated"]
    for candidate in ranking.found.candidates:
        assert (candidate.name in sentence) == (not candidate.is_control)
    records = ranking.to_frame().set_index("configuration")["proposed_by"]
    named = {c.name: " + ".join(c.proposed_by) for c in ranking.found.candidates if not c.is_control}
    assert records.dropna().to_dict() == named
    assert "proposed by" in to_markdown(ranking)
    assert any("in turn from those that a Gaussian process" in text for text in ranking.methods)
    plain = made(simulated("top"))
    assert "Who was evaluated" not in plain.findings
    assert "proposed by" not in to_markdown(plain)


def _ranking(recommend: str, **post: Any) -> Ranking:
    """Return the ranking of a search whose lucky trial, 2, is a little better on fresh seeds too."""
    trials = hill()
    declared = study("mixed", recommend=recommend, n_seeds=4, **post)
    chosen = [c for c in select(declared, trials) if not c.is_control]
    rng = np.random.default_rng(2)
    level = {c.name: 2.5 if c.trial_number == 2 else 0.0 for c in chosen}
    shape = rng.standard_normal(4)
    scores = {name: 3.0 * (shape - shape.mean()) + mean for name, mean in level.items()}
    found = ranked(scores).found
    ids = tuple(c.config_id for c in chosen)
    return make_ranking(
        declared,
        trials,
        dataclasses.replace(
            found,
            candidates=tuple(chosen),
            scores=dataclasses.replace(found.scores, config_ids=ids),
            rounds=dataclasses.replace(found.rounds, runs=dict.fromkeys(ids, ())),
        ),
        is_reproducible=True,
        command="robusttune run study.toml",
    )


def test_the_posterior_recommends_and_reports_nothing_but_the_fresh_mean() -> None:
    by_mean, by_posterior = _ranking("mean"), _ranking("posterior")
    assert by_mean.analysis.recommended == "trial 2"
    picked = by_posterior.analysis.recommended
    assert picked != "trial 2"
    assert picked in by_posterior.analysis.best_set
    row = by_posterior.row(picked)
    assert by_posterior.analysis.winner.estimate == pytest.approx(np.mean(row.runs.scores))
    assert by_posterior.rows == by_mean.rows  # ranking and intervals know nothing of it
    disagreement = by_posterior.findings["Who was evaluated"][-1]
    assert f"that of trial 2, 2.50; {picked}, 0.00, is recommended" in disagreement
    assert any("highest posterior mean" in text for text in by_posterior.methods)


def test_nobody_is_recommended_whom_fresh_seeds_have_ruled_out() -> None:
    rng = np.random.default_rng(0)
    scores = {name: rng.normal(mean, 1.0, 10) for name, mean in {"a": 9.0, "b": 8.9, "c": 0.0}.items()}
    found = stats.analyse(scores, preference={"a": 0.0, "b": 1.0, "c": 2.0}, rng=rng)
    assert found.best_set == ("a", "b")
    assert found.recommended == "b"


def test_a_control_that_is_far_better_is_recommended_by_the_posterior_too() -> None:
    better = {"name": "theirs", "hyperparameters": {"learning_rate": 1e-3, "activation_fn": "relu"}}
    declared = simulated(
        "mixed",
        n_trials=10,
        post={"recommend": "posterior", "controls": [better], "n_seeds": 8},
        **{"search_space.parameters.learning_rate": {"type": "float", "low": 1e-5, "high": 2e-5}},
    )
    assert made(declared).analysis.recommended == "theirs"


def test_a_search_without_a_model_recommends_by_the_mean() -> None:
    found = made(simulated("mixed", n_trials=5, post={"recommend": "posterior"}))
    assert found.analysis.recommended == found.analysis.best_set[0]
    assert "too short or too flat" in found.findings["Who was evaluated"][0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"post_evaluation.select": "gp"}, "select"),
        ({"post_evaluation.recommend": "median"}, "recommend"),
        ({"post_evaluation.recommend": "posterior", "post_evaluation.statistic": "iqm"}, "iqm"),
        (
            {
                "post_evaluation.recommend": "posterior",
                "tuning.seeds_per_trial": 3,
                "tuning.aggregation": "median",
            },
            "tuning.aggregation = 'median'",
        ),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make_study(changes)


def test_check_says_how_candidates_are_chosen() -> None:
    table = workload_table(check_study(simulated("mixed")))
    assert any("chosen by model and score in turn" in str(cell) for cell in table.columns[1].cells)
