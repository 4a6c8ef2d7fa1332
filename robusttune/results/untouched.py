"""Connections to SQLite files that change nothing: neither the file, nor what lies or would lie beside it."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import tempfile
import time
import urllib.parse
from pathlib import Path

_TRIES, _PAUSE_S = 5, 0.01
_WAL_MODE = b"\2\2"  # bytes 18 and 19 of the file
_TIMEOUT_S = 60.0
_MOST_COPIED = 1 << 26  # bytes; a larger file without a log is read as one that does not change


class _Reader(sqlite3.Connection):
    """A connection that may keep a copy, which goes with it."""

    copy: tempfile.TemporaryDirectory[str] | None = None


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection that reads what is stored now, while others may be writing.

    Raises
    ------
    sqlite3.Error
        If that is not possible.
    """
    for left in reversed(range(_TRIES)):
        try:
            return _connected(path)
        except OSError as error:
            if not left or not isinstance(error, FileNotFoundError):
                raise sqlite3.OperationalError(f"{error.strerror} ({error.filename})") from None
        except sqlite3.OperationalError:
            if not left:
                raise
        time.sleep(_PAUSE_S)  # a writer has opened or closed the file at this moment
    raise AssertionError


def _connected(path: Path) -> sqlite3.Connection:
    log, index = _beside(path, "-wal"), _beside(path, "-shm")
    if not log.exists() or not (log.stat().st_size or index.exists()):
        # SQLite would make a log and its index in looking for them, unless told that the file does not change. A copy
        # does not, whoever begins to write.
        if not _has_log(path):
            return _open(path, {})
        immutable = {"immutable": "1"}
        return (_open if path.stat().st_size > _MOST_COPIED else _copied)(path, immutable)
    if index.exists():
        # While somebody writes, the index is in use, and locks in it keep what is being read from being overwritten;
        # what a killed writer has left of it is not trusted. Neither needs a byte to be written.
        return _open(path, {"readonly_shm": "1"})
    return _copied(path, {})


def _copied(path: Path, query: dict[str, str]) -> _Reader:
    """Return a connection to a copy of a database and its log, in which nobody has written meanwhile."""
    before = _state(path)
    copy = tempfile.TemporaryDirectory(prefix="robusttune-", ignore_cleanup_errors=True)
    for one in before:
        shutil.copyfile(one, Path(copy.name) / one.name)
    if _state(path) != before:
        copy.cleanup()
        raise FileNotFoundError(errno.ENOENT, "somebody began to write while it was read", str(path))
    connection = _open(Path(copy.name) / path.name, query)
    connection.copy = copy
    return connection


def _state(path: Path) -> dict[Path, tuple[int, int]]:
    """Return when a database and its log were last written, and their sizes; a log may be missing."""
    there = (one for one in (path, _beside(path, "-wal")) if one == path or one.exists())
    return {one: (found.st_mtime_ns, found.st_size) for one in there for found in (one.stat(),)}


def _open(path: Path, query: dict[str, str]) -> _Reader:
    uri = f"file:{urllib.parse.quote(str(path))}?{urllib.parse.urlencode({'mode': 'ro', **query})}"
    connection = sqlite3.connect(uri, uri=True, factory=_Reader, timeout=_TIMEOUT_S, check_same_thread=False)
    try:
        connection.execute("select 1 from sqlite_master").close()  # opens the log, too
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _has_log(path: Path) -> bool:
    """Return whether a database is one whose changes go to a log."""
    with path.open("rb") as file:
        return file.read(20)[18:] == _WAL_MODE


def _beside(path: Path, end: str) -> Path:
    return path.with_name(f"{path.name}{end}")
