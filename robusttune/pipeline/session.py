"""What the stages of one invocation share: where results are kept, who carries runs out, who owns what."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from robusttune.declaration.study import StudySpec
from robusttune.errors import StudyError
from robusttune.execution.driver import Driver
from robusttune.execution.executors import InProcess, make_executor
from robusttune.execution.progress import Reporter
from robusttune.pipeline.place import open_store, place_of
from robusttune.post_evaluation.evaluate import evaluate
from robusttune.post_evaluation.select import Candidate, select
from robusttune.results.claims import Claims
from robusttune.results.memory import MemoryStore, SoleOwner
from robusttune.results.protocols import Ownership, Store
from robusttune.results.records import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the stages of one invocation share.

    Attributes
    ----------
    optuna_storage : str, optional
        SQLAlchemy URL or journal file of Optuna's part; None keeps it in memory.
    """

    study: StudySpec
    store: Store
    claims: Ownership
    driver: Driver
    optuna_storage: str | None = None
    reporter: Reporter = field(default_factory=Reporter)

    def tune(self) -> tuple[TrialRecord, ...]:
        """Run the tuning stage; return its trials."""
        from robusttune.tuning.search import search
        from robusttune.tuning.storage import open_storage

        with self.claims.lock("storage"):  # Optuna's tables must not be made by two processes at once
            storage = open_storage(self.optuna_storage)
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
            store=store,
            claims=claims,
            driver=driver,
            optuna_storage=place.optuna_storage,
            reporter=reporter,
        )


def memory_session(study: StudySpec, *, store: MemoryStore | None = None) -> Session:
    """Return a session without database and processes: what it keeps is gone when nobody holds it any more.

    Parameters
    ----------
    study : StudySpec
    store : MemoryStore, optional
        Of an earlier session: what it has is not run again.
    """
    store = MemoryStore() if store is None else store
    owner = SoleOwner()
    return Session(study=study, store=store, claims=owner, driver=Driver(store, owner, InProcess()))
