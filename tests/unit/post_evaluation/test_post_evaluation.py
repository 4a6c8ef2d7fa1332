from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.storages import InMemoryStorage

from robusttune.declaration.ids import config_id
from robusttune.declaration.study import StudySpec
from robusttune.execution.driver import Driver
from robusttune.execution.progress import SilentReporter
from robusttune.post_evaluation.evaluate import evaluate
from robusttune.post_evaluation.select import Candidate, select
from robusttune.results.claims import Claims
from robusttune.results.records import TrialRecord, TrialState
from robusttune.results.store import ResultStore
from robusttune.seeds import Stage
from tests.support.studies import (
    Interrupt,
    Synthetic,
    fixed_runs,
    make_study,
    open_results,
    sometimes_diverged,
    stored_specs,
    tune,
)


def a_trial(
    number: int, value: float | None, state: TrialState = TrialState.COMPLETE, **more: Any
) -> TrialRecord:
    hyperparameters = more.pop("hyperparameters", {"gamma": number})
    fields = {"scores": (value,), "run_ids": (f"run {number}",), **more}
    return TrialRecord(
        number=number,
        config_id=config_id(hyperparameters),
        hyperparameters=hyperparameters,
        objective_value=value if state is TrialState.COMPLETE else None,
        state=state,
        **fields,
    )


def study(top_k: int = 3, *, default_control: bool = False, **more: Any) -> StudySpec:
    return make_study(
        {"post_evaluation": {"top_k": top_k, "default_control": default_control, "n_seeds": 3, **more}}
    )


def names(chosen: tuple[Candidate, ...]) -> list[str]:
    return [candidate.name for candidate in chosen]


# --- who is judged ---------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-5, 5), max_size=12), st.integers(1, 6), st.randoms(use_true_random=False))
def test_the_best_are_chosen_and_ties_go_to_the_earlier_trial(
    values: list[int], top_k: int, shuffler: random.Random
) -> None:
    trials = [a_trial(number, float(value)) for number, value in enumerate(values)]
    shuffler.shuffle(trials)
    expected = sorted(range(len(values)), key=lambda number: (-values[number], number))[:top_k]
    assert [candidate.trial_number for candidate in select(study(top_k), trials)] == expected


def test_only_complete_trials_are_chosen() -> None:
    trials = [
        a_trial(0, 9.0, TrialState.PRUNED),
        a_trial(1, 8.0, TrialState.FAILED),
        a_trial(2, 7.0, TrialState.RUNNING),
        a_trial(3, 1.0),
    ]
    assert names(select(study(), trials)) == ["trial 3"]


def test_a_trial_with_nothing_but_a_borrowed_value_is_not_chosen() -> None:
    trials = [
        a_trial(0, 9.0, scores=(None, None), n_diverged=2),
        a_trial(1, 1.0),
        a_trial(2, 5.0, scores=(None, 5.0)),
    ]
    chosen = select(study(), trials)
    assert names(chosen) == ["trial 2", "trial 1"]
    assert [candidate.tuning_scores for candidate in chosen] == [(), (1.0,)]


def test_of_equal_configurations_the_best_trial_counts_and_the_place_goes_to_the_next() -> None:
    same = {"hyperparameters": {"gamma": 0.5}}
    trials = [a_trial(0, 1.0, **same), a_trial(1, 3.0, **same), a_trial(2, 2.0), a_trial(3, 0.0)]
    chosen = select(study(), trials)
    assert names(chosen) == ["trial 1", "trial 2", "trial 3"]
    assert chosen[0].tuning_score == 3.0


def test_controls_come_last_and_do_not_take_a_place() -> None:
    controls = [{"name": "published", "hyperparameters": {"gamma": 0.97}, "reported_score": -198.0}]
    chosen = select(
        study(2, default_control=True, controls=controls), [a_trial(n, float(n)) for n in range(5)]
    )
    assert names(chosen) == ["trial 4", "trial 3", "default", "published"]
    assert [candidate.is_control for candidate in chosen] == [False, False, True, True]
    assert chosen[2].hyperparameters == {}
    assert chosen[2].tuning_score is None
    assert (chosen[3].tuning_score, chosen[3].tuning_scores) == (-198.0, (-198.0,))


def test_a_control_that_a_trial_found_too_is_that_trial() -> None:
    controls = [{"name": "published", "hyperparameters": {"gamma": 1}}]
    chosen = select(study(2, controls=controls), [a_trial(0, 0.0), a_trial(1, 1.0)])
    assert names(chosen) == ["trial 1", "trial 0"]


# --- their runs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ResultStore]:
    with open_results(tmp_path) as opened:
        yield opened


def judge(declared: StudySpec, store: ResultStore, executor: Synthetic) -> tuple[Candidate, ...]:
    candidates = select(declared, store.trials(declared.tuning_id))
    with Claims(store.engine) as claims, executor:
        evaluate(
            declared,
            candidates,
            store=store,
            driver=Driver(store, claims, executor),
            reporter=SilentReporter(),
        )
    return candidates


def run_ids(declared: StudySpec, store: ResultStore) -> set[str]:
    candidates = select(declared, store.trials(declared.tuning_id))
    return {run.run_id for runs in fixed_runs(declared, candidates).values() for run in runs}


@pytest.fixture
def tuned(store: ResultStore) -> ResultStore:
    tune(study(), store, InMemoryStorage())
    return store


def test_every_candidate_runs_on_all_its_fresh_seeds(tuned: ResultStore) -> None:
    tuning_seeds = {spec.seed for spec in stored_specs(tuned)}
    candidates = judge(study(default_control=True), tuned, Synthetic())
    specs = [spec for spec in stored_specs(tuned) if spec.stage is Stage.POST_EVALUATION]
    assert len(specs) == len({spec.seed for spec in specs}) == 4 * 3
    assert {spec.config_id for spec in specs} == {candidate.config_id for candidate in candidates}
    assert tuning_seeds.isdisjoint(spec.seed for spec in specs)


def test_the_stage_is_balanced_whenever_it_is_cut_off(tuned: ResultStore) -> None:
    declared = study(3)
    executor = Synthetic(die_at_submit=5)
    with pytest.raises(Interrupt):
        judge(declared, tuned, executor)
    by_config = {spec.run_id: spec.config_id for spec in stored_specs(tuned)}
    counts = [0, 0, 0]
    order = [candidate.config_id for candidate in select(declared, tuned.trials(declared.tuning_id))]
    for run_id in executor.submitted:
        counts[order.index(by_config[run_id])] += 1
    assert counts == [2, 2, 1]


def test_what_is_stored_is_not_run_again(tuned: ResultStore) -> None:
    with pytest.raises(Interrupt):
        judge(study(), tuned, Synthetic(die_at_submit=5))
    rest = Synthetic(behaviour=sometimes_diverged)
    judge(study(), tuned, rest)
    assert len(rest.submitted) == 4
    idle = Synthetic()
    judge(study(), tuned, idle)
    assert idle.submitted == []


@pytest.mark.parametrize(
    "after",
    [
        {"top_k": 5},
        {"n_seeds": 7},
        {"default_control": True},
        {"controls": [{"name": "published", "hyperparameters": {"gamma": 0.97}}]},
        {"top_k": 4, "n_seeds": 5, "default_control": True},
    ],
    ids=str,
)
def test_editing_a_study_keeps_every_run_that_is_still_wanted(
    tuned: ResultStore, after: dict[str, Any]
) -> None:
    before, edited = study(), study(**after)
    judge(before, tuned, Synthetic())
    old = run_ids(before, tuned)
    assert old < run_ids(edited, tuned)
    executor = Synthetic()
    judge(edited, tuned, executor)
    assert set(executor.submitted) == run_ids(edited, tuned) - old
