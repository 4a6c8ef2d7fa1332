"""Where Optuna keeps its study."""

from __future__ import annotations

import warnings
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from robusttune.errors import StudyError


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
            if location.endswith(".log"):
                Path(location).parent.mkdir(parents=True, exist_ok=True)
                return JournalStorage(JournalFileBackend(location))
            # get_storage adds the cache that makes many trials quick to read.
            return optuna.storages.get_storage(
                RDBStorage(location, engine_kwargs=_engine_arguments(location))
            )
    except Exception as error:  # SQLAlchemy, its drivers and alembic each have their own
        raise StudyError(
            f"Optuna cannot open its storage {location!r}: {error}. Give `storage` an SQLAlchemy URL or the path of a "
            "journal file that ends in .log."
        ) from None


def _engine_arguments(url: str) -> dict[str, object]:
    # Seconds to wait for another process that writes; Optuna's own default gives up after five.
    return {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
