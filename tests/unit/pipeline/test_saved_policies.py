"""Trained policies are kept whole or not at all, and no score is lost for them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

import robusttune as rt
from robusttune.declaration.ids import config_id
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import configuration, post_evaluation_runs
from robusttune.errors import SpecError, StudyError
from robusttune.execution.progress import SilentReporter
from robusttune.interop.exports import export
from robusttune.pipeline import session
from robusttune.pipeline.chosen import places
from robusttune.pipeline.location import location_of
from robusttune.pipeline.reading import open_results
from robusttune.pipeline.recommend import recommend_from
from robusttune.post_evaluation.result import PostEvaluation
from robusttune.results.models import discard, is_saved, model_folder, saving
from tests.support.stored import store_story, told_study
from tests.support.studies import document, drawn, make_study, settled

BRIEF = {"tuning.n_trials": 1, "post_evaluation.top_k": 1, "post_evaluation.n_seeds": 2}


class Told(SilentReporter):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def message(self, text: str) -> None:
        self.texts.append(text)


def saving_study(wanted: str, changes: dict[str, Any] | None = None) -> StudySpec:
    return make_study({**BRIEF, "execution.save_models": wanted, **(changes or {})})


def run_study(study: StudySpec, out: Path, told: SilentReporter | None = None) -> PostEvaluation:
    """Tune and evaluate, without a report."""
    rt.tune_study(study, out=out, workers=0)
    return rt.evaluate_study(study, out=out, workers=0, reporter=told)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
@pytest.mark.parametrize("trainer", ["sb3", "lockstep"])
def test_the_policies_of_the_recommended_configuration_are_kept_and_act_as_when_they_were_scored(
    tmp_path: Path, trainer: str
) -> None:
    from robusttune.training.evaluation import evaluate_model, n_evaluation_environments
    from robusttune.training.policies import load

    study = saving_study("best", {"environment.normalization": {}, "execution.trainer": trainer})
    told = Told()
    found = run_study(study, tmp_path, told)
    location = location_of(study, out=tmp_path)
    with open_results(study, location) as results:
        best, *_ = recommend_from(results.trials())(study, found)
        runs = found.rounds.runs[best]
        stored = results.store.results(run.run_id for run in runs)
    assert [path.name for path in files(location.models)] == ["model.zip", "run.json", "vecnormalize.pkl"] * 2
    assert [path.name for path in location.models.iterdir()] == [best]
    assert told.texts[-1] == f"2 trained policies are in {location.models}."
    for run in runs:
        model, environments = load(location.models, run, n_envs=n_evaluation_environments(run))
        assert tuple(evaluate_model(model, environments, run)) == stored[run.run_id].episode_returns
    model, environments = rt.load_policy(study, out=tmp_path)
    assert model.predict(environments.reset())[0].shape == (1,)
    ranking = rt.report_study(study, out=tmp_path)  # now there are numbers
    for run in runs:
        card = (model_folder(location.models, run) / "README.md").read_text(encoding="utf-8")
        assert card == export(ranking, "model-card")
        assert f"over {len(runs)} seeds that tuning never saw" in " ".join(card.split()).replace(
            "on average ", ""
        )


@pytest.mark.slow
def test_a_score_is_kept_though_its_policy_cannot_be(tmp_path: Path) -> None:
    study, told = saving_study("post-evaluation"), Told()
    folder = location_of(study, out=tmp_path).folder
    folder.mkdir(parents=True)
    (folder / "models").write_text("a file in the way")
    found = run_study(study, tmp_path, told)
    assert [len(scores) for scores in found.scores.scores] == [2, 2]
    (warning,) = [text for text in told.texts if "could not be saved" in text]
    assert warning.startswith("Results stand")
    assert told.texts[-1].startswith("0 trained policies")
    assert "4 more runs are stored without theirs" in told.texts[-1]


@pytest.mark.slow
def test_what_was_stored_without_its_policy_is_trained_again_when_asked(tmp_path: Path) -> None:
    run_study(saving_study("none"), tmp_path)
    study = saving_study("post-evaluation")
    with pytest.raises(
        StudyError, match=r"`retrain` = True trains such runs again \(1 run of 64 timesteps\)"
    ):
        rt.load_policy(study, seed="worst", out=tmp_path)
    pytest.importorskip("moviepy")
    pytest.importorskip("pygame")
    (played,) = rt.play_study(
        study, seed="best", video=tmp_path / "v.mp4", retrain=True, out=tmp_path, n_episodes=2
    )
    assert len(played.episode_returns) == 2
    assert played.warning is None  # it scores what it scored
    assert "(best of 2)" in played.label
    assert (tmp_path / "v.mp4").stat().st_size > 1000
    assert len(files(location_of(study, out=tmp_path).models)) == 2  # the model and its run


def test_a_torn_policy_is_no_policy_and_the_next_attempt_removes_it(tmp_path: Path) -> None:
    study = saving_study("best")
    ((run, _),) = post_evaluation_runs(study, {"c": {"gamma": 0.9}}).values()
    torn = model_folder(tmp_path, run).with_name(f".{run.seed}")
    torn.mkdir(parents=True)
    (torn / "model.zip").write_text("half of it")
    with pytest.raises(OSError, match="full"):  # noqa: PT012, SIM117
        with saving(tmp_path, run) as folder:
            assert files(folder) == []
            (folder / "model.zip").write_text("half of it")
            raise OSError("the disk is full")
    assert files(tmp_path) == []
    with saving(tmp_path, run):
        pass
    assert is_saved(tmp_path, run)
    longer = make_study({**BRIEF, "algorithm.total_timesteps": 128})
    ((other, _),) = post_evaluation_runs(longer, {"c": {"gamma": 0.9}}).values()
    assert model_folder(tmp_path, other) == model_folder(tmp_path, run)
    assert not is_saved(tmp_path, other)
    discard(tmp_path, other)
    assert is_saved(tmp_path, run)


@pytest.mark.thorough
def test_all_that_a_study_writes_has_the_permissions_that_the_mask_gives(tmp_path: Path) -> None:
    """Tables, figures, page, JSON, LaTeX, database and policies, in a folder that a group shares."""
    tmp_path.chmod(0o2770)
    mask = 0o027  # 0o077 leaves what private temporary files have anyway
    study, before = told_study(), os.umask(mask)
    try:
        store_story(study, tmp_path)
        trial = configuration(settled(study), {"learning_rate": 1e-4, "n_steps": 16})
        ((run, *_),) = post_evaluation_runs(settled(study), {config_id(trial): trial}).values()
        with saving(location_of(study, out=tmp_path).models, run) as folder:
            (folder / "model.zip").write_text("a model")
        rt.report_study(study, out=tmp_path)
    finally:
        os.umask(before)
    written = files(tmp_path)
    assert {"README.md", "run.json"} <= {path.name for path in written}
    suffixes = {".csv", ".md", ".json", ".tex", ".html", ".png", ".pdf", ".svg", ".db", ".zip"}
    assert {path.suffix for path in written} == suffixes
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o666 & ~mask}
    folders = [path for path in tmp_path.rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o3777 for path in folders} == {0o2777 & ~mask}
    assert {path.stat().st_gid for path in (*written, *folders)} == {tmp_path.stat().st_gid}


def test_what_leaves_no_policy_cannot_keep_one() -> None:
    changes = drawn("synthetic", {"sd": 1.0})
    changes["execution"] = {"trainer": "synthetic", "save_models": "best"}
    with pytest.raises(SpecError, match="save_models = 'best': .* leaves no policy"):
        StudySpec.from_dict(document(changes))


def test_which_policies_are_kept_is_part_of_no_id() -> None:
    kept, other = saving_study("best"), saving_study("none")
    assert kept.tuning_id == other.tuning_id
    assert post_evaluation_runs(kept, {"c": {}}) == post_evaluation_runs(other, {"c": {}})


def test_best_median_and_worst_are_named() -> None:
    assert places(5) == ["best of 5", "rank 2 of 5", "median of 5", "rank 4 of 5", "worst of 5"]
    assert places(1) == ["best of 1"]


def test_a_run_is_refused_before_any_trial_as_check_refuses_it(tmp_path: Path) -> None:
    study = make_study({**BRIEF, "algorithm.policy": "MlpPolcy", "tuning.batch_size": 1})
    with pytest.raises(SpecError, match="did you mean 'MlpPolicy'"):
        rt.run_study(study, out=tmp_path, workers=0)
    with open_results(study, location_of(study, out=tmp_path)) as results:
        assert results.trials() == ()


@pytest.mark.slow
def test_a_study_rehearses_once_and_not_when_all_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(session, "rehearse", lambda study: calls.append(study.name))
    for _ in range(2):
        run_study(make_study(BRIEF), tmp_path)
    assert calls == ["small", "small"]  # once to tune, once to evaluate
