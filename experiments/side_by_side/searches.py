"""Many searches at the same time, each until its runs have taken a number of timesteps."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Self

from experiments.side_by_side.gathering import Gathering, StoredRuns
from robusttune import StudySpec
from robusttune.execution.executors import Executor, Job
from robusttune.pipeline.session import memory_session
from robusttune.results.memory import MemoryStore
from robusttune.results.records import RunResult, TrialRecord, evaluations_together


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What a search found.

    Attributes
    ----------
    study : StudySpec
    trials : tuple of TrialRecord
    timesteps : tuple of int
        What each trial's runs took until they ended, or until the pruner stopped them.
    """

    study: StudySpec
    trials: tuple[TrialRecord, ...]
    timesteps: tuple[int, ...]

    def within(self, timesteps: int) -> tuple[TrialRecord, ...]:
        """Return the trials of a search that ends before it would take more timesteps than these."""
        n = sum(total <= timesteps for total in itertools.accumulate(self.timesteps))
        return self.trials[:n]


def search_all(studies: Sequence[StudySpec], runs: StoredRuns, *, timesteps: int) -> list[Searched]:
    """Return the search of each study, all made at the same time; each takes so many timesteps, or a few more."""
    sizes = {study.tuning.batch_size for study in studies}
    (size,) = sizes
    assert size is not None
    gathering = Gathering(runs, n_workers=size, n_searches=len(studies))
    found: dict[int, Searched] = {}

    def search(i: int) -> None:
        try:
            found[i] = _search(studies[i], gathering, timesteps)
        finally:
            gathering.leave()

    threads = [threading.Thread(target=search, args=(i,), daemon=True) for i in range(len(studies))]
    for thread in threads:
        thread.start()
    gathering.serve()
    for thread in threads:
        thread.join()
    return [found[i] for i in range(len(studies))]


def _search(study: StudySpec, executor: Executor, timesteps: int) -> Searched:
    """Make as many trials as are sure to be needed; count what they took; go on until it is enough.

    The trials of a search do not depend on how many follow, so that each round goes over what is known.
    """
    counting, store = _Counting(executor), MemoryStore()
    size, most = study.tuning.batch_size or 1, study.training.total_timesteps * study.tuning.seeds_per_trial
    n_trials = 0
    taken: tuple[int, ...] = ()
    while sum(taken) < timesteps:
        n_trials += size * math.ceil((timesteps - sum(taken)) / most / size)
        longer = dataclasses.replace(study, tuning=dataclasses.replace(study.tuning, n_trials=n_trials))
        trials = memory_session(longer, store=store, executor=counting).tune()
        costs = counting.timesteps()
        taken = tuple(sum(costs[run_id] for run_id in trial.run_ids) for trial in trials)
    return Searched(study=study, trials=trials, timesteps=taken)


class _Counting:
    """An executor that knows what the runs took that it was given."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._given: list[tuple[Job, Future[list[RunResult]]]] = []

    @property
    def n_workers(self) -> int:
        """How many jobs run at a time."""
        return self._executor.n_workers

    def submit(self, job: Job) -> Future[list[RunResult]]:
        """Begin a job."""
        future = self._executor.submit(job)
        self._given.append((job, future))
        return future

    def call(self, function: Callable[[], object]) -> None:
        """Call a function where jobs are carried out."""
        self._executor.call(function)

    def timesteps(self) -> dict[str, int]:
        """Return what each run took, by run id."""
        taken: dict[str, int] = {}
        for job, future in self._given:
            taken |= _taken(job, future.result())
        return taken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass


def _taken(job: Job, results: Sequence[RunResult]) -> dict[str, int]:
    """Return what the runs of a job took until its rule stopped them, though they may have been trained further."""
    taken = {result.run_id: result.timesteps for result in results}
    for specs, rule in job.parts:
        if rule is None:
            continue
        own, asked = (
            [one for one in results if one.run_id in {spec.run_id for spec in specs}],
            copy.copy(rule),
        )
        stop = next((i for i, means in evaluations_together(own) if asked(i, means)), None)
        if stop is not None:
            taken |= {one.run_id: _until(one, stop) for one in own}
    return taken


def _until(result: RunResult, index: int) -> int:
    """Return the timesteps of a run at an evaluation, or at its end if that came earlier."""
    return next((point.timesteps for point in result.curve if point.index == index), result.timesteps)
