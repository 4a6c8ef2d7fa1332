"""The whole way: settle → tune → post-evaluate → rank → report. Each step continues from what is stored."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from robusttune.declaration.study import StudySpec
from robusttune.errors import NoResultsError
from robusttune.pipeline.location import DEFAULT_OUT, Location, location_of
from robusttune.pipeline.ranked import rank, written
from robusttune.pipeline.reading import open_results
from robusttune.pipeline.settle import Settled, settle
from robusttune.post_evaluation.result import PostEvaluation
from robusttune.results.records import TrialRecord

if TYPE_CHECKING:
    from robusttune.execution.choose import Given
    from robusttune.execution.progress import Reporter
    from robusttune.pipeline.session import Session
    from robusttune.report.model import Ranking

DEFAULT_COMMAND = "robusttune run study.toml"


def check_study(study: StudySpec) -> Settled:
    """Return a study as it would run and what it asks for, after building what a run will build once.

    Raises
    ------
    SpecError
        If it cannot be run; see `settle`.
    """
    from robusttune.training import rehearse

    settled = settle(study)
    return dataclasses.replace(settled, policy_bytes=rehearse(settled.study))


def run_study(
    study: StudySpec,
    *,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
    workers: int | None = None,
    executor: Given | None = None,
    reporter: Reporter | None = None,
    command: str = DEFAULT_COMMAND,
) -> Ranking:
    """Tune, post-evaluate, rank and write the report; continue from whatever is stored.

    Parameters
    ----------
    study : StudySpec
    out : path
        Results go to `<out>/<study.name>/`.
    storage : str, optional
        SQLAlchemy URL instead of an SQLite file there, or a journal file (`x.log`) for Optuna's part.
    workers : int, optional
        Worker processes; 0 trains in this process. None is one per core, and 0 where runs are drawn, not
        trained. Workers do not import the calling script: an environment that it registers itself needs
        `environment.imports`, or `workers=0`.
    executor : str, concurrent.futures.Executor or distributed.Client, optional
        Where runs are carried out, instead of what `execution.executor` says: `"local"`, `"dask"`,
        `"dask://host:port"`, or an executor that is open; its owner shuts it down. `workers` is then how many runs it
        is given at a time.
    reporter : Reporter, optional
        Told of the progress.
    command : str
        What runs this study in a terminal; the report completes it to a command to run next.

    Raises
    ------
    SpecError
        If the environment cannot be made or does not suit the algorithm.
    StudyError
        If runs keep failing, or the database cannot be used.
    """
    location = location_of(study, out=out, storage=storage)
    with _session(study, location, workers, executor, reporter) as session:
        ranking = rank(session, session.evaluate(session.tune(then_evaluate=True)), command)
    return written(ranking, location)


def tune_study(
    study: StudySpec,
    *,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
    workers: int | None = None,
    executor: Given | None = None,
    reporter: Reporter | None = None,
) -> tuple[TrialRecord, ...]:
    """Run the tuning stage alone and return its trials; see `run_study`."""
    with _session(
        study, location_of(study, out=out, storage=storage), workers, executor, reporter
    ) as session:
        return session.tune()


def evaluate_study(
    study: StudySpec,
    *,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
    workers: int | None = None,
    executor: Given | None = None,
    reporter: Reporter | None = None,
) -> PostEvaluation:
    """Run the post-evaluation of the stored trials and return what it found; see `run_study`.

    Raises
    ------
    NoResultsError
        If no trial has been made yet, though the study wants some.
    """
    with _session(
        study, location_of(study, out=out, storage=storage), workers, executor, reporter
    ) as session:
        trials = session.trials()
        if not trials and study.n_trials != 0:
            raise NoResultsError(
                f"The study {study.name} has no trials yet. `tune_study` makes them; `run_study` makes trials and "
                "post-evaluation."
            )
        return session.evaluate(trials)


def rank_study(
    study: StudySpec,
    *,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
    command: str = DEFAULT_COMMAND,
) -> Ranking:
    """Return the ranking of the stored post-evaluation; trains nothing, needs no environment, and writes nothing.

    Raises
    ------
    StudyError
        If there are no results, or runs are missing and the study does not allow that.
    """
    with open_results(study, location_of(study, out=out, storage=storage)) as results:
        return rank(results, results.post_evaluation(), command)


def report_study(
    study: StudySpec,
    *,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
    command: str = DEFAULT_COMMAND,
) -> Ranking:
    """Rank, and write tables, figures and the HTML page to the study's folder; see `rank_study`."""
    ranking = rank_study(study, out=out, storage=storage, command=command)
    return written(ranking, location_of(study, out=out, storage=storage))


@contextlib.contextmanager
def _session(
    study: StudySpec,
    location: Location,
    workers: int | None,
    executor: Given | None,
    reporter: Reporter | None,
) -> Iterator[Session]:
    from robusttune.pipeline.session import (
        open_session,
    )  # gymnasium comes with it: not for those who only read

    settled = settle(study, location=location)
    with open_session(settled, location, workers=workers, executor=executor, reporter=reporter) as session:
        yield session
