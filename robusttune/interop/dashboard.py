"""A study in optuna-dashboard: its search under the study's own name, with what fresh seeds say."""

from __future__ import annotations

import contextlib
import copy
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial

from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError, StudyError, require
from robusttune.interop.optuna_attributes import attribute, attributes
from robusttune.interop.optuna_studies import read_trials
from robusttune.pipeline import rank_study
from robusttune.pipeline.location import DEFAULT_OUT, location_of
from robusttune.pipeline.reading import open_results
from robusttune.pipeline.status import study_status
from robusttune.report.model import Ranking
from robusttune.tuning.trials import optuna_study_name

_FRESH_S = 5.0  # seconds for which a copy is not compared with what is stored


@contextlib.contextmanager
def serve_dashboard(
    study: StudySpec,
    *,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
    host: str = "localhost",
    port: int = 8080,
) -> Iterator[WSGIServer]:
    """Give a server of optuna-dashboard on a study; its `serve_forever` serves.

    What it shows is a copy in memory, made anew when the results have changed: what is done in the dashboard changes
    nothing that is stored.

    Parameters
    ----------
    study : StudySpec
    out, storage
        See `run_study`.
    host, port
        Where to listen; port 0 is any that is free.

    Raises
    ------
    SpecError
        If the study has no search, or nothing can listen there.
    NoResultsError
        If there are no results yet.
    MissingDependencyError
        If optuna-dashboard is not installed.
    """
    require("optuna-dashboard", "dashboard", who_needs="The dashboard needs")
    if not study.searches:
        raise SpecError(
            f"The study {study.name} has no search, and optuna-dashboard shows searches. `report_study` shows it."
        )
    application = _Application(study, out, storage)
    try:
        server = make_server(host, port, application, server_class=_Server, handler_class=_Quiet)
    except (OSError, OverflowError) as error:
        raise SpecError(
            f"host = {host!r}, port = {port}: nothing can listen there ({error}). Choose another port."
        ) from None
    with server:
        yield server


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (its name there)
        """Say nothing of each request."""


class _Application:
    """Optuna-dashboard on a copy of what is stored now."""

    def __init__(self, study: StudySpec, out: str | Path, storage: str | None) -> None:
        self._study, self._out, self._storage = study, out, storage
        self._lock, self._looked_at = threading.Lock(), 0.0
        self._state: object = None
        self._application: Callable[..., Any] | None = None
        self._current()  # mistakes are seen now, not when a page is opened

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._current()(environ, start_response)

    def _current(self) -> Callable[..., Any]:
        from optuna_dashboard import wsgi

        with self._lock:
            if self._application is None or time.monotonic() - self._looked_at > _FRESH_S:
                trials, status = (
                    self._trials(),
                    study_status(self._study, out=self._out, storage=self._storage),
                )
                state = [trial.state for trial in trials], status.runs
                if self._application is None or state != self._state:
                    self._application, self._state = wsgi(self._copy(trials)), state
                self._looked_at = time.monotonic()
            return self._application

    def _trials(self) -> list[FrozenTrial]:
        location = location_of(self._study, out=self._out, storage=self._storage)
        with open_results(self._study, location) as found:
            name = optuna_study_name(found.study)
        return read_trials(location.optuna_storage, name)

    def _copy(self, trials: list[FrozenTrial]) -> InMemoryStorage:
        ranking: Ranking | None = None
        with contextlib.suppress(StudyError):  # nothing is evaluated yet
            ranking = rank_study(self._study, out=self._out, storage=self._storage)
        rows = {} if ranking is None else {row.candidate.trial_number: row for row in ranking.rows}
        storage = InMemoryStorage()
        with _quiet():
            study = optuna.create_study(study_name=self._study.name, storage=storage, direction="maximize")
        for key, value in ({} if ranking is None else attributes(ranking)).items():
            study.set_user_attr(key, value)
        for trial in trials:
            shown = copy.copy(trial)
            if ranking is not None and trial.number in rows:
                told = attribute(ranking, rows[trial.number])
                shown.user_attrs = {"fresh seeds": told, **trial.user_attrs}
            study.add_trial(shown)
        return storage


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
