"""A database that does not answer for a while costs time, and nothing else; one that is broken costs one sentence."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
)

from robusttune.errors import StudyError

if TYPE_CHECKING:
    import tenacity

SERVER_PATIENCE_S = 600.0
"""A server is restarted, or another takes its place."""
FILE_PATIENCE_S = 30.0
"""Space is made on a disk; SQLite itself has waited a minute for other writers before."""

_RESTORE = "It was damaged, or written by something else: restore a copy, or begin anew with another `out`."
_LATER = "What is stored is kept; when the database answers again, the same command continues from there."
_DAMAGED = ("malformed", "not a database", "no such table", "no such column")
_FILE_RECOVERS = ("locked", "busy", "disk is full", "disk I/O error")
_log = logging.getLogger(__name__)


def with_patience(subject: Any, names: Iterable[str], *, url: str, reads: Iterable[str] = ()) -> None:
    """Let methods of an object wait for a database that does not answer, and say what is wrong if that does not help.

    A method is called again whole: each must be one transaction. While another error is on its way, nothing waits.

    Parameters
    ----------
    subject : object
    names : iterable of str
    url : str
        Of the database, without its password, for messages.
    reads : iterable of str
        Those of them whose errors about values are the fault of what is stored.

    Raises
    ------
    StudyError
        By the methods.
    """
    for name in names:
        setattr(subject, name, _patient(getattr(subject, name), url, faults=_FAULTS if name in reads else ()))


_FAULTS: tuple[type[Exception], ...] = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)


def database_error(error: BaseException | None) -> SQLAlchemyError | OSError | None:
    """Return the error of a database behind an error; Optuna hides it in one of its own."""
    while error is not None and not isinstance(error, SQLAlchemyError | OSError):
        error = error.__cause__
    return error


def reason_of(error: BaseException) -> str:
    """Return what a database says, in one line without its end mark, and without the statement that it refused."""
    return " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".?")


def _patient(
    method: Callable[..., Any], url: str, *, faults: tuple[type[Exception], ...]
) -> Callable[..., Any]:
    @functools.wraps(method)
    def patient(*args: Any, **kwargs: Any) -> Any:
        is_ending = sys.exc_info()[1] is not None
        # The next call needs them too.
        args = tuple(list(one) if isinstance(one, Iterator) else one for one in args)
        try:
            try:
                return method(*args, **kwargs)
            except Exception as error:
                if is_ending or not _patience_s(error):
                    raise
                _log.warning(
                    "The database %s cannot be used now (%s). Waiting for it …", url, reason_of(error)
                )
            return _retrying()(method, *args, **kwargs)
        except StudyError:
            raise
        except faults as fault:
            what = " ".join(f"{type(fault).__name__}: {fault}".split())
            raise StudyError(
                f"The database {url} holds something that cannot be read ({what:.300}). {_RESTORE}"
            ) from fault
        except Exception as error:
            found = database_error(error)
            if found is None:
                raise
            reason = reason_of(found)
            remedy = _RESTORE if any(text in reason for text in _DAMAGED) else _LATER
            raise StudyError(f"The database {url} cannot be used: {reason}. {remedy}") from error

    return patient


def _retrying() -> tenacity.Retrying:
    import tenacity  # loads asyncio: not for those whose database answers

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: _patience_s(error) > 0),
        wait=tenacity.wait_exponential(multiplier=0.1, max=10.0) + tenacity.wait_random(0.0, 0.1),
        stop=_is_over,
        reraise=True,
    )


def _is_over(state: tenacity.RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome is not None else None
    return error is None or (state.seconds_since_start or 0.0) > _patience_s(error)


def _patience_s(error: BaseException) -> float:
    """Return how long to wait until what went wrong may have passed."""
    found = database_error(error)
    if isinstance(found, PendingRollbackError):  # Optuna has asked once more on a connection that was lost
        return SERVER_PATIENCE_S
    if not isinstance(found, DBAPIError):
        return 0.0
    if type(found.orig).__module__.startswith("sqlite3"):
        return FILE_PATIENCE_S if any(text in str(found.orig) for text in _FILE_RECOVERS) else 0.0
    is_passing = isinstance(found, OperationalError | InterfaceError) or found.connection_invalidated
    return SERVER_PATIENCE_S if is_passing else 0.0
