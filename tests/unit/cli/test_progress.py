"""What a terminal and a pipe are told on the way."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from robusttune.cli import app
from robusttune.cli.progress import LiveReporter, PlainReporter
from robusttune.execution.board import Outlook
from tests.support.cases import cases

RUNNING = Outlook(running=(("trial 3", 0.25), ("trial 4", None)), done=0.25, left_s=94.2, all_left_s=400.0)


def test_a_pipe_is_told_now_and_then_what_is_running() -> None:
    file = io.StringIO()
    reporter = PlainReporter(Console(file=file, width=200), quiet_s=0.05)
    reporter.watch(lambda: RUNNING)
    with reporter:
        reporter.stage("tuning", done=3, total=8)
        deadline = time.monotonic() + 5
        while file.getvalue().count("\n") < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    first, second, *_ = file.getvalue().splitlines()
    assert first == "tuning: 3/8 done"
    left = "0:01:34 left, 0:06:40 for the whole study"
    assert second == f"tuning 3/8: running: trial 3 25%, trial 4; {left}"


def test_a_terminal_shows_the_running_trials_below_the_bar_and_rounds_share_it() -> None:
    file = io.StringIO()
    reporter = LiveReporter(Console(file=file, width=120, force_terminal=True))
    reporter.watch(lambda: RUNNING)
    with reporter:
        reporter.stage("post-evaluation", done=0, total=9)
        reporter.advance("a run")
        reporter.stage("post-evaluation", done=3, total=9)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue()).splitlines()
    last = max(place for place, line in enumerate(shown) if "post-evaluation" in line)
    assert "3/9" in shown[last]
    assert "running: trial 3 25%, trial 4 · 0:01:34 left" in shown[last + 1]
    assert all(line.count("post-evaluation") <= 1 for line in shown[last - 1 :])


@pytest.mark.parametrize("allocation", cases(["fixed", "elimination"], fast=["fixed"]))
def test_status_has_the_totals_that_check_announced(tmp_path: Path, allocation: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "aa"\nsynthetic.sd = 10.0\ntuning.n_trials = 3\npost_evaluation.n_seeds = 3\n'
        f'post_evaluation.confirm = 5\npost_evaluation.allocation.rule = "{allocation}"\n'
    )

    def output(command: str, *options: str) -> str:
        result = CliRunner().invoke(app, [command, str(path), *options])
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    found = re.search(r"(?:= |at most )(\d+) runs confirmation", output("check"))
    assert found is not None
    total = int(found[1]) + 5
    assert total > 9
    assert "0 trials" not in output("tune", "--out", str(tmp_path), "--set", "tuning.n_trials=1")
    most = "at most " if allocation == "elimination" else ""
    assert f"still to run {total} of {most}{total} runs" in output("status", "--out", str(tmp_path))
    output("run", "--out", str(tmp_path))
    done = output("status", "--out", str(tmp_path))
    assert re.search(r"still to run 0 of (at most )?\d+ runs of post-evaluation and confirmation", done)
