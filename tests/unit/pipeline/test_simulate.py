from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robusttune import evaluate_study, rank_study, simulate_study, tune_study
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import tuning_runs
from robusttune.errors import SpecError, StudyError
from robusttune.execution.executors import InProcess
from robusttune.pipeline.location import location_of
from robusttune.pipeline.session import open_session
from robusttune.pipeline.settle import settle
from robusttune.pipeline.simulate import simulation_session
from robusttune.results.memory import MemoryStore
from robusttune.results.records import CurvePoint, RunStatus
from robusttune.results.store import ResultStore
from robusttune.training.interfaces import make_result
from tests.support.studies import drawn, make_study

TRUTH = {
    "mean": 100.0,
    "sd": 10.0,
    "start": 0.0,
    "p_diverged": 0.1,
    "effects": {"learning_rate": {"best": 1e-3, "drop": 20.0, "scale": "log"}},
}


def synthetic_study(changes: dict[str, Any] | None = None) -> StudySpec:
    return make_study(
        {
            **drawn("synthetic", TRUTH),
            "evaluation.every": 16,
            "tuning.n_trials": 12,
            "post_evaluation.default_control": False,
            **(changes or {}),
        }
    )


def test_where_runs_are_drawn_no_worker_is_started_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []

    def make(workers: int | None, **limits: object) -> InProcess:
        asked.append(workers)
        return InProcess()

    monkeypatch.setattr("robusttune.execution.choose.make_executor", make)
    for workers, changes in ((None, {}), (3, {}), (None, {"execution.run_timeout_s": 9.0})):
        study = synthetic_study(changes)
        with open_session(settle(study), location_of(study, out=tmp_path), workers=workers):
            pass
    assert asked == [0, 3, None]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, marks=pytest.mark.thorough, id="tpe"),
        pytest.param(
            {"tuning.sampler": "random", "tuning.pruner": "median", "tuning.batch_size": 4},
            marks=pytest.mark.thorough,
            id="batches",
        ),
        pytest.param({"tuning.seeds_per_trial": 3, "tuning.pruner": "median"}, id="multi-seed"),
        pytest.param(
            {
                "post_evaluation.top_k": 5,
                "post_evaluation.n_seeds": 12,
                "post_evaluation.allocation": {"rule": "elimination", "stages": [3, 6, 12]},
            },
            marks=pytest.mark.thorough,
            id="elimination",
        ),
    ],
)
def test_a_simulated_study_is_the_one_that_a_database_would_hold(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    study = synthetic_study(changes)
    simulation = simulate_study(study)
    tune_study(study, out=tmp_path)
    evaluate_study(study, out=tmp_path)
    ranking = rank_study(study, out=tmp_path)
    assert simulation.trials == ranking.trials
    stored = {
        row.candidate.config_id: (row.name, row.runs.seeds, row.runs.scores, row.runs.n_diverged)
        for row in ranking.rows
    }
    found = simulation.post_evaluation
    table = found.scores
    names = [candidate.name for candidate in found.candidates]
    simulated = zip(names, table.seeds, table.scores, table.n_diverged, strict=True)
    assert dict(zip(table.config_ids, simulated, strict=True)) == stored


def test_more_candidates_of_one_search_are_judged_without_tuning_again() -> None:
    study = synthetic_study({"tuning.n_trials": 20})
    session = simulation_session(study)
    trials = session.tune()
    shorter = synthetic_study({"tuning.n_trials": 8, "post_evaluation.top_k": 3})
    assert isinstance(session.store, MemoryStore)
    found = simulation_session(shorter, store=session.store).evaluate(trials[:8])
    alone = simulate_study(shorter)
    assert trials[:8] == alone.trials
    assert found.scores == alone.post_evaluation.scores


def test_training_is_never_done_where_it_would_be_lost() -> None:
    with pytest.raises(SpecError, match="PPO on CartPole-v1: only studies that train nothing are simulated"):
        simulate_study(make_study())


def test_a_search_that_finds_nothing_says_so() -> None:
    always = {**TRUTH, "p_diverged": 1.0}
    with pytest.raises(StudyError, match="every run of the trial diverged"):
        simulate_study(synthetic_study(drawn("synthetic", always)))


CURVE_POINT = CurvePoint(index=0, timesteps=64, n_updates=64, mean_return=1.0)


@pytest.mark.parametrize("first", list(RunStatus))
@pytest.mark.parametrize("second", list(RunStatus))
def test_memory_keeps_of_two_results_what_the_database_keeps(
    tmp_path: Path, first: RunStatus, second: RunStatus
) -> None:
    study = synthetic_study()
    database, memory = location_of(study, out=tmp_path).open_to_write(), MemoryStore()
    run = tuning_runs(study, {"learning_rate": 1e-3}, 0)[0]
    kept = []
    for store in (database, memory):
        assert isinstance(store, ResultStore | MemoryStore)
        for status in (first, second):
            done = status is RunStatus.COMPLETED
            result = make_result(
                run,
                status,
                episode_returns=[1.0] if done else [],
                curve=[CURVE_POINT] if done else [],
                error=None if done else status.value,
            )
            store.add_result(run, result)
        kept.append(store.results([run.run_id])[run.run_id].status)
    database.close()
    assert kept[0] is kept[1]
