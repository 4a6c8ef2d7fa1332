"""Which executor carries out the runs of a study."""

from __future__ import annotations

import functools
from concurrent import futures
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeAlias

from pydantic import TypeAdapter, ValidationError

from robusttune.declaration.cluster import LOCAL, ExecutorName
from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError
from robusttune.execution.executors import Executor, make_executor
from robusttune.execution.futures import FuturesExecutor
from robusttune.training import prepare
from robusttune.training.compiled import folder_for_compiled

if TYPE_CHECKING:
    from distributed import Client

_NAMES = "'local', 'dask', 'dask://host:port'"
Given: TypeAlias = "str | futures.Executor | Client"


def choose_executor(
    study: StudySpec, executor: Given | None, workers: int | None
) -> AbstractContextManager[Executor, bool | None]:
    """Return where the runs of a study are carried out.

    Parameters
    ----------
    study : StudySpec
        Settled.
    executor : str, concurrent.futures.Executor or distributed.Client, optional
        Instead of `execution.executor` of the study.
    workers : int, optional
        How many jobs run at a time.

    Raises
    ------
    SpecError
        If it is none of these, or `workers` does not suit it.
    """
    executor = study.execution.executor if executor is None else executor
    if isinstance(executor, str):
        _check_name(executor)
    if executor == LOCAL:
        limits = {"timeout_s": study.execution.run_timeout_s, "memory_mb": study.execution.run_memory_mb}
        if workers is None and study.training.IN_MEMORY and not any(limits.values()):
            workers = 0  # to start processes takes longer than to draw all runs
        compiled = folder_for_compiled().name if study.training.is_compiled else None
        return make_executor(workers, **limits, prepare=functools.partial(prepare, study, compiled))
    if isinstance(executor, str) or hasattr(executor, "get_executor"):
        from robusttune.execution.dask import open_dask

        return open_dask(executor, study, workers)
    if not isinstance(executor, futures.Executor):
        raise SpecError(
            f"`executor` = {executor!r}: must be {_NAMES}, a concurrent.futures.Executor or a distributed.Client."
        )
    n_workers = getattr(executor, "_max_workers", None) if workers is None else workers
    if n_workers is None:
        raise SpecError(
            f"`workers` = None: how many jobs {type(executor).__name__} carries out at a time must be given."
        )
    return FuturesExecutor(executor, n_workers, study=study)


def _check_name(name: str) -> None:
    try:
        TypeAdapter(ExecutorName).validate_python(name)
    except ValidationError:
        raise SpecError(f"`executor` = {name!r}: must be one of {_NAMES}.") from None
