"""Where a study's results are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from robusttune.declaration.study import StudySpec
from robusttune.errors import StudyError
from robusttune.results.store import ResultStore, sqlite_url

DEFAULT_OUT = "results"
DATABASE = "study.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
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


def place_of(study: StudySpec, *, out: str | Path = DEFAULT_OUT, storage: str | None = None) -> Place:
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
        return Place(folder=folder, database=own, optuna_storage=own)
    if storage.endswith(".log"):
        return Place(folder=folder, database=own, optuna_storage=storage)
    return Place(folder=folder, database=storage, optuna_storage=storage)


def open_store(place: Place, *, create: bool) -> ResultStore:
    """Return the results database.

    Raises
    ------
    StudyError
        If it cannot be opened, or is not there and shall not be made.
    """
    path = place.database.removeprefix("sqlite:///")
    is_file = path != place.database and path not in ("", ":memory:")
    if is_file and not create and not Path(path).exists():
        raise StudyError(
            f"There are no results at {path} yet. `robusttune run` makes them; --out names the folder."
        )
    try:
        if is_file:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        place.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(
            f"The results folder {place.folder} cannot be made: {error.strerror}. Choose another with --out."
        ) from None
    return ResultStore(place.database)
