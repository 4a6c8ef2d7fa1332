"""Real trainings in processes that are killed, and processes that share a study."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from robusttune.declaration.study import StudySpec
from robusttune.pipeline.location import location_of
from robusttune.pipeline.session import open_session
from robusttune.pipeline.settle import settle
from robusttune.post_evaluation.select import select
from robusttune.results import schema
from robusttune.results.records import RunStatus, TrialState
from tests.support.killed import Facts, facts, is_killed, n_runs
from tests.support.places import ROOT
from tests.support.studies import fixed_runs, make_study, open_results

pytestmark = pytest.mark.slow

CHANGES: dict[str, Any] = {
    "name": "chaos",
    "algorithm.total_timesteps": 128,
    "algorithm.hyperparameters": {"n_epochs": 1, "net_arch": [8]},
    "evaluation": {"every": 32, "n_episodes": 2, "n_envs": 2},
    "tuning": {
        "n_trials": 8,
        "pruner": "halving",
        "pruner_options": {"min_resource": 1, "reduction_factor": 2},
    },
    "post_evaluation": {"top_k": 2, "n_seeds": 3, "default_control": False},
}
BATCHES = {**CHANGES, "tuning": {**CHANGES["tuning"], "batch_size": 4}}


def command(study: StudySpec, folder: Path, workers: int, storage: str | None) -> list[str]:
    declared = folder / "study.json"
    folder.mkdir(parents=True, exist_ok=True)
    declared.write_text(json.dumps(study.to_dict()), encoding="utf-8")
    line = [sys.executable, "-m", "tests.support.session_main", str(declared), str(folder), str(workers)]
    return line if storage is None else [*line, storage]


def start(line: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(line, cwd=ROOT)


def whole(study: StudySpec, folder: Path) -> Facts:
    """Return the facts of a study that has ended: all runs that are wanted, and no other."""
    trials, results = facts(study, folder)
    wanted = [run.run_id for runs in fixed_runs(study, select(study, trials)).values() for run in runs]
    wanted += [run_id for trial in trials for run_id in trial.run_ids]
    assert set(results) == set(wanted), "runs that nobody wanted, or too few"
    return trials, results


@pytest.mark.parametrize(
    ("changes", "workers", "journal"),
    [(CHANGES, 0, False), (BATCHES, 2, False), (CHANGES, 1, True)],
    ids=["one after the other", "in batches", "one worker, journal"],
)
def test_a_session_killed_at_any_moment_ends_with_the_same_runs(
    tmp_path: Path, changes: dict[str, Any], workers: int, journal: bool
) -> None:
    study = make_study(changes)
    location = location_of(study, out=tmp_path / "whole")
    with open_session(settle(study, location=location), location, workers=0) as session:
        session.evaluate(session.tune())
    expected = whole(study, tmp_path / "whole")
    assert {TrialState.COMPLETE, TrialState.PRUNED} == {trial.state for trial in expected[0]}

    chance = random.Random(8)  # `make chaos` kills some hundred times
    folder = tmp_path / "killed"
    line = command(study, folder, workers, str(folder / "optuna.log") if journal else None)
    n_kills = sum(is_killed(start(line), folder / study.name, chance) for _ in range(4))
    assert n_kills >= 2
    assert start(line).wait() == 0
    assert whole(study, folder) == expected


@pytest.mark.parametrize("changes", [CHANGES, BATCHES], ids=["as workers are free", "in batches"])
def test_the_same_command_in_a_second_terminal_joins_in(tmp_path: Path, changes: dict[str, Any]) -> None:
    study = make_study(changes)
    line = command(study, tmp_path, 0, None)
    both = [start(line) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    trials, results = whole(study, tmp_path)
    states = Counter(trial.state for trial in trials)
    assert states[TrialState.COMPLETE] + states[TrialState.PRUNED] == 8 == len(trials)
    assert {status for status, *_ in results.values()} <= {RunStatus.COMPLETED, RunStatus.PRUNED}
    if changes is BATCHES:
        location = location_of(study, out=tmp_path / "alone")
        with open_session(settle(study, location=location), location, workers=0) as session:
            session.evaluate(session.tune())
        assert whole(study, tmp_path / "alone") == (trials, results)


def test_an_interrupted_session_loses_only_what_was_in_flight(tmp_path: Path) -> None:
    study = make_study({**CHANGES, "algorithm.total_timesteps": 4096})
    line = command(study, tmp_path, 2, None)
    process = start(line)
    deadline = time.monotonic() + 60
    while n_runs(tmp_path / study.name) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    assert n_runs(tmp_path / study.name) >= 2
    with open_results(tmp_path / study.name) as store, store.engine.connect() as connection:
        assert connection.execute(sa.select(schema.claims)).all() == []
        assert connection.execute(sa.select(schema.workers)).all() == []
    assert start(line).wait() == 0
    whole(study, tmp_path)
