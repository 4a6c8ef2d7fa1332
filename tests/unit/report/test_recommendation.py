"""Why the recommended configuration is not the trial with the highest objective value."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import tuning_runs
from robusttune.pipeline import rank_study, report_study
from robusttune.pipeline.location import location_of
from robusttune.report.model import Ranking
from robusttune.report.prose.words import estimate
from robusttune.results.records import CurvePoint, RunStatus, TrialRecord
from robusttune.training.interfaces import make_result
from tests.support.stored import N_SEEDS, store_story, told_study


def re_run(study: StudySpec, out: Path, number: int, scores: list[float | None]) -> None:
    """Give a stored trial the scores of several seeds, None for one that diverged."""
    store = location_of(study, out=out).open_to_write()
    record = next(trial for trial in store.trials(study.tuning_id) if trial.number == number)
    runs = tuning_runs(study, record.hyperparameters, number, indices=range(len(scores)))
    for run, score in zip(runs, scores, strict=True):
        if score is None:
            result = make_result(run, RunStatus.DIVERGED, error="diverged")
        else:
            point = CurvePoint(index=0, timesteps=64, n_updates=4, mean_return=score)
            result = make_result(run, RunStatus.COMPLETED, episode_returns=(score,), curve=[point])
        store.add_result(run, result)
    known = dataclasses.replace(record, run_ids=tuple(run.run_id for run in runs), scores=tuple(scores))
    store.save_trial(study.tuning_id, known)
    store.close()


def story(out: Path, scores: list[float | None] | None = None, **changes: Any) -> tuple[StudySpec, Ranking]:
    study = told_study({"tuning.incumbent_seeds": 4, **changes})
    store_story(study, out)
    if scores is not None:
        re_run(study, out, 0, scores)
    return study, rank_study(study, out=out)


def champion(ranking: Ranking) -> str:
    (found,) = [text for text in ranking.findings["Who is better"] if "tuning champion" in text]
    return found


def test_the_champion_s_sentence_has_its_figures(tmp_path: Path) -> None:
    _, ranking = story(tmp_path, [-90.0, -120.0, -80.0, -110.0])
    found = ranking.row("trial 0").analysis
    assert champion(ranking) == (
        f"The tuning champion was trial 0 (−100.0 on 4 seeds); {N_SEEDS} fresh seeds give {estimate(found.mean)}, "
        f"rank {found.rank} of 4."
    )


def test_a_champion_with_a_diverged_seed_is_still_the_champion(tmp_path: Path) -> None:
    """Its seeds have no mean to compare, but its objective value stands first."""
    _, ranking = story(tmp_path, [-90.0, None])
    assert ranking.analysis.champion == "trial 1"
    assert champion(ranking).startswith("The tuning champion was trial 0 (−100.0 on 2 seeds)")
    assert ranking.row("trial 0").analysis.luck is None


def test_a_champion_that_is_recommended_is_said_to_be(tmp_path: Path) -> None:
    study, _ = story(tmp_path)
    store = location_of(study, out=tmp_path).open_to_write()
    first = store.trials(study.tuning_id)[0]
    store.save_trial(study.tuning_id, dataclasses.replace(first, objective_value=-170.0))
    store.close()
    ranking = rank_study(study, out=tmp_path)
    assert (
        champion(ranking)
        == "The tuning champion, trial 1 (−160.0 on 1 seed), is recommended after its fresh seeds too."
    )


@pytest.mark.thorough
def test_each_trial_has_its_own_number_of_tuning_seeds(tmp_path: Path) -> None:
    study, ranking = story(tmp_path, [-90.0, -120.0, -90.0])
    frame = ranking.to_frame().set_index("configuration")
    assert (frame.loc["trial 0", "n_tuning_seeds"], frame.loc["trial 1", "n_tuning_seeds"]) == (3, 1)
    assert frame.loc[["default"], "n_tuning_seeds"].isna().all()
    lucks = {row.name: row.analysis.luck.tuning for row in ranking.rows if row.analysis.luck}
    assert lucks == {
        row.name: row.candidate.tuning_score for row in ranking.rows if row.candidate.tuning_score is not None
    }
    report_study(study, out=tmp_path)
    page = (tmp_path / study.name / "report.html").read_text(encoding="utf-8")
    assert re.search("<td[^>]*>complete</td><td[^>]*>3</td><td[^>]*>−100.0</td>", page)
    assert any("believed after 4 seeds" in line for line in ranking.methods)


def again(trial: TrialRecord) -> TrialRecord:
    return dataclasses.replace(trial, number=trial.number + 2)
