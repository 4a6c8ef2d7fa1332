"""Where a study's results are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from robusttune.declaration.files import regular
from robusttune.declaration.study import StudySpec
from robusttune.errors import NoResultsError, SpecError
from robusttune.results.engine import sqlite_url
from robusttune.results.models import MODELS
from robusttune.results.running import RUNNING
from robusttune.results.store import ResultStore

DEFAULT_OUT = "results"
DATABASE = "study.db"
EARLIER = "earlier"
"""Folder, in that of a study, with the reports of other searches of its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a study's results are.

    Attributes
    ----------
    folder : Path
        Ranking, figures and report.
    database : str
        SQLAlchemy URL of the results database.
    optuna_storage : str
        SQLAlchemy URL or journal file of Optuna's part.
    """

    folder: Path
    database: str
    optuna_storage: str

    @property
    def models(self) -> Path:
        """Where trained policies are kept; workers need its full path."""
        return self.folder.resolve() / MODELS

    @property
    def running(self) -> Path:
        """Where runs note how far they are, while they are running."""
        return self.folder.resolve() / RUNNING

    def open_to_read(self) -> ResultStore:
        """Return the results database, of which nothing will be changed.

        Raises
        ------
        StudyError
            If it cannot be opened; `NoResultsError` if it does not exist or holds no results.
        """
        path = self._file()
        if path is not None and not path.exists():
            raise NoResultsError(
                f"There are no results at {path} yet. `run_study` makes them; `out` names the folder."
            )
        return ResultStore(self.database, read_only=True)

    def open_to_write(self) -> ResultStore:
        """Return the results database, made if it is absent, as are the folders.

        Raises
        ------
        SpecError
            If the folder cannot be made, or the URL is none.
        StudyError
            If it cannot be opened.
        """
        path = self._file()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpecError(
                f"The results folder {self.folder} cannot be made: {error.strerror}. Choose another for `out`."
            ) from None
        return ResultStore(self.database)

    def open_if_there(self) -> ResultStore | None:
        """Return the results database, to which others may be writing at this moment; None if there is none."""
        path = self._file()
        return ResultStore(self.database) if path is None or path.exists() else None

    def _file(self) -> Path | None:
        path = self.database.removeprefix("sqlite:///")
        return regular(Path(path)) if path != self.database and path not in ("", ":memory:") else None


def location_of(study: StudySpec, *, out: str | Path = DEFAULT_OUT, storage: str | None = None) -> Location:
    """Return where the results of a study are kept.

    Parameters
    ----------
    study : StudySpec
    out : path
        Folder that holds a folder per study.
    storage : str, optional
        An SQLAlchemy URL for everything, or a journal file (`x.log`) for Optuna's part alone. Default: one SQLite
        file in the study's folder.
    """
    folder = Path(out) / study.name
    own = sqlite_url(folder / DATABASE)
    if storage is None:
        return Location(folder=folder, database=own, optuna_storage=own)
    if storage.endswith(".log"):
        return Location(folder=folder, database=own, optuna_storage=storage)
    return Location(folder=folder, database=storage, optuna_storage=storage)
