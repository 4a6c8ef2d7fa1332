"""The search, with synthetic runs: real samplers, pruners, storages and databases, but no training."""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState as OptunaState

from robusttune.declaration.study import StudySpec
from robusttune.errors import StudyError
from robusttune.execution.executors import Job
from robusttune.results.claims import Claims
from robusttune.results.records import RunResult, RunStatus, TrialRecord, TrialState
from robusttune.results.store import ResultStore
from robusttune.tuning.aggregation import aggregate
from robusttune.tuning.samplers import make_pruner, make_sampler
from robusttune.tuning.storage import open_storage
from robusttune.tuning.task import TrialOutcome
from robusttune.tuning.trials import Trials
from tests.support.cases import cases
from tests.support.hub import needs_heteroscedastic_gp, stand_in
from tests.support.studies import (
    Behaviour,
    Failing,
    Interrupt,
    Mortal,
    MortalStorage,
    MortalStore,
    Recorder,
    Synthetic,
    make_study,
    open_results,
    settled,
    sometimes_diverged,
    stored_specs,
    synthetic_curve,
    tune,
)

SMALL_GRID: dict[str, Any] = {
    "n_steps": {"type": "int", "low": 8, "high": 32, "scale": "pow2"},
    "activation_fn": {"type": "categorical", "choices": ["tanh", "relu"]},
}
SAMPLERS: dict[str, dict[str, Any]] = {
    "tpe": {"tuning.sampler": "tpe", "tuning.sampler_options": {"n_startup_trials": 3}},
    "random": {"tuning.sampler": "random"},
    "cmaes": {"tuning.sampler": "cmaes", "tuning.sampler_options": {"popsize": 3}},
    "gp": {"tuning.sampler": "gp", "tuning.sampler_options": {"n_startup_trials": 4}},
    "heteroscedastic-gp": {
        "tuning.sampler": "heteroscedastic-gp",
        "tuning.sampler_options": {"n_startup_trials": 3},
    },
    "qmc": {"tuning.sampler": "qmc"},
    "grid": {"tuning.sampler": "grid", "search_space.parameters": SMALL_GRID},
}
PUBLISHED = (pytest.mark.slow, needs_heteroscedastic_gp)
STEPS = {"evaluation.every": 8}  # eight evaluations per run
SEVERAL = {"tuning.seeds_per_trial": 4}
PRUNERS: dict[str, dict[str, Any]] = {
    "median": {**STEPS, "tuning.pruner": "median", "tuning.pruner_options": {"n_startup_trials": 2}},
    "percentile": {
        **STEPS,
        "tuning.pruner": "percentile",
        "tuning.pruner_options": {"percentile": 60.0, "n_startup_trials": 2, "n_warmup_steps": 1},
    },
    "halving": {
        **STEPS,
        "tuning.pruner": "halving",
        "tuning.pruner_options": {"min_resource": 1, "reduction_factor": 2},
    },
    "hyperband": {
        **STEPS,
        "tuning.pruner": "hyperband",
        "tuning.pruner_options": {"min_resource": 1, "max_resource": 8, "reduction_factor": 2},
    },
    "patient": {**STEPS, "tuning.pruner": "patient", "tuning.pruner_options": {"patience": 1}},
    "wilcoxon": {
        "tuning.seeds_per_trial": 6,
        "tuning.pruner": "wilcoxon",
        "tuning.pruner_options": {"p_threshold": 0.3},
    },
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ResultStore]:
    with open_results(tmp_path) as opened:
        yield opened


def facts(trials: tuple[TrialRecord, ...]) -> list[TrialRecord]:
    """Return all that must be equal in two searches that repeat each other."""
    assert [trial.number for trial in trials] == list(range(len(trials)))
    return [dataclasses.replace(trial, error=None) for trial in trials]


def search(study: StudySpec, folder: Path, executor: Synthetic | None = None) -> list[TrialRecord]:
    with open_results(folder) as store:
        return facts(tune(study, store, InMemoryStorage(), executor))


# --- samplers and pruners --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sampler",
    [
        pytest.param(name, marks=needs_heteroscedastic_gp if name == "heteroscedastic-gp" else ())
        for name in SAMPLERS
    ],
)
def test_a_search_ends_with_the_trials_it_wants_inside_their_ranges(store: ResultStore, sampler: str) -> None:
    study = make_study(SAMPLERS[sampler])
    storage = InMemoryStorage()
    trials = tune(study, store, storage)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 6
    assert len({trial.config_id for trial in trials}) == 6
    for trial in trials:
        for name, parameter in study.search_space.parameters.items():
            value = trial.hyperparameters[name]
            if parameter.type == "categorical":
                assert value in parameter.choices
            else:
                assert parameter.low <= value <= parameter.high
            if name == "n_steps":
                assert value in (8, 16, 32)
        assert trial.hyperparameters["n_epochs"] == 1
        (run_id,) = trial.run_ids
        assert trial.scores == (store.results([run_id])[run_id].score,)
        assert trial.objective_value == trial.scores[0]


def test_the_study_in_optuna_shows_real_values(store: ResultStore) -> None:
    storage = InMemoryStorage()
    records = tune(make_study(), store, storage)
    (summary,) = optuna.get_all_study_summaries(storage)
    trials = optuna.load_study(study_name=summary.study_name, storage=storage).trials
    assert summary.study_name.startswith("small-")
    for record, trial in zip(records, trials, strict=True):
        shown = {**trial.params, **trial.user_attrs}
        assert trial.user_attrs["hyperparameters"] == record.hyperparameters
        assert (
            shown["gamma"]
            == record.hyperparameters["gamma"]
            == pytest.approx(1 - trial.params["one_minus_gamma"])
        )
        assert shown["n_steps"] == record.hyperparameters["n_steps"] == 2 ** trial.params["n_steps_pow"]
        assert shown["learning_rate"] == record.hyperparameters["learning_rate"]
        assert trial.value == record.objective_value


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_trials_that_begin_together_differ(tmp_path: Path, sampler: str) -> None:
    together = search(make_study({**SAMPLERS[sampler], "tuning.batch_size": 6}), tmp_path)
    assert len({trial.config_id for trial in together}) == 6


def test_a_grid_ends_when_every_point_has_been_visited_once(tmp_path: Path) -> None:
    trials = search(make_study({**SAMPLERS["grid"], "tuning.n_trials": 50}), tmp_path)
    points = {(trial.hyperparameters["n_steps"], trial.hyperparameters["activation_fn"]) for trial in trials}
    assert len(trials) == len(points) == 6


def test_a_grid_visits_a_point_again_whose_trial_failed(tmp_path: Path) -> None:
    failing = Failing({2})
    trials = search(make_study({**SAMPLERS["grid"], "tuning.n_trials": 50}), tmp_path, failing.executor())
    assert [trial.state for trial in trials].count(TrialState.FAILED) == 1
    assert len({trial.config_id for trial in trials if trial.state is TrialState.COMPLETE}) == 6


def test_the_order_of_parameters_in_the_file_does_not_matter(tmp_path: Path) -> None:
    study = make_study()
    space = dict(reversed(study.search_space.parameters.items()))
    turned = dataclasses.replace(
        study, search_space=dataclasses.replace(study.search_space, parameters=space)
    )
    assert study.tuning_id == turned.tuning_id
    assert search(study, tmp_path / "a") == search(turned, tmp_path / "b")


@pytest.mark.parametrize("pruner", ["halving", "wilcoxon"])
def test_a_pruner_prunes_and_a_pruned_trial_has_no_value(store: ResultStore, pruner: str) -> None:
    study = make_study({**PRUNERS[pruner], "tuning.n_trials": 20})
    trials = tune(study, store, InMemoryStorage())
    pruned = [trial for trial in trials if trial.state is TrialState.PRUNED]
    assert 0 < len(pruned) < 20
    assert all(trial.objective_value is None for trial in pruned)


@pytest.mark.parametrize("pruner", ["median", "percentile", "halving", "hyperband", "patient"])
def test_pruning_decisions_equal_optunas_own(store: ResultStore, pruner: str) -> None:
    """The twin is a plain `study.optimize` that asks `should_prune` after every report."""
    study = make_study({**PRUNERS[pruner], "tuning.n_trials": 20, "tuning.sampler": "random"})
    storage = InMemoryStorage()
    records = tune(study, store, storage)
    (summary,) = optuna.get_all_study_summaries(storage)
    ours = optuna.load_study(study_name=summary.study_name, storage=storage)
    specs = {spec.run_id: spec for spec in stored_specs(store)}

    twin = optuna.create_study(
        study_name=summary.study_name, direction="maximize", pruner=make_pruner(study.tuning)
    )

    def objective(trial: optuna.Trial) -> float:
        *intermediate, final = synthetic_curve(specs[records[trial.number].run_ids[0]])
        for step, value in enumerate(intermediate):
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        trial.report(final, len(intermediate))
        return final

    twin.optimize(objective, n_trials=20)
    assert [trial.state for trial in twin.trials] == [trial.state for trial in ours.trials]
    assert [trial.intermediate_values for trial in twin.trials] == [
        trial.intermediate_values for trial in ours.trials
    ]
    states = {trial.state for trial in twin.trials}
    assert states == {OptunaState.COMPLETE, OptunaState.PRUNED}


def test_the_sampler_is_seeded_by_study_and_trial(tmp_path: Path) -> None:
    first = search(make_study(), tmp_path / "a")
    assert search(make_study(), tmp_path / "b") == first
    other = search(make_study({"root_seed": 6}), tmp_path / "c")
    assert not {trial.config_id for trial in first} & {trial.config_id for trial in other}


def test_an_option_that_optuna_refuses_is_named() -> None:
    from robusttune.errors import SpecError

    study = make_study(
        {"tuning.pruner": "percentile", "tuning.pruner_options": {"percentile": 150.0}, **STEPS}
    )
    with pytest.raises(
        SpecError, match=r"tuning.pruner_options = .*150.*Optuna refuses them for 'percentile'"
    ):
        make_pruner(study.tuning)
    study = make_study({"tuning.sampler": "qmc", "tuning.sampler_options": {"qmc_type": "sobel"}})
    with pytest.raises(SpecError, match=r"tuning.sampler_options = .*sobel.*Optuna refuses them for 'qmc'"):
        make_sampler(study, 0)


# --- several seeds per trial -----------------------------------------------------------------------------------------


def optuna_trials(storage: InMemoryStorage) -> list[optuna.trial.FrozenTrial]:
    (summary,) = optuna.get_all_study_summaries(storage)
    return optuna.load_study(study_name=summary.study_name, storage=storage).trials


@pytest.mark.parametrize("aggregation", cases(["mean", "minimum", "iqm", "mean-minus-sd"], fast=["iqm"]))
def test_intermediate_reports_are_the_running_aggregate_over_seeds(
    store: ResultStore, aggregation: str
) -> None:
    changes = {**PRUNERS["median"], **SEVERAL, "tuning.aggregation": aggregation, "tuning.n_trials": 8}
    study, storage = make_study(changes), InMemoryStorage()
    records = tune(study, store, storage)
    for record, trial in zip(records, optuna_trials(storage), strict=True):
        known = [score for score in record.scores if score is not None]
        for step, value in trial.intermediate_values.items():
            assert value == aggregate(known[: step + 1], study.tuning, worst=None)
        if record.state is TrialState.COMPLETE:
            assert list(trial.intermediate_values) == [0, 1, 2, 3]
            assert record.objective_value == trial.intermediate_values[3]


def test_the_wilcoxon_pruner_alone_sees_each_seeds_own_score(store: ResultStore) -> None:
    storage = InMemoryStorage()
    records = tune(make_study({**PRUNERS["wilcoxon"], "tuning.n_trials": 8}), store, storage)
    for record, trial in zip(records, optuna_trials(storage), strict=True):
        assert [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)] == [
            score for score in record.scores if score is not None
        ]


def test_a_pruned_trial_runs_no_further_seed(store: ResultStore) -> None:
    executor = Synthetic()
    study = make_study({**PRUNERS["median"], **SEVERAL, "tuning.n_trials": 12})
    records = tune(study, store, InMemoryStorage(), executor)
    n_scores = [sum(score is not None for score in record.scores) for record in records]
    assert {n for n, r in zip(n_scores, records, strict=True) if r.state is TrialState.COMPLETE} == {4}
    assert min(n_scores) < 4
    assert len(executor.submitted) == sum(n_scores)


# --- repeating itself ------------------------------------------------------------------------------------------------

BATCH = {"tuning.batch_size": 4, "tuning.n_trials": 11}


@pytest.mark.parametrize(
    ("sampler", "pruner", "more"),
    [
        pytest.param("tpe", "none", {}, marks=pytest.mark.thorough),
        pytest.param("tpe", "halving", {}, marks=pytest.mark.thorough),
        ("random", "hyperband", {}),
        pytest.param("tpe", "wilcoxon", {}, marks=pytest.mark.thorough),
        pytest.param("cmaes", "none", {}, marks=pytest.mark.thorough),
        ("qmc", "median", {}),
        pytest.param("tpe", "none", {"tuning.incumbent_seeds": 5}, marks=pytest.mark.thorough),
        ("tpe", "median", {"tuning.incumbent_seeds": 6, "tuning.seeds_per_trial": 2}),
        pytest.param("gp", "none", {}, marks=pytest.mark.slow),
        pytest.param("heteroscedastic-gp", "none", {"tuning.seeds_per_trial": 3}, marks=PUBLISHED),
        pytest.param("heteroscedastic-gp", "none", {"tuning.incumbent_seeds": 5}, marks=PUBLISHED),
    ],
    ids=str,
)
def test_batches_repeat_themselves_with_any_number_of_workers(
    tmp_path: Path, sampler: str, pruner: str, more: dict[str, Any]
) -> None:
    study = make_study({**SAMPLERS[sampler], **PRUNERS.get(pruner, {}), **BATCH, **more})
    searches = []
    for n_workers in (1, 2, 4):
        executor = Synthetic(n_workers, behaviour=sometimes_diverged, delay_s=0.002 if n_workers > 1 else 0.0)
        searches.append(search(study, tmp_path / str(n_workers), executor))
    assert searches[0] == searches[1] == searches[2]
    if pruner != "none":
        assert TrialState.PRUNED in {trial.state for trial in searches[0]}


class Sizes(Synthetic):
    """Notes how many runs each job has."""

    def __init__(self, n_workers: int = 1) -> None:
        super().__init__(n_workers, behaviour=sometimes_diverged)
        self.sizes: list[int] = []

    def _train(self, job: Job) -> list[RunResult]:
        self.sizes.append(len(job.specs))
        return super()._train(job)


LIKE_SHAPES: dict[str, Any] = {
    "search_space.parameters": {
        "learning_rate": {"type": "float", "low": 1e-5, "high": 1e-2, "scale": "log"}
    },
    "execution.trainer": "lockstep",
}


@pytest.mark.parametrize(
    ("pruner", "more"),
    [
        ("median", {}),
        ("halving", {"tuning.incumbent_seeds": 3}),
        pytest.param("hyperband", {}, marks=pytest.mark.thorough),
        pytest.param("none", {"tuning.seeds_per_trial": 2}, marks=pytest.mark.thorough),
        pytest.param("wilcoxon", {}, marks=pytest.mark.thorough),
    ],
    ids=str,
)
def test_trials_of_a_batch_that_train_together_end_as_they_would_alone(
    tmp_path: Path, pruner: str, more: dict[str, Any]
) -> None:
    study = make_study({**SAMPLERS["tpe"], **PRUNERS.get(pruner, {}), **BATCH, **LIKE_SHAPES, **more})
    together, alone = Sizes(), Sizes(n_workers=4)  # as many workers as trials: each has its own job
    assert search(study, tmp_path / "together", together) == search(study, tmp_path / "alone", alone)
    assert max(together.sizes) >= 2 * max(alone.sizes)
    assert sorted(together.submitted) == sorted(alone.submitted)


def test_equal_trials_of_a_batch_share_the_runs_of_one(store: ResultStore) -> None:
    study = make_study(
        {
            **BATCH,
            "execution.trainer": "lockstep",
            "search_space.parameters": {
                "activation_fn": {"type": "categorical", "choices": ["tanh", "relu"]}
            },
            "tuning.seeds": "common",
        }
    )
    executor = Sizes()
    trials = tune(study, store, InMemoryStorage(), executor)
    assert len(trials) == 11
    assert len(executor.submitted) == 2


def test_what_a_sampler_is_told_of_noise_does_not_depend_on_the_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stand_in(monkeypatch)
    study = make_study({"tuning.sampler": "heteroscedastic-gp", **BATCH, "tuning.incumbent_seeds": 5})
    searches = []
    for n_workers in (1, 2, 4):
        executor = Synthetic(n_workers, behaviour=sometimes_diverged, delay_s=0.002 if n_workers > 1 else 0.0)
        searches.append(search(study, tmp_path / str(n_workers), executor))
    assert searches[0] == searches[1] == searches[2]
    assert any(trial.n_diverged for trial in searches[0])
    assert len({variance for sampler in made for _, variance in sampler.told}) > 3


def test_a_batch_sees_finished_batches_only(store: ResultStore) -> None:
    study = make_study({**PRUNERS["median"], "tuning.batch_size": 5, "tuning.n_trials": 10})
    states = [trial.state for trial in tune(study, store, InMemoryStorage())]
    assert set(states[:5]) == {TrialState.COMPLETE}
    assert TrialState.PRUNED in states[5:]


def test_whether_a_search_repeats_itself_is_known(store: ResultStore) -> None:
    def reproducible(changes: dict[str, Any], n_workers: int) -> bool:
        study = make_study(changes)
        tune(study, store, InMemoryStorage(), Synthetic(n_workers))
        return store.tuning_time(study.tuning_id)[1]

    assert reproducible({}, 1)
    assert not reproducible({"root_seed": 1}, 2)
    assert reproducible({"root_seed": 2, "tuning.batch_size": 2}, 2)
    assert not reproducible({"root_seed": 3, "tuning.timeout_s": 1000.0}, 1)


# --- cut off and taken up again --------------------------------------------------------------------------------------


def resumed(study: StudySpec, folder: Path, die_at: int, behaviour: Behaviour) -> list[TrialRecord] | None:
    """Search, die before a write, search again; None if there are not that many writes."""
    storage = MortalStorage()
    with open_results(folder, MortalStore) as store:
        assert isinstance(store, MortalStore)
        store.mortal = storage.mortal = Mortal(die_at)
        try:
            tune(study, store, storage, Synthetic(behaviour=behaviour))
        except Interrupt:
            store.mortal = storage.mortal = Mortal()
            return facts(tune(study, store, storage, Synthetic(behaviour=behaviour)))
    return None


def assert_resumes_everywhere(study: StudySpec, folder: Path, *, stride: int, behaviour: Behaviour) -> None:
    expected = search(study, folder / "whole", Synthetic(behaviour=behaviour))
    n_cuts = 0
    for die_at in range(0, 10_000, stride):
        trials = resumed(study, folder / str(die_at), die_at, behaviour)
        if trials is None:
            break
        n_cuts += 1
        assert trials == expected, f"cut off before write {die_at}"
    assert n_cuts >= 2


CUT = {"tuning.n_trials": 6}


SEVERAL_IN_BATCHES = {"tuning.seeds_per_trial": 3, "tuning.batch_size": 3}
BELIEVED = {"tuning.incumbent_seeds": 4, "tuning.n_trials": 4}


@pytest.mark.parametrize(
    ("sampler", "pruner", "more", "stride"),
    [
        pytest.param("tpe", "none", {}, 17, marks=pytest.mark.thorough),
        ("tpe", "halving", {"tuning.batch_size": 3}, 37),
        pytest.param("qmc", "none", {"tuning.batch_size": 3}, 29, marks=pytest.mark.thorough),
        pytest.param("grid", "none", {}, 23, marks=pytest.mark.thorough),
        pytest.param(
            "random", "median", {**LIKE_SHAPES, "tuning.batch_size": 3}, 13, marks=pytest.mark.thorough
        ),
        pytest.param("tpe", "median", SEVERAL_IN_BATCHES, 41, marks=pytest.mark.thorough),
        pytest.param("random", "none", BELIEVED, 11, marks=pytest.mark.thorough),
        ("tpe", "halving", {**BELIEVED, "tuning.n_trials": 6, "tuning.batch_size": 2}, 31),
        pytest.param("random", "none", BELIEVED, 1, marks=pytest.mark.slow),
        pytest.param("tpe", "none", {}, 1, marks=pytest.mark.slow),
        pytest.param("random", "hyperband", {}, 5, marks=pytest.mark.slow),
        pytest.param("cmaes", "none", {}, 7, marks=pytest.mark.slow),
        pytest.param("tpe", "wilcoxon", {}, 7, marks=pytest.mark.slow),
        pytest.param("gp", "none", {}, 17, marks=pytest.mark.slow),
        pytest.param("gp", "median", SEVERAL_IN_BATCHES, 23, marks=pytest.mark.slow),
        pytest.param("heteroscedastic-gp", "none", BELIEVED, 17, marks=PUBLISHED),
        pytest.param("heteroscedastic-gp", "median", SEVERAL_IN_BATCHES, 23, marks=PUBLISHED),
    ],
    ids=str,
)
def test_a_search_cut_off_anywhere_goes_on_as_if_nothing_had_been(
    tmp_path: Path, sampler: str, pruner: str, more: dict[str, Any], stride: int
) -> None:
    study = make_study({**SAMPLERS[sampler], **PRUNERS.get(pruner, {}), **CUT, **more})
    assert_resumes_everywhere(study, tmp_path, stride=stride, behaviour=sometimes_diverged)


@pytest.mark.parametrize(
    ("more", "stride"),
    [
        pytest.param(BELIEVED, 17, marks=pytest.mark.thorough),
        pytest.param({**SEVERAL_IN_BATCHES, **PRUNERS["median"]}, 41, marks=pytest.mark.thorough),
        ({"tuning.batch_size": 2, **BELIEVED, "tuning.seeds_per_trial": 2}, 23),
    ],
    ids=str,
)
def test_what_a_sampler_is_told_of_noise_survives_being_cut_off_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], stride: int
) -> None:
    made = stand_in(monkeypatch)
    study = make_study({"tuning.sampler": "heteroscedastic-gp", **CUT, **more})
    assert_resumes_everywhere(study, tmp_path, stride=stride, behaviour=sometimes_diverged)
    assert len({variance for sampler in made for _, variance in sampler.told}) > 1


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize("pruner", ["none", *PRUNERS])
@pytest.mark.parametrize("sampler", ["tpe", "qmc", "grid"])
def test_every_search_cut_off_nearly_anywhere_goes_on(
    tmp_path: Path, sampler: str, pruner: str, batch_size: int | None
) -> None:
    study = make_study(
        {**SAMPLERS[sampler], **PRUNERS.get(pruner, {}), "tuning.batch_size": batch_size, **CUT}
    )
    assert_resumes_everywhere(study, tmp_path, stride=11, behaviour=sometimes_diverged)


def test_runs_that_are_stored_are_not_computed_again(store: ResultStore) -> None:
    study, storage = make_study(), InMemoryStorage()
    with pytest.raises(Interrupt):
        tune(study, store, storage, Synthetic(die_at_submit=4))
    again = Synthetic()
    trials = tune(study, store, storage, again)
    assert len(again.submitted) == 2
    assert [trial.number for trial in trials] == list(range(6))
    idle = Synthetic()
    assert tune(study, store, storage, idle) == trials
    assert idle.submitted == []


def test_a_study_grows(store: ResultStore) -> None:
    storage = InMemoryStorage()
    few = tune(make_study({"tuning.n_trials": 4}), store, storage)
    many = tune(make_study({"tuning.n_trials": 7}), store, storage)
    assert many[:4] == few
    assert len(many) == 7


def test_a_run_pruned_in_another_search_counts_only_where_it_would_be_pruned(store: ResultStore) -> None:
    """The same file with its pruner edited: the first trials are the same runs."""
    changes = {**PRUNERS["median"], "tuning.sampler": "random", "tuning.n_trials": 12}
    pruned = tune(make_study(changes), store, InMemoryStorage())
    assert TrialState.PRUNED in {trial.state for trial in pruned}
    free = {**changes, "tuning.pruner": "none", "tuning.pruner_options": {}}
    executor = Synthetic()
    unpruned = tune(make_study(free), store, InMemoryStorage(), executor)
    assert [trial.run_ids for trial in unpruned] == [trial.run_ids for trial in pruned]
    assert {trial.state for trial in unpruned} == {TrialState.COMPLETE}
    assert len(executor.submitted) == sum(trial.state is TrialState.PRUNED for trial in pruned)
    # And the other way round: completed runs are pruned where the pruner would have stopped them.
    changes["tuning.pruner_options"] = {"n_startup_trials": 2, "n_min_trials": 1}
    again = tune(make_study(changes), store, InMemoryStorage())
    assert [trial.state for trial in again] == [trial.state for trial in pruned]


# --- diverged, failed ------------------------------------------------------------------------------------------------


def test_a_diverged_run_counts_as_the_worst_score_so_far(store: ResultStore) -> None:
    storage = InMemoryStorage()
    failing = Failing({3, 5}, RunStatus.DIVERGED)
    trials = tune(make_study({"tuning.n_trials": 8}), store, storage, failing.executor())
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 8
    for number in (3, 5):
        before = [trial.objective_value for trial in trials[:number]]
        assert trials[number].objective_value == min(before)  # type: ignore[type-var]
        assert trials[number].scores == (None,)
        assert trials[number].n_diverged == 1


def test_neither_nan_nor_infinity_is_ever_told(store: ResultStore) -> None:
    storage = InMemoryStorage()
    study = make_study({**PRUNERS["median"], "tuning.n_trials": 12})
    tune(study, store, storage, Synthetic(behaviour=sometimes_diverged))
    trials = optuna_trials(storage)
    assert any(
        result.status is RunStatus.DIVERGED
        for result in store.results(s.run_id for s in stored_specs(store)).values()
    )
    values = [v for t in trials for v in (*t.intermediate_values.values(), *(t.values or ()))]
    assert all(math.isfinite(value) for value in values)


def test_the_first_three_failures_stop_the_search_with_the_traceback(store: ResultStore) -> None:
    executor = Failing({0, 1, 2}).executor()
    with pytest.raises(
        StudyError, match=r"(?s)The last 3 trials all failed.*Traceback.*synthetic failed of"
    ) as caught:
        tune(make_study(), store, InMemoryStorage(), executor)
    assert len(executor.submitted) == 3
    assert "run the study again" in str(caught.value).replace("\n", " ")


def test_ten_failures_in_a_row_stop_the_search_later_on(store: ResultStore) -> None:
    executor = Failing(set(range(2, 100))).executor()
    with pytest.raises(StudyError, match="The last 10 trials all failed"):
        tune(make_study({"tuning.n_trials": 30}), store, InMemoryStorage(), executor)
    assert len(executor.submitted) == 12


@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize("n_workers", cases([1, 2, 8], fast=[2]))
def test_failed_trials_are_replaced(store: ResultStore, batch_size: int | None, n_workers: int) -> None:
    study = make_study({"tuning.batch_size": batch_size})
    trials = tune(study, store, InMemoryStorage(), Failing({1, 4, 5}).executor(n_workers))
    states = [trial.state for trial in trials]
    assert states.count(TrialState.COMPLETE) == 6
    assert states.count(TrialState.FAILED) == 3
    assert all("Traceback" in str(trial.error) for trial in trials if trial.state is TrialState.FAILED)


def test_a_failed_seed_fails_its_trial_and_the_rest_is_not_run_under_a_pruner(store: ResultStore) -> None:
    executor = Failing({5}).executor()
    trials = tune(
        make_study({**PRUNERS["wilcoxon"], "tuning.n_trials": 1}), store, InMemoryStorage(), executor
    )
    assert [trial.state for trial in trials] == [TrialState.FAILED, TrialState.COMPLETE]


def test_progress_is_told_once_per_trial(store: ResultStore) -> None:
    recorder = Recorder()
    tune(
        make_study(), store, InMemoryStorage(), Failing({2}, RunStatus.DIVERGED).executor(), reporter=recorder
    )
    assert [line.split()[1] for line in recorder.lines] == ["0", "1", "2", "3", "4", "5"]
    assert "(1 diverged)" in recorder.lines[2]


def test_a_time_limit_counts_all_invocations(store: ResultStore) -> None:
    study = make_study({"tuning.n_trials": None, "tuning.timeout_s": 0.3})
    storage = InMemoryStorage()
    trials = tune(study, store, storage)
    assert len(trials) > 1
    idle = Synthetic()
    assert tune(study, store, storage, idle) == trials
    assert idle.submitted == []


# --- storages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", cases(["study.log", "optuna.db"], fast=["study.log"]))
def test_a_study_lives_in_a_journal_or_a_database(tmp_path: Path, file: str) -> None:
    location = str(tmp_path / "new" / file) if file.endswith(".log") else f"sqlite:///{tmp_path / file}"
    study = make_study({**PRUNERS["halving"], **SAMPLERS["cmaes"]})
    expected = search(study, tmp_path / "memory")
    with open_results(tmp_path) as store:
        with pytest.raises(Interrupt):
            tune(study, store, open_storage(location), Synthetic(die_at_submit=3))
        assert facts(tune(study, store, open_storage(location))) == expected


def test_a_storage_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="Optuna cannot open its storage 'nonsense'"):
        open_storage("nonsense")


# --- other processes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lives", [True, False], ids=["that lives", "that has died"])
def test_a_search_ends_with_the_trials_of_another_process(store: ResultStore, lives: bool) -> None:
    study = settled(make_study({"tuning.n_trials": 3, "tuning.batch_size": None}))
    storage = InMemoryStorage()
    trials = Trials(study, storage, store)
    elsewhere = trials.ask()
    telling = threading.Thread(target=tell_later, args=(trials, elsewhere.number))
    with Claims(store.engine) as other:
        if lives:
            assert other.acquire(f"trial:{study.tuning_id}:{elsewhere.number}")
            telling.start()
        found = tune(study, store, storage)
    assert [trial.state for trial in found] == [TrialState.COMPLETE] * 3
    assert (found[elsewhere.number].objective_value == 1e6) == lives


def tell_later(trials: Trials, number: int) -> None:
    time.sleep(0.3)
    outcome = TrialOutcome(
        number=number, state=TrialState.COMPLETE, objective_value=1e6, reports=(), results=()
    )
    trials.tell(outcome, None)
