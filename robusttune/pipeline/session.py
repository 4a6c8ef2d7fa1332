"""One invocation that trains: the database, the worker processes and the claims that its stages share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from robusttune.errors import StudyError
from robusttune.execution.driver import Driver
from robusttune.execution.executors import Executor, make_executor
from robusttune.execution.progress import Reporter
from robusttune.pipeline.place import Place, open_store, place_of
from robusttune.post_evaluation.evaluate import evaluate
from robusttune.post_evaluation.select import Candidate, select
from robusttune.results.claims import Claims
from robusttune.results.records import TrialRecord
from robusttune.results.store import ResultStore
from robusttune.spec.study import StudySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the stages of one invocation share."""

    study: StudySpec
    place: Place
    store: ResultStore
    claims: Claims
    executor: Executor
    driver: Driver
    reporter: Reporter

    def tune(self) -> tuple[TrialRecord, ...]:
        """Run the tuning stage; return its trials."""
        from robusttune.tuning.search import search
        from robusttune.tuning.storage import open_storage

        with self.claims.lock("storage"):  # Optuna's tables must not be made by two processes at once
            storage = open_storage(self.place.optuna_storage)
        return search(
            self.study,
            store=self.store,
            claims=self.claims,
            driver=self.driver,
            storage=storage,
            reporter=self.reporter,
        )

    def evaluate(self, trials: Sequence[TrialRecord]) -> tuple[Candidate, ...]:
        """Run the post-evaluation of the best trials and the controls; return them."""
        candidates = select(self.study, trials)
        if not candidates:
            raise StudyError(
                "There is nothing to post-evaluate: no trial is complete and the study names no control. "
                "`robusttune tune` makes trials."
            )
        evaluate(self.study, candidates, store=self.store, driver=self.driver, reporter=self.reporter)
        return candidates


@contextlib.contextmanager
def open_session(
    study: StudySpec, *, out: str | Path, storage: str | None, workers: int, reporter: Reporter | None
) -> Iterator[Session]:
    """Open the database and start the workers; everything is closed again, also after Ctrl-C."""
    reporter = reporter or Reporter()
    place = place_of(study, out=out, storage=storage)
    execution = study.execution
    with contextlib.ExitStack() as stack:
        store = open_store(place, create=True)
        stack.callback(store.close)
        store.save_study(study)
        claims = stack.enter_context(Claims(store.engine))
        executor = stack.enter_context(make_executor(workers, timeout_s=execution.run_timeout_s))
        stack.enter_context(reporter)
        driver = Driver(store, claims, executor, max_attempts=execution.max_attempts)
        yield Session(
            study=study,
            place=place,
            store=store,
            claims=claims,
            executor=executor,
            driver=driver,
            reporter=reporter,
        )
