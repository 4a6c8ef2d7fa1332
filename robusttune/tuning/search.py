"""The search: asks trials, has them run, tells how they ended, until the study has as many as it wants."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from robusttune.declaration.study import StudySpec
from robusttune.errors import StudyError
from robusttune.execution.driver import Driver
from robusttune.execution.progress import Reporter
from robusttune.execution.tasks import Task, as_one
from robusttune.results.interfaces import Ownership, Store
from robusttune.results.records import RunStatus, TrialRecord, TrialState
from robusttune.tuning.batches import Batches
from robusttune.tuning.expected import expect_batches, expect_trials
from robusttune.tuning.incumbents import proven
from robusttune.tuning.pruning import PruningView
from robusttune.tuning.task import TrialOutcome, trial_task
from robusttune.tuning.trials import Trials

_FIRST_FAILURES = 3
_FAILURES_IN_A_ROW = 10
_POLL_S = 0.2


def search(
    study: StudySpec,
    *,
    store: Store,
    claims: Ownership,
    driver: Driver,
    storage: BaseStorage,
    reporter: Reporter,
) -> tuple[TrialRecord, ...]:
    """Run the tuning stage to its end, resuming where it stopped; return all trials of the study.

    Raises
    ------
    SpecError
        If no run can succeed.
    StudyError
        If the first trials, or many in a row, all fail; the message holds the last traceback.
    """
    stage = _Search(study, store, claims, driver, storage, reporter)
    stage.trials.synchronize()
    reproducible = study.tuning.timeout_s is None and (
        study.tuning.batch_size is not None or driver.n_workers == 1
    )
    done = stage.trials.n_finished()
    if not stage.wants_more() and not stage.trials.running():
        return tuple(store.trials(study.tuning_id))
    driver.rehearse()
    reporter.stage("tuning", done=done, total=study.n_trials)
    run_ids = [run_id for record in store.trials(study.tuning_id) for run_id in record.run_ids]
    driver.board.learn(run_ids, store.results, study.trainer.name)
    try:
        if study.tuning.batch_size is None:
            stage.run_as_workers_free()
        else:
            stage.run_in_batches()
    except BaseException:
        with contextlib.suppress(StudyError):  # the first error is the one to tell
            stage.note_time(reproducible=reproducible)
        raise
    stage.note_time(reproducible=reproducible)
    stage.trials.synchronize()
    return tuple(store.trials(study.tuning_id))


class _Search:
    """State of one invocation of a search."""

    def __init__(
        self,
        study: StudySpec,
        store: Store,
        claims: Ownership,
        driver: Driver,
        storage: BaseStorage,
        reporter: Reporter,
    ) -> None:
        self.trials = Trials(study, storage, store)
        self.met_others = False
        self._study = study
        self._store = store
        self._claims = claims
        self._driver = driver
        self._reporter = reporter
        self._began = time.monotonic()
        self._tuning_id = study.tuning_id  # a hash of the whole study
        self._elapsed_before = store.tuning_time(self._tuning_id)[0]
        self._views: dict[int, PruningView | None] = {}
        self._told = 0
        self._failed_in_a_row = 0
        self._best: float | None = None

    def elapsed_s(self) -> float:
        """Return the seconds that this invocation has taken."""
        return time.monotonic() - self._began

    def note_time(self, *, reproducible: bool) -> None:
        """Add the time of this invocation to that of the search."""
        reproducible = reproducible and not self.met_others
        self._store.add_tuning_time(self._tuning_id, self.elapsed_s(), reproducible=reproducible)

    def wants_more(self, n_running: int = 0) -> bool:
        """Whether another trial should begin, given those that are running."""
        timeout_s, n_trials = self._timeout_s(), self._study.n_trials
        if timeout_s is not None and timeout_s <= 0:
            return False
        return n_trials is None or self.trials.n_finished() + n_running < n_trials

    def run_as_workers_free(self) -> None:
        """Ask a trial whenever a worker is free; several processes may do so side by side."""
        has_told = False
        while True:
            self._expect()
            for outcome in self._driver.drive(self._free_trials()):
                with self._lock():
                    self._tell(outcome)
                self._report(outcome)
                self._expect()
                self._claims.release(self._key(outcome.number))
            with self._lock():
                n_running = len(self.trials.running())
                if self.wants_more(n_running):  # the last trials may have failed after no more seemed needed
                    continue
            if not n_running:
                return
            # Of other processes: they may be among the best, and those of a dead one become ours.
            if not has_told:
                has_told = True
                self._reporter.message("Waiting for trials that other processes are running.")
            time.sleep(_POLL_S)

    def run_in_batches(self) -> None:
        """Ask a batch, run it, tell it in order: the outcome does not depend on who runs what when.

        Processes that share the study work on the same batch; each computes the runs that no other is computing.
        """
        batches = Batches(self._study, self.trials)
        while batch := self._next(batches):
            first = batch[0].number
            running = [trial for trial in batch if not trial.state.is_finished()]
            tasks = [
                as_one([self._task(trial, before=first) for trial in group])
                for group in batches.groups(running, n_workers=self._driver.n_workers)
            ]
            n_done = self.trials.n_finished()
            expect_batches(self._study, self._driver, self._timeout_s(), n_done, len(running), len(tasks))
            outcomes: dict[int, TrialOutcome] = {}
            for group in self._driver.drive(iter(tasks), look_ahead=len(running)):
                for outcome in group:
                    outcomes[outcome.number] = outcome
                    self._report(outcome)
            with self._lock():
                for number in sorted(outcomes):
                    self._tell(outcomes[number])

    def _next(self, batches: Batches) -> list[FrozenTrial]:
        with self._lock():
            return batches.open(wants_more=self.wants_more)

    def _expect(self) -> None:
        n_begun = self.trials.n_finished() + len(self.trials.running())
        expect_trials(self._study, self._driver, self._timeout_s(), n_begun)

    def _timeout_s(self) -> float | None:
        timeout_s = self._study.tuning.timeout_s
        return None if timeout_s is None else timeout_s - self._elapsed_before - self.elapsed_s()

    def _free_trials(self) -> Iterator[Task[TrialOutcome]]:
        while True:
            with self._lock():
                trial = self._abandoned() or self._new()
            if trial is None:
                return
            yield self._task(trial, before=trial.number)

    def _abandoned(self) -> FrozenTrial | None:
        """Return a running trial whose worker is gone, now ours."""
        for trial in self.trials.running():
            key = self._key(trial.number)
            owner = self._claims.owner(key)
            if owner == self._claims.worker_id:
                continue
            if self._claims.acquire(key):
                return self.trials.adopt(trial.number)
            self.met_others = True
        return None

    def _new(self) -> FrozenTrial | None:
        if not self.wants_more(len(self.trials.running())):
            return None
        trial = self.trials.ask()
        self._claims.acquire(self._key(trial.number))
        return trial

    def _task(self, trial: FrozenTrial, *, before: int) -> Task[TrialOutcome]:
        view = self._views[trial.number] = self.trials.view(trial, before=before)
        worst = self.trials.worst_score(before=before)
        tuning = self._study.tuning
        runs, together = self.trials.runs(trial), self._study.trainer.together
        task = trial_task(trial.number, runs, tuning, view=view, worst=worst, together=together)
        if tuning.incumbent_seeds is None:
            return task
        incumbent = self.trials.incumbent(before=before)
        more = functools.partial(self.trials.runs, trial)
        return proven(task, tuning, incumbent=incumbent, worst=worst, runs=more, together=together)

    def _tell(self, outcome: TrialOutcome) -> None:
        record = self.trials.tell(outcome, self._views.pop(outcome.number))
        self._told += 1
        self._failed_in_a_row = self._failed_in_a_row + 1 if record.state is TrialState.FAILED else 0
        limit = _FIRST_FAILURES if self._failed_in_a_row == self._told else _FAILURES_IN_A_ROW
        if self._failed_in_a_row >= limit:
            raise StudyError(
                f"The last {self._failed_in_a_row} trials all failed, so the study stops. Mend the cause and run the "
                f"study again; finished trials are kept. The last error was:\n{record.error}"
            )

    def _report(self, outcome: TrialOutcome) -> None:
        """Say how a trial ended; one that failed is no step, for another makes up for it."""
        value = outcome.objective_value
        if value is not None:
            self._best = value if self._best is None else max(self._best, value)
        if outcome.state is TrialState.FAILED:
            self._reporter.message(_line(outcome))
        else:
            self._reporter.advance(_line(outcome), best="" if self._best is None else f"{self._best:.4g}")

    def _key(self, number: int) -> str:
        return f"trial:{self._tuning_id}:{number}"

    def _lock(self) -> AbstractContextManager[None]:
        return self._claims.lock(f"ask:{self._tuning_id}")


def _line(outcome: TrialOutcome) -> str:
    text = f"trial {outcome.number} {outcome.state.value}"
    if outcome.objective_value is not None:
        text += f" {outcome.objective_value:.4g}"
    n_diverged = sum(result.status is RunStatus.DIVERGED for result in outcome.results)
    if n_diverged:
        text += f" ({n_diverged} diverged)"
    return f"{text} {outcome.note}" if outcome.note else text
