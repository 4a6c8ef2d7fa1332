"""How long it still takes, from measured seconds per timestep: numbers in, numbers out."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

_PRIOR = 0.1  # share of a run after which its own speed counts as much as that of the others
_OVERDUE = 0.1  # share of the time it has taken that a job which is overdue and tells nothing may still need


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast runs are.

    Attributes
    ----------
    step_s : float
        Seconds of a worker per timestep of a run.
    evaluation_s : float
        Seconds of one evaluation of a run.
    """

    step_s: float
    evaluation_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """A job that has begun.

    Attributes
    ----------
    n_runs : int
        Runs that train together.
    total : int
        Timesteps of each.
    elapsed_s : float
        Since it began.
    steps : int
        Timesteps of each run at the last note; 0 if it has told none.
    measured_steps, measured_s : float
        Timesteps of each run between its first and its last note, and how long they took.
    age_s : float
        Seconds since the last note that still went into training.
    following : float
        Timesteps, of all runs together, that the same worker takes afterwards.
    """

    n_runs: int
    total: int
    elapsed_s: float
    steps: int = 0
    measured_steps: float = 0.0
    measured_s: float = 0.0
    age_s: float = 0.0
    following: float = 0.0

    @property
    def share(self) -> float | None:
        """The share of its timesteps that is done; None while it has told none."""
        return min(1.0, self.steps / self.total) if self.steps else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Jobs that have not begun; a batch begins when the one before it has ended.

    Attributes
    ----------
    n_jobs : int
    steps : float
        Timesteps of one of them, all its runs together.
    """

    n_jobs: int
    steps: float


def left_of(job: InFlight, pace: Pace | None) -> float | None:
    """Return the seconds that a job still needs, without what follows it; None where nothing is known.

    Its own speed counts the more, the further it is; at first it is believed to be as fast as others.
    """
    if not job.steps:
        if pace is None:
            return None
        return max(pace.step_s * job.n_runs * job.total - job.elapsed_s, _OVERDUE * job.elapsed_s)
    weight = 0.0 if pace is None else _PRIOR * job.total
    known = job.measured_s + (0.0 if pace is None else weight * pace.step_s * job.n_runs)
    if job.measured_steps + weight <= 0.0:
        return None
    training = max(0, job.total - job.steps) * known / (job.measured_steps + weight)
    evaluation = 0.0 if pace is None else pace.evaluation_s * job.n_runs
    return max(0.0, training + evaluation - job.age_s)


def pooled(jobs: Sequence[InFlight], *, steps: float, seconds: float, evaluation_s: float) -> Pace | None:
    """Return the pace of runs that have ended and of jobs in flight together; None before anything is measured."""
    steps += sum(job.n_runs * job.measured_steps for job in jobs)
    seconds += sum(job.measured_s for job in jobs)
    return Pace(step_s=seconds / steps, evaluation_s=evaluation_s) if steps > 0 and seconds > 0 else None


def time_left(
    jobs: Sequence[InFlight], batches: Sequence[Batch], *, pace: Pace | None, n_workers: int
) -> float | None:
    """Return the seconds until all jobs have ended; None where nothing is known.

    Parameters
    ----------
    jobs : sequence of InFlight
    batches : sequence of Batch
        The first begins as workers become free.
    pace : Pace, optional
        Of the jobs that have not begun.
    n_workers : int
        At least 1.

    Returns
    -------
    float or None
        Never less than a job in flight still needs.
    """
    own = [left_of(job, pace) for job in jobs]
    needs_pace = any(batch.n_jobs for batch in batches) or any(job.following for job in jobs)
    if None in own or (needs_pace and pace is None):
        return None
    step_s = 0.0 if pace is None else pace.step_s
    ends = [left + job.following * step_s for left, job in zip(own, jobs, strict=True) if left is not None]
    ends += [0.0] * (n_workers - len(ends))
    for batch in batches:
        heapq.heapify(ends)
        for _ in range(batch.n_jobs):
            heapq.heapreplace(ends, ends[0] + batch.steps * step_s)
        ends = [max(ends)] * max(n_workers, len(jobs))
    return max(ends)
