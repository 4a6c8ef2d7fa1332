"""What a search still has to make, for the time left that is shown."""

from __future__ import annotations

from robusttune.declaration.study import StudySpec
from robusttune.execution.board import batch_of
from robusttune.execution.driver import Driver
from robusttune.execution.time_left import Batch
from robusttune.training.groups import MAX_GROUP


def largest_group(study: StudySpec) -> int:
    """Return how many trials train together at most."""
    return max(1, MAX_GROUP // study.tuning.seeds_per_trial)


def expect_trials(study: StudySpec, driver: Driver, timeout_s: float | None, n_begun: int) -> None:
    """Say how many trials are still to begin, where each begins as a worker is free.

    Parameters
    ----------
    study : StudySpec
    driver : Driver
        Whose board is told.
    timeout_s : float, optional
        Seconds until the search ends whatever it has.
    n_begun : int
        Trials that have ended or are running.
    """
    if driver.board.folder is None:
        return
    n_trials, m = study.n_trials, study.tuning.seeds_per_trial
    waiting = None
    if n_trials is not None:
        waiting = Batch(n_jobs=max(0, n_trials - n_begun), steps=m * study.training.total_timesteps)
    driver.board.expect(waiting, n_runs=m, timeout_s=timeout_s)


def expect_batches(
    study: StudySpec, driver: Driver, timeout_s: float | None, n_done: int, n_here: int, n_tasks: int
) -> None:
    """Say what the present batch still has to make, and how many more follow.

    Parameters
    ----------
    study, driver, timeout_s
        See `expect_trials`.
    n_done, n_here : int
        Trials that have ended, and those of this batch that have not.
    n_tasks : int
        Groups that these train in.
    """
    m = study.tuning.seeds_per_trial
    if study.n_trials is None:
        driver.board.expect(None, n_runs=m, timeout_s=timeout_s)
        return
    steps, size = m * study.training.total_timesteps, study.tuning.batch_size or 1
    n_later = max(0, study.n_trials - n_done - n_here)
    largest, trainer = largest_group(study), study.trainer
    later = [
        batch_of(n, steps, n_workers=driver.n_workers, trainer=trainer, largest=largest)
        for n in [size] * (n_later // size) + [n_later % size]
    ]
    waiting = Batch(n_jobs=n_tasks, steps=n_here * steps / max(1, n_tasks))
    driver.board.expect(waiting, n_runs=m, batches=later, timeout_s=timeout_s)
