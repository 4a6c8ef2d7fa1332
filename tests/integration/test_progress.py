"""What a user sees in a terminal while a small study trains."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.places import ROOT

pytestmark = pytest.mark.slow
STUDY = """
name = "small"
[environment]
id = "CartPole-v1"
[algorithm]
name = "ppo"
total_timesteps = 6000
[search_space.parameters]
learning_rate = { type = "float", low = 1e-4, high = 1e-2, scale = "log" }
[tuning]
n_trials = 4
batch_size = 2
[evaluation]
n_episodes = 2
[post_evaluation]
top_k = 1
n_seeds = 2
[execution]
trainer = "TRAINER"
"""
Frames = list[tuple[float, str]]


class Terminal:
    """A command in a pseudo-terminal, and what it shows when."""

    def __init__(self, *arguments: object) -> None:
        self._main, other = pty.openpty()
        command = [sys.executable, "-m", "robusttune", *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "150", "TERM": "xterm"}
        self.process = subprocess.Popen(
            command,
            stdin=other,
            stdout=other,
            stderr=other,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        os.close(other)
        self.frames: Frames = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        begin = time.monotonic()
        while True:
            try:
                found = os.read(self._main, 65536)
            except OSError:  # the other side is closed
                return
            text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", found.decode(errors="replace"))
            self.frames.append((time.monotonic() - begin, text))

    def text(self) -> str:
        return "".join(text for _, text in self.frames)

    def ended(self) -> int:
        code = self.process.wait(timeout=300)
        self._reader.join(timeout=10)
        return code

    def sees(self, pattern: str) -> None:
        deadline = time.monotonic() + 120
        while not re.search(pattern, self.text()):
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.1)


@pytest.mark.parametrize("trainer", ["sb3", "lockstep"])
@pytest.mark.parametrize("workers", [0, 2])
def test_running_trials_and_the_time_left_are_always_shown(
    tmp_path: Path, trainer: str, workers: int
) -> None:
    path = tmp_path / "study.toml"
    path.write_text(STUDY.replace("TRAINER", trainer), encoding="utf-8")
    terminal = Terminal("run", path, "--out", tmp_path, "--workers", workers)
    assert terminal.ended() == 0, terminal.text()
    text = terminal.text()
    counts = [
        tuple(map(int, found)) for found in re.findall(r"(?:tuning|post-evaluation) .*? (\d+)/(\d+)", text)
    ]
    assert {total for _, total in counts} == {4}
    assert all(done <= total for done, total in counts)
    shares = [int(found) for found in re.findall(r"running: .*?(\d+)%", text)]
    assert any(0 < share < 100 for share in shares)
    assert re.search(r"running: (trial 0.*trial 1|trial [01] \d+%)", text)
    assert re.search(r"post-evaluation [^%]*running: (default|trial \d)[^%]* \d+%", text)
    bars = [frame for _, frame in terminal.frames if re.search(r"(tuning|post-evaluation) .*\d/4", frame)]
    with_jobs = [frame for frame in bars if "running: " in frame]
    assert len(with_jobs) > 0.5 * len(bars)
    left = [int(m) * 60 + int(s) for m, s in re.findall(r"running:.*? \d:(\d\d):(\d\d) left", text)]
    assert left
    assert min(left) >= 1
    assert not (tmp_path / "small" / "running").exists()


def test_watching_a_study_shows_what_another_process_runs_and_ctrl_c_ends_it_well(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(STUDY.replace("TRAINER", "sb3"), encoding="utf-8")
    run = Terminal("run", path, "--out", tmp_path, "--workers", 1)
    run.sees(r"running: trial 0")
    watch = Terminal("status", path, "--out", tmp_path, "--watch")
    watch.sees(r"1 process: trial \d \d+%")
    os.kill(watch.process.pid, signal.SIGINT)
    assert watch.ended() == 0
    to_the_end = Terminal("status", path, "--out", tmp_path, "--watch")
    assert run.ended() == 0
    assert to_the_end.ended() == 0
    assert "4 complete of 4 wanted" in to_the_end.text()
    assert "0 of 4 runs of the post-evaluation" in to_the_end.text()
