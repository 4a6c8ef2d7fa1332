"""The results database: every run, trial and study of a results folder."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from robusttune.declaration.run import RunSpec, canonical_json
from robusttune.declaration.study import StudySpec
from robusttune.errors import StudyError
from robusttune.results import schema
from robusttune.results.records import RunResult, RunStatus, TrialRecord
from robusttune.results.rows import run_result, run_row, trial_record, trial_row

_MAKING_TABLES = 0x7275_6E73  # any number that no other program locks by
_BATCH = 500  # SQLite allows about a thousand bound parameters in old builds


def sqlite_url(path: Path) -> str:
    """Return the SQLAlchemy URL of a database file."""
    return f"sqlite:///{path}"


def make_engine(url: str) -> sa.Engine:
    """Return an engine; on SQLite, readers and one writer do not block each other (write-ahead log).

    Raises
    ------
    StudyError
        If the URL is not understood or its driver is missing.
    """
    try:
        engine = sa.create_engine(url)
    except (SQLAlchemyError, ImportError) as error:
        raise StudyError(
            f"The results database {url!r} cannot be used: {error}. Give --storage an SQLAlchemy URL such as "
            "sqlite:///study.db or postgresql+psycopg://user@host/db (needs `pip install robusttune[postgres]`)."
        ) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _configure_sqlite)
    return engine


class ResultStore:
    """Reads and writes the results database.

    Parameters
    ----------
    url : str
        SQLAlchemy URL. The tables are made if they are absent.

    Raises
    ------
    StudyError
        If the database cannot be opened or was written by a newer version.
    """

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self.url = self.engine.url.render_as_string(hide_password=True)
        try:
            _make_tables(self.engine)
            self._check_version()
        except SQLAlchemyError as error:
            raise StudyError(
                f"The results database {self.url} cannot be opened: {getattr(error, 'orig', None) or error}. "
                "Check the path or URL, or choose another with --out or --storage."
            ) from None

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    def save_study(self, study: StudySpec) -> None:
        """Keep the declaration beside the results; a changed declaration replaces the older one."""
        with self.engine.begin() as connection:
            connection.execute(sa.delete(schema.studies).where(schema.studies.c.name == study.name))
            connection.execute(
                sa.insert(schema.studies).values(name=study.name, spec=canonical_json(study.to_dict()))
            )

    def studies(self) -> list[StudySpec]:
        """Return the declarations in the database."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(schema.studies.c.spec)).scalars().all()
        return [StudySpec.from_dict(json.loads(text)) for text in rows]

    def add_result(self, spec: RunSpec, result: RunResult) -> None:
        """Keep what came of a run. An outcome that is already there stays; an accident is replaced.

        So is a run that was stopped early, once a search that does not stop it has brought it further.
        """
        row = run_row(spec, result)
        with self.engine.begin() as connection:
            self._keep_provenance(connection, row["provenance_id"], result.provenance)
            table = schema.runs
            kept = [status.value for status in RunStatus if status.is_outcome]
            if result.status.is_outcome:
                kept.remove(RunStatus.PRUNED.value)
            connection.execute(
                sa.delete(table).where(table.c.run_id == row["run_id"], table.c.status.not_in(kept))
            )
            _insert_if_absent(connection, table, row)

    def results(self, run_ids: Iterable[str]) -> dict[str, RunResult]:
        """Return the stored results of some runs, by run id; a run that was never made is absent."""
        wanted = list(dict.fromkeys(run_ids))
        found: dict[str, RunResult] = {}
        query = sa.select(schema.runs, schema.provenances.c.provenance).join(
            schema.provenances, schema.runs.c.provenance_id == schema.provenances.c.provenance_id
        )
        with self.engine.connect() as connection:
            for start in range(0, len(wanted), _BATCH):
                part = query.where(schema.runs.c.run_id.in_(wanted[start : start + _BATCH]))
                found.update((row.run_id, run_result(row)) for row in connection.execute(part))
        return found

    def run_specs(self) -> list[RunSpec]:
        """Return the specifications of all stored runs."""
        with self.engine.connect() as connection:
            return [
                RunSpec.from_json(text)
                for text in connection.execute(sa.select(schema.runs.c.spec)).scalars()
            ]

    def save_trial(self, tuning_id: str, record: TrialRecord) -> None:
        """Keep one trial, or bring its record up to date."""
        table = schema.trials
        row = trial_row(tuning_id, record)
        with self.engine.begin() as connection:
            connection.execute(
                sa.delete(table).where(table.c.tuning_id == tuning_id, table.c.number == record.number)
            )
            _insert_if_absent(connection, table, row)

    def trials(self, tuning_id: str) -> list[TrialRecord]:
        """Return the trials of one search, by number."""
        table = schema.trials
        with self.engine.connect() as connection:
            rows = connection.execute(
                sa.select(table).where(table.c.tuning_id == tuning_id).order_by(table.c.number)
            ).all()
        return [trial_record(row) for row in rows]

    def add_tuning_time(self, tuning_id: str, seconds: float, *, reproducible: bool) -> None:
        """Add to the time that a search has taken, and note whether it repeats itself trial by trial."""
        table = schema.tunings
        with self.engine.begin() as connection:
            _insert_if_absent(
                connection, table, {"tuning_id": tuning_id, "elapsed_s": 0.0, "reproducible": True}
            )
            connection.execute(
                sa.update(table)
                .where(table.c.tuning_id == tuning_id)
                .values(
                    elapsed_s=table.c.elapsed_s + seconds,
                    reproducible=sa.and_(table.c.reproducible, sa.literal(reproducible)),
                )
            )

    def tuning_time(self, tuning_id: str) -> tuple[float, bool]:
        """Return the seconds a search has taken in all invocations, and whether all of them were reproducible."""
        table = schema.tunings
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.tuning_id == tuning_id)).one_or_none()
        return (row.elapsed_s, row.reproducible) if row else (0.0, True)

    def _keep_provenance(
        self, connection: sa.Connection, provenance_id: str, provenance: dict[str, Any]
    ) -> None:
        row = {"provenance_id": provenance_id, "provenance": canonical_json(provenance)}
        _insert_if_absent(connection, schema.provenances, row)

    def _check_version(self) -> None:
        with self.engine.begin() as connection:
            _insert_if_absent(
                connection, schema.meta, {"key": "schema_version", "value": str(schema.SCHEMA_VERSION)}
            )
            version = connection.execute(
                sa.select(schema.meta.c.value).where(schema.meta.c.key == "schema_version")
            ).scalar_one()
        if int(version) > schema.SCHEMA_VERSION:
            raise StudyError(
                f"The results database {self.url} has schema version {version}, but this robusttune knows versions up "
                f"to {schema.SCHEMA_VERSION}. Upgrade robusttune."
            )


def _make_tables(engine: sa.Engine) -> None:
    """Make the tables that are absent, while another process may be doing the same."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # There IF NOT EXISTS looks before it makes, and two processes fail on each other; SQLite has one writer.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING_TABLES)))
        for table in schema.metadata.sorted_tables:
            connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))


def _insert_if_absent(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> None:
    """Insert a row unless its key is there: another worker was first, and equal keys mean equal content."""
    if connection.dialect.name == "sqlite":
        connection.execute(sqlite.insert(table).values(**row).on_conflict_do_nothing())
    elif connection.dialect.name == "postgresql":
        connection.execute(postgresql.insert(table).values(**row).on_conflict_do_nothing())
    else:
        with contextlib.suppress(IntegrityError), connection.begin_nested():
            connection.execute(sa.insert(table).values(**row))


def _configure_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 60000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()
