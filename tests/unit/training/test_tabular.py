from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from robusttune import simulate_study
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import post_evaluation_runs, tuning_runs
from robusttune.declaration.toml import load_study
from robusttune.declaration.training.tabular import TabularTraining
from robusttune.errors import SpecError
from robusttune.pipeline import check_study, evaluate_study, rank_study, tune_study
from robusttune.results.records import RunStatus, TrialState
from robusttune.training import train
from robusttune.training.table_file import read_table
from tests.support.places import ROOT
from tests.support.studies import settled

RATES = (1e-5, 1e-4, 1e-3, 1e-2)
STUDY = """
name = "table"
tabular.path = "table.csv"
tabular.total_timesteps = 64
search_space.parameters.learning_rate = {type = "float", low = 1e-5, high = 1e-2, scale = "log"}
search_space.parameters.activation_fn = {type = "categorical", choices = ["tanh", "relu"]}
tuning = {n_trials = 12, sampler = "tpe"}
evaluation.every = 16
post_evaluation = {top_k = 3, n_seeds = 4, default_control = false}
"""


def frame(n_seeds: int = 6) -> pd.DataFrame:
    """Return scores that tell where they come from: thousands the configuration, ones the seed."""
    configs = [(rate, activation) for rate in RATES for activation in ("tanh", "relu")]
    return pd.DataFrame(
        [
            (f"c{place}", seed, rate, activation, 1000.0 * place + seed)
            for place, (rate, activation) in enumerate(configs)
            for seed in range(n_seeds)
        ],
        columns=["config_id", "seed", "learning_rate", "activation_fn", "return"],
    )


def declare(folder: Path, table: pd.DataFrame | None = None, text: str = STUDY) -> StudySpec:
    (frame() if table is None else table).to_csv(folder / "table.csv", index=False)
    (folder / "study.toml").write_text(text)
    return load_study(folder / "study.toml")


def drawn(declared: StudySpec, n: int = 200, **hyperparameters: Any) -> list[float | None]:
    runs = post_evaluation_runs(declared, {"c": hyperparameters}, n_seeds={"c": n})["c"]
    return [result.score for result in train(runs)]


def test_runs_are_drawn_from_the_nearest_configuration(tmp_path: Path) -> None:
    declared = declare(tmp_path)
    for rate, activation, place in (
        (1e-4, "tanh", 2),
        (1.2e-4, "tanh", 2),
        (9e-3, "relu", 7),
        (1e-9, "relu", 1),
    ):
        found = drawn(declared, learning_rate=rate, activation_fn=activation)
        assert {math.floor((score or 0.0) / 1000) for score in found} == {place}


def test_tuning_and_post_evaluation_draw_from_different_seeds(tmp_path: Path) -> None:
    declared = declare(tmp_path)
    hyperparameters = {"learning_rate": 1e-3, "activation_fn": "relu"}
    tuned = {train(tuning_runs(declared, hyperparameters, n))[0].score for n in range(60)}
    assert tuned == {5000.0, 5001.0, 5002.0}
    assert set(drawn(declared, **hyperparameters)) == {5003.0, 5004.0, 5005.0}


def test_drawn_from_all_seeds_the_table_is_the_truth_of_both_stages(tmp_path: Path) -> None:
    declared = declare(tmp_path, text=STUDY + 'tabular.draws = "all"\n')
    hyperparameters = {"learning_rate": 1e-3, "activation_fn": "relu"}
    every_seed = {5000.0 + seed for seed in range(6)}
    tuned = {train(tuning_runs(declared, hyperparameters, n))[0].score for n in range(90)}
    assert tuned == every_seed
    assert set(drawn(declared, **hyperparameters)) == every_seed


def test_hyperparameters_may_have_any_names(tmp_path: Path) -> None:
    names = {"learning_rate": "width", "activation_fn": "colour"}
    text = STUDY
    for old, new in names.items():
        text = text.replace(f"parameters.{old}", f"parameters.{new}")
    assert check_study(declare(tmp_path, frame().rename(columns=names), text)).study.trainer.name == "tabular"


def interpolated(folder: Path, scores: list[list[float]], neighbours: int) -> StudySpec:
    """Return a study on three configurations at learning rates of 1e-5, 1e-4 and 1e-3, all with tanh."""
    table = pd.DataFrame(
        [
            (f"c{place}", seed, rate, "tanh", value)
            for place, rate in enumerate(RATES[:3])
            for seed, value in enumerate(scores[place])
        ],
        columns=["config_id", "seed", "learning_rate", "activation_fn", "return"],
    )
    return declare(folder, table, STUDY + f'tabular.draws = "all"\ntabular.neighbours = {neighbours}\n')


def test_between_two_configurations_the_mean_is_weighted_by_their_distance(tmp_path: Path) -> None:
    declared = interpolated(tmp_path, [[0.0] * 3, [100.0] * 3, [100.0] * 3], 2)
    # A quarter of the way from the first value of the column to the second: squared distances 1 and 9.
    between = 1e-5 + 0.25 * (1e-4 - 1e-5)
    assert drawn(declared, 1, learning_rate=between, activation_fn="tanh") == pytest.approx([10.0])
    assert drawn(declared, 1, learning_rate=1e-4, activation_fn="tanh") == [100.0]


def test_the_truth_of_a_table_is_the_mean_of_its_draws(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    declared = interpolated(tmp_path, rng.normal(100.0, 10.0, (3, 12)).tolist(), 3)
    hyperparameters = {"learning_rate": 4e-5, "activation_fn": "tanh"}
    found = np.array(drawn(declared, 1000, **hyperparameters), dtype=float)
    assert isinstance(declared.training, TabularTraining)
    truth = read_table(declared.training).truth(hyperparameters, 3)
    assert abs(found.mean() - truth) < 4 * found.std() / math.sqrt(found.size)


def test_a_seed_that_fails_fails_between_configurations_too(tmp_path: Path) -> None:
    declared = interpolated(tmp_path, [[0.0, 90.0, 90.0], [90.0, 90.0, 0.0], [90.0, 0.0, 90.0]], 3)
    found = drawn(declared, 600, learning_rate=3e-5, activation_fn="tanh")
    assert {round(value or 0.0, 9) for value in found} == {0.0, 90.0}
    assert 140 < sum((value or 0.0) < 1.0 for value in found) < 260


def with_curves(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with a curve of four evaluations per run, whose last is not what the score says."""
    curves = [[float(seed), 10.0 + seed, 20.0 + seed, -1.0] for seed in table["seed"]]
    return table.assign(curve=curves)


CURVES = STUDY + 'tabular.curve = "curve"\n'


def test_a_run_has_the_curve_of_its_seed_and_ends_with_its_score(tmp_path: Path) -> None:
    declared = declare(tmp_path, with_curves(frame()), CURVES)
    hyperparameters = {"learning_rate": 1e-3, "activation_fn": "relu"}
    for n in range(20):
        result = train(tuning_runs(declared, hyperparameters, n))[0]
        assert result.score is not None
        seed = result.score - 5000.0
        assert [p.mean_return for p in result.curve] == [seed, 10.0 + seed, 20.0 + seed, result.score]
        assert [(p.index, p.timesteps) for p in result.curve] == [(0, 16), (1, 32), (2, 48), (3, 64)]


def test_a_stop_rule_is_asked_at_every_evaluation_but_the_last(tmp_path: Path) -> None:
    declared = declare(tmp_path, with_curves(frame()), CURVES)
    asked: list[tuple[int, float]] = []

    def rule(index: int, means: Any) -> bool:
        asked.append((index, means[0]))
        return index == 1

    result = train(tuning_runs(declared, {"learning_rate": 1e-3, "activation_fn": "relu"}, 0), rule)[0]
    assert result.status is RunStatus.PRUNED
    assert result.timesteps == 32
    assert [index for index, _ in asked] == [0, 1]
    assert [mean for _, mean in asked] == [p.mean_return for p in result.curve]


def test_a_curve_that_leaves_the_finite_is_a_run_that_diverged_there(tmp_path: Path) -> None:
    table = with_curves(frame())
    table["curve"] = [[1.0, np.nan, np.nan, np.nan]] * len(table)
    table["curve"] = table["curve"].map(lambda curve: str(curve).replace("nan", "null"))
    table["return"] = np.nan
    result = train(
        tuning_runs(declare(tmp_path, table, CURVES), {"learning_rate": 1e-3, "activation_fn": "relu"}, 0)
    )[0]
    assert result.status is RunStatus.DIVERGED
    assert result.timesteps == 32


def test_an_evaluation_that_no_seed_has_was_not_made(tmp_path: Path) -> None:
    table = with_curves(frame())
    table["curve"] = [[1.0, None if config == "c5" else 2.0, 3.0, 4.0] for config in table["config_id"]]
    table["curve"] = table["curve"].map(json.dumps)
    declared = declare(tmp_path, table, CURVES)
    asked: list[int] = []

    def rule(index: int, means: Any) -> bool:
        asked.append(index)
        return False

    result = train(tuning_runs(declared, {"learning_rate": 1e-3, "activation_fn": "relu"}, 0), rule)[0]
    assert result.status is RunStatus.COMPLETED
    assert asked == [0, 2]
    assert [(p.index, p.timesteps) for p in result.curve] == [(0, 16), (2, 48), (3, 64)]


def test_a_study_prunes_by_the_curves_of_its_table(tmp_path: Path) -> None:
    text = CURVES.replace('sampler = "tpe"', 'sampler = "tpe", pruner = "median"')
    simulation = simulate_study(declare(tmp_path, with_curves(frame()), "root_seed = 1\n" + text))
    states = {trial.state for trial in simulation.trials}
    assert states == {TrialState.COMPLETE, TrialState.PRUNED}


def test_a_return_that_is_missing_or_infinite_is_a_diverged_run(tmp_path: Path) -> None:
    table = frame()
    table.loc[table["config_id"] == "c5", "return"] = [1.0, 1.0, 1.0, np.nan, np.inf, 1.0]
    declared = declare(tmp_path, table)
    hyperparameters = {"learning_rate": 1e-3, "activation_fn": "relu"}
    results = train(post_evaluation_runs(declared, {"c": hyperparameters}, n_seeds={"c": 90})["c"])
    statuses = [result.status for result in results]
    assert set(statuses) == {RunStatus.COMPLETED, RunStatus.DIVERGED}
    assert 40 < statuses.count(RunStatus.DIVERGED) < 80


def test_a_whole_study_searches_the_table_and_finds_its_best(tmp_path: Path) -> None:
    declared = declare(tmp_path)
    assert check_study(declared).study.trainer.name == "tabular"
    tune_study(declared, out=tmp_path)
    evaluate_study(declared, out=tmp_path)
    ranking = rank_study(declared, out=tmp_path)
    assert ranking.rows[0].analysis.mean.estimate >= 6000.0
    assert len(ranking.rows) == 3


def test_a_parquet_file_says_the_same(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame().to_csv(tmp_path / "t.csv", index=False)
    frame().to_parquet(tmp_path / "t.parquet")
    one, other = (
        read_table(TabularTraining(path=str(tmp_path / f"t.{kind}"))) for kind in ("csv", "parquet")
    )
    assert one.hyperparameters.equals(other.hyperparameters)
    assert [x.tolist() for x in one.scores] == [x.tolist() for x in other.scores]


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    found = []
    for name, table in (("a", frame()), ("b", frame().sample(frac=1.0, random_state=1))):
        table.to_csv(tmp_path / name, index=False)
        found.append(read_table(TabularTraining(path=str(tmp_path / name))))
    assert [x.tolist() for x in found[0].scores] == [x.tolist() for x in found[1].scores]


def test_a_table_that_changed_is_not_mixed_with_what_it_was(tmp_path: Path) -> None:
    declared = declare(tmp_path)
    frame(7).to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(SpecError, match="has changed since the study was read"):
        check_study(declared)
    assert settled(load_study(tmp_path / "study.toml")).tuning_id != settled(declared).tuning_id


Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.rename(columns={"return": "returns"}),
            r"no column 'return' \(did you mean 'returns'\?\)",
        ),
        (lambda t: t[["config_id", "seed", "return"]], "needs rows, and a column for each hyperparameter"),
        (lambda t: t.iloc[:0], "needs rows"),
        (lambda t: pd.concat([t, t.iloc[[3]]]), "seed 3 of configuration c0 appears twice"),
        (lambda t: t[t["seed"] == 0], r"configuration c0 has 1 seed\(s\), but needs at least 3"),
        (lambda t: t.assign(seed=t["seed"].where(t.index != 2)), "seed is empty in row 3"),
        (
            lambda t: t.assign(learning_rate=t["learning_rate"].where(t.index != 2)),
            "learning_rate is empty in row 3",
        ),
        (
            lambda t: t.assign(learning_rate=t["learning_rate"].where(t.index != 2, 0.5)),
            "configuration c0 has different hyperparameters in different rows",
        ),
        (lambda t: t.assign(**{"return": "high"}), "return must hold numbers only"),
        (
            lambda t: t.rename(columns={"activation_fn": "activation"}),
            r"the table has no hyperparameter 'activation_fn' \(did you mean 'activation'\?\)",
        ),
        (
            lambda t: t.assign(gamma=0.9),
            "a configuration does not name 'gamma', a hyperparameter of the table",
        ),
        (lambda t: t.drop(columns="activation_fn"), "the table has no hyperparameter 'activation_fn'"),
    ],
)
def test_a_bad_table_is_an_error_before_anything_runs(tmp_path: Path, change: Change, message: str) -> None:
    declared = declare(tmp_path, change(frame()))
    with pytest.raises(SpecError, match=message):
        check_study(declared)


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        ([1.0, 2.0, 3.0], r"row 3 has 3 evaluations, and that of row 1 has 4"),
        ("high", "curve of row 3 must be a list of numbers, but got 'high'"),
        (3.0, "curve of row 3 must be a list of numbers"),
        ([], "curve of row 3 must be a list of numbers"),
    ],
)
def test_a_bad_curve_is_an_error(tmp_path: Path, curve: Any, message: str) -> None:
    table = with_curves(frame())
    table.at[2, "curve"] = curve
    with pytest.raises(SpecError, match=message):
        check_study(declare(tmp_path, table, CURVES))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"table.csv"', '"absent.csv"', "absent.csv': cannot be read"),
        ("default_control = false", "default_control = true", "set post_evaluation.default_control = false"),
        ('"tpe"}', '"tpe", pruner = "median"}', "the table has no learning curves to prune by"),
        ("tabular.path", "tabular.pth", r"tabular.pth: unknown key \(did you mean 'path'\?\)"),
    ],
)
def test_a_bad_declaration_of_a_table_is_an_error(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_study(declare(tmp_path, text=STUDY.replace(old, new)))


def test_evaluations_must_be_those_of_the_curves(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"asks for 2 evaluation\(s\) .* have 4\. Use every = 16"):
        check_study(declare(tmp_path, with_curves(frame()), CURVES.replace("every = 16", "every = 32")))


@pytest.mark.parametrize("task", ["pendulum", "cartpole"])
def test_a_column_of_lists_must_be_named_for_what_it_is(tmp_path: Path, task: str) -> None:
    pytest.importorskip("pyarrow")
    noise = ROOT / "experiments" / "noise_table" / f"{task}.parquet"
    text = STUDY.replace("table.csv", str(noise))
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises(SpecError, match=r"curve holds lists.* Name it in tabular.ignored, or tabular.curve"):
        check_study(load_study(tmp_path / "study.toml"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('tabular.ignored = ["sed"]', r"has no column 'sed' \(did you mean 'seed'\?\)"),
        ('tabular.curve = ""', "tabular.curve"),
        ("tabular.neighbours = 0", "tabular.neighbours"),
        ('tabular.draws = "some"', "tabular.draws"),
    ],
)
def test_a_bad_setting_of_a_table_is_an_error(tmp_path: Path, setting: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_study(declare(tmp_path, text=f"{STUDY}{setting}\n"))
