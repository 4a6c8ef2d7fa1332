"""What is in flight and what is still to come: the stages write it, whoever shows the progress reads it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.base import TrainerSpec
from robusttune.execution.time_left import Batch, InFlight, Pace, pooled, time_left
from robusttune.results.records import RunResult
from robusttune.results.running import EVERY_S, Note, forget, read_note
from robusttune.training.groups import MAX_GROUP, group_size

if TYPE_CHECKING:
    from robusttune.execution.executors import Job

# Runs after which one that has ended counts a third for the pace; more where many train at a time.
_MEMORY = 10
_ENOUGH = 1000  # stored runs from which the pace is learned; earlier ones say little about it


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is in flight at a moment, and how long the rest takes.

    Attributes
    ----------
    running : tuple of (str, float or None)
        Label of each job that has begun, and the share of its timesteps that is done, if it tells them.
    done : float
        How many tasks of the stage the jobs in flight amount to.
    left_s, all_left_s : float, optional
        Seconds until the end of the stage, and of all stages; None where nothing is known.
    """

    running: tuple[tuple[str, float | None], ...] = ()
    done: float = 0.0
    left_s: float | None = None
    all_left_s: float | None = None


class Board:
    """What is in flight and what is still to come.

    Parameters
    ----------
    n_workers : int
    folder : Path, optional
        Where jobs note how far they are; without one nothing is known of them.

    Attributes
    ----------
    later : tuple of Batch
        What the stages after this one will make.
    """

    def __init__(self, n_workers: int, folder: Path | None = None) -> None:
        self.folder = folder
        self.later: tuple[Batch, ...] = ()
        self.n_runs = 1
        self._n_workers = max(1, n_workers)
        self._jobs: dict[str, tuple[Job, int]] = {}
        self._measured: set[str] = set()
        # Timesteps, their seconds, evaluations and theirs. What was long ago counts little: machines become busy.
        self._sums: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
        self._kept = 1.0 - 1.0 / (_MEMORY + 2 * self._n_workers)
        self._waiting: Batch | None = None
        self._batches: tuple[Batch, ...] = ()
        self._until: float | None = None

    def expect(
        self,
        waiting: Batch | None,
        *,
        n_runs: int = 1,
        batches: Sequence[Batch] = (),
        timeout_s: float | None = None,
    ) -> None:
        """Take note of the tasks that a stage is about to begin.

        Parameters
        ----------
        waiting : Batch, optional
            They all; None are as many as there is time for.
        n_runs : int
            Runs of each step that the stage counts: of a trial, or 1.
        batches : sequence of Batch
            What comes after them in this stage.
        timeout_s : float, optional
            Seconds after which the stage begins nothing more.
        """
        self._waiting, self.n_runs, self._batches = waiting, n_runs, tuple(batches)
        self._until = None if timeout_s is None else time.monotonic() + timeout_s

    def task_begins(self) -> None:
        """Take note that one of them does not wait any more."""
        if self._waiting is not None and self._waiting.n_jobs:
            self._waiting = replace(self._waiting, n_jobs=self._waiting.n_jobs - 1)

    def begin(self, job: Job, following: int) -> None:
        """Take note of a job, after which its task makes further runs."""
        if self.folder is not None:
            self._jobs[job.specs[0].run_id] = job, following

    def end(self, specs: Sequence[RunSpec]) -> None:
        """Take note that the job of some runs has ended."""
        if self.folder is not None:
            del self._jobs[specs[0].run_id]
            forget(self.folder, specs[0].run_id)  # a worker that was killed has left its note

    def learn(
        self, run_ids: Sequence[str], lookup: Callable[[list[str]], Mapping[str, RunResult]], trainer: str
    ) -> None:
        """Learn the pace from the last of some stored runs, which are read only if somebody is to be shown it."""
        if self.folder is not None:
            new = [run_id for run_id in run_ids[-_ENOUGH:] if run_id not in self._measured]
            self.measure(lookup(new).values(), trainer)

    def measure(self, results: Iterable[RunResult], trainer: str) -> None:
        """Learn the pace from runs that have ended, if this trainer made them."""
        for result in results if self.folder is not None else ():
            is_own = result.provenance.get("trainer", trainer) == trainer
            if is_own and result.timesteps and result.run_id not in self._measured:
                self._measured.add(result.run_id)
                new = (result.timesteps, result.wall_time_s, len(result.curve), result.evaluation_time_s)
                self._sums = tuple(self._kept * one + more for one, more in zip(self._sums, new, strict=True))

    def outlook(self) -> Outlook:
        """Return the present state; may be called by another thread."""
        if self.folder is None:
            return Outlook()
        jobs = [(job, n, read_note(self.folder, run_id)) for run_id, (job, n) in list(self._jobs.items())]
        begun = [(job.label, in_flight(note, n)) for job, n, note in jobs if note is not None]
        flying = [state for _, state in begun]
        pace = self.pace(flying)
        left = self._left_s(flying, sum(len(job.specs) for job, _, note in jobs if note is None), pace)
        after = time_left([], self.later, pace=pace, n_workers=self._n_workers)
        return Outlook(
            running=tuple((label, state.share) for label, state in begun),
            done=sum((state.share or 0.0) * state.n_runs / self.n_runs for state in flying),
            left_s=left,
            all_left_s=None if left is None or after is None else left + after,
        )

    def _left_s(self, jobs: Sequence[InFlight], n_queued: int, pace: Pace | None) -> float | None:
        """Return what is left of the stage; runs that were submitted, but have no worker yet, wait with the others."""
        waiting, until = self._waiting, self._until
        running = time_left(jobs, [], pace=pace, n_workers=self._n_workers)
        rest = None if until is None else max(0.0, until - time.monotonic())
        if waiting is None:
            return None if rest is None else max(rest, running or 0.0)
        all_waiting = replace(waiting, n_jobs=waiting.n_jobs + math.ceil(n_queued / self.n_runs))
        left = time_left(jobs, [all_waiting, *self._batches], pace=pace, n_workers=self._n_workers)
        return left if rest is None or left is None else max(min(rest, left), running or 0.0)

    def pace(self, jobs: Sequence[InFlight]) -> Pace | None:
        """Return the pace of the runs that were measured and of jobs in flight."""
        steps, seconds, n_evaluations, evaluation_s = self._sums
        return pooled(jobs, steps=steps, seconds=seconds, evaluation_s=evaluation_s / max(1.0, n_evaluations))


def batch_of(
    n: int, steps: float, *, n_workers: int, trainer: TrainerSpec, largest: int = MAX_GROUP
) -> Batch:
    """Return a batch of `n` trials or runs of so many timesteps each, grouped as `group_runs` groups them."""
    n_jobs = (
        math.ceil(n / group_size(n, n_workers=n_workers, trainer=trainer, largest=largest)) if n > 0 else 0
    )
    return Batch(n_jobs=n_jobs, steps=n * steps / n_jobs if n_jobs else 0.0)


def in_flight(note: Note, following: float = 0.0) -> InFlight:
    """Return a job as it is now, by what it has noted."""
    elapsed = max(0.0, time.time() - note.began_at)
    return InFlight(
        n_runs=note.n_runs,
        total=note.total,
        elapsed_s=elapsed,
        steps=note.last,
        measured_steps=note.last - note.first,
        measured_s=note.last_s - note.first_s,
        age_s=min(max(0.0, elapsed - note.last_s), max(EVERY_S, note.gap_s)) if note.last else 0.0,
        following=following * note.total,
    )
