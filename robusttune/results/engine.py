"""Connections to the results database, and what SQLite and PostgreSQL do each in their own way."""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import make_url
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from robusttune.errors import SpecError
from robusttune.results import schema
from robusttune.results.untouched import connect_to_read

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
    try:
        parsed = make_url(url)
        options = untouching(parsed) if read_only else {}
        engine = sa.create_engine(parsed, pool_pre_ping=True, **options)
    except (SQLAlchemyError, ImportError, ValueError) as error:  # a port that is no number is a ValueError
        shown = without_password(url)
        raise SpecError(
            f"The results database {shown!r} cannot be used: {str(error).replace(url, shown)}. Give `storage` an "
            "SQLAlchemy URL such as sqlite:///study.db or postgresql+psycopg://user@host:5432/db (needs "
            "`pip install robusttune[postgres]`)."
        ) from None
    if engine.dialect.name == "sqlite" and not read_only:
        sa.event.listen(engine, "connect", _configure_sqlite)
    return engine


def untouching(url: sa.URL) -> dict[str, Any]:
    """Return the options of an engine that changes nothing of an SQLite file or beside it; none for other databases."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return {}
    return {"creator": functools.partial(connect_to_read, Path(url.database).resolve())}


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


def is_json(dialect: str, *columns: sa.Column[str]) -> sa.ColumnElement[bool]:
    """Return whether texts are JSON, as SQLite can tell at once; servers keep what they have been given."""
    if dialect != "sqlite":
        return sa.true()
    return sa.and_(*(sa.func.json_valid(column) == 1 for column in columns))


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
