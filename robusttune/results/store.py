"""The results database: every run, trial and study of a results folder."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from robusttune.declaration.ids import canonical_json
from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.errors import NoResultsError, StudyError
from robusttune.results import schema
from robusttune.results.engine import (
    insert_if_absent,
    is_json,
    make_engine,
    make_tables,
    one_of,
    upsert,
    without_password,
)
from robusttune.results.patience import reason_of, with_patience
from robusttune.results.records import Cost, Evaluations, RunOutcome, RunResult, RunStatus, TrialRecord
from robusttune.results.rows import (
    evaluations,
    provenance,
    run_cost,
    run_outcome,
    run_result,
    run_row,
    run_statuses,
    spec_row,
    trial_record,
    trial_row,
)
from robusttune.seeds import Stage

_BATCH = 10_000  # run ids of one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStudy:
    """A settled study, and what was written in the declaration that it came from (`StudySpec.written`)."""

    written: dict[str, Any]
    settled: StudySpec


class ResultStore:
    """Reads and writes the results database.

    Parameters
    ----------
    url : str
        SQLAlchemy URL.
    read_only : bool
        Change nothing: no file, no table, no row. Otherwise missing tables are made.

    Raises
    ------
    StudyError
        If the database cannot be opened or was written by a newer version; `NoResultsError` if it is to be read and
        holds none.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.engine = make_engine(url, read_only=read_only)
        self.url = without_password(url)
        try:
            if not read_only:
                make_tables(self.engine)
            elif not sa.inspect(self.engine).has_table(schema.studies.name):
                raise NoResultsError(
                    f"The database {self.url} holds no results of robusttune. `run_study` makes them."
                )
            self._check_version(read_only=read_only)
        except (SQLAlchemyError, UnicodeDecodeError) as error:  # the latter from names in a damaged file
            raise StudyError(
                f"The results database {self.url} cannot be opened: {reason_of(error)}. "
                "Check the path or URL, or choose another by `out` or `storage`."
            ) from None
        reads = ("studies", "results", "outcomes", "evaluations", "cost", "statuses", "trials", "tuning_time")
        writes = ("save_study", "add_result", "save_trial", "add_tuning_time")
        with_patience(self, (*reads, *writes), url=self.url, reads=reads)

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    def save_study(self, declared: StudySpec, settled: StudySpec) -> None:
        """Keep a settled study and the declaration that it came from; a later one of the same search replaces it."""
        row = {
            "name": settled.name,
            "tuning_id": settled.tuning_id,
            "written": canonical_json(declared.written()),
            "settled": canonical_json(settled.to_dict()),
            "saved_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds"),
        }
        with self.engine.begin() as connection:
            upsert(connection, schema.studies, row)

    def studies(self, name: str) -> list[StoredStudy]:
        """Return the settled studies of a name, the latest first."""
        table = schema.studies
        query = sa.select(table).where(table.c.name == name).order_by(table.c.saved_at.desc())
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            StoredStudy(written=json.loads(row.written), settled=StudySpec.from_dict(json.loads(row.settled)))
            for row in rows
        ]

    def add_result(self, spec: RunSpec, result: RunResult) -> None:
        """Keep the result of a run. A stored outcome stays; an accident is replaced.

        So is a run that was stopped early, once a search that does not stop it has brought it further.
        """
        described = spec_row(spec)
        row = run_row(described["spec_id"], result)
        with self.engine.begin() as connection:
            insert_if_absent(connection, schema.specs, described)
            self._keep_provenance(connection, row["provenance_id"], result.provenance)
            table = schema.runs
            kept = [status.value for status in RunStatus if status.is_outcome]
            if result.status.is_outcome:
                kept.remove(RunStatus.PRUNED.value)
            connection.execute(
                sa.delete(table).where(table.c.run_id == row["run_id"], table.c.status.not_in(kept))
            )
            insert_if_absent(connection, table, row)

    def results(self, run_ids: Iterable[str]) -> dict[str, RunResult]:
        """Return the stored results of some runs, by run id; a run that was never made is absent."""
        query = sa.select(schema.runs, schema.provenances.c.provenance).join(
            schema.provenances, schema.runs.c.provenance_id == schema.provenances.c.provenance_id
        )
        return {row.run_id: run_result(row) for row in self._of_runs(query, run_ids)}

    def outcomes(self, run_ids: Iterable[str]) -> dict[str, RunOutcome]:
        """Return how some runs ended, by run id; a run that was never made is absent."""
        c = schema.runs.c
        # Decisions need no more than these; but days of training must not begin on what no report will be able to read.
        texts = is_json(self.engine.dialect.name, c.curve, c.episode_returns)
        query = sa.select(c.run_id, c.seed, c.status, c.score, c.timesteps, c.error, texts, c.provenance_id)
        rows = list(self._of_runs(query, run_ids))
        provenances = self._provenances({row[-1] for row in rows})
        return {row[0]: run_outcome(row, provenances) for row in rows}

    def cost(self, run_ids: Iterable[str]) -> Cost:
        """Return what some runs have cost, and who made them."""
        c, total = schema.runs.c, sa.func.sum
        sums = sa.select(sa.func.count(), total(c.timesteps), total(c.wall_time_s), c.provenance_id)
        by_maker = sums.group_by(c.provenance_id).order_by(c.provenance_id)
        rows = list(self._of_runs(by_maker, run_ids))
        return run_cost(rows, self._provenances({row[-1] for row in rows}))

    def evaluations(self, run_ids: Iterable[str]) -> dict[str, Evaluations]:
        """Return the evaluations of those among some runs that are completed, by run id."""
        c = schema.runs.c
        query = sa.select(c.run_id, c.curve, c.episode_returns).where(c.status == RunStatus.COMPLETED.value)
        known: dict[tuple[int, ...], tuple[int, ...]] = {}  # most runs are evaluated at the same timesteps
        found = {}
        for row in self._of_runs(query, run_ids):
            one = evaluations(row.curve, row.episode_returns)
            if (times := one.timesteps) not in known and not all(isinstance(value, int) for value in times):
                raise ValueError(f"timesteps of a curve = {times!r:.60}")
            times = known.setdefault(times, times)
            found[row.run_id] = Evaluations(times, one.mean_returns, one.episode_returns)
        return found

    def statuses(self, config_ids: Iterable[str]) -> dict[tuple[Stage, RunStatus], set[str]]:
        """Return (stage, status) → ids of all runs of some configurations; an index holds all of that."""
        c = schema.runs.c
        query = sa.select(c.run_id, c.stage, c.status, c.config_id)
        # No configuration is damage, which must not look like a missing run.
        own = c.config_id.in_(set(config_ids)) | c.config_id.is_(None)
        with self.engine.connect() as connection:
            return run_statuses(connection.execute(query.where(own)).all())

    def _provenances(self, ids: set[str]) -> dict[str, dict[str, Any]]:
        made_by = sa.select(schema.provenances).where(schema.provenances.c.provenance_id.in_(ids))
        with self.engine.connect() as connection:
            return {key: provenance(text) for key, text in connection.execute(made_by)}

    def _of_runs(self, query: sa.Select[Any], run_ids: Iterable[str]) -> Iterator[sa.Row[Any]]:
        wanted = list(dict.fromkeys(run_ids))
        with self.engine.connect() as connection:
            for start in range(0, len(wanted), _BATCH):
                batch = wanted[start : start + _BATCH]
                own = one_of(self.engine.dialect.name, schema.runs.c.run_id, batch)
                yield from connection.execute(query.where(own)).all()

    def save_trial(self, tuning_id: str, record: TrialRecord) -> None:
        """Keep one trial, or bring its record up to date."""
        table = schema.trials
        row = trial_row(tuning_id, record)
        with self.engine.begin() as connection:
            connection.execute(
                sa.delete(table).where(table.c.tuning_id == tuning_id, table.c.number == record.number)
            )
            insert_if_absent(connection, table, row)

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
            insert_if_absent(
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
        if row is None:
            return 0.0, True
        return float(row.elapsed_s), {0: False, 1: True}[row.reproducible]  # KeyError where it is NULL

    def _keep_provenance(
        self, connection: sa.Connection, provenance_id: str, provenance: dict[str, Any]
    ) -> None:
        row = {"provenance_id": provenance_id, "provenance": canonical_json(provenance)}
        insert_if_absent(connection, schema.provenances, row)

    def _check_version(self, *, read_only: bool) -> None:
        query = sa.select(schema.meta.c.value).where(schema.meta.c.key == "schema_version")
        with self.engine.connect() as connection:
            if not read_only:
                row = {"key": "schema_version", "value": str(schema.SCHEMA_VERSION)}
                insert_if_absent(connection, schema.meta, row)
                older = schema.meta.c.value.in_([str(n) for n in range(1, schema.SCHEMA_VERSION)])
                key = schema.meta.c.key == row["key"]
                connection.execute(sa.update(schema.meta).where(key, older).values(value=row["value"]))
                connection.commit()
            version = connection.execute(query).scalar_one()
        if re.fullmatch(r"[1-9]\d{0,8}", str(version)) is None:
            raise StudyError(
                f"The results database {self.url} has schema version {version!r:.40}, which must be a number: it was "
                "damaged, or written by something else. Restore a copy, or begin anew with another `out`."
            )
        if int(version) > schema.SCHEMA_VERSION:
            raise StudyError(
                f"The results database {self.url} has schema version {version}, but this robusttune knows versions up "
                f"to {schema.SCHEMA_VERSION}. Upgrade robusttune."
            )
