"""From what a post-evaluation found to its ranking and report, whoever has run or read it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from robusttune.declaration.files import whole_file
from robusttune.errors import StudyError
from robusttune.pipeline.location import DATABASE, EARLIER, Location
from robusttune.pipeline.reading import Results
from robusttune.post_evaluation.result import PostEvaluation, confirmed_runs
from robusttune.results.engine import sqlite_url
from robusttune.results.models import CARD, MODEL
from robusttune.results.records import TrialRecord
from robusttune.training.imports import uncollected

if TYPE_CHECKING:
    from robusttune.pipeline.session import Session
    from robusttune.report.model import Ranking, Work

# In a file of many megabytes, to be found without making objects of all of it.
_TUNING_ID = re.compile(r'^  "tuning_id": "(\w+)",?$', re.MULTILINE)


@uncollected()
def rank(source: Session | Results, found: PostEvaluation, command: str) -> Ranking:
    """Return the ranking; `command` is what runs the study, for commands to paste."""
    from robusttune.report.build import make_ranking  # scipy and pandas: not for those who only check or tune

    trials = source.trials()
    return make_ranking(
        source.study,
        trials,
        found,
        is_reproducible=source.is_reproducible(),
        command=command,
        evaluations=source.store.evaluations([*found.rounds.results, *_tuning_runs(trials, found)]),
        work=_work(source, trials, found),
    )


def _work(source: Session | Results, trials: Sequence[TrialRecord], found: PostEvaluation) -> Work:
    from robusttune.report.model import Work

    confirmed = confirmed_runs(source.study, found).values()
    cost = source.store.cost
    return Work(
        tuning=cost(run_id for trial in trials for run_id in trial.run_ids),
        post_evaluation=cost(run_id for runs in found.rounds.runs.values() for run_id in runs.run_ids),
        confirmation=cost(run_id for runs in confirmed for run_id in runs.run_ids),
        configurations={config_id: cost(runs.run_ids) for config_id, runs in found.rounds.runs.items()},
    )


def _tuning_runs(trials: Sequence[TrialRecord], found: PostEvaluation) -> Iterator[str]:
    """Yield the runs by which the candidates' trials were chosen."""
    numbers = {candidate.trial_number for candidate in found.candidates}
    for trial in trials:
        if trial.number in numbers:
            yield from trial.run_ids


@uncollected()
def written(ranking: Ranking, location: Location) -> Ranking:
    """Write the report to the folder of the study, and return the ranking."""
    from robusttune.report.write import write_report

    with contextlib.suppress(OSError):  # a report is never lost to an old one
        _move_other_report(ranking.study.tuning_id, location.folder)
    try:
        write_report(ranking, location.folder)
    except StudyError as error:
        if location.database != sqlite_url(location.folder / DATABASE):
            raise
        raise StudyError(f"{error} With it, `storage` = {location.database!r} names these results.") from None
    _write_cards(ranking, location.models)
    return ranking


def _write_cards(ranking: Ranking, models: Path) -> None:
    """Write a model card beside each saved policy, with the numbers of its configuration."""
    from robusttune.report.model_card import model_card

    with contextlib.suppress(OSError):  # as where it could not be saved: the results stand
        for row in ranking.rows:
            for policy in models.glob(f"{row.candidate.config_id}/*/{MODEL}"):
                with whole_file(policy.parent / CARD) as path:
                    path.write_text(model_card(ranking, row), encoding="utf-8")


def _move_other_report(tuning_id: str, folder: Path) -> None:
    """Move a report of another search out of the way, to a folder named by its id."""
    from robusttune.report.write import FILES

    found = _TUNING_ID.search((folder / "ranking.json").read_text(encoding="utf-8", errors="replace"))
    if found is not None and found[1] != tuning_id:
        kept = folder / EARLIER / found[1]
        kept.mkdir(parents=True, exist_ok=True)
        for path in [path for pattern in FILES for path in folder.glob(pattern)]:
            path.replace(kept / path.name)
