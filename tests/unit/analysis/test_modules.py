"""What the paper's modules say of results that a test makes up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import (
    algorithms_over_environments,
    lucky_vs_consistent,
    search_space,
    seeds_and_pruner,
    trainers,
)
from analysis.kept import Places
from analysis.seeds_needed import Pair, Source, pair_of, table
from robusttune.report.table import BEST

CONFIRMED = {"estimate": 450.0, "low": 440.0, "high": 460.0}


def keep(
    root: Path, name: str, algorithm: str, trials: Mapping[str, tuple[float, float]], **changes: Any
) -> None:
    """Keep a study as `experiments` does: trials by name, with tuning score and mean; a default."""
    folder = root / "experiments" / "matrix" / name
    folder.mkdir(parents=True)
    lines = [
        {"configuration": trial, "proposed_by": "top", "tuning_score": score, "mean": mean}
        for trial, (score, mean) in trials.items()
    ] + [{"configuration": "default", "proposed_by": None, "tuning_score": None, "mean": 20.0}]
    ranking = pd.DataFrame(lines).sort_values("mean", ascending=False)
    ranking["mean_low"], ranking["mean_high"] = ranking["mean"] - 10, ranking["mean"] + 10
    ranking["luck_in_sd"] = (ranking["tuning_score"] - ranking["mean"]) / 10
    ranking["verdict"] = ["LUCKY" if luck > 1 else "CONSISTENT" for luck in ranking["luck_in_sd"]]
    ranking["in_best_set"] = ranking["mean"] == ranking["mean"].max()
    ranking.to_csv(folder / "ranking.csv", index=False)
    document = {
        "study": {
            "environment": {"id": "CartPole-v1"},
            "algorithm": {"name": algorithm, "total_timesteps": 1000},
            "tuning": {"n_trials": 20},
        },
        "confirmed": {},
        "advice": {
            "importance": {
                "gamma": {"share": 0.9, "p_value": 0.01},
                "n_steps": {"share": 0.1, "p_value": 0.5},
            },
            "ranges": [{"name": "gamma", "line": "gamma = …"}],
        },
        **changes,
    }
    (folder / "results.json").write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    keep(tmp_path, "a", "ppo", {"trial 1": (500.0, 300.0), "trial 2": (400.0, 395.0)})
    keep(tmp_path, "b", "dqn", {"trial 7": (480.0, 455.0)}, confirmed={"trial 7": CONFIRMED})
    return Places(root=tmp_path, results=tmp_path)


def test_algorithms_are_told_by_the_best_trial_on_the_seeds_that_confirmed_it(places: Places) -> None:
    cells = algorithms_over_environments.load(places)
    made = algorithms_over_environments.table(cells)["algorithms_over_environments"]
    assert [row[1] for row in made.rows] == ["DQN", "PPO"]
    assert made.rows[0][4:] == ("480.0", "20.00", "[10.00, 30.00]", "450.0", "[440.0, 460.0]")
    assert made.rows[1][7:] == ("395.0", "[385.0, 405.0]")
    assert [BEST in marks for marks in made.marks] == [True, False]


def test_luck_is_counted_over_all_searches(places: Places) -> None:
    studies = lucky_vs_consistent.load(places)
    made = lucky_vs_consistent.table(studies)
    trials, champions = made["lucky_vs_consistent"].rows, made["champions"].rows
    assert trials[0][:3] == ("a", "2", "1")
    assert trials[2] == ("all", "3", "2", "0", "1", "0", "+7.7")
    assert [row[-1] for row in champions] == ["trial 2", "the champion", "not the champion: 1 of 2"]
    page = str(lucky_vs_consistent.page(studies)["docs/studies.md"]).replace("\n", " ")
    assert page.startswith(
        "# Real studies: how lucky are tuning champions?  2 of the 3 best trials of 2 searches"
    )
    assert "1 of the 2 reports recommend another configuration than the champion." in page


def test_a_hyperparameter_is_said_to_matter_where_its_trials_show_it(places: Places) -> None:
    made = search_space.table(search_space.load(places))["search_space"]
    assert made.rows[0] == ("a", "gamma", "0.90", "yes", "gamma = …")
    assert made.rows[1] == ("a", "n_steps", "0.10", "not shown", "–")


def test_a_configuration_of_a_noise_table_is_a_trial_worth_its_mean() -> None:
    runs = pd.DataFrame({"config_id": [3, 3, 5], "n_steps": [8, 8, 16], "act": ["relu", "relu", "tanh"]})
    first, second = search_space.means_as_trials(
        runs.assign(**{"return": [1.0, 2.0, 7.0]}), ["n_steps", "act"]
    )
    assert (first.number, first.objective_value, second.objective_value) == (3, 1.5, 7.0)
    assert second.hyperparameters == {"n_steps": 16, "act": "tanh"}
    assert type(second.hyperparameters["n_steps"]) is int


def test_a_pair_needs_the_seeds_that_the_t_test_needs() -> None:
    # Two samples, difference of one SD, two-sided 5 %, 80 % power: 17 each (any table of power, such as R's).
    assert Pair(difference=1.0, sd_first=1.0, sd_second=1.0).n_needed == 17
    assert Pair(difference=0.0, sd_first=1.0, sd_second=1.0).n_needed is None


def test_equal_configurations_differ_by_nothing_on_average() -> None:
    rng = np.random.default_rng(0)
    squares = []
    for _ in range(400):
        first, second = rng.standard_normal((2, 10))
        noise = first.var(ddof=1) / 10 + second.var(ddof=1) / 10
        raw = (first.mean() - second.mean()) ** 2
        squares.append(raw - noise)
        assert pair_of(first, second).difference == pytest.approx(max(0.0, raw - noise) ** 0.5)
    assert np.mean(squares) == pytest.approx(0.0, abs=0.05)


def test_the_pairs_of_a_source_are_summed_up() -> None:
    rng = np.random.default_rng(1)
    scores = {
        name: (mean + rng.standard_normal(20)).tolist()
        for name, mean in (("a", 0.0), ("b", 0.0), ("c", 30.0))
    }
    (row,) = table([Source(name="drawn", scores=scores)])["seeds_needed"].rows
    assert row[:3] == ("drawn", "3", "20")
    assert row[5] == "2"  # two of the three pairs are told by two seeds
    assert float(row[-1]) >= 0.67


def test_the_times_of_the_speed_report_are_read() -> None:
    report = """
PPO Ant-v5, 4096 steps, 1 environments, VecNormalize: SB3 3.04 s a seed, wall 3.07 s; floor 0.224 s environment
    S =  1    1.021 s a seed, wall  1.032 s     3.0 x SB3
    S = 20    0.302 s a seed                    10.1 x SB3
Peak memory
    S =  0     230.2
"""
    (found,) = trainers.speeds(report)
    assert (found.case, found.timesteps, found.sb3_s) == ("PPO Ant-v5, VecNormalize", 4096, 3.04)
    assert found.lockstep == {1: (1.021, 3.0), 20: (0.302, 10.1)}


def searched(true: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """Return five repetitions, whose true scores differ by a little."""
    return pd.DataFrame(
        {
            "repetition": i, "search": search, "protocol": protocol, "n_trials": 100, "timesteps": 2_400_000,
            "reported": 0.0, "true": true.get((search, protocol), -100.0) + i + (i % 2) * (search != "1 seed"),
            "n_judging": 20,
        }
        for i in range(5)
        for search in seeds_and_pruner.SEARCHES
        for protocol in seeds_and_pruner.PROTOCOLS
    )  # fmt: skip


def test_the_answer_says_what_is_shown_and_what_is_not() -> None:
    def answer(true: Mapping[tuple[str, str], float]) -> str:
        page = str(seeds_and_pruner.page(searched(true))[seeds_and_pruner.PAGE])
        return " ".join(page.split("\n\n")[1].split())

    assert answer({}).startswith("Not shown here: ")
    said = answer({("1 seed", "fresh seeds"): -50.0, ("1 seed, pruner", "believed"): -130.0})
    assert said.startswith(
        "Fresh seeds for the six best of fewer trials found better configurations and the median pruner found worse "
        "configurations than one seed a trial."
    )
    assert "fresh seeds for the six best of fewer trials: +50 ± 0." in said
    assert "three seeds a trial: +0 ± 1 (which may be chance)" in said
