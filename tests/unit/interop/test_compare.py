"""Results that exist are ranked as a study would rank them, whatever tool wrote them, and bad ones are refused."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import robusttune as rt
from robusttune.cli import app
from robusttune.errors import SpecError, StudyError
from robusttune.pipeline import rank_study
from robusttune.report.build import make_ranking
from robusttune.report.matrix.result import MatrixReport
from robusttune.report.model import Ranking
from tests.support.places import ROOT, SHARED_DATA

RNG = np.random.default_rng(3)
SCORES = {"ppo": RNG.normal(10, 1, 6), "sac": RNG.normal(12, 1, 6), "a2c": RNG.normal(5, 1, 4)}


def long(scores: Any = None) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"algo": name, "seed": seed, "score": score}
            for name, own in (scores or SCORES).items()
            for seed, score in enumerate(own)
        ]
    )


def ranked(results: Any, **options: Any) -> Ranking:
    found = rt.compare(results, **options)
    assert isinstance(found, Ranking)
    return found


def over_tasks(results: Any, **options: Any) -> MatrixReport:
    found = rt.compare(results, **options)
    assert isinstance(found, MatrixReport)
    return found


def means(found: Ranking) -> dict[str, float]:
    return {row.name: row.analysis.mean.estimate for row in found.rows}


# --- the same numbers ------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_the_runs_of_a_stored_study_give_its_ranking_again(tmp_path: Path) -> None:
    folder = ROOT / "tests" / "data" / "store_v1"
    stored = rank_study(rt.load_study(folder / "study.toml"), out=folder / "results")
    # What is simulated depends on the root seed of the study, which a table does not have.
    study = dataclasses.replace(stored.study, root_seed=0)
    theirs = make_ranking(study, stored.trials, stored.found, is_reproducible=True, command="")
    candidates = {row.name: row.candidate for row in theirs.rows}
    rows = [
        {"config": c.name, "seed": seed, "return": score, "tuned": c.tuning_score, **c.hyperparameters}
        for c in theirs.found.candidates
        for row in theirs.rows
        if row.name == c.name
        for seed, score in zip(row.runs.seeds, row.runs.scores, strict=True)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "runs.csv", index=False)
    post = theirs.study.post_evaluation
    ours = ranked(
        tmp_path / "runs.csv",
        tuning_score="tuned",
        controls=[name for name, c in candidates.items() if c.is_control],
        level=post.confidence_level,
        statistic=post.statistic,
        indifference=post.indifference,
    )
    columns = [
        "rank",
        "rank_low",
        "rank_high",
        "configuration",
        "mean",
        "mean_low",
        "mean_high",
        "luck",
        "verdict",
    ]
    columns += ["iqm", "in_best_set", "p_best", "regret_high", "spread", "n_seeds"]
    pd.testing.assert_frame_equal(ours.to_frame()[columns], theirs.to_frame()[columns], rtol=1e-9)
    assert ours.analysis.best_set == theirs.analysis.best_set
    assert ours.analysis.recommended == theirs.analysis.recommended


@pytest.mark.thorough
def test_the_list_of_a_study_s_runs_is_judged_by_its_fresh_seeds_alone() -> None:
    kept = pd.read_csv(ROOT / "experiments" / "tutorial" / "ranking.csv").set_index("configuration")
    ours = ranked(ROOT / "experiments" / "tutorial" / "runs.csv")
    found = ours.to_frame().set_index("configuration").loc[kept.index]
    assert list(found["n_seeds"]) == list(kept["n_seeds"])
    for column in ("mean", "tuning_score", "worst_seed"):
        trials = [name for name in kept.index if column != "tuning_score" or name.startswith("trial ")]
        pd.testing.assert_series_equal(found.loc[trials, column], kept.loc[trials, column], rtol=1e-9)
    assert "the 390 of its post-evaluation are compared" in " ".join(ours.methods)


@pytest.mark.thorough
@pytest.mark.skipif(not SHARED_DATA.exists(), reason="needs the shared data")
def test_atari_100k_gives_the_published_aggregates() -> None:
    """Mean and median as rliable's colab prints them; IQM and gap as rliable 1.2.0 computes them; float32 data."""
    frame = pd.read_parquet(SHARED_DATA / "atari100k_scores.parquet")
    frame = frame[(frame["metric"] != "HNS") & frame["algo"].isin(["SPR", "DrQ(eps)"])]
    report = over_tasks(
        frame.drop(columns=["metric", "benchmark"]),
        reference=SHARED_DATA / "atari_random_human.csv",
        target=1.0,
    )
    found = report.to_frame().pivot(index="method", columns="metric", values="estimate")
    published = {
        "SPR": {
            "mean": 0.6157957428691673,
            "median": 0.39562938291779215,
            "iqm": 0.3366,
            "optimality_gap": 0.5773,
        },
        "DrQ(eps)": {
            "mean": 0.4647412513971657,
            "median": 0.312901399063074,
            "iqm": 0.2796,
            "optimality_gap": 0.6305,
        },
    }
    for method, metrics in published.items():
        for metric, value in metrics.items():
            assert found.loc[method, metric] == pytest.approx(
                value, abs=6e-5 if value == round(value, 4) else 1e-6
            )
    bounds = report.to_frame().query("method == 'SPR' and metric == 'iqm'")[["low", "high"]].iloc[0]
    assert bounds.tolist() == pytest.approx([0.326, 0.348], abs=2e-3)


@pytest.mark.thorough
def test_a_frame_a_file_columns_and_scores_by_name_are_one(tmp_path: Path) -> None:
    frame = long()
    frame.to_csv(tmp_path / "scores.csv", index=False)
    frame.to_csv(tmp_path / "scores.tsv", index=False, sep="\t")
    frame.to_csv(tmp_path / "semicolons.csv", index=False, sep=";")
    frame.to_json(tmp_path / "records.json", orient="records")
    frame.to_json(tmp_path / "lines.jsonl", orient="records", lines=True)
    frame.to_json(tmp_path / "split.json", orient="split")
    pd.DataFrame({name: pd.Series(own) for name, own in SCORES.items()}).to_csv(
        tmp_path / "wide.csv", index=False
    )
    expected = means(ranked(SCORES))
    assert list(expected) == ["sac", "ppo", "a2c"]
    assert expected["sac"] == pytest.approx(SCORES["sac"].mean())
    others = [frame, {name: frame[name].tolist() for name in frame}, *sorted(tmp_path.iterdir())]
    for other in others:
        assert means(ranked(other)) == pytest.approx(expected), other


def test_parquet_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    long().to_parquet(tmp_path / "scores.parquet")
    assert means(ranked(tmp_path / "scores.parquet")) == pytest.approx(means(ranked(SCORES)))


def test_columns_are_guessed_and_told() -> None:
    frame = long().rename(columns={"algo": "Method", "seed": "Random Seed", "score": "eval/mean_reward"})
    found = ranked(frame)
    assert found.given is not None
    assert found.given.columns == "configuration = 'Method', seed = 'Random Seed', score = 'eval/mean_reward'"
    odd = long().rename(columns={"algo": "x", "seed": "y", "score": "z"}).assign(w=1.0)
    assert means(ranked(odd, configuration="x", seed="y", score="z")) == pytest.approx(means(found))


def test_several_columns_may_name_a_configuration() -> None:
    frame = long().assign(lr=np.where(long()["seed"] % 2, 0.1, 0.01))
    found = ranked(frame, configuration="algo, lr")
    assert found.row("algo=sac, lr=0.1").candidate.hyperparameters == {"algo": "sac", "lr": 0.1}
    assert len(found.rows) == 6


def test_hyperparameters_are_the_columns_that_tell_configurations_apart() -> None:
    frame = long().assign(host="a", _runtime=7)
    frame["lr"] = frame["algo"].map({"ppo": 1e-3, "sac": 1e-2, "a2c": None})
    frame["loss"] = RNG.normal(size=len(frame))
    found = ranked(frame)
    assert found.row("sac").candidate.hyperparameters == {"lr": 0.01}
    assert found.row("a2c").candidate.hyperparameters == {}
    assert found.given is not None
    assert found.given.notes == (
        "Columns that vary between the runs of a configuration were not used: loss.",
    )


# --- policies --------------------------------------------------------------------------------------------------------


def test_lower_is_better_with_minimize() -> None:
    found = ranked(SCORES, minimize=True)
    assert list(means(found)) == ["a2c", "ppo", "sac"]
    assert means(found)["a2c"] == pytest.approx(-SCORES["a2c"].mean())


@pytest.mark.parametrize(
    "lost", [None, *(pytest.param(one, marks=pytest.mark.thorough) for one in (np.nan, np.inf, -np.inf))]
)
def test_a_run_without_a_finite_score_counts_as_the_worst(lost: float | None) -> None:
    frame = long()
    frame["score"] = frame["score"].astype(object)
    frame.loc[0, "score"] = lost
    worst = min(frame["score"].drop(0))
    found = ranked(frame)
    assert found.row("ppo").runs.scores[0] == worst
    assert found.row("ppo").runs.n_diverged == 1
    assert "1 run without a finite score counted as" in found.caption
    assert ranked(frame, diverged_score=-50.0).row("ppo").runs.scores[0] == -50.0
    assert ranked(frame, diverged_score=50.0, minimize=True).row("ppo").runs.scores[0] == -50.0


def test_the_last_step_counts_and_its_episodes_are_averaged() -> None:
    rows = [
        {
            "algo": algo,
            "seed": seed,
            "step": step,
            "episode": episode,
            "score": 100.0 * step + episode + bonus,
        }
        for algo, bonus in (("a", 0.0), ("b", 7.0))
        for seed in range(3)
        for step in (10, 20)
        for episode in (0, 1)
    ]
    # The logger of one run left a line without a score behind, later than all others.
    rows.append({"algo": "a", "seed": 0, "step": 30, "episode": 0, "score": None})
    found = ranked(pd.DataFrame(rows))
    assert found.row("a").runs.scores == (2000.5,) * 3
    assert found.row("b").runs.scores == (2007.5,) * 3
    assert found.row("a").runs.timesteps == 20


def test_scores_of_unequal_steps_are_told() -> None:
    frame = long().assign(step=np.where(long()["algo"] == "sac", 2_000_000, 1_000_000))
    (text,) = [
        text for own in ranked(frame).findings.values() for text in own if text.startswith("Budgets differ")
    ]
    assert "sac are of step 2,000,000" in text


def test_where_some_were_tuned_the_others_are_controls() -> None:
    frame = long()
    frame["tuning_score"] = frame["algo"].map({"sac": 20.0, "ppo": 10.0})
    found = ranked(frame)
    assert [row.name for row in found.rows if row.candidate.is_control] == ["a2c"]
    assert found.row("sac").verdict == "LUCKY"
    assert "lucky by" in found.answer[1]
    assert not any(row.candidate.is_control for row in ranked(SCORES).rows)
    assert ranked(SCORES, controls=["ppo"]).row("ppo").candidate.is_control


def test_one_seed_enters_no_claim_and_ties_are_no_difference() -> None:
    found = ranked({"a": [1.0, 1.0, 1.0], "b": [1.0, 1.0, 1.0], "c": [9.0]})
    assert {"a", "b"} <= set(found.analysis.best_set)
    assert not found.analysis.winner_is_clear
    assert "Fewer than 5 seeds" in str(found.findings)


def test_unequal_numbers_of_seeds_are_ranked_each_with_all_of_its_own() -> None:
    scores = {"a": [1.0, 2.0, 3.0], "b": [11.0, 12.0, 13.0, 14.0, 15.0], "c": [20.0, 30.0]}
    found = ranked(scores)
    assert means(found) == {"c": 25.0, "b": 13.0, "a": 2.0}
    assert {row.name: row.analysis.n_seeds for row in found.rows} == {"c": 2, "b": 5, "a": 3}
    assert {row.name: len(row.runs.scores) for row in found.rows} == {"c": 2, "b": 5, "a": 3}
    assert "2 to 5 seeds each" in found.caption


def test_a_lucky_seed_recommends_nobody_and_asks_for_more_seeds() -> None:
    found = ranked({"a": [1.0, 2.0, 3.0], "b": [0.0, 1.0, 2.0], "c": [9.0]})
    assert found.analysis.recommended == "a"
    assert found.answer[-1].startswith("Next: run c on 4 further seeds at least")
    assert "No affordable number of seeds" not in str(found.findings)


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no rows": (long().iloc[:0], {}, "has no rows"),
    "a run twice": (pd.concat([long(), long().iloc[:1]]), {}, "seed 0 of ppo appears twice"),
    "no seed": (long().drop(columns="seed"), {}, "no column says what the seed is.*`seed`"),
    "no score": (long().drop(columns="score"), {}, "no column says what the score is"),
    "an unknown column": (
        long(),
        {"score": "scroe"},
        r"no column 'scroe' for `score` \(did you mean 'score'\?\)",
    ),
    "text for a score": (long().assign(score="high"), {}, "row 1 has 'high'"),
    "a column in two roles": (long(), {"score": "seed", "seed": "seed"}, "cannot be both"),
    "an empty name": (long().replace({"algo": {"sac": None}}), {}, "'algo' is empty in row 7"),
    "too large": (long().replace({"seed": {99: 1}}).assign(score=1e200), {}, "too large"),
    "two tuning scores": (long().assign(tuning_score=range(16)), {}, "two values of `tuning_score`"),
    "an unknown control": (long(), {"controls": ["dqn"]}, "no configuration 'dqn'"),
    "a level": (long(), {"level": 1.5}, "between 0 and 1"),
    "a statistic": (long(), {"statistic": "median"}, "must be 'mean' or 'iqm'"),
    "a number": (7, {}, "must be a path, a data frame or a mapping"),
    "no such file": ("nowhere.csv", {}, "cannot be read"),
    "an unknown kind of file": ("scores.xlsx", {}, r"called \.csv"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_understood_is_refused_with_the_rule(case: str) -> None:
    results, options, message = REFUSED[case]
    with pytest.raises(SpecError, match=message):
        rt.compare(results, **options)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"a": [1.0], "b": [2.0]}, "single seed"),
        ({"a": [np.nan, np.nan], "b": [np.nan, np.nan]}, "no run has a finite score"),
        ({f"c{i}": [1.0, 2.0] for i in range(101)}, "101 configurations.*at most 100"),
        ({"a": np.zeros(2001), "b": np.ones(5)}, "2,001 seeds.*`episode`"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(scores: Any, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        rt.compare(scores)


# --- several tasks ---------------------------------------------------------------------------------------------------


def suite() -> pd.DataFrame:
    return pd.concat(
        long({name: np.asarray(own) * scale for name, own in SCORES.items()}).assign(env=env)
        for env, scale in (("Ant", 1.0), ("Hopper", 100.0), ("Walker", 5.0))
    )


def test_several_tasks_have_aggregates_and_a_ranking_each() -> None:
    report = over_tasks(suite())
    assert report.across is not None
    assert list(report.across.methods) == ["sac", "ppo", "a2c"]
    assert [one.task for one in report.rankings] == ["Ant", "Hopper", "Walker"]
    assert report.answer[0].startswith("Highest IQM over 3 tasks: sac")
    assert report.across.anchors["Hopper"].low == pytest.approx(100 * SCORES["a2c"].mean())
    assert report.to_frame().set_index(["method", "metric"]).loc[("sac", "iqm"), "estimate"] == pytest.approx(
        report.across.analysis.methods[0].metrics["iqm"].estimate
    )


@pytest.mark.thorough
def test_rliables_arrays_are_tasks_by_column() -> None:
    scores = {"a": RNG.normal(0.5, 0.1, (5, 3)), "b": RNG.normal(0.7, 0.1, (5, 3))}
    report = over_tasks(scores, normalized=True, target=1.0)
    from rliable import metrics

    found = report.to_frame().query("metric == 'iqm'").set_index("method")["estimate"]
    for name, array in scores.items():
        assert found[name] == pytest.approx(metrics.aggregate_iqm(array), abs=1e-12)


@pytest.mark.thorough
def test_a_configuration_that_is_not_on_every_task_is_ranked_where_it_is() -> None:
    frame = suite()
    frame = frame[~((frame["algo"] == "a2c") & (frame["env"] == "Ant"))]
    report = over_tasks(frame, low="ppo", high="sac")
    assert report.across is not None
    assert set(report.across.methods) == {"sac", "ppo"}
    assert [len(one.rows) for one in report.rankings] == [2, 3, 3]


def test_tasks_that_share_nothing_are_told_one_by_one() -> None:
    frame = long().assign(task=long()["algo"])
    with pytest.raises(StudyError, match="nothing is"):
        rt.compare(frame)


def test_only_one_scale_can_be_told() -> None:
    with pytest.raises(SpecError, match="only one can be said"):
        rt.compare(suite(), normalized=True, low="ppo")
    with pytest.raises(SpecError, match="has no scores for the task Ant"):
        rt.compare(suite(), reference={"Hopper": (0.0, 1.0)})


# --- what other tools write ------------------------------------------------------------------------------------------


def test_marl_eval(tmp_path: Path) -> None:
    document = {
        "smac": {
            task: {
                algo: {
                    f"run_{run}": {
                        "step_0": {"step_count": 1000, "return": [1.0, 2.0]},
                        "step_1": {"step_count": 2000, "return": [5.0 + run + bonus, 7.0 + run + bonus]},
                        **({"absolute_metrics": {"return": [50.0 + run + bonus]}} if task == "3m" else {}),
                    }
                    for run in range(3)
                }
                for algo, bonus in (("qmix", 0.0), ("vdn", 3.0))
            }
            for task in ("3m", "8m")
        }
    }
    (tmp_path / "marl.json").write_text(json.dumps(document), encoding="utf-8")
    report = over_tasks(tmp_path / "marl.json")
    by_task = {one.task: {row.name: row.runs.scores for row in one.rows} for one in report.rankings}
    assert by_task["smac/3m"]["vdn"] == (53.0, 54.0, 55.0)
    assert by_task["smac/8m"]["qmix"] == (6.0, 7.0, 8.0)


def test_the_runs_of_wandb(tmp_path: Path) -> None:
    runs = [
        {
            "summary": {"eval/mean_reward": bonus + seed, "_step": 100, "_runtime": 3.5, "bad": float("nan")},
            "config": {"algo": algo, "seed": seed, "learning_rate": {"desc": None, "value": rate}},
            "name": f"brisk-sun-{seed}",
        }
        for algo, rate, bonus in (("ppo", 1e-3, 0.0), ("sac", 1e-4, 10.0))
        for seed in range(3)
    ]
    (tmp_path / "runs.json").write_text(json.dumps(runs), encoding="utf-8")
    pd.DataFrame(runs).to_csv(tmp_path / "project.csv")
    for name in ("runs.json", "project.csv"):
        found = ranked(tmp_path / name)
        assert found.row("sac").runs.scores == (10.0, 11.0, 12.0)
        assert found.row("sac").candidate.hyperparameters["learning_rate"] == 1e-4


def test_the_chart_of_wandb(tmp_path: Path) -> None:
    columns: dict[str, list[float | None]] = {"Step": [0, 1, 2]}
    for algo, bonus in (("ppo", 0.0), ("sac", 10.0)):
        for seed in range(3):
            name = f"Ant-v4__{algo}__{seed}__1700000000 - charts/episodic_return"
            columns |= {
                name: [1.0, bonus + seed, None],
                f"{name}__MIN": [0.0] * 3,
                f"{name}__MAX": [99.0] * 3,
            }
    pd.DataFrame(columns).to_csv(tmp_path / "wandb_export.csv", index=False)
    found = ranked(tmp_path / "wandb_export.csv")
    assert found.row("sac").runs.scores == (10.0, 11.0, 12.0)


@pytest.mark.parametrize(
    "layout", ["{algo}/seed_{seed}", "{algo}/Ant-v4_{seed}", "Ant-v4__{algo}__{seed}__17", "{algo}-{seed}"]
)
def test_folders_of_evaluations(tmp_path: Path, layout: str) -> None:
    for algo, bonus in (("ppo", 0.0), ("sac", 10.0)):
        for seed in range(3):
            run = tmp_path / layout.format(algo=algo, seed=seed)
            run.mkdir(parents=True)
            results = np.array([[0.0, 0.0], [bonus + seed, bonus + seed + 2.0]])
            np.savez(run / "evaluations.npz", timesteps=[100, 200], results=results)
    found = ranked(tmp_path)
    assert found.row("sac").runs.scores == (11.0, 12.0, 13.0)
    assert found.row("sac").runs.seeds == (0, 1, 2)


def test_folders_of_monitors(tmp_path: Path) -> None:
    for algo, bonus in (("ppo", 0.0), ("sac", 10.0)):
        for seed in range(2):
            run = tmp_path / algo / f"seed{seed}"
            run.mkdir(parents=True)
            for env in range(2):
                lines = [f"{bonus + seed},10,{0.5 * env + i}" for i in range(80)]
                text = '#{"t_start": 1.0, "env_id": "Ant"}\nr,l,t\n-99,10,-1\n' + "\n".join(lines)
                (run / f"{env}.monitor.csv").write_text(text, encoding="utf-8")
    assert ranked(tmp_path).row("sac").runs.scores == (10.0, 11.0)
    np.savez(tmp_path / "sac" / "seed0" / "evaluations.npz", timesteps=[1], results=[[1.0]])
    with pytest.raises(SpecError, match=r"has a monitor.csv and no evaluations.npz"):
        rt.compare(tmp_path)


@pytest.mark.thorough
def test_folders_of_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    for algo, bonus in (("ppo", 0.0), ("sac", 10.0)):
        for seed in range(2):
            with SummaryWriter(str(tmp_path / algo / str(seed))) as writer:
                for step in range(3):
                    writer.add_scalar("eval/mean_reward", bonus + seed + step - 2, step)
    assert ranked(tmp_path).row("sac").runs.scores == (10.0, 11.0)
    with pytest.raises(SpecError, match="no scalar 'eval/mean_rewards'.*did you mean"):
        rt.compare(tmp_path, score="eval/mean_rewards")


# --- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_the_command_prints_the_answer_and_writes_the_report_of_a_study(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    long().assign(tuned=long()["algo"].map({"sac": 20.0, "ppo": 10.0})).to_csv(path, index=False)
    done = CliRunner().invoke(app, ["compare", str(path), "--tuning-score", "tuned", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "Use sac: it scores" in done.output
    assert "robusttune" not in done.output  # there is no command that could run these again
    folder = tmp_path / "compare-scores"
    names = {"report.html", "ranking.md", "ranking.csv", "ranking.tex", "ranking.json"}
    assert names | {"tuning_vs_post_evaluation.png"} <= {one.name for one in folder.iterdir()}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "From scores.csv" in page
    assert "trials of the search" not in page
    document = json.loads((folder / "ranking.json").read_text(encoding="utf-8"))
    assert document["given"]["source"] == "scores.csv"
    assert "study" not in document


@pytest.mark.thorough
def test_the_command_compares_tasks(tmp_path: Path) -> None:
    suite().to_csv(tmp_path / "suite.csv", index=False)
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "suite.csv"), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "Highest IQM over 3 tasks: sac" in done.output
    page = (tmp_path / "compare-suite" / "report.html").read_text(encoding="utf-8")
    assert "each with a report of its own" not in page
    assert "From suite.csv" in page


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--score", "scroe"], 2, "for --score (did you mean 'score'?)"),
        (["--level", "2"], 2, "--level = 2"),
        (["--control", "x"], 2, "--control: there is no configuration 'x'"),
        (["--statistic", "max"], 2, "--statistic = 'max'"),
        pytest.param(["--seed", "row"], 0, "", marks=pytest.mark.thorough),
    ],
)
def test_wrong_usage_is_one_message_in_the_words_of_the_command_line(
    tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    long().to_csv(tmp_path / "scores.csv", index=False)
    done = CliRunner().invoke(
        app, ["compare", str(tmp_path / "scores.csv"), "--out", str(tmp_path), *arguments]
    )
    assert done.exit_code == code, done.output
    assert message in done.output
    assert code == 0 or done.output.count("\n") == 1


@pytest.mark.thorough
def test_nothing_that_trains_or_searches_is_imported() -> None:
    code = (
        "import sys, robusttune as rt; rt.compare({'a': [1., 2., 3.], 'b': [4., 5., 7.]}, out='{}'); "
        "print({'torch', 'gymnasium', 'stable_baselines3', 'optuna'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code.replace(", out='{}'", "")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.thorough
def test_a_million_rows_take_less_than_ten_seconds(tmp_path: Path) -> None:
    n = np.arange(10**6)
    frame = pd.DataFrame({"algo": n % 10, "seed": n // 10 % 10, "env": n // 100 % 10, "step": n // 1000})
    path = tmp_path / "million.csv"
    frame.assign(score=RNG.normal(size=n.size) + frame["algo"]).to_csv(path, index=False)
    began = time.process_time()
    assert over_tasks(path).answer[0].startswith("Highest IQM over 10 tasks: 9")
    assert time.process_time() - began < 10
