"""A study is settled once: open values are filled, and stay what they were whatever the library can do later."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from robusttune import rank_study, run_study, study_status, tune_study
from robusttune.cli import app
from robusttune.declaration.study import StudySpec
from robusttune.errors import NoResultsError, SpecError
from robusttune.pipeline.location import location_of
from robusttune.pipeline.settle import settle
from robusttune.training import stackable
from tests.support.studies import document, drawn, make_study, stored_specs

OPEN: dict[str, Any] = {"execution": None}
PRUNED = {"tuning.pruner": "median", "tuning.seeds_per_trial": 2, "evaluation.every": 16}
QUICK: dict[str, Any] = {
    **OPEN,
    "algorithm.hyperparameters": {"n_epochs": 1, "net_arch": [4]},
    "tuning.n_trials": 2,
    "post_evaluation.n_seeds": 2,
    "post_evaluation.top_k": 1,
}


def declare(changes: dict[str, Any]) -> StudySpec:
    return StudySpec.from_dict(document(changes))


def run_ids(study: StudySpec, out: Path) -> set[str]:
    store = location_of(study, out=out).open_to_read()
    found = {spec.run_id for spec in stored_specs(store)}
    store.close()
    return found


@pytest.mark.parametrize(
    ("changes", "trainer", "steps"),
    [
        (OPEN, "lockstep", "evaluations"),
        ({"execution.trainer": "sb3"}, "sb3", "evaluations"),
        ({**OPEN, **PRUNED}, "lockstep", "evaluations"),
        ({**PRUNED, "execution.trainer": "sb3"}, "sb3", "seeds"),
        ({**OPEN, **PRUNED, "evaluation.every": 64}, "lockstep", "seeds"),
        ({**OPEN, **PRUNED, "tuning.pruner": "wilcoxon"}, "lockstep", "seeds"),
        ({**OPEN, **PRUNED, "tuning.pruning_steps": "seeds"}, "lockstep", "seeds"),
        ({**OPEN, **PRUNED, "tuning.pruner": "none"}, "lockstep", "evaluations"),
    ],
    ids=str,
)
def test_open_values_are_filled(changes: dict[str, Any], trainer: str, steps: str) -> None:
    study = settle(declare(changes)).study
    assert (study.trainer.name, study.tuning.pruning_steps) == (trainer, steps)
    assert settle(study).study == study


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {**PRUNED, "tuning.pruning_steps": "evaluations", "execution.trainer": "sb3"},
            "one after the other",
        ),
        ({**PRUNED, "tuning.pruning_steps": "evaluations", "evaluation.every": 64}, "none before the end"),
        (
            {**PRUNED, "tuning.pruning_steps": "evaluations", "tuning.pruner": "wilcoxon"},
            "needs pruning_steps = 'seeds'",
        ),
        ({"tuning.pruning_steps": "seeds"}, "needs a pruner and seeds_per_trial >= 2"),
        ({"execution.trainer": "lockstp"}, "one of auto, sb3, lockstep.*did you mean 'lockstep'"),
    ],
    ids=str,
)
def test_what_no_trainer_can_carry_out_is_a_clear_error(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        settle(declare(changes))


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        pytest.param(True, {}, id="lockstep goes", marks=pytest.mark.thorough),
        pytest.param(False, {}, id="lockstep comes", marks=pytest.mark.thorough),
        pytest.param(False, PRUNED, id="lockstep comes, pruned seeds", marks=pytest.mark.thorough),
    ],
)
def test_a_library_that_can_do_more_or_less_orphans_no_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool, changes: dict[str, Any]
) -> None:
    def support(*, lockstep: bool) -> None:
        reason = None if lockstep else "Not in this version."
        monkeypatch.setattr(stackable, "why_not_lockstep", lambda *arguments: reason)

    study = declare({**QUICK, **changes})
    support(lockstep=before)
    first = run_study(study, out=tmp_path, workers=0)
    made = run_ids(study, tmp_path)
    support(lockstep=not before)
    second = run_study(study, out=tmp_path, workers=0)
    assert run_ids(study, tmp_path) == made
    assert second.study.tuning_id == first.study.tuning_id
    assert second.rows == first.rows
    assert second.study.trainer != first.study.trainer
    grown = dataclasses.replace(study, tuning=dataclasses.replace(study.tuning, n_trials=3))
    assert len(tune_study(grown, out=tmp_path, workers=0)) == 3
    assert run_ids(study, tmp_path) > made
    trainers = {p["trainer"] for p in run_study(grown, out=tmp_path, workers=0).provenances}
    assert trainers <= {"sb3", "lockstep"}


@pytest.mark.thorough
def test_seeds_that_were_pruned_together_cannot_go_on_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = declare({**QUICK, **PRUNED})
    before = run_study(study, out=tmp_path, workers=0)
    monkeypatch.setattr(stackable, "why_not_lockstep", lambda *arguments: "Not in this version.")
    with pytest.raises(SpecError, match=r"tuning.pruning_steps = 'evaluations': the trainer 'sb3'"):
        run_study(study, out=tmp_path, workers=0)
    assert rank_study(study, out=tmp_path).rows == before.rows  # to read needs no trainer


def changed_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for a version in which scores are aggregated by the median unless the study says otherwise."""
    import robusttune.declaration.study as home

    original = home.StudySpec.from_dict

    def newer(raw: dict[str, Any]) -> StudySpec:
        return original({**raw, "tuning": {"aggregation": "median", **raw.get("tuning", {})}})

    def written(study: StudySpec) -> dict[str, Any]:
        said = home._STUDY.dump_python(study, mode="json", exclude_defaults=True)
        value = said["tuning"].pop("aggregation", "mean")
        return {**said, "tuning": {**said["tuning"], **({} if value == "median" else {"aggregation": value})}}

    monkeypatch.setattr(home.StudySpec, "from_dict", staticmethod(newer))
    monkeypatch.setattr(home.StudySpec, "written", written)


@pytest.mark.thorough
def test_a_default_that_changes_parts_no_study_from_its_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {**drawn("synthetic", {"sd": 2.0}), "tuning.seeds_per_trial": 2}
    study = declare(changes)
    before = run_study(study, out=tmp_path, workers=0)
    made = run_ids(study, tmp_path)
    changed_default(monkeypatch)
    newer = declare(changes)
    assert newer.tuning.aggregation == "median"
    assert rank_study(newer, out=tmp_path).rows == before.rows
    kept = settle(newer, location=location_of(newer, out=tmp_path)).kept
    assert kept == ("tuning.aggregation = 'mean'",)
    run_study(newer, out=tmp_path, workers=0)
    assert run_ids(newer, tmp_path) == made
    fresh = settle(declare(changes), location=location_of(newer, out=tmp_path / "elsewhere"))
    assert (fresh.study.tuning.aggregation, fresh.kept) == ("median", ())


def test_reading_takes_the_study_that_the_file_describes(tmp_path: Path) -> None:
    synthetic = drawn("synthetic", {"sd": 2.0})
    study = declare(synthetic)
    run_study(study, out=tmp_path, workers=0)
    grown = declare({**synthetic, "tuning.n_trials": 9, "post_evaluation.n_seeds": 5})
    status = study_status(grown, out=tmp_path)
    assert sum(status.trials.values()) == 6
    assert (status.n_planned, status.n_missing) == (15, 6)
    other = declare({**synthetic, "tuning.sampler": "random"})
    with pytest.raises(NoResultsError, match=r"as it is declared now; .* run with tuning.sampler = 'tpe'"):
        rank_study(other, out=tmp_path)
    run_study(other, out=tmp_path, workers=0)
    for one in (study, other):  # both are kept, and each finds its own
        assert rank_study(one, out=tmp_path).study.tuning.sampler == one.tuning.sampler
    with pytest.raises(NoResultsError, match="no results of the study other"):
        study_status(
            dataclasses.replace(study, name="other"), storage=location_of(study, out=tmp_path).database
        )


@pytest.mark.thorough
def test_a_key_that_is_taken_out_of_the_file_is_no_longer_meant(tmp_path: Path) -> None:
    synthetic = drawn("synthetic", {"sd": 2.0})
    run_study(declare({**synthetic, "tuning.incumbent_seeds": 4}), out=tmp_path)
    with pytest.raises(NoResultsError, match="run with tuning.incumbent_seeds = 4"):
        rank_study(declare(synthetic), out=tmp_path)


def test_wrong_arguments_of_an_environment_are_one_message_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "wrong"\ntuning.n_trials = 1\nalgorithm = {name = "ppo", total_timesteps = 64}\n'
        'environment = {id = "CartPole-v1", kwargs = {no_such = 1}}\n'
    )
    messages = set()
    for command in (["check"], ["run", "-j", "0"], ["run", "--null", "-j", "0"], ["tune"], ["evaluate"]):
        out = [] if command == ["check"] else ["--out", str(tmp_path / "results")]
        found = CliRunner().invoke(app, [command[0], str(path), *command[1:], *out])
        assert found.exit_code == 2, found.output
        assert "Traceback" not in found.output
        messages.add(found.output)
    (message,) = messages
    assert "could not be made with environment.kwargs = {'no_such': 1}" in message
    assert not (tmp_path / "results").exists()
    status = CliRunner().invoke(app, ["status", str(path), "--out", str(tmp_path / "results")])
    assert status.exit_code == 2  # nothing is stored, and nobody asks for the environment
    assert "There are no results" in status.output


def test_an_environment_is_made_once_to_settle_a_study(monkeypatch: pytest.MonkeyPatch) -> None:
    from robusttune.training import environments

    made: list[str] = []
    original = environments.make_base
    monkeypatch.setattr(environments, "make_base", lambda spec: made.append(spec.id) or original(spec))
    settle(make_study(OPEN))
    assert made == ["CartPole-v1"]
