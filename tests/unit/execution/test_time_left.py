"""How long the rest takes, as a function of what has been measured."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robusttune.execution.time_left import Batch, InFlight, Pace, left_of, pooled, time_left

seconds = st.floats(0, 1e5)
paces = st.builds(Pace, step_s=st.floats(1e-7, 10), evaluation_s=st.floats(0, 1e3))


@st.composite
def jobs(draw: st.DrawFn) -> InFlight:
    total = draw(st.integers(1, 10**7))
    steps = draw(st.integers(0, total + 2048))
    elapsed = draw(seconds)
    return InFlight(
        n_runs=draw(st.integers(1, 20)),
        total=total,
        elapsed_s=elapsed,
        steps=steps,
        measured_steps=draw(st.floats(0, steps)),
        measured_s=draw(st.floats(0, elapsed)),
        age_s=draw(st.floats(0, 0.5)),
        following=draw(st.floats(0, 1e7)),
    )


# A job that has not begun takes a timestep at least; products of numbers near 1e-320 keep no digits.
batches = st.lists(st.builds(Batch, n_jobs=st.integers(0, 20), steps=st.floats(1, 1e7)), max_size=3)


@given(st.lists(jobs(), max_size=6), batches, paces, st.integers(1, 8))
def test_it_is_never_negative_and_never_less_than_a_job_in_flight_still_needs(
    running: list[InFlight], waiting: list[Batch], pace: Pace, n_workers: int
) -> None:
    left = time_left(running, waiting, pace=pace, n_workers=n_workers)
    assert left is not None
    assert left >= 0
    for job in running:
        own = left_of(job, pace)
        assert own is not None
        assert left >= own
    work = sum(batch.n_jobs * batch.steps for batch in waiting) * pace.step_s / max(n_workers, len(running))
    assert left >= work * (1 - 1e-9)


def steady(steps: int, *, total: int = 10_000, step_s: float = 0.01, n_runs: int = 1) -> InFlight:
    """Return a job that has told its steps at constant speed from its tenth on."""
    return InFlight(
        n_runs=n_runs,
        total=total,
        elapsed_s=steps * step_s * n_runs,
        steps=steps,
        measured_steps=steps - 10,
        measured_s=(steps - 10) * step_s * n_runs,
    )


@given(st.integers(11, 9_000), st.integers(1, 900), st.integers(0, 9), st.integers(1, 4))
def test_at_constant_speed_it_falls_by_the_time_that_passes(
    steps: int, more: int, n_waiting: int, n_workers: int
) -> None:
    def left(at: int) -> float:
        running = [steady(at)] * n_workers
        pace = pooled(running, steps=0, seconds=0, evaluation_s=0)
        found = time_left(running, [Batch(n_jobs=n_waiting, steps=10_000)], pace=pace, n_workers=n_workers)
        assert found is not None
        return found

    assert left(steps) - left(steps + more) == pytest.approx(more * 0.01, rel=1e-6, abs=1e-6)
    rounds = -(-n_waiting // n_workers)
    assert left(steps) == pytest.approx((10_000 - steps) * 0.01 + rounds * 100)


def test_runs_that_train_together_and_seeds_that_follow_count_in_full() -> None:
    pace = Pace(step_s=0.01)
    group = steady(5_000, n_runs=4)
    assert left_of(group, pace) == pytest.approx(200)
    chain = dataclasses.replace(steady(5_000), following=20_000)
    assert time_left([chain], [], pace=pace, n_workers=2) == pytest.approx(50 + 200)


def test_a_batch_begins_when_the_one_before_it_has_ended() -> None:
    pace = Pace(step_s=1.0)
    two = [Batch(n_jobs=3, steps=10), Batch(n_jobs=3, steps=10)]
    assert time_left([], two, pace=pace, n_workers=2) == 40
    assert time_left([], [Batch(n_jobs=6, steps=10)], pace=pace, n_workers=2) == 30


def test_before_anything_is_measured_nothing_is_said() -> None:
    begun = InFlight(n_runs=1, total=100, elapsed_s=3.0)
    assert pooled([begun], steps=0, seconds=0, evaluation_s=0) is None
    assert time_left([begun], [], pace=None, n_workers=1) is None
    assert time_left([steady(5_000)], [Batch(n_jobs=1, steps=1)], pace=None, n_workers=1) is None
    assert time_left([], [], pace=None, n_workers=1) == 0


def test_a_job_that_tells_nothing_needs_what_others_did_and_some_more_once_it_is_overdue() -> None:
    silent = InFlight(n_runs=1, total=100, elapsed_s=3.0)
    assert left_of(silent, Pace(step_s=0.1)) == pytest.approx(7.0)
    late = dataclasses.replace(silent, elapsed_s=50.0)
    assert left_of(late, Pace(step_s=0.1)) == pytest.approx(5.0)


def test_the_evaluation_after_training_is_still_to_come() -> None:
    done = dataclasses.replace(steady(10_000), age_s=0.5)
    assert left_of(done, Pace(step_s=0.01, evaluation_s=4.0)) == pytest.approx(3.5)
