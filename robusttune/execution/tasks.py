"""Tasks, and what a driver remembers of each.

A task is a generator that yields jobs and is sent their results. It does not know whether a result was computed now,
was stored before, or came from another process.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from robusttune.declaration.run import RunSpec
from robusttune.execution.executors import Job
from robusttune.execution.jobs import joined
from robusttune.results.records import RunResult

T = TypeVar("T")
Task: TypeAlias = Generator[Sequence[Job], list[RunResult], T]


@dataclass(slots=True)
class Attempt:
    """One submission of some runs of a job."""

    specs: tuple[RunSpec, ...]
    future: Future[list[RunResult]]
    began: float
    number: int


@dataclass(slots=True)
class Pending:
    """A job without results so far."""

    job: Job
    following: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    found: dict[str, RunResult] = field(default_factory=dict)
    results: list[RunResult] | None = None


@dataclass(slots=True)
class Active(Generic[T]):
    """A task and the jobs it waits for."""

    task: Task[T]
    jobs: list[Pending] = field(default_factory=list)
    n_runs: int = 0

    def wait_for(self, jobs: Sequence[Job], most: int) -> None:
        """Let the task wait for jobs; of its `most` runs, those that it has not asked for yet follow."""
        self.n_runs += sum(len(job.specs) for job in jobs)
        self.jobs = [Pending(job, max(0, most - self.n_runs)) for job in jobs]


def as_one(tasks: Sequence[Task[T]]) -> Task[list[T]]:
    """Return one task of several whose runs can train together: the jobs that they wait for at a time are one."""
    if len(tasks) == 1:
        return [(yield from tasks[0])]
    values: dict[int, T] = {}
    waiting = {place: list(next(task)) for place, task in enumerate(tasks)}
    while waiting:
        results = iter((yield [joined([job for jobs in waiting.values() for job in jobs])]))
        for place, jobs in list(waiting.items()):
            own = [next(results) for job in jobs for _ in job.specs]
            try:
                waiting[place] = list(tasks[place].send(own))
            except StopIteration as stop:
                values[place] = stop.value
                del waiting[place]
    return [values[place] for place in range(len(tasks))]
