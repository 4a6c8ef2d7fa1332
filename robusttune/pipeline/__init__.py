"""The whole way: tune → post-evaluate → rank → report. Each step takes up what is stored."""

from __future__ import annotations

from pathlib import Path

from robusttune.declaration.study import StudySpec
from robusttune.execution.progress import Reporter
from robusttune.pipeline.check import check_study
from robusttune.pipeline.place import DEFAULT_OUT, open_store, place_of
from robusttune.pipeline.session import open_session
from robusttune.post_evaluation.select import Candidate
from robusttune.report.model import Ranking
from robusttune.results.records import TrialRecord
from robusttune.training.stackable import with_trainer


def run_study(
    study: StudySpec,
    *,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
    workers: int = 0,
    reporter: Reporter | None = None,
) -> Ranking:
    """Tune, post-evaluate, rank and write the report; take up whatever is there already.

    Parameters
    ----------
    study : StudySpec
    out : path
        Results go to `<out>/<study.name>/`.
    storage : str, optional
        SQLAlchemy URL instead of an SQLite file there, or a journal file (`x.log`) for Optuna's part.
    workers : int
        Worker processes; 0 trains in this process.
    reporter : Reporter, optional
        Told of the progress.

    Raises
    ------
    SpecError
        If the environment cannot be made or does not suit the algorithm.
    StudyError
        If runs keep failing, or the database cannot be used.
    """
    study, reason = with_trainer(study)
    check_study(study)
    with open_session(study, out=out, storage=storage, workers=workers, reporter=reporter) as session:
        _say(session.reporter, reason)
        session.evaluate(session.tune())
    return report_study(study, out=out, storage=storage)


def tune_study(
    study: StudySpec,
    *,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
    workers: int = 0,
    reporter: Reporter | None = None,
) -> tuple[TrialRecord, ...]:
    """Run the tuning stage alone and return its trials; see `run_study`."""
    study, reason = with_trainer(study)
    check_study(study)
    with open_session(study, out=out, storage=storage, workers=workers, reporter=reporter) as session:
        _say(session.reporter, reason)
        return session.tune()


def evaluate_study(
    study: StudySpec,
    *,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
    workers: int = 0,
    reporter: Reporter | None = None,
) -> tuple[Candidate, ...]:
    """Run the post-evaluation of the trials that are there and return who was judged; see `run_study`."""
    study, reason = with_trainer(study)
    check_study(study)
    with open_session(study, out=out, storage=storage, workers=workers, reporter=reporter) as session:
        _say(session.reporter, reason)
        return session.evaluate(session.store.trials(study.tuning_id))


def rank_study(study: StudySpec, *, out: str | Path = DEFAULT_OUT, storage: str | None = None) -> Ranking:
    """Return the ranking of the stored post-evaluation; trains nothing and writes nothing.

    Raises
    ------
    StudyError
        If there are no results, or runs are missing and the study does not allow that.
    """
    from robusttune.post_evaluation.result import candidates_of, stored_post_evaluation
    from robusttune.report.build import make_ranking  # scipy and pandas: not for those who only check or tune

    study, _ = with_trainer(study)
    store = open_store(place_of(study, out=out, storage=storage), create=False)
    try:
        trials = store.trials(study.tuning_id)
        found = stored_post_evaluation(study, candidates_of(study, trials), store.results)
        return make_ranking(study, trials, found, is_reproducible=store.tuning_time(study.tuning_id)[1])
    finally:
        store.close()


def report_study(study: StudySpec, *, out: str | Path = DEFAULT_OUT, storage: str | None = None) -> Ranking:
    """Rank, and write tables, figures and the HTML page to the study's folder; see `rank_study`."""
    from robusttune.report.write import write_report

    ranking = rank_study(study, out=out, storage=storage)
    write_report(ranking, place_of(study, out=out, storage=storage).folder)
    return ranking


def _say(reporter: Reporter, reason: str | None) -> None:
    if reason is not None:
        reporter.message(f"Runs are trained one by one with Stable-Baselines3. {reason}")
