"""Runs carried out by the workers of a Dask scheduler, on this machine or on many."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import Any, Self

from loky import cpu_count

from robusttune.declaration.cluster import DASK
from robusttune.declaration.study import StudySpec
from robusttune.errors import MissingDependencyError, StudyError, reason
from robusttune.execution.accidents import AccidentError
from robusttune.execution.futures import CONTINUE, FuturesExecutor
from robusttune.execution.remote import close

_CONNECT_S = 10.0
_COUNT_EVERY_S = 5.0
_TOLD_AT = 2
_LOGGERS = ("distributed", "distributed.client", "tornado.application")  # each has a level of its own
_log = logging.getLogger(__name__)


class DaskExecutor(FuturesExecutor):
    """Carries out jobs on Dask's workers; a lost worker's jobs are done by another.

    Parameters
    ----------
    client : distributed.Client
    study : StudySpec
        Settled.
    n_workers : int, optional
        How many jobs are sent at a time; by default as many as there are threads of workers, or GPUs, at that time.
    """

    def __init__(self, client: Any, *, study: StudySpec, n_workers: int | None = None) -> None:
        on_gpus = study.cluster is not None and study.cluster.gpus > 0
        resources = {"resources": {"GPU": 1}} if on_gpus else {}
        super().__init__(
            client.get_executor(pure=False, **resources),
            1 if n_workers is None else n_workers,
            study=study,
            on_gpus=on_gpus,
        )
        self._client = client
        self._is_fixed = n_workers is not None
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._count()
        threading.Thread(target=self._watch, name="robusttune-dask", daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        super().__exit__(*exception)

    def _watch(self) -> None:
        """Count as workers come and go, and say so if there are none for a while."""
        n_empty = 0
        while not self._ended.wait(_COUNT_EVERY_S):
            n_empty = n_empty + 1 if self._count() == 0 else 0
            if n_empty == _TOLD_AT:
                address = self._client.scheduler.address
                _log.warning(
                    "The Dask scheduler at %s has no worker: runs wait for one. Start it with `dask worker %s`, or see "
                    "whether the batch system has begun a job.",
                    address,
                    address.partition("://")[2],
                )

    def _count(self) -> int | None:
        """Return how many workers there are, if the scheduler answers; as many jobs run as they have places."""
        with contextlib.suppress(Exception):  # a scheduler that is gone shows in the next job
            workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
            if not self._is_fixed:
                places = (
                    one["resources"].get("GPU", 0) if self._terms.on_gpus else one["nthreads"]
                    for one in workers
                )
                self._n_workers = max(1, int(sum(places)))
            return len(workers)
        return None

    def _close_processes(self, session: str) -> None:
        with contextlib.suppress(Exception):  # workers that are gone have ended theirs
            self._client.run(functools.partial(close, session), on_error="ignore")

    def _explained(self, error: BaseException) -> BaseException:
        gone = (
            CancelledError,
            library("distributed.client").ClosedClientError,
            library("distributed.comm.core").CommClosedError,
        )
        if isinstance(error, library("distributed").KilledWorker):
            return AccidentError(str(error))
        if isinstance(error, gone):
            return StudyError(
                f"The Dask scheduler at {self._client.scheduler.address} is gone, or has cancelled a run. {CONTINUE}"
            )
        return super()._explained(error)


@contextlib.contextmanager
def open_dask(executor: Any, study: StudySpec, workers: int | None) -> Iterator[DaskExecutor]:
    """Give an executor of a Dask scheduler, which is started if none is named, and closed again then.

    Parameters
    ----------
    executor : str or distributed.Client
        `"dask"` or `"dask://host:port"`.
    study : StudySpec
        Settled; its `[cluster]` says where workers are started.
    workers : int, optional
        How many jobs run at a time.

    Raises
    ------
    MissingDependencyError
        If Dask is not installed.
    StudyError
        If no scheduler answers, or jobs cannot be submitted.
    """
    distributed = library("distributed")
    with contextlib.ExitStack() as stack:
        for logger in map(logging.getLogger, _LOGGERS):
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL)  # what they tell of accidents, we tell in one line
        if not isinstance(executor, str):
            client = executor
        elif executor == DASK:
            cluster, n_places = _start(distributed, study, workers)
            stack.callback(cluster.close)
            workers = n_places if workers is None else workers
            client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
        else:
            client = stack.enter_context(_connect(distributed, executor))
        yield stack.enter_context(DaskExecutor(client, study=study, n_workers=workers))


def library(name: str) -> Any:
    """Return a module of the extra `dask`.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"execution.executor = 'dask' needs {error.name}. Install it: pip install 'robusttune[dask]'."
        ) from None


def _start(distributed: Any, study: StudySpec, workers: int | None) -> tuple[Any, int]:
    """Return a cluster of our own, and how many runs it carries out at a time."""
    if study.cluster is not None:
        from robusttune.execution.batch import open_cluster

        return open_cluster(study.cluster), study.cluster.n_runs
    # A worker in this process: its runs have processes of their own, and a script needs no `__main__` guard.
    n_threads = max(1, cpu_count() if workers is None else workers)
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=n_threads, processes=False, dashboard_address=None, memory_limit=None
    )
    return cluster, n_threads


def _connect(distributed: Any, address: str) -> Any:
    host = address.removeprefix(f"{DASK}://")
    try:
        return distributed.Client(host, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise StudyError(
            f"`executor` = {address!r}: no Dask scheduler answers there ({reason(error)}). Start one on that "
            f"machine with `dask scheduler`, and `dask worker {host}` wherever runs are to be carried out; it prints "
            "its address."
        ) from None
