"""Where Optuna keeps its study."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from robusttune.errors import StudyError
from robusttune.results.engine import without_password
from robusttune.results.patience import reason_of, with_patience


def open_storage(location: str | None) -> BaseStorage:
    """Return the storage at an SQLAlchemy URL, or at a journal file if the location ends in `.log`; None is memory.

    Raises
    ------
    StudyError
        If it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if location is None:
        return InMemoryStorage()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            storage = _opened(location)
    except Exception as error:  # SQLAlchemy, its drivers and alembic each have their own
        raise StudyError(
            f"Optuna cannot open its storage {without_password(location)!r}: {reason_of(error)}. Give `storage` an "
            "SQLAlchemy URL or the path of a journal file that ends in .log."
        ) from None
    methods = [name for name in vars(BaseStorage) if not name.startswith("_")]
    with_patience(storage, methods, url=without_password(location))
    return storage


def _commit_quickly(connection: Any, _record: object) -> None:
    # As in the results database, which is the same file: what a killed process has committed stays.
    connection.execute("PRAGMA synchronous = NORMAL")


def _opened(location: str) -> BaseStorage:
    if location.endswith(".log"):
        Path(location).parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(location))
    # Seconds to wait for another process that writes; Optuna's own default gives up after five.
    arguments = {"connect_args": {"timeout": 60}} if location.startswith("sqlite") else {}
    engine_kwargs = {**arguments, "pool_pre_ping": True}
    storage = RDBStorage(location, engine_kwargs=engine_kwargs)
    if storage.engine.dialect.name == "sqlite":
        sa.event.listen(storage.engine, "connect", _commit_quickly)
        storage.engine.dispose()
    return optuna.storages.get_storage(storage)  # with the cache that makes many trials quick to read
