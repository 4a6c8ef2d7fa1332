"""Would-be incumbents are run again before they are believed: scripted and synthetic runs, no training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState as OptunaState
from optuna.trial import create_trial

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import tuning_runs
from robusttune.declaration.training.synthetic import truth_of
from robusttune.execution.executors import InProcess, Job
from robusttune.results.records import CurvePoint, RunResult, RunStatus, TrialRecord, TrialState
from robusttune.results.store import ResultStore
from robusttune.seeds import Stage, run_seed
from robusttune.training.interfaces import make_result
from robusttune.tuning.aggregation import aggregate
from robusttune.tuning.trials import Trials
from tests.support.cases import cases
from tests.support.studies import (
    Behaviour,
    Interrupt,
    Recorder,
    Synthetic,
    always_completed,
    drawn,
    make_study,
    open_results,
    sometimes_diverged,
    synthetic_result,
    tune,
)

STEPS = {"evaluation.every": 8}
MEDIAN: dict[str, Any] = {
    **STEPS,
    "tuning.pruner": "median",
    "tuning.pruner_options": {"n_startup_trials": 2},
}
LOCKSTEP = {**STEPS, "execution.trainer": "lockstep"}
Script = Sequence[Sequence[float | RunStatus]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ResultStore]:
    with open_results(tmp_path) as opened:
        yield opened


class Scripted(Synthetic):
    """Runs have the scores, or the statuses, that a script gives them: one row per trial, one place per seed."""

    def __init__(self, study: StudySpec, script: Script, **options: Any) -> None:
        super().__init__(**options)
        stride = study.tuning.max_seeds_per_trial
        self.jobs: list[int] = []
        self._of_seed = {
            run_seed(study.root_seed, Stage.TUNING, number * stride + place): value
            for number, row in enumerate(script)
            for place, value in enumerate(row)
        }

    def _train(self, job: Job) -> list[RunResult]:
        self.jobs.append(len(job.specs))
        return [self._result(spec) for spec in job.specs]

    def _result(self, spec: RunSpec) -> RunResult:
        value = self._of_seed[spec.seed]
        if isinstance(value, RunStatus):
            return make_result(spec, value, error=f"scripted {value.value}")
        point = CurvePoint(index=0, timesteps=64, n_updates=1, mean_return=value)
        return make_result(spec, RunStatus.COMPLETED, episode_returns=(value,), curve=[point])


def study_of(n_trials: int, r: int, m: int = 1, changes: dict[str, Any] | None = None) -> StudySpec:
    tuning = {"tuning.n_trials": n_trials, "tuning.incumbent_seeds": r, "tuning.seeds_per_trial": m}
    return make_study({"tuning.sampler": "random", **tuning, **(changes or {})})


def told(study: StudySpec, store: ResultStore, script: Script) -> tuple[tuple[TrialRecord, ...], Scripted]:
    executor = Scripted(study, script)
    return tune(study, store, InMemoryStorage(), executor), executor


# --- who is run again, and how often ---------------------------------------------------------------------------------


def test_a_lucky_first_seed_does_not_make_an_incumbent(store: ResultStore) -> None:
    study = study_of(3, r=4)
    trials, _ = told(study, store, [[10, 10, 10, 10], [30, -20], [11, 11, 11, 11]])
    assert [trial.scores for trial in trials] == [(10,) * 4, (30, -20), (11,) * 4]
    assert [trial.objective_value for trial in trials] == [10.0, 5.0, 11.0]
    for trial in trials:
        assert [store.results([run_id])[run_id].score for run_id in trial.run_ids] == list(trial.scores)


def test_a_trial_that_beats_nobody_keeps_the_seeds_that_every_trial_has(store: ResultStore) -> None:
    """An equal value does not beat."""
    trials, executor = told(study_of(3, r=4), store, [[10] * 4, [10], [9]])
    assert [trial.scores for trial in trials] == [(10,) * 4, (10,), (9,)]
    assert len(executor.submitted) == 6


def test_rounds_double_until_the_trial_is_believed(store: ResultStore) -> None:
    study = study_of(4, r=7, m=2, changes=LOCKSTEP)
    script = [[10] * 7, [11] * 7, [12, 12, 12, 0], [12, 12, 12, 12, 12, 0, 0]]
    trials, executor = told(study, store, script)
    # The first has nobody to fall behind, so the rest of its seeds are one round.
    assert executor.jobs == [2, 5, 2, 2, 3, 2, 2, 2, 2, 3]
    assert [len(trial.scores) for trial in trials] == [7, 7, 4, 7]
    assert [trial.objective_value for trial in trials] == [10.0, 11.0, 9.0, pytest.approx(60 / 7)]


def test_stable_baselines_trains_the_runs_of_a_round_one_by_one(store: ResultStore) -> None:
    _, executor = told(study_of(2, r=4), store, [[10] * 4, [11] * 4])
    assert executor.jobs == [1] * 8


def test_trials_of_a_batch_are_compared_with_finished_batches_only(store: ResultStore) -> None:
    script = [[10] * 4, [5] * 4, [20] * 4, [15] * 4, [19], [21] * 4]
    study = study_of(6, r=4, changes={"tuning.batch_size": 2})
    trials, _ = told(study, store, script)
    assert [len(trial.scores) for trial in trials] == [4, 4, 4, 4, 1, 4]


def test_a_batch_that_is_half_told_is_taken_up_with_the_incumbent_that_it_began_with(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = store.save_trial

    def dies_after(tuning_id: str, record: TrialRecord) -> None:
        save(tuning_id, record)
        if record.number == 2:
            raise Interrupt

    study, storage = study_of(4, r=4, changes={"tuning.batch_size": 2}), InMemoryStorage()
    script = [[10] * 4, [5] * 4, [20] * 4, [15] * 4]
    monkeypatch.setattr(store, "save_trial", dies_after)
    with pytest.raises(Interrupt):
        tune(study, store, storage, Scripted(study, script))
    monkeypatch.undo()
    assert [trial.state for trial in store.trials(study.tuning_id)] == [TrialState.COMPLETE] * 3
    trials = tune(study, store, storage, Scripted(study, script))
    assert [len(trial.scores) for trial in trials] == [4, 4, 4, 4]


def test_neither_a_failed_nor_a_pruned_trial_is_an_incumbent(store: ResultStore) -> None:
    storage = InMemoryStorage()
    trials = Trials(study_of(9, r=4), storage, store)
    (summary,) = optuna.get_all_study_summaries(storage)
    known = optuna.load_study(study_name=summary.study_name, storage=storage)
    for state, value in (
        (OptunaState.FAIL, None),
        (OptunaState.PRUNED, 99.0),
        (OptunaState.COMPLETE, 3.0),
        (OptunaState.COMPLETE, 2.0),
        (OptunaState.COMPLETE, 7.0),
    ):
        known.add_trial(create_trial(state=state, value=value))
    assert [trials.incumbent(before=before) for before in range(6)] == [None, None, None, 3.0, 3.0, 7.0]


def test_after_a_failed_trial_the_next_is_the_first(store: ResultStore) -> None:
    trials, _ = told(study_of(2, r=4), store, [[RunStatus.FAILED], [-10] * 4, [-11]])
    assert [trial.state for trial in trials] == [TrialState.FAILED, TrialState.COMPLETE, TrialState.COMPLETE]
    assert [len(trial.scores) for trial in trials] == [1, 4, 1]


@pytest.mark.parametrize("changes", [{}, LOCKSTEP], ids=["one by one", "together"])
@pytest.mark.parametrize("accident", [RunStatus.FAILED, RunStatus.CRASHED, RunStatus.TIMED_OUT])
def test_an_accident_in_a_re_run_fails_the_trial(
    store: ResultStore, accident: RunStatus, changes: dict[str, Any]
) -> None:
    study = study_of(2, r=4, changes=changes)
    trials, _ = told(study, store, [[10] * 4, [20, 20, accident, 20], [9]])
    assert [trial.state for trial in trials] == [TrialState.COMPLETE, TrialState.FAILED, TrialState.COMPLETE]
    assert trials[1].objective_value is None
    assert trials[1].scores == (20, 20, None, 20)
    assert trials[1].error == f"scripted {accident.value}"


def test_a_diverged_re_run_counts_as_the_worst_score_so_far(store: ResultStore) -> None:
    trials, _ = told(study_of(3, r=4), store, [[10, 10, 10, -50], [-5], [40, RunStatus.DIVERGED]])
    assert trials[2].scores == (40, None)
    assert trials[2].objective_value == (40 - 50) / 2
    assert trials[2].n_diverged == 1


def test_the_worst_score_may_be_that_of_a_re_run(store: ResultStore) -> None:
    trials, _ = told(study_of(2, r=2), store, [[10, -50], [RunStatus.DIVERGED]])
    assert trials[1].objective_value == -50


def test_the_progress_says_who_was_run_again_and_whether_it_is_believed(store: ResultStore) -> None:
    study, recorder = study_of(4, r=4), Recorder()
    script = [[10] * 4, [30, -20], [9], [12, 12, 15, 15], [11, RunStatus.FAILED]]
    tune(study, store, InMemoryStorage(), Scripted(study, script), reporter=recorder)
    assert recorder.lines == [
        "trial 0 complete 10 on 4 seeds: would-be incumbent (10 on 1 seed), believed",
        "trial 1 complete 5 on 2 seeds: would-be incumbent (30 on 1 seed), not believed",
        "trial 2 complete 9",
        "trial 3 complete 13.5 on 4 seeds: would-be incumbent (12 on 1 seed, 12 on 2 seeds), believed",
    ]
    grown, recorder = study_of(5, r=4), Recorder()
    script = [*script[:4], [14, RunStatus.FAILED], [1]]
    executor = Scripted(grown, script)
    with open_results(store_folder(store)) as other:
        tune(grown, other, InMemoryStorage(), executor, reporter=recorder)
    assert "trial 4 failed would-be incumbent (14 on 1 seed), a re-run failed" in recorder.lines


def store_folder(store: ResultStore) -> Path:
    return Path(str(store.engine.url.database)).parent


# --- pruning ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", cases([1, 3], fast=[3]))
@pytest.mark.parametrize("trainer", ["sb3", "lockstep"])
def test_a_pruner_judges_the_first_round_only(store: ResultStore, trainer: str, m: int) -> None:
    study = study_of(14, r=6, m=m, changes={**MEDIAN, "execution.trainer": trainer})
    storage, executor = InMemoryStorage(), Judged()
    trials = tune(study, store, storage, executor)
    (summary,) = optuna.get_all_study_summaries(storage)
    known = optuna.load_study(study_name=summary.study_name, storage=storage).trials
    n_reports = m if trainer == "sb3" and m > 1 else 8
    for record, trial in zip(trials, known, strict=True):
        assert set(trial.intermediate_values) <= set(range(n_reports))
        if record.state is TrialState.PRUNED:
            assert len(record.run_ids) <= m
    assert {trial.state for trial in trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    again = {run_id for trial in trials for run_id in trial.run_ids[m:]}
    assert again
    assert again.isdisjoint(executor.judged)


class Judged(Synthetic):
    """Notes which runs had a rule that might have stopped them."""

    def __init__(self) -> None:
        super().__init__()
        self.judged: set[str] = set()

    def _train(self, job: Job) -> list[RunResult]:
        if job.stop_rule is not None:
            self.judged |= {spec.run_id for spec in job.specs}
        return [synthetic_result(spec) for spec in job.specs]  # the rule is asked when the results are back


# --- the same trials, whatever happens -------------------------------------------------------------------------------


def twin(
    study: StudySpec, trials: Sequence[TrialRecord], behaviour: Behaviour
) -> list[tuple[tuple[float | None, ...], float | None]]:
    """Return scores and objective value of each trial by a plain loop, configurations given."""
    tuning = study.tuning
    told: list[tuple[tuple[float | None, ...], float | None]] = []
    for trial in trials:
        indices = range(tuning.max_seeds_per_trial)
        runs = tuning_runs(study, trial.hyperparameters, trial.number, indices=indices)
        scores = [synthetic_result(run, behaviour).score for run in runs]
        before = trial.number - (trial.number % tuning.batch_size if tuning.batch_size else 0)
        incumbent = max((value for _, value in told[:before] if value is not None), default=None)
        known = [score for own, _ in told[:before] for score in own if score is not None]
        worst, n = min(known, default=None), tuning.seeds_per_trial
        while True:
            value = aggregate(scores[:n], tuning, worst=worst)
            if value is None or (incumbent is not None and value <= incumbent) or n == len(scores):
                break
            n = len(scores) if incumbent is None else min(2 * n, len(scores))
        told.append((tuple(scores[:n]), value))
    return told


CASES: dict[str, dict[str, Any]] = {
    "one seed": {"tuning.incumbent_seeds": 5},
    "several": {"tuning.seeds_per_trial": 3, "tuning.incumbent_seeds": 20, "tuning.aggregation": "iqm"},
    "batches": {"tuning.incumbent_seeds": 3, "tuning.batch_size": 4, "tuning.aggregation": "minimum"},
    "common": {"tuning.incumbent_seeds": 6, "tuning.seeds": "common", "tuning.aggregation": "median"},
    "together": {**LOCKSTEP, "tuning.incumbent_seeds": 8, "tuning.seeds_per_trial": 2},
}


@pytest.mark.parametrize(
    "behaviour", cases([always_completed, sometimes_diverged], fast=[sometimes_diverged])
)
@pytest.mark.parametrize("case", cases(CASES, fast=["several", "batches"]))
def test_the_search_is_that_of_a_plain_loop(store: ResultStore, case: str, behaviour: Behaviour) -> None:
    study = make_study({"tuning.n_trials": 16, **CASES[case]})
    trials = tune(study, store, InMemoryStorage(), Synthetic(behaviour=behaviour))
    expected = twin(study, trials, behaviour)
    assert [(trial.scores, trial.objective_value) for trial in trials] == expected
    assert len({len(scores) for scores, _ in expected}) > 1


@pytest.mark.parametrize("n_workers", cases([1, 3], fast=[3]))
@pytest.mark.parametrize("case", cases(CASES, fast=["common", "together"]))
def test_the_highest_objective_value_rests_on_all_seeds(
    store: ResultStore, case: str, n_workers: int
) -> None:
    study = make_study({"tuning.n_trials": 16, **CASES[case]})
    executor = Synthetic(n_workers, behaviour=sometimes_diverged, delay_s=0.002 if n_workers > 1 else 0.0)
    trials = tune(study, store, InMemoryStorage(), executor)
    best = max(trials, key=lambda trial: (trial.objective_value or -1e9, -trial.number))
    assert len(best.run_ids) == study.tuning.max_seeds_per_trial


def test_runs_of_a_re_run_that_are_stored_are_not_computed_again(store: ResultStore) -> None:
    study, storage = study_of(2, r=5), InMemoryStorage()
    script = [[10] * 5, [11] * 5]
    with pytest.raises(Interrupt):
        tune(study, store, storage, Scripted(study, script, die_at_submit=7))
    again = Scripted(study, script)
    trials = tune(study, store, storage, again)
    assert len(again.submitted) == 3
    assert [len(trial.scores) for trial in trials] == [5, 5]


# --- what it is for --------------------------------------------------------------------------------------------------


def optimism(store: ResultStore, incumbent_seeds: int | None, root_seed: int) -> float:
    """Return by how much the highest objective value of a small search exceeds the true mean behind it."""
    truth = {
        "mean": 0.0,
        "sd": 10.0,
        "effects": {"learning_rate": {"best": 1e-3, "drop": 5.0, "scale": "log"}},
    }
    study = make_study(
        {
            "root_seed": root_seed,
            **drawn("synthetic", truth),
            "tuning": {"n_trials": 8, "sampler": "random", "incumbent_seeds": incumbent_seeds},
        }
    )
    trials = tune(study, store, InMemoryStorage(), InProcess())
    best = max(trials, key=lambda trial: trial.objective_value or -1e9)
    assert best.objective_value is not None
    return best.objective_value - truth_of(study.training, best.hyperparameters).mean


@pytest.mark.thorough
def test_the_best_tuning_value_overstates_less_when_it_had_to_be_believed(store: ResultStore) -> None:
    roots = range(20)
    single = [optimism(store, None, root) for root in roots]
    believed = [optimism(store, 5, root) for root in roots]
    assert mean(single) > 10.0  # an SD of the noise
    assert mean(believed) < 0.6 * mean(single)
