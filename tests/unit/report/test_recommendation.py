"""Why the recommended configuration is not the trial with the highest objective value."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from stored import N_SEEDS, store_story, told_study

from robusttune.declaration.plan import tuning_runs
from robusttune.declaration.study import StudySpec
from robusttune.pipeline import rank_study, report_study
from robusttune.pipeline.place import open_store, place_of
from robusttune.report import tables
from robusttune.report.columns import interval, number
from robusttune.report.model import Ranking
from robusttune.results.records import CurvePoint, RunStatus, TrialRecord
from robusttune.training.protocol import make_result


def re_run(study: StudySpec, out: Path, number: int, scores: list[float | None]) -> None:
    """Give a stored trial the scores of several seeds, None for one that diverged."""
    store = open_store(place_of(study, out=out), create=False)
    record = next(trial for trial in store.trials(study.tuning_id) if trial.number == number)
    runs = tuning_runs(study, record.hyperparameters, number, places=range(len(scores)))
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


def sentence(ranking: Ranking) -> str:
    (found,) = [finding for finding in ranking.findings if "recommended configuration" in finding]
    return found


def test_the_sentence_has_the_figures_of_the_tuning_champion(tmp_path: Path) -> None:
    _, ranking = story(tmp_path, [-90.0, -120.0, -80.0, -110.0])
    row = next(row for row in ranking.rows if row.name == "trial 0")
    optimism = ranking.analysis["champion"]["optimism"]
    assert sentence(ranking) == (
        "The recommended configuration is trial 1, the best on fresh seeds, and not the tuning champion trial 0 "
        "(LUCKY): the tuning value of that one, −100.0, was chosen for being the highest and rested on 4 seeds, and "
        f"{N_SEEDS} fresh seeds give {number(row.mean)} {interval(row.mean_low, row.mean_high)}, rank {row.rank} of 4: "
        f"overstated by {number(optimism['estimate'])} {interval(optimism['low'], optimism['high'])}, "
        f"{number(row.gap_in_sd)} standard deviations."
    )


def test_the_luck_of_the_champion_is_told_once(tmp_path: Path) -> None:
    _, ranking = story(tmp_path)
    assert "rested on 1 seed, and" in sentence(ranking)
    assert not [finding for finding in ranking.findings if finding.startswith("trial 0 was LUCKY")]
    assert [finding for finding in ranking.findings if finding.startswith("as_published & 100% was LUCKY")]


def test_a_champion_with_a_diverged_seed_is_still_the_champion(tmp_path: Path) -> None:
    """Its seeds have no mean to compare, but its objective value stands first."""
    _, ranking = story(tmp_path, [-90.0, None])
    assert ranking.analysis["champion"]["config_id"] == "trial 1"
    assert "not the tuning champion trial 0:" in sentence(ranking)
    assert "rested on 2 seeds" in sentence(ranking)
    assert "overstated" not in sentence(ranking)


def test_a_champion_that_is_recommended_is_confirmed(tmp_path: Path) -> None:
    study, _ = story(tmp_path)
    store = open_store(place_of(study, out=tmp_path), create=False)
    first = store.trials(study.tuning_id)[0]
    store.save_trial(study.tuning_id, dataclasses.replace(first, objective_value=-170.0))
    store.close()
    ranking = rank_study(study, out=tmp_path)
    assert (
        "The tuning champion, trial 1, also has the highest mean on fresh seeds; its tuning value, −160.0, rested on "
        "1 seed."
    ) in ranking.findings
    assert not any("recommended configuration" in finding for finding in ranking.findings)


def test_each_trial_has_its_own_number_of_tuning_seeds(tmp_path: Path) -> None:
    study, ranking = story(tmp_path, [-90.0, -120.0, -90.0])
    assert {row.name: row.n_tuning_seeds for row in ranking.rows if not row.is_control} == {
        "trial 0": 3,
        "trial 1": 1,
    }
    assert {row.n_tuning_seeds for row in ranking.rows if row.is_control} == {None}
    frame = tables.to_frame(ranking).set_index("configuration")
    assert (frame.loc["trial 0", "n_tuning_seeds"], frame.loc["trial 1", "n_tuning_seeds"]) == (3, 1)
    luck = {one["config_id"]: one["luck"] for one in ranking.analysis["configurations"] if one["luck"]}
    assert {name: (one["n_tuning"], one["df"]) for name, one in luck.items()} == {
        "trial 0": (3, N_SEEDS + 1),
        "trial 1": (1, N_SEEDS - 1),
    }
    report_study(study, out=tmp_path)
    page = (tmp_path / study.name / "report.html").read_text(encoding="utf-8")
    assert '<td class="text">complete</td><td>3</td><td>−100.0</td>' in page
    assert any("believed after 4 seeds" in line for line in ranking.methods)


def again(trial: TrialRecord) -> TrialRecord:
    return dataclasses.replace(trial, number=trial.number + 2)
