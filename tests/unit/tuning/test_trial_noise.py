"""What the sampler that knows noise is told, and what is said where it cannot be had."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import variance
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from optuna.storages import InMemoryStorage

from robusttune.errors import MissingDependencyError
from robusttune.results.records import RunStatus
from robusttune.seeds import sampler_seed
from robusttune.stats.estimates.variance import shrink_variances
from robusttune.tuning.noise import noise_variances
from robusttune.tuning.samplers import make_sampler
from tests.support.hub import LedByNoise, install, stand_in
from tests.support.studies import Failing, Synthetic, make_study, open_results, tune

HETEROSCEDASTIC: dict[str, Any] = {"tuning.sampler": "heteroscedastic-gp"}


# --- the variances ---------------------------------------------------------------------------------------------------


def test_unknown_variances_are_the_mean_of_the_known_ones() -> None:
    # s0² = (1 + 4) / 2; (2 · 2.5 + 2 · 1) / 4, (2 · 2.5 + 4) / 3, 2.5
    found = shrink_variances(np.array([1.0, 4.0, np.nan]), np.array([2, 1, 0]), otherwise=9.0)
    assert found == pytest.approx([1.75, 3.0, 2.5])
    assert shrink_variances(np.array([np.nan]), np.array([0]), otherwise=9.0) == pytest.approx([9.0])


def test_the_noise_of_a_trial_is_its_shrunk_variance_over_its_number_of_seeds() -> None:
    # s² = 1 of three seeds, 8 of two, unknown of one; s0² = 4.5
    found = noise_variances([[0.0, 1.0, 2.0], [0.0, 4.0], [7.0]])
    assert found == pytest.approx([(2 * 4.5 + 2 * 1) / 4 / 3, (2 * 4.5 + 8) / 3 / 2, 4.5])


def test_noise_is_unknown_while_no_trial_has_two_seeds() -> None:
    assert noise_variances([[1.0], [5.0]]) == [0.0, 0.0]


def test_seeds_that_happen_to_agree_do_not_make_a_trial_free_of_noise() -> None:
    agreeing, other = noise_variances([[3.0, 3.0], [0.0, 4.0]])
    assert 0 < agreeing < other


# --- what the sampler gets -------------------------------------------------------------------------------------------


def test_the_sampler_gets_its_seed_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    options = {"n_startup_trials": 7, "deterministic_objective": True}
    study = make_study({**HETEROSCEDASTIC, "tuning.sampler_options": options})
    for number in (0, 3):
        sampler = make_sampler(study, number)
        assert isinstance(sampler, LedByNoise)
        assert sampler.seed == sampler_seed(study.root_seed, number)
        assert sampler.options == options


def test_the_sampler_is_told_the_noise_of_the_trials_that_are_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A diverged seed has the worst score known when its trial began; a failed trial tells nothing."""
    made = stand_in(monkeypatch)
    diverged, failed = 4, 6
    statuses = {diverged: RunStatus.DIVERGED, failed: RunStatus.FAILED}
    n_made = iter(range(100))
    executor = Synthetic(behaviour=lambda spec: statuses.get(next(n_made), RunStatus.COMPLETED))
    study = make_study({**HETEROSCEDASTIC, "tuning.n_trials": 4, "tuning.seeds_per_trial": 3})
    with open_results(tmp_path) as store:
        trials = tune(study, store, InMemoryStorage(), executor)
    scores = {trial.number: trial.scores for trial in trials if trial.objective_value is not None}
    assert list(scores) == [0, 1, 3, 4]
    assert scores[1][1] is None
    worst = min(score for number in (0, 1) for score in scores[number] if score is not None)
    counted = [[worst if score is None else score for score in scores[number]] for number in (0, 1, 3)]
    variances = [variance(of_trial) for of_trial in counted]
    common = sum(variances) / 3
    expected = [(2 * common + 2 * own) / 4 / 3 for own in variances]
    numbers, told = zip(*made[-1].told, strict=True)
    assert numbers == (0, 1, 3)
    assert told == pytest.approx(expected)


def test_a_trial_that_was_run_again_is_told_with_all_its_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stand_in(monkeypatch)
    study = make_study({**HETEROSCEDASTIC, "tuning.n_trials": 5, "tuning.incumbent_seeds": 4})
    with open_results(tmp_path) as store:
        trials = tune(study, store, InMemoryStorage())
    before = [[score for score in trial.scores if score is not None] for trial in trials[:-1]]
    assert {len(scores) for scores in before} > {1}
    assert [value for _, value in made[-1].told] == pytest.approx(noise_variances(before))


def test_other_samplers_leave_no_scores_in_optunas_storage(tmp_path: Path) -> None:
    storage = InMemoryStorage()
    with open_results(tmp_path) as store:
        tune(make_study(), store, storage, Failing({2}, RunStatus.DIVERGED).executor())
    (study,) = storage.get_all_studies()
    assert all("counted_scores" not in trial.user_attrs for trial in storage.get_all_trials(study._study_id))


# --- where it cannot be had ------------------------------------------------------------------------------------------


def no_module(package: str) -> Any:
    raise ModuleNotFoundError("No module named 'optuna._gp.gone'")


def no_network(package: str) -> Any:
    raise RuntimeError("git fetch\n  stderr: 'could not resolve host'")


@pytest.mark.parametrize(("sampler", "instead"), [("heteroscedastic-gp", "gp"), ("auto", "tpe")])
@pytest.mark.parametrize(
    ("load_module", "piece"),
    [
        (None, r"needs OptunaHub \(`pip install robusttune\[hub\]`\)"),
        (
            no_module,
            r"must import with the installed Optuna, but Optuna \d.*No module named 'optuna._gp.gone'",
        ),
        (lambda package: SimpleNamespace(), r"must import with the installed Optuna, .*no attribute"),
        (
            no_network,
            r"in its cache or come from github.com, but got: RuntimeError: git fetch stderr: 'could not",
        ),
    ],
    ids=["no-hub", "does-not-import", "no-such-class", "no-network"],
)
def test_a_sampler_that_cannot_be_had_is_named_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, load_module: Any, piece: str, sampler: str, instead: str
) -> None:
    if load_module is None:
        monkeypatch.setitem(sys.modules, "optunahub", None)
    else:
        install(monkeypatch, load_module)
    with pytest.raises(MissingDependencyError, match=piece) as caught:
        make_sampler(make_study({"tuning.sampler": sampler}), 0)
    assert str(caught.value).startswith(f"tuning.sampler = {sampler!r}")
    assert str(caught.value).endswith(f"tuning.sampler = {instead!r} needs nothing more.")


def test_a_study_whose_sampler_cannot_be_had_stops_before_its_first_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, no_module)
    executor, storage = Synthetic(), InMemoryStorage()
    with open_results(tmp_path) as store, pytest.raises(MissingDependencyError):
        tune(make_study(HETEROSCEDASTIC), store, storage, executor)
    assert executor.submitted == []
    assert storage.get_all_studies() == []
