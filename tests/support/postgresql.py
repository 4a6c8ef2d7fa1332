"""A PostgreSQL server that may be stopped at any moment: psycopg and `apt-get install postgresql` are needed."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from robusttune.results import schema

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server of its own, which may be stopped at any moment."""

    folder: Path
    port: int
    user: str | None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def call(self, program: str, *arguments: str) -> None:
        assert PROGRAMS is not None
        subprocess.run(
            [PROGRAMS / program, *arguments], check=True, user=self.user, cwd="/", stdout=subprocess.DEVNULL
        )

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.call(
            "pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o", options, "start"
        )

    def new_database(self) -> str:
        """Return the URL of an empty database."""
        name = f"study_{os.urandom(4).hex()}"
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"create database {name}"))
        engine.dispose()
        return sa.make_url(self.url).set(database=name).render_as_string()

    def stop(self) -> None:
        """End it as if the power had failed."""
        self.call("pg_ctl", "-D", f"{self.folder}/data", "-w", "-m", "immediate", "stop")


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """Give a server of one's own."""
    user = "postgres" if getpass.getuser() == "root" else None  # a server does not run as root
    folder = Path(tempfile.mkdtemp(prefix="robusttune-"))  # a socket needs a short path
    if user is not None:
        shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = Server(folder=folder, port=free.getsockname()[1], user=user)
    own.call("initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust")
    own.start()
    try:
        yield own
    finally:
        own.stop()
        shutil.rmtree(folder)


def n_runs(url: str) -> int:
    """Return how many runs are stored; -1 where the server does not answer, or has no table yet."""
    engine = sa.create_engine(url)
    try:
        with contextlib.suppress(sa.exc.SQLAlchemyError), engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(schema.runs)).scalar_one())
    finally:
        engine.dispose()
    return -1
