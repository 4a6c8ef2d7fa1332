"""Many searches at the same time find what each finds alone, and take the training steps that they may."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from experiments.seeds_and_pruner.__main__ import ARMS, search_of
from experiments.side_by_side import gathering
from experiments.side_by_side.choices import Plan, choose_all, rows
from experiments.side_by_side.gathering import StoredRuns
from experiments.side_by_side.searches import Searched, search_all
from robusttune import StudySpec
from robusttune.pipeline.session import memory_session
from robusttune.pipeline.settle import settle
from robusttune.results.memory import MemoryStore
from robusttune.results.records import RunStatus, TrialState

STEPS = 100
STUDY = {
    "name": "drawn",
    "synthetic": {
        "mean": 10.0,
        "sd": 5.0,
        "total_timesteps": STEPS,
        "start": 0.0,
        "effects": {"x": {"best": 0.7, "drop": 9.0}},
    },
    "search_space": {"parameters": {"x": {"type": "float", "low": 0.0, "high": 1.0}}},
    "tuning": {"n_trials": 4, "batch_size": 4, "sampler": "random"},
    "evaluation": {"every": 25, "n_episodes": 1},
    "post_evaluation": {"top_k": 2, "n_seeds": 3, "confirm": 5, "default_control": False},
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "_QUIET_S", 0.02)


@pytest.fixture
def study() -> StudySpec:
    return settle(StudySpec.from_dict(STUDY)).study


class Counted(MemoryStore):
    """A store that knows how many runs were made."""

    n_made = 0

    def add_result(self, *arguments: Any) -> None:
        self.n_made += 1
        super().add_result(*arguments)


@pytest.fixture
def runs(study: StudySpec) -> Iterator[StoredRuns]:
    with StoredRuns(study, Counted(), 0) as opened:  # type: ignore[arg-type]
        yield opened


def arms(study: StudySpec) -> list[StudySpec]:
    return [search_of(study, seed, arm) for seed in (1, 2) for arm in ARMS]


def alone(found: Searched) -> Searched:
    tuning = dataclasses.replace(found.study.tuning, n_trials=len(found.trials))
    session = memory_session(dataclasses.replace(found.study, tuning=tuning))
    trials = session.tune()
    results = session.store.results(run_id for trial in trials for run_id in trial.run_ids)
    taken = tuple(sum(results[run_id].timesteps for run_id in trial.run_ids) for trial in trials)
    return Searched(study=found.study, trials=trials, timesteps=taken)


@pytest.mark.thorough
def test_searches_side_by_side_are_those_that_each_makes_alone(study: StudySpec, runs: StoredRuns) -> None:
    for found in search_all(arms(study), runs, timesteps=24 * STEPS):
        by_itself = alone(found)
        assert [(t.number, t.state, t.hyperparameters, t.objective_value) for t in found.trials] == [
            (t.number, t.state, t.hyperparameters, t.objective_value) for t in by_itself.trials
        ]
        assert found.timesteps == by_itself.timesteps


def test_each_search_has_the_same_training_steps(study: StudySpec, runs: StoredRuns) -> None:
    single, several, pruned = search_all(arms(study)[:3], runs, timesteps=24 * STEPS)
    assert len(single.trials) == 24
    assert len(several.trials) == 8
    assert several.timesteps == (3 * STEPS,) * 8
    assert len(pruned.trials) > 24
    stopped = [trial.state is TrialState.PRUNED for trial in pruned.trials]
    assert {STEPS / 2, STEPS * 3 / 4} >= {
        t for t, is_stopped in zip(pruned.timesteps, stopped, strict=True) if is_stopped
    }
    assert 24 * STEPS <= sum(pruned.timesteps) < (24 + 4) * STEPS
    n = len(pruned.within(20 * STEPS))
    assert sum(pruned.timesteps[:n]) <= 20 * STEPS < sum(pruned.timesteps[: n + 1])


def test_a_run_that_one_search_would_stop_is_trained_to_its_end_for_another(
    study: StudySpec, runs: StoredRuns
) -> None:
    single, _, pruned = search_all(arms(study)[:3], runs, timesteps=24 * STEPS)
    shared = {trial.run_ids for trial in single.trials} & {
        trial.run_ids for trial in pruned.trials if trial.state is TrialState.PRUNED
    }
    assert shared  # random search: both draw the same configurations
    results = runs._store.results(run_id for run_ids in shared for run_id in run_ids)
    assert {result.status for result in results.values()} == {RunStatus.COMPLETED}


def test_what_is_stored_is_not_run_again_and_each_choice_is_judged_on_other_seeds(
    study: StudySpec, runs: StoredRuns
) -> None:
    (found,) = search_all([study], runs, timesteps=12 * STEPS)
    plans = [
        Plan(study=study, trials=found.trials, believes=believes, columns={"believes": believes})
        for believes in (True, False)
    ]
    first = rows(choose_all(plans, runs), runs)
    made = runs._store.n_made  # type: ignore[attr-defined]
    # A search, two candidates on three seeds, and five seeds for each choice.
    assert made == 12 + 6 + 5 * first["x"].nunique()
    (again,) = search_all([study], runs, timesteps=12 * STEPS)
    assert again == found
    assert rows(choose_all(plans, runs), runs).equals(first)
    assert runs._store.n_made == made  # type: ignore[attr-defined]
    believed = first.set_index("believes").loc[True]
    assert believed["reported"] == pytest.approx(
        max(t.objective_value or 0.0 for t in found.trials), abs=1e-3
    )
    assert believed["true"] != believed["reported"]
    assert (first["n_judging"] == 5).all()
