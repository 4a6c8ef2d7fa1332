"""A whole small study through the command line, seen in a browser."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

pytestmark = pytest.mark.thorough
STUDY = """
name = "smoke"
[environment]
id = "CartPole-v1"
n_envs = 2
[algorithm]
name = "a2c"
total_timesteps = 400
[search_space.parameters]
n_steps = { type = "int", low = 4, high = 16, scale = "pow2" }
gamma = { type = "float", low = 0.9, high = 0.999, scale = "log1m" }
learning_rate = { type = "float", low = 1e-4, high = 1e-2, scale = "log" }
[tuning]
n_trials = 4
pruner = "median"
batch_size = 2
[evaluation]
every = 200
n_episodes = 4
[post_evaluation]
top_k = 2
n_seeds = 3
[[post_evaluation.controls]]
name = "small net"
hyperparameters = { n_steps = 8, net_arch = [8] }
"""


def robusttune(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "robusttune", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smoke")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    done = robusttune("run", folder / "study.toml", "--out", folder, "--workers", 2)
    assert done.returncode == 0, done.stderr
    (folder / "printed.txt").write_text(done.stdout, encoding="utf-8")
    return folder


def test_the_ranking_and_the_place_of_the_report_are_printed(results: Path) -> None:
    printed = (results / "printed.txt").read_text(encoding="utf-8")
    assert str(results / "smoke" / "report.html") in printed.replace("\n", "")
    for name in ("default", "small net", "trial "):
        assert name in printed


def test_the_same_command_again_computes_nothing(results: Path) -> None:
    def finished() -> list[tuple[str, str]]:
        with sqlite3.connect(results / "smoke" / "study.db") as connection:
            return connection.execute(
                "SELECT run_id, finished_at FROM robusttune_runs ORDER BY run_id"
            ).fetchall()

    before = finished()
    # Four trials of one run, and at least two controls and one trial on three seeds.
    assert len(before) >= 4 + 9
    again = robusttune("run", results / "study.toml", "--out", results, "--workers", 1)
    assert again.returncode == 0
    assert finished() == before
    assert "tuning:" not in again.stdout


def test_the_report_opens_in_a_browser_without_console_errors(results: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium on this machine; .ci/run installs it")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
    ]
    options += [f"--user-data-dir={tmp_path}", "--enable-logging=stderr", "--v=0", "--dump-dom"]
    page = (results / "smoke" / "report.html").as_uri()
    done = subprocess.run([browser, *options, page], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr
    assert "<svg" in done.stdout
    assert "small net" in done.stdout
