"""A study in optuna-dashboard, seen in a browser."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import robusttune
from robusttune.interop import dashboard

pytestmark = pytest.mark.slow
STUDY = """
name = "NAME"
synthetic.sd = 30.0
tuning.n_trials = 5
post_evaluation.n_seeds = 4
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("optuna_dashboard")
    folder = tmp_path_factory.mktemp("dashboard")
    path = folder / "study.toml"
    path.write_text(STUDY.replace("NAME", "lucky-or-not"), encoding="utf-8")
    robusttune.run_study(robusttune.load_study(path), out=folder, workers=0)
    return folder


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "robusttune", "dashboard", "study.toml", "--out", ".", "--port", "0"]
    server = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, text=True, env=None, start_new_session=True
    )
    assert server.stdout is not None
    line = server.stdout.readline()
    yield re.search(r"http://\S+", line)[0]  # type: ignore[index]
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=30) == 0


def test_the_browser_shows_the_verdicts_under_the_study_s_own_name(address: str, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium on this machine; .ci/run installs it")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path}"]
    options += ["--disable-background-networking", "--virtual-time-budget=20000", "--dump-dom"]
    done = subprocess.run(
        [browser, *options, address], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    page = re.sub(r"<[^>]+>", " ", done.stdout)
    assert "lucky-or-not" in page
    assert re.search(
        r"(LUCKY|CONSISTENT|INCONCLUSIVE): tuning score \S+, mean \S+ \[.*?\] over 4 fresh seeds", page
    )


def test_each_evaluated_trial_has_its_numbers_and_the_stored_study_is_untouched(
    address: str, folder: Path
) -> None:
    before = (folder / "lucky-or-not" / "study.db").read_bytes()
    base = address.partition("/dashboard")[0]
    with urllib.request.urlopen(f"{base}/api/studies/0?after=0") as answer:
        found = json.load(answer)
    told = [{one["key"]: one["value"] for one in trial["user_attrs"]} for trial in found["trials"]]
    ranked = {row.candidate.trial_number for row in robusttune.rank_study(_study(folder), out=folder).rows}
    assert {n for n, own in enumerate(told) if "fresh seeds" in own} == ranked - {None}
    delete = urllib.request.Request(f"{base}/api/studies/0", method="DELETE")
    with urllib.request.urlopen(delete) as answer:
        assert answer.status == 204
    assert (folder / "lucky-or-not" / "study.db").read_bytes() == before


def test_a_study_that_grows_is_shown_as_it_is_now(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "_FRESH_S", 0.0)
    path = folder / "growing.toml"
    path.write_text(STUDY.replace("NAME", "growing"), encoding="utf-8")
    study = robusttune.load_study(path)
    robusttune.tune_study(study, out=folder, workers=0)  # nothing is evaluated yet
    application = dashboard._Application(study, folder, None)
    first = application._current()
    assert application._current() is first
    robusttune.evaluate_study(study, out=folder, workers=0)
    assert application._current() is not first


def test_what_cannot_be_shown_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def error(*arguments: str) -> str:
        command = [sys.executable, "-m", "robusttune", "dashboard", "study.toml", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "There are no results" in error("--out", "elsewhere")
    assert "--port 99999: nothing can listen there" in error("--out", ".", "--port", "99999")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(robusttune.MissingDependencyError, match=r"pip install robusttune\[dashboard\]"),
        dashboard.serve_dashboard(_study(folder), out=folder),
    ):
        pass


def _study(folder: Path) -> robusttune.StudySpec:
    return robusttune.load_study(folder / "study.toml")
