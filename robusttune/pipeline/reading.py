"""Reading what is stored of a study: without its environment, its package or a trainer, and changing nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import PlannedRuns
from robusttune.errors import NoResultsError
from robusttune.pipeline.location import Location
from robusttune.pipeline.recommend import recommend_from
from robusttune.pipeline.stored import as_stored, search_differences
from robusttune.post_evaluation.result import (
    PostEvaluation,
    candidates_of,
    planned_confirmation,
    stored_post_evaluation,
)
from robusttune.results.records import TrialRecord
from robusttune.results.store import ResultStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What is stored of a study.

    Attributes
    ----------
    study : StudySpec
        As it was settled when it ran; how many trials and seeds are wanted, as it is declared now.
    store : ResultStore
        Opened to be read.
    """

    study: StudySpec
    store: ResultStore

    def trials(self) -> tuple[TrialRecord, ...]:
        """Return the trials by number."""
        return tuple(self.store.trials(self.study.tuning_id))

    def post_evaluation(self) -> PostEvaluation:
        """Return what the stored runs say about the best trials and the controls.

        Raises
        ------
        StudyError
            If runs are missing and the study does not allow that, or there are none.
        """
        trials = self.trials()
        candidates = candidates_of(self.study, trials)
        return stored_post_evaluation(
            self.study, candidates, self.store.outcomes, recommend=recommend_from(trials)
        )

    def confirmation_runs(self) -> dict[str, PlannedRuns]:
        """Return config_id → the runs that confirm what the stored post-evaluation recommends."""
        trials = self.trials()
        found = stored_post_evaluation(self.study, candidates_of(self.study, trials), self.store.outcomes)
        return planned_confirmation(self.study, found, recommend_from(trials))

    def is_reproducible(self) -> bool:
        """Return whether the search repeats itself trial by trial."""
        return self.store.tuning_time(self.study.tuning_id)[1]


@contextlib.contextmanager
def open_results(declared: StudySpec, location: Location) -> Iterator[Results]:
    """Open what is stored of the study that a declaration describes.

    Raises
    ------
    StudyError
        If the database cannot be opened; `NoResultsError` if it holds nothing of this study.
    """
    with contextlib.closing(location.open_to_read()) as store:
        stored = store.studies(declared.name)
        study = as_stored(declared, stored)
        if study is None:
            raise NoResultsError(_nothing(declared, stored[0].settled if stored else None, store.url))
        yield Results(study=study, store=store)


def _nothing(declared: StudySpec, latest: StudySpec | None, where: str) -> str:
    if latest is None:
        return f"There are no results of the study {declared.name} in {where} yet. `run_study` makes them."
    changed = ", ".join(search_differences(declared, latest)[:3]) or "its search"
    return (
        f"There are no results of the study {declared.name} as it is declared now; what is stored was run with "
        f"{changed}. `run_study` makes new ones; to read the old ones, restore the declaration."
    )
