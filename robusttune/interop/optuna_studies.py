"""Reading studies of Optuna that were made elsewhere; nothing is written."""

from __future__ import annotations

import contextlib
import math
import pickle
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import make_url

from robusttune.declaration.files import regular
from robusttune.declaration.messages import did_you_mean
from robusttune.errors import SpecError, reason
from robusttune.interop.configuration_values import StoredValue
from robusttune.results.engine import untouching, without_password
from robusttune.results.patience import database_error, reason_of

_DATABASES = (".db", ".sqlite", ".sqlite3")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTrial:
    """A complete trial of a study of Optuna's."""

    number: int
    value: float
    stored: tuple[StoredValue, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundStudy:
    """A study of Optuna's.

    Attributes
    ----------
    name : str
    attributes : mapping
        What was noted with the study. RL Zoo notes its command and the hyperparameters it does not search.
    trials : tuple of FoundTrial
        The complete ones with a finite value, best first.
    n_others : int
        Trials that are pruned, failed, still running or without a finite value.
    """

    name: str
    attributes: Mapping[str, Any]
    trials: tuple[FoundTrial, ...]
    n_others: int


def read_study(
    storage: str, name: str | None = None, *, unsafe_pickle: bool = False, minimized: bool = False
) -> FoundStudy:
    """Return a study from any storage of Optuna's.

    Parameters
    ----------
    storage : str
        An SQLAlchemy URL, or the path of an SQLite file, of a journal file or of a pickled study.
    name : str, optional
        Needed where there are several.
    unsafe_pickle : bool
        Read a pickle, which may execute any code that whoever made it has put in.
    minimized : bool
        Take the objective of a study that minimizes as a loss: its negative is the score.

    Raises
    ------
    SpecError
        If it cannot be read, holds no study of that name, or its objective is no score.
    """
    with _our_errors(storage):
        if storage.endswith((".pkl", ".pickle")):
            return _from_pickle(storage, unsafe_pickle, minimized)
        opened, study = _study_of(storage, name)
        trials = opened.get_all_trials(study._study_id, deepcopy=False)
        return _found(study.study_name, study.directions, study.user_attrs, trials, minimized)


def read_trials(storage: str, name: str) -> list[FrozenTrial]:
    """Return all trials of a study as they are stored; see `read_study`."""
    with _our_errors(storage):
        opened, study = _study_of(storage, name)
        trials: list[FrozenTrial] = opened.get_all_trials(study._study_id, deepcopy=False)
        return trials


def open_to_write(storage: str, name: str | None) -> tuple[BaseStorage, str]:
    """Return an existing storage to be written to, and the name of its study; see `read_study`.

    Raises
    ------
    SpecError
        If it cannot be read, or holds no study of that name.
    """
    with _our_errors(storage):
        _, study = _study_of(storage, name)
        return _opened(storage, read_only=False), study.study_name


@contextlib.contextmanager
def _our_errors(storage: str) -> Iterator[None]:
    """Whatever another library says about a storage becomes our own error."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SpecError:
        raise
    except Exception as error:  # SQLAlchemy, its drivers, alembic, JSON and pickle each have their own
        said = reason_of(found) if (found := database_error(error)) is not None else reason(error)
        raise SpecError(
            f"{without_password(storage):.300}: is no study that Optuna {optuna.__version__} can read ({said:.300}). "
            "Name the storage that Optuna wrote, or a copy from before it was damaged."
        ) from None


def _study_of(storage: str, name: str | None) -> tuple[BaseStorage, Any]:
    """Return an existing storage, opened to be read, and the study of that name."""
    opened = _opened(storage)
    found = {study.study_name: study for study in opened.get_all_studies()}
    counts = {one: opened.get_n_trials(study._study_id) for one, study in found.items()}
    return opened, found[_chosen(storage, name, counts)]


def _opened(storage: str, *, read_only: bool = True) -> BaseStorage:
    """Return an existing storage; one that is only read changes no file, and none makes a file or a table."""
    if "://" in storage:
        url = make_url(storage)
        path = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
    else:
        path = Path(storage)
        url = make_url(f"sqlite:///{path}")
    if path is not None:
        if not regular(path).exists():
            raise SpecError(f"{path}: there is no such file. Name an Optuna database or journal, or its URL.")
        if not _is_sqlite(path):
            if path.suffix in _DATABASES:
                raise SpecError(f"{path}: is no SQLite database.")
            return JournalStorage(JournalFileBackend(str(path)))  # makes a file only where there is none
    options = untouching(url) if read_only else {}
    address = url.render_as_string(hide_password=False)
    return RDBStorage(address, engine_kwargs=options, skip_table_creation=True)


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\x00"


def _from_pickle(path: str, unsafe: bool, minimized: bool) -> FoundStudy:
    if not unsafe:
        raise SpecError(
            f"{path}: is a pickle, and to read a pickle is to execute whatever code is in it. If you made it "
            "yourself, say so with unsafe_pickle = true; otherwise import the SQLite or journal file of the search."
        )
    with regular(Path(path)).open("rb") as file:
        study = pickle.load(file)
    if not isinstance(study, optuna.Study):
        raise SpecError(f"{path}: must hold a study of Optuna, but holds {type(study).__name__}.")
    return _found(
        study.study_name, study.directions, study.user_attrs, study.get_trials(deepcopy=False), minimized
    )


def _chosen(storage: str, name: str | None, found: Mapping[str, int]) -> str:
    listed = ", ".join(f"{one} ({n} trials)" for one, n in found.items())
    if not found:
        raise SpecError(f"{without_password(storage)}: holds no study of Optuna.")
    if name is None and len(found) == 1:
        return next(iter(found))
    if name is None:
        raise SpecError(
            f"{without_password(storage)}: holds {len(found)} studies: {listed}. Name one by `study`."
        )
    if name not in found:
        raise SpecError(
            f"study = {name!r}: {without_password(storage)} has no such study{did_you_mean(name, found)}. It has "
            f"{listed}."
        )
    return name


def _found(
    name: str,
    directions: Sequence[StudyDirection],
    attributes: Mapping[str, Any],
    trials: Sequence[FrozenTrial],
    minimized: bool,
) -> FoundStudy:
    if len(directions) != 1:
        raise SpecError(f"{name}: has {len(directions)} objectives; which of them is the score is not known.")
    if (directions[0] is StudyDirection.MINIMIZE) is not minimized:
        raise SpecError(
            f"{name}: minimizes its objective, which is then no score, of which more is better. If it is a loss, "
            "say so with minimized = true: its negative becomes the score."
            if not minimized
            else f"{name}: maximizes its objective; leave out minimized = true."
        )
    sign = -1.0 if minimized else 1.0
    complete = [
        FoundTrial(
            number=trial.number,
            value=sign * trial.value,
            stored=tuple(
                _stored(key, x, trial.distributions[key]) for key, x in sorted(trial.params.items())
            ),
            attributes=trial.user_attrs,
        )
        for trial in trials
        if trial.state is TrialState.COMPLETE and trial.value is not None and math.isfinite(trial.value)
    ]
    complete.sort(key=lambda trial: (-trial.value, trial.number))
    return FoundStudy(
        name=name, attributes=attributes, trials=tuple(complete), n_others=len(trials) - len(complete)
    )


def _stored(name: str, value: Any, distribution: BaseDistribution) -> StoredValue:
    if isinstance(distribution, CategoricalDistribution):
        numbers = [c for c in distribution.choices if isinstance(c, int | float) and not isinstance(c, bool)]
        is_numeric = len(numbers) == len(distribution.choices)
        low, high = (min(numbers), max(numbers)) if is_numeric else (None, None)
    else:
        low, high = getattr(distribution, "low", None), getattr(distribution, "high", None)
    return StoredValue(name=name, value=value, low=low, high=high)
