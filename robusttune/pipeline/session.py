"""What the stages of one invocation share: the store, the claims and the driver."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from robusttune.declaration.study import StudySpec
from robusttune.execution.board import batch_of
from robusttune.execution.choose import Given, choose_executor
from robusttune.execution.driver import Driver
from robusttune.execution.executors import Executor, InProcess
from robusttune.execution.exports import Exports
from robusttune.execution.progress import Reporter, SilentReporter
from robusttune.pipeline.location import EARLIER, Location
from robusttune.pipeline.models import settle_models
from robusttune.pipeline.recommend import recommend_from
from robusttune.pipeline.settle import Settled, workload_of
from robusttune.post_evaluation.evaluate import evaluate
from robusttune.post_evaluation.result import PostEvaluation, candidates_of
from robusttune.post_evaluation.select import Candidate
from robusttune.results.claims import Claims
from robusttune.results.interfaces import Ownership, Store
from robusttune.results.memory import MemoryStore, SoleOwner
from robusttune.results.records import TrialRecord
from robusttune.training import rehearse


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the stages of one invocation share.

    Attributes
    ----------
    study : StudySpec
        Settled.
    optuna_storage : str, optional
        SQLAlchemy URL or journal file of Optuna's part; None keeps it in memory.
    models : Path, optional
        Where policies of the post-evaluation are kept; None keeps none.
    """

    study: StudySpec
    store: Store
    claims: Ownership
    driver: Driver
    optuna_storage: str | None = None
    reporter: Reporter = field(default_factory=SilentReporter)
    models: Path | None = None

    def trials(self) -> tuple[TrialRecord, ...]:
        """Return the stored trials."""
        return tuple(self.store.trials(self.study.tuning_id))

    def is_reproducible(self) -> bool:
        """Return whether the search repeats itself trial by trial."""
        return self.store.tuning_time(self.study.tuning_id)[1]

    def tune(self, *, then_evaluate: bool = False) -> tuple[TrialRecord, ...]:
        """Run the tuning stage, if the study has one; return its trials."""
        if not self.study.searches:
            return ()
        if then_evaluate:
            work, steps = workload_of(self.study), self.study.training.total_timesteps
            n_workers, trainer = self.driver.n_workers, self.study.trainer
            self.driver.board.later = tuple(
                batch_of(n, steps, n_workers=n_workers, trainer=trainer)
                for n in (work.n_post_evaluation_runs, work.n_confirmation_runs)
            )
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

    def evaluate(self, trials: Sequence[TrialRecord]) -> PostEvaluation:
        """Run the post-evaluation of the best of some trials and of the controls, and confirm what it recommends."""
        recommend = recommend_from(trials)
        found = evaluate(
            self.study,
            candidates_of(self.study, trials),
            store=self.store,
            driver=self.driver,
            reporter=self.reporter,
            recommend=recommend,
            models=self.models,
        )
        if self.models is not None:
            kept = settle_models(self.study, found, recommend, self.models, self.store.outcomes)
            self.reporter.message(kept)
        return found

    def evaluate_candidates(self, candidates: Sequence[Candidate]) -> PostEvaluation:
        """Run the post-evaluation of some configurations; nothing is confirmed, and no policy kept."""
        return evaluate(self.study, candidates, store=self.store, driver=self.driver, reporter=self.reporter)


@contextlib.contextmanager
def open_session(
    settled: Settled,
    location: Location,
    *,
    workers: int | None = None,
    executor: Given | None = None,
    reporter: Reporter | None = None,
) -> Iterator[Session]:
    """Open the database and start the workers (see `run_study`); all is closed again, also after Ctrl-C."""
    reporter = reporter or SilentReporter()
    study = dataclasses.replace(settled.study, training=settled.study.training.at(location.folder))
    with contextlib.ExitStack() as stack:
        store = location.open_to_write()
        stack.callback(store.close)
        store.save_study(settled.declared, study)
        claims = stack.enter_context(Claims(store.engine))
        opened = stack.enter_context(choose_executor(study, executor, workers))
        max_attempts = study.execution.max_attempts
        exports = Exports(study, reporter.message)
        driver = Driver(
            store,
            claims,
            opened,
            trainer=study.trainer,
            max_attempts=max_attempts,
            rehearsal=None if study.training.REHEARSAL is None else functools.partial(rehearse, study),
            on_result=exports.write,
            progress=None if study.training.IN_MEMORY else stack.enter_context(_made(location.running)),
        )
        reporter.watch(driver.board.outlook)
        stack.enter_context(reporter)
        stack.enter_context(exports)
        for text in _news(settled):
            reporter.message(text)
        yield Session(
            study=study,
            store=store,
            claims=claims,
            driver=driver,
            optuna_storage=location.optuna_storage,
            reporter=reporter,
            models=None if study.execution.save_models == "none" else location.models,
        )


def memory_session(
    study: StudySpec,
    *,
    store: MemoryStore | None = None,
    executor: Executor | None = None,
    reporter: Reporter | None = None,
    progress: Path | None = None,
) -> Session:
    """Return a session without a database: its results last as long as its store.

    Parameters
    ----------
    study : StudySpec
        Settled.
    store : MemoryStore, optional
        Of an earlier session: what it has is not run again.
    executor : Executor, optional
        By default everything runs in this process.
    reporter : Reporter, optional
        Told of the progress.
    progress : Path, optional
        Folder where runs note how far they are.
    """
    store = MemoryStore() if store is None else store
    owner = SoleOwner()
    max_attempts = study.execution.max_attempts
    driver = Driver(
        store,
        owner,
        executor or InProcess(),
        trainer=study.trainer,
        max_attempts=max_attempts,
        progress=progress,
    )
    reporter = reporter or SilentReporter()
    return Session(study=study, store=store, claims=owner, driver=driver, reporter=reporter)


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """Make a folder, and remove it at the end unless others still use it."""
    folder.mkdir(exist_ok=True)
    yield folder
    with contextlib.suppress(OSError):
        folder.rmdir()


def _news(settled: Settled) -> Iterator[str]:
    if settled.why_not_faster is not None:
        yield f"Runs are trained one by one with Stable-Baselines3. {settled.why_not_faster}"
    if settled.trained_alone is not None:
        yield f"Trained one by one with Stable-Baselines3, the others together: {settled.trained_alone}"
    if settled.replaced:
        listed = ", ".join(settled.replaced[:3]) + (", …" if len(settled.replaced) > 3 else "")
        yield (
            f"This is a new search: the last one of this name was run with {listed}. Its trials and runs stay in the "
            f"database; restore these settings to continue it. Runs that both need are not made again. Its report "
            f"moves to the folder {EARLIER}."
        )
    if settled.kept:
        listed = ", ".join(settled.kept)
        yield (
            f"The study continues as it began: {listed}. These defaults have changed since; to use the new ones, give "
            "the study another name."
        )
