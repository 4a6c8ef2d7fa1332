"""Connections to the results database, and what SQLite and PostgreSQL do each in their own way."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import tempfile
import urllib.parse
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import make_url
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from robusttune.errors import SpecError
from robusttune.results import schema

_MAKING_TABLES = 0x7275_6E73  # any number that no other program locks by


def sqlite_url(path: Path) -> str:
    """Return the SQLAlchemy URL of a database file."""
    return f"sqlite:///{path}"


def without_password(url: str | sa.URL) -> str:
    """Return a URL as messages may show it; a path is shown as it is."""
    text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    return re.sub(r"(?<=://)([^/?#]*?):.*@(?=[^@]*$)|(?<=password=)[^&]*", lambda m: _hidden(m[1]), text)


def _hidden(user: str | None) -> str:
    return "***" if user is None else f"{user}:***@"


def make_engine(url: str, *, read_only: bool = False) -> sa.Engine:
    """Return an engine; on SQLite, readers and one writer do not block each other (write-ahead log).

    Parameters
    ----------
    url : str
        SQLAlchemy URL.
    read_only : bool
        Make no file, and change none.

    Raises
    ------
    SpecError
        If the URL is not understood or its driver is missing.
    """
    copied = None
    try:
        parsed = make_url(url)
        copied = _left_log_copied(parsed) if read_only else None
        if read_only:
            parsed = read_only_url(parsed if copied is None else parsed.set(database=str(copied)))
        engine = sa.create_engine(parsed, pool_pre_ping=True)
    except (SQLAlchemyError, ImportError, ValueError) as error:  # a port that is no number is a ValueError
        shown = without_password(url)
        raise SpecError(
            f"The results database {shown!r} cannot be used: {str(error).replace(url, shown)}. Give `storage` an "
            "SQLAlchemy URL such as sqlite:///study.db or postgresql+psycopg://user@host:5432/db (needs "
            "`pip install robusttune[postgres]`)."
        ) from None
    if copied is not None:
        weakref.finalize(engine, shutil.rmtree, copied.parent, ignore_errors=True)
    if engine.dialect.name == "sqlite" and not read_only:
        sa.event.listen(engine, "connect", _configure_sqlite)
    return engine


def read_only_url(url: sa.URL) -> sa.URL:
    """Return the URL that opens an SQLite file without writing beside it; other URLs as they are."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return url
    path = Path(url.database).resolve()
    # Without a writer there is no log beside the file, and SQLite would make one in looking for it, unless told that
    # the file does not change. While somebody writes, the log exists and a reader needs it: it then notes in the index
    # beside the log (-shm) how far it reads, so that no writer overwrites that. Nothing else is ever changed.
    query = {"mode": "ro", "uri": "true"}
    if not path.with_name(f"{path.name}-wal").exists():
        query["immutable"] = "1"
    return url.set(database=f"file:{urllib.parse.quote(str(path))}", query=query)


def _left_log_copied(url: sa.URL) -> Path | None:
    """Return a copy of an SQLite file with the log of a dead writer, which SQLite reads only by writing beside it."""
    path = Path(url.database or "")
    log, index = (path.with_name(f"{path.name}-{end}") for end in ("wal", "shm"))
    if url.get_backend_name() != "sqlite" or not path.is_file() or not log.exists() or index.exists():
        return None
    folder = Path(tempfile.mkdtemp(prefix="robusttune-"))
    for one in (path, log):
        shutil.copyfile(one, folder / one.name)
    return folder / path.name


def make_tables(engine: sa.Engine) -> None:
    """Make the tables that are absent, while another process may be doing the same."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # There IF NOT EXISTS looks before it makes, and two processes fail on each other; SQLite has one writer.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING_TABLES)))
        for table in schema.metadata.sorted_tables:
            connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))


def insert_if_absent(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> None:
    """Insert a row unless its key exists: another worker was first, and equal keys mean equal content."""
    insert = _insert(connection, table)
    if insert is not None:
        connection.execute(insert.values(**row).on_conflict_do_nothing())
    else:
        with contextlib.suppress(IntegrityError), connection.begin_nested():
            connection.execute(sa.insert(table).values(**row))


def upsert(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> None:
    """Insert a row, or replace the one with its key, even if another process does the same at this moment."""
    keys = [column.name for column in table.primary_key]
    rest = {name: value for name, value in row.items() if name not in keys}
    insert = _insert(connection, table)
    if insert is not None:
        connection.execute(insert.values(**row).on_conflict_do_update(index_elements=keys, set_=rest))
    else:
        insert_if_absent(connection, table, row)
        same = [table.c[name] == row[name] for name in keys]
        connection.execute(sa.update(table).where(*same).values(**rest))


def one_of(dialect: str, column: sa.Column[str], values: Sequence[str]) -> sa.ColumnElement[bool]:
    """Return whether a column has one of thousands of values, which go to the database as one parameter."""
    if dialect == "sqlite":
        each = sa.func.json_each(json.dumps(values)).table_valued("value")
        return column.in_(sa.select(each.c.value))
    if dialect == "postgresql":
        return column == sa.any_(sa.cast(list(values), sa.ARRAY(sa.String)))
    # Written into the statement, so that no limit of parameters counts.
    one: sa.BindParameter[Any] = sa.bindparam("values", values, expanding=True, literal_execute=True)
    return column.in_(one)


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an INSERT that can say what to do on a conflict, or None where the database has no such statement."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # not for those whose results are in a file

        return postgresql.insert(table)
    return None


def _configure_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 60000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()
