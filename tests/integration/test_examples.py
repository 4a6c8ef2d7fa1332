"""The examples run as their first lines say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from robusttune.declaration.algorithms import ALGORITHMS
from tests.support.places import ROOT


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=500,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.mark.thorough
def test_a_function_of_your_own_is_tuned_by_its_study_file_and_from_python(tmp_path: Path) -> None:
    example = ROOT / "examples" / "own_function"
    study = run("-m", "robusttune", "run", example.with_suffix(".toml"), "--out", tmp_path, cwd=tmp_path)
    assert "own_function:train, 20 steps; 20 fresh seeds" in study
    assert "Use trial" in study
    assert "Use trial" in run(example.with_suffix(".py"), cwd=tmp_path)


@pytest.mark.thorough
def test_the_notebook_runs_and_its_cells_are_whole(tmp_path: Path) -> None:
    notebook = ROOT / "examples" / "lucky_search.py"
    cells = notebook.read_text(encoding="utf-8").split("# %%")[1:]
    assert len(cells) > 5
    for cell in cells:
        compile(cell.partition("\n")[2], str(notebook), "exec")
    printed = run(notebook, cwd=tmp_path)
    worth = re.search(r"scored (\S+)\.\nIt is worth (\S+):", printed)
    assert worth
    assert float(worth[1]) > float(worth[2])
    too_high = re.search(r"score is (\S+) points too high", printed)
    assert too_high
    assert float(too_high[1]) > 15
    assert printed.count("holds the truth") >= 5
    assert (tmp_path / "results" / "lucky-search" / "report.html").exists()


@pytest.mark.thorough
def test_a_training_script_of_your_own_is_tuned_by_its_command_line(tmp_path: Path) -> None:
    example = ROOT / "examples" / "cleanrl_like_ppo.toml"
    smaller = ("command.total_timesteps=2000", "tuning.n_trials=2", "post_evaluation.n_seeds=3")
    settings = [part for one in smaller for part in ("--set", one)]
    printed = run(
        "-m", "robusttune", "run", example, "--out", tmp_path, "--workers", 2, *settings, cwd=tmp_path
    )
    assert "python cleanrl_like_ppo.py, 2,000 timesteps; 3 fresh seeds" in printed
    outputs = list((tmp_path / "cleanrl_like_ppo" / "runs").glob("*/output.txt"))
    assert len(outputs) == 2 + 3 * 3
    assert all("eval_episode=9, episodic_return=" in path.read_text(encoding="utf-8") for path in outputs)


def run_smaller(name: str, tmp_path: Path, *settings: str) -> str:
    overrides = [part for one in settings for part in ("--set", one)]
    example = ROOT / "examples" / f"{name}.toml"
    return run(
        "-m", "robusttune", "run", example, "--out", tmp_path, "--workers", 1, *overrides, cwd=tmp_path
    )


SMALL = (
    "tuning.n_trials=2",
    "evaluation.n_episodes=2",
    "post_evaluation.top_k=1",
    "post_evaluation.n_seeds=2",
)


@pytest.mark.slow
def test_an_environment_of_your_own_is_found_beside_its_study_file(tmp_path: Path) -> None:
    printed = run_smaller("inventory", tmp_path, *SMALL, "algorithm.total_timesteps=400")
    assert "PPO on Inventory-v0, 400 timesteps; 2 fresh seeds" in printed


@pytest.mark.slow
def test_impossible_actions_are_masked(tmp_path: Path) -> None:
    pytest.importorskip("sb3_contrib")
    if "maskableppo" not in ALGORITHMS:
        pytest.skip("this version does not know MaskablePPO")
    printed = run_smaller("inventory_masked", tmp_path, *SMALL, "algorithm.total_timesteps=400")
    assert "on Inventory-v0, 400 timesteps; 2 fresh seeds" in printed


@pytest.mark.slow
def test_halfcheetah_is_trained_with_normalised_observations(tmp_path: Path) -> None:
    pytest.importorskip("mujoco")
    smaller = ("algorithm.total_timesteps=256", "algorithm.hyperparameters.n_steps=128")
    printed = run_smaller("halfcheetah", tmp_path, *SMALL, *smaller)
    assert "PPO on HalfCheetah-v5, 256 timesteps; 2 fresh seeds" in printed


@pytest.mark.slow
def test_an_atari_game_is_trained_on_stacked_frames(tmp_path: Path) -> None:
    pytest.importorskip("ale_py")
    pytest.importorskip("cv2")
    smaller = (
        "algorithm.total_timesteps=128",
        "algorithm.hyperparameters.n_steps=16",
        "environment.n_envs=4",
        "environment.kwargs.max_num_frames_per_episode=2000",  # an untrained policy may never lose
    )
    small = ("algorithm.hyperparameters.batch_size=32", "post_evaluation.controls=[]")
    alone = "post_evaluation.default_control=false"  # it has rollouts of 2,048 steps
    printed = run_smaller("atari", tmp_path, *SMALL, *smaller, *small, alone)
    assert "trained one by one" not in printed
    assert "PPO on BreakoutNoFrameskip-v4, 128 timesteps; 2 fresh seeds" in printed
