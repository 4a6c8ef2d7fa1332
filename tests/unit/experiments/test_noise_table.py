from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.noise_table.__main__ import FOLDER, TASKS, table
from robusttune import load_study, simulate_study, tune_study
from robusttune.declaration.study import StudySpec
from tests.support.studies import drawn, make_study

pytest.importorskip("pyarrow")
# Configurations, seeds, evaluations, episodes.
SHAPES = {
    "pendulum": (64, 30, 8, 20),
    "cartpole": (64, 30, 8, 20),
    "pendulum-256": (256, 20, 8, 20),
    "mountaincar-256": (256, 20, 3, 10),
}
LONG_ROLLOUTS = {
    "pendulum": {2048, 4096},
    "cartpole": {1024},
    "pendulum-256": {2048, 4096},
    "mountaincar-256": set(),
}
RANGES = {
    "pendulum": (-2000.0, 0.0),
    "cartpole": (1.0, 500.0),
    "pendulum-256": (-2000.0, 0.0),
    "mountaincar-256": (-100.0, 100.0),
}


@pytest.mark.parametrize("task", TASKS)
def test_the_table_is_whole(task: str) -> None:
    """Every configuration has every seed, and each row agrees with itself."""
    path = FOLDER / f"{task}.parquet"
    frame = pd.read_parquet(path)
    assert path.stat().st_size < 5e6
    n_configs, n_seeds, n_evaluations, n_episodes = SHAPES[task]
    counts = frame.groupby("config_id")["seed"].nunique()
    assert len(frame) == n_configs * n_seeds
    assert counts.tolist() == [n_seeds] * n_configs
    assert frame["seed"].is_unique
    returns = frame["return"].to_numpy()
    low, high = RANGES[task]
    assert np.isfinite(returns).all()
    assert low <= returns.min() <= returns.max() <= high
    curves, episodes = np.stack(frame["curve"].tolist()), np.stack(frame["episode_returns"].tolist())
    assert curves.shape == (len(frame), n_evaluations)
    assert episodes.shape == (len(frame), n_episodes)
    np.testing.assert_allclose(curves[:, -1], returns)
    # Only a rollout that is longer than the distance of two evaluations passes over one.
    passed_over = frame.loc[np.isnan(curves).any(axis=1), "n_steps"]
    assert set(passed_over) == LONG_ROLLOUTS[task]
    np.testing.assert_allclose(episodes.mean(axis=1), returns, rtol=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_its_configurations_are_those_of_the_declared_study(task: str) -> None:
    study = load_study(FOLDER / f"{task}.toml")
    frame = pd.read_parquet(FOLDER / f"{task}.parquet").groupby("config_id").first()
    for name, parameter in study.to_dict()["search_space"]["parameters"].items():
        values = frame[name]
        if "choices" in parameter:
            assert set(values) == set(parameter["choices"])
        else:
            assert parameter["low"] <= values.min() < values.max() <= parameter["high"]


@pytest.mark.thorough
@pytest.mark.parametrize("task", TASKS)
def test_a_study_can_be_tried_on_it_with_a_pruner(task: str) -> None:
    document = load_study(FOLDER / f"{task}.toml").to_dict()
    del document["environment"]
    document["tabular"] = {
        "path": str(FOLDER / f"{task}.parquet"),
        "total_timesteps": document.pop("algorithm")["total_timesteps"],
        "curve": "curve",
        "ignored": ["episode_returns"],
    }
    document["tuning"] = {"n_trials": 25, "sampler": "tpe", "pruner": "median"}
    simulation = simulate_study(StudySpec.from_dict(document))
    means = [np.mean(scores) for scores in simulation.post_evaluation.scores.scores]
    typical = pd.read_parquet(FOLDER / f"{task}.parquet")["return"].median()
    assert max(means) > typical


def test_a_table_is_made_from_the_stored_tuning_stage(tmp_path: Path) -> None:
    truth = {"sd": 10.0, "start": -100.0, "p_diverged": 0.2}
    study = make_study(
        {
            **drawn("synthetic", truth),
            "evaluation.every": 16,
            "tuning": {"n_trials": 5, "sampler": "random", "seeds_per_trial": 6},
        }
    )
    trials = tune_study(study, out=tmp_path)
    frame = table(study, tmp_path)
    assert frame.groupby("config_id").size().tolist() == [6] * 5
    for trial in trials:
        own = frame[frame["config_id"] == trial.number]
        scores = [np.nan if score is None else score for score in trial.scores]
        np.testing.assert_array_equal(own["return"], scores)
        assert set(own["learning_rate"]) == {trial.hyperparameters["learning_rate"]}
    curves = np.stack(frame["curve"].tolist())
    assert curves.shape == (30, 4)
    has_diverged = frame["return"].isna().to_numpy()
    assert 0 < has_diverged.sum() < 30
    assert np.isnan(curves[has_diverged, -1]).all()
    np.testing.assert_array_equal(curves[~has_diverged, -1], frame["return"][~has_diverged])


@pytest.mark.slow
def test_a_run_of_the_table_can_be_trained_again(tmp_path: Path) -> None:
    """One configuration of thirty seeds in lockstep; equal digit by digit on the machine that made the table."""
    document = load_study(FOLDER / "cartpole.toml").to_dict()
    document["tuning"]["n_trials"] = 1
    study = StudySpec.from_dict(document)
    tune_study(study, out=tmp_path, workers=0)
    again = table(study, tmp_path)
    stored = pd.read_parquet(FOLDER / "cartpole.parquet").query("config_id == 0")
    assert again["seed"].tolist() == stored["seed"].tolist()
    np.testing.assert_allclose(again["learning_rate"], stored["learning_rate"])
    # Another processor rounds differently, and training amplifies that; the mean over seeds stays.
    error = stored["return"].std() / np.sqrt(len(stored))
    assert abs(again["return"].mean() - stored["return"].mean()) < 4 * error
