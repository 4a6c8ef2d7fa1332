"""What is in flight, as a driver and its workers tell it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from robusttune.declaration.study_runs import tuning_runs
from robusttune.execution.board import Board
from robusttune.execution.executors import Job
from robusttune.execution.time_left import Batch
from robusttune.results import running
from robusttune.results.running import noted, noted_runs, read_note
from tests.support.studies import make_study, synthetic_result

STUDY = make_study({"algorithm.total_timesteps": 1000})


def job(number: int = 0, label: str = "trial 0") -> Job:
    return Job(specs=tuning_runs(STUDY, {}, number), label=label)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(running.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(running.time, "time", lambda: now[0])
    return now


def test_a_run_is_shown_with_its_share_and_its_own_speed(tmp_path: Path, clock: list[float]) -> None:
    board, first = Board(1, tmp_path), job()
    board.expect(Batch(n_jobs=1, steps=1000))
    board.begin(first, 0)
    with noted(tmp_path, first.specs, first.label) as tell:
        assert board.outlook().running == (("trial 0", None),)
        assert board.outlook().left_s is None
        clock[0] += 5  # libraries are loaded
        tell(100)
        clock[0] += 2
        tell(300)
        seen = board.outlook()
        assert seen.running == (("trial 0", 0.3),)
        assert (seen.done, seen.left_s) == (pytest.approx(0.3), pytest.approx(7 + 10))
    board.end(first.specs)
    assert board.outlook().running == ()
    assert noted_runs(tmp_path) == []


def test_between_two_rollouts_the_time_left_falls_as_long_as_the_last_one_took(
    tmp_path: Path, clock: list[float]
) -> None:
    board, first = Board(1, tmp_path), job()
    board.begin(first, 0)
    board.expect(Batch(n_jobs=0, steps=1000))
    with noted(tmp_path, first.specs, first.label) as tell:
        for steps in (100, 200, 300):
            clock[0] += 30
            tell(steps)
        left = []
        for _ in range(5):
            left.append(board.outlook().left_s)
            clock[0] += 10
    assert left == pytest.approx([210, 200, 190, 180, 180])


def test_a_note_is_written_a_few_times_a_second_at_most(tmp_path: Path, clock: list[float]) -> None:
    specs = job().specs
    with noted(tmp_path, specs) as tell:
        for steps in range(1, 1001):
            clock[0] += 0.001
            tell(steps)
        note = read_note(tmp_path, specs[0].run_id)
    assert note is not None
    assert (note.first, note.last) == (1, 501)


def test_a_half_written_note_and_a_folder_that_is_gone_stop_nobody(tmp_path: Path) -> None:
    specs = job().specs
    with noted(tmp_path / "none", specs) as tell:
        tell(5)
    (tmp_path / f"{specs[0].run_id}.json").write_text('{"began_at": 1')
    assert read_note(tmp_path, specs[0].run_id) is None


def test_the_note_of_a_worker_that_was_killed_goes_with_its_job(tmp_path: Path) -> None:
    board, first = Board(1, tmp_path), job()
    board.begin(first, 0)
    left = noted(tmp_path, first.specs)
    left.__enter__()
    assert noted_runs(tmp_path) == [first.specs[0].run_id]
    board.end(first.specs)
    assert noted_runs(tmp_path) == []


def test_stored_runs_of_the_same_trainer_give_the_pace_and_recent_ones_count_more(tmp_path: Path) -> None:
    board = Board(1, tmp_path)

    def measure(wall_time_s: float, n: int, trainer: str = "sb3") -> None:
        for _ in range(n):
            result = dataclasses.replace(
                synthetic_result(job(next(numbers)).specs[0]),
                timesteps=1000,
                wall_time_s=wall_time_s,
                provenance={"trainer": trainer},
            )
            board.measure([result, result], "sb3")

    numbers = iter(range(1000))
    measure(10.0, 5)
    measure(1.0, 50, trainer="lockstep")
    assert board.pace([]).step_s == pytest.approx(0.01)  # type: ignore[union-attr]
    measure(20.0, 50)
    assert board.pace([]).step_s == pytest.approx(0.02, rel=0.02)  # type: ignore[union-attr]


def test_a_stage_with_a_time_limit_lasts_until_it_or_until_its_trials_are_done(
    tmp_path: Path, clock: list[float]
) -> None:
    board = Board(1, tmp_path)
    board.expect(None, timeout_s=30)
    assert board.outlook().left_s == 30
    measured = dataclasses.replace(synthetic_result(job().specs[0]), timesteps=1000, wall_time_s=10.0)
    board.measure([measured], "sb3")
    for n_trials, left in ((2, 20), (9, 30)):
        board.expect(Batch(n_jobs=n_trials, steps=1000), timeout_s=30)
        assert board.outlook().left_s == left
    board.later = (Batch(n_jobs=1, steps=1000),)
    assert board.outlook().all_left_s == 40


def test_it_may_be_looked_at_while_jobs_come_and_go(tmp_path: Path) -> None:
    board, stop, errors = Board(2, tmp_path), threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            try:
                board.outlook()
            except Exception as error:
                errors.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    jobs: Sequence[Any] = [job(number) for number in range(5)]
    for one in jobs * 20:
        board.begin(one, 0)
        with noted(tmp_path, one.specs):
            board.end(one.specs)
    stop.set()
    thread.join()
    assert errors == []
