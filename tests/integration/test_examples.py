"""The examples run as their first lines say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

pytestmark = pytest.mark.thorough


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


def test_a_function_of_your_own_is_tuned_by_its_study_file_and_from_python(tmp_path: Path) -> None:
    example = ROOT / "examples" / "own_function"
    study = run("-m", "robusttune", "run", example.with_suffix(".toml"), "--out", tmp_path, cwd=tmp_path)
    assert "own_function:train, 20 steps; 20 fresh seeds" in study
    assert "Use trial" in study
    assert "Use trial" in run(example.with_suffix(".py"), cwd=tmp_path)


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
