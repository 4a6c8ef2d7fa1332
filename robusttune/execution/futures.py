"""Runs carried out through an executor of `concurrent.futures`, wherever its workers are."""

from __future__ import annotations

import dataclasses
import functools
import secrets
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import CancelledError, Future
from typing import Self

import cloudpickle

from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError, StudyError
from robusttune.execution.executors import Job
from robusttune.execution.remote import Delivery, Terms, carry_out, close, versions
from robusttune.execution.sent import modules_of
from robusttune.results.models import saving
from robusttune.results.records import RunResult
from robusttune.training import prepare

CONTINUE = "Finished runs are stored: run the study again to continue."


class FuturesExecutor:
    """Carries out jobs through an executor of `concurrent.futures`, which its owner shuts down.

    Where the executor calls a job, the job gets a process of its own: timeouts and crashes are as in a local pool,
    whatever the executor does about them, and threads do not share a random state.

    Parameters
    ----------
    executor : concurrent.futures.Executor
    n_workers : int
        How many jobs it is given at a time.
    study : StudySpec
        Settled.
    on_gpus : bool
        Whether each job has a GPU of its own.
    """

    def __init__(
        self, executor: futures.Executor, n_workers: int, *, study: StudySpec, on_gpus: bool = False
    ) -> None:
        if n_workers < 1:
            raise SpecError(f"`workers` = {n_workers}: must be at least 1 with this executor.")
        self._n_workers = n_workers
        self._executor = executor
        self._terms = Terms(
            session=secrets.token_hex(8),
            versions=versions(),
            modules=modules_of(study.training.module_folder),
            timeout_s=study.execution.run_timeout_s,
            memory_mb=study.execution.run_memory_mb,
            prepare=cloudpickle.dumps(functools.partial(prepare, study)),
            on_gpus=on_gpus,
        )
        self._under_way: set[Future[Delivery]] = set()

    @property
    def n_workers(self) -> int:
        """How many jobs run at a time."""
        return self._n_workers

    def submit(self, job: Job) -> Future[list[RunResult]]:
        """Send a job to the executor; policies that come back with its results are saved here."""
        future: Future[list[RunResult]] = Future()
        keep = functools.partial(_keep, job)
        self._send(job, len(job.specs)).add_done_callback(functools.partial(self._pass_on, future, keep))
        return future

    def call(self, function: Callable[[], object]) -> None:
        """Call a function where jobs are carried out, and wait for its end."""
        future: Future[list[RunResult]] = Future()
        keep = _results
        self._send(function, 0).add_done_callback(functools.partial(self._pass_on, future, keep))
        future.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for future in list(self._under_way):
            future.cancel()
        self._close_processes(self._terms.session)

    def _close_processes(self, session: str) -> None:
        """End what waits for further jobs, as far as it can be reached: here, where the executor has threads."""
        close(session)

    def _send(self, work: Job | Callable[[], object], n_runs: int) -> Future[Delivery]:
        try:
            sent = self._executor.submit(carry_out, self._terms, cloudpickle.dumps(work), n_runs)
        except Exception as error:
            raise self._explained(error) from error
        self._under_way.add(sent)
        return sent

    def _pass_on(
        self,
        future: Future[list[RunResult]],
        keep: Callable[[Delivery], list[RunResult]],
        sent: Future[Delivery],
    ) -> None:
        self._under_way.discard(sent)
        try:
            results = keep(sent.result())
        except BaseException as error:
            future.set_exception(self._explained(error))
        else:
            future.set_result(results)

    def _explained(self, error: BaseException) -> BaseException:
        """Return what is raised instead of an error of the executor; those of runs stay as they are."""
        if isinstance(error, ModuleNotFoundError) and str(error.name).startswith("robusttune"):
            return StudyError(
                f"A worker cannot import {error.name}: install the same version of robusttune where runs are carried "
                f"out as here. {CONTINUE}"
            )
        if isinstance(error, CancelledError | futures.BrokenExecutor):
            name = type(self._executor).__name__
            reason = str(error) or "it has cancelled a run"
            return StudyError(f"{name} carries out no more runs: {reason}. {CONTINUE}")
        return error


def _results(delivery: Delivery) -> list[RunResult]:
    return delivery.results


def _keep(job: Job, delivery: Delivery) -> list[RunResult]:
    """Save the policies that came with results, and return the results."""
    results = {result.run_id: result for result in delivery.results}
    for spec in job.specs:
        files = delivery.policies.get(spec.run_id)
        if files is None or job.models is None:
            continue
        try:
            with saving(job.models, spec) as folder:
                for name, content in files.items():
                    (folder / name).write_bytes(content)
        except OSError as error:
            warning = f"Results stand, but policies could not be saved in {job.models}: {error.strerror}"
            results[spec.run_id] = dataclasses.replace(results[spec.run_id], warning=warning)
    return list(results.values())
