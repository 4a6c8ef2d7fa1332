"""Who is working on what: so that several processes share a study without doing anything twice.

A claim is a row whose key is a run, a trial or a short critical section. It belongs to a worker (one invocation
of robusttune) and lasts until it is released or its worker is dead. A worker on this host is dead when its
process is gone; a worker elsewhere, when its heart has stopped while the one here was beating.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import threading
import time
from collections.abc import Iterator
from typing import Any, Self

import psutil
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from robusttune.results import schema
from robusttune.results.engine import upsert, without_password
from robusttune.results.patience import with_patience

HEARTBEAT_S = 15.0
_DEAD_BEATS = 8
_SILENT_BEATS = 3
"""As many are enough if the last beat is long ago by the clocks, too."""
_LOCK_POLL_S = 0.05


class Claims:
    """The claims of one worker; a context manager that registers it and keeps its heart beating.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Of the results database, whose tables exist.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._host = platform.node()
        self.worker_id = secrets.token_hex(12)
        self._stop = threading.Event()
        self._n_beats = 0
        self._seen: dict[str, tuple[float, int]] = {}
        self._heart = threading.Thread(target=self._beat, name="robusttune-heartbeat", daemon=True)
        url = without_password(engine.url)
        methods = ("register", "acquire", "release", "owner", "is_alive", "n_workers")
        with_patience(self, methods, url=url, reads=methods)

    def __enter__(self) -> Self:
        self.register()
        self._heart.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._heart.join()
        # A database that is gone hides no other error: the claims of a dead worker hold nobody up.
        with contextlib.suppress(SQLAlchemyError), self._engine.begin() as connection:
            connection.execute(sa.delete(schema.claims).where(schema.claims.c.worker_id == self.worker_id))
            connection.execute(sa.delete(schema.workers).where(schema.workers.c.worker_id == self.worker_id))

    def register(self) -> None:
        """Tell the others that this worker lives."""
        self._beat_once()

    def acquire(self, key: str) -> bool:
        """Return whether the key is now this worker's; takes it over from a dead worker."""
        table = schema.claims
        for _ in range(2):
            owner = self.owner(key)  # reading first: those who wait do not lock the database
            if owner is None:
                try:
                    with self._engine.begin() as connection:
                        connection.execute(sa.insert(table).values(key=key, worker_id=self.worker_id))
                    return True
                except IntegrityError:
                    return False  # another worker was quicker
            if owner == self.worker_id:
                return True
            if self.is_alive(owner):
                return False
            with self._engine.begin() as connection:
                connection.execute(sa.delete(table).where(table.c.key == key, table.c.worker_id == owner))
        return False

    def release(self, key: str) -> None:
        """Give the key up."""
        table = schema.claims
        with self._engine.begin() as connection:
            connection.execute(
                sa.delete(table).where(table.c.key == key, table.c.worker_id == self.worker_id)
            )

    def owner(self, key: str) -> str | None:
        """Return the worker that holds the key, dead or alive."""
        with self._engine.connect() as connection:
            query = sa.select(schema.claims.c.worker_id).where(schema.claims.c.key == key)
            return connection.execute(query).scalar_one_or_none()

    def is_alive(self, worker_id: str) -> bool:
        """Return whether a worker still runs, as far as this host can tell."""
        with self._engine.connect() as connection:
            query = sa.select(schema.workers).where(schema.workers.c.worker_id == worker_id)
            row = connection.execute(query).one_or_none()
        return row is not None and self._lives(row)

    def _lives(self, row: Any) -> bool:
        if row.host == self._host:
            try:
                process = psutil.Process(row.pid)
                # A process id is reused after a while; the start time is not. A zombie awaits its parent, not work.
                is_same = abs(process.create_time() - row.process_started_at) < 1.0
                return bool(is_same and process.status() != psutil.STATUS_ZOMBIE)
            except psutil.NoSuchProcess:
                return False
        # Clocks of hosts differ: what counts is whether the other heart has beaten while this one did.
        heartbeat_at, since = self._seen.get(row.worker_id, (None, 0))
        if heartbeat_at != row.heartbeat_at:
            since = self._n_beats
            self._seen[row.worker_id] = (row.heartbeat_at, since)
        n_missed = self._n_beats - since
        return n_missed < (_SILENT_BEATS if _is_old(row) else _DEAD_BEATS)

    def n_workers(self) -> int:
        """Return how many workers use the database now, this one included, as far as the clocks agree."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(schema.workers)).all()
        return sum(self._lives(row) and (row.host == self._host or not _is_old(row)) for row in rows)

    @contextlib.contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Hold the key for a short critical section, waiting until it is free."""
        while not self.acquire(key):
            time.sleep(_LOCK_POLL_S)
        try:
            yield
        finally:
            self.release(key)

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            # A busy database may miss a beat; the next one comes.
            with contextlib.suppress(SQLAlchemyError):
                self._beat_once()

    def _beat_once(self) -> None:
        """Tell the others that this worker lives, and remove what dead ones have left."""
        workers, claims = schema.workers, schema.claims
        own = {
            **{"worker_id": self.worker_id, "host": self._host, "pid": os.getpid()},
            **{"process_started_at": psutil.Process().create_time(), "heartbeat_at": time.time()},
        }
        with self._engine.begin() as connection:
            upsert(connection, workers, own)
            rows = connection.execute(sa.select(workers)).all()
            self._n_beats += 1
            dead = [row.worker_id for row in rows if row.worker_id != self.worker_id and not self._lives(row)]
            if dead:
                connection.execute(sa.delete(claims).where(claims.c.worker_id.in_(dead)))
                connection.execute(sa.delete(workers).where(workers.c.worker_id.in_(dead)))


def _is_old(row: Any) -> bool:
    return bool(time.time() - row.heartbeat_at >= _DEAD_BEATS * HEARTBEAT_S)
