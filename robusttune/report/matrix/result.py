"""The report across the studies of a matrix, ready to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robusttune.declaration.matrix import Matrix
from robusttune.errors import StudyError
from robusttune.report.given import Given
from robusttune.report.matrix import data, prose
from robusttune.report.matrix.across import AcrossTasks, across_tasks
from robusttune.report.matrix.ranking import TaskRanking, rank_task
from robusttune.report.matrix.scores import StudyScores
from robusttune.seeds import generator

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixReport:
    """All that tables, figures and the page show.

    Attributes
    ----------
    matrix : Matrix
    studies : tuple of StudyScores
    across : AcrossTasks or None
        None with a single task.
    why_not_across : str or None
        Why there is no comparison over several tasks.
    rankings : tuple of TaskRanking
        One for each task that several studies are on.
    given : Given, optional
        Where the scores come from, if no study has made them; then each task is one of `studies`.
    """

    matrix: Matrix
    studies: tuple[StudyScores, ...]
    across: AcrossTasks | None
    why_not_across: str | None
    rankings: tuple[TaskRanking, ...]
    given: Given | None = None

    @property
    def answer(self) -> tuple[str, ...]:
        """The answer over tasks, if there is one, and the answer on each task."""
        return prose.answers(self)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per method and metric over tasks, with full precision; empty without such a comparison."""
        return data.aggregates_frame(self.across)

    @property
    def name(self) -> str:
        """Heading of the report."""
        return self.matrix.name if self.given is None else self.given.name


def make_matrix_report(
    matrix: Matrix, studies: Sequence[StudyScores], *, given: Given | None = None
) -> MatrixReport:
    """Return the comparison over tasks, where there are several, and the ranking of each task with several studies.

    Raises
    ------
    StudyError
        If tasks cannot be compared (see `across_tasks`) and there is nothing else to report.
    """
    root, level = studies[0].study.root_seed, studies[0].study.post_evaluation.confidence_level
    by_task = {task: [one for one in studies if one.task == task] for task in matrix.tasks}
    rankings = tuple(
        rank_task(on_task, rng=generator(root, f"matrix ranking {task}"))
        for task, on_task in by_task.items()
        if len(on_task) > 1 or (given is not None and len(on_task[0].configurations) > 1)
    )
    across, why_not = None, None
    if len(by_task) > 1:
        try:
            across = across_tasks(
                studies,
                matrix.report,
                level=level,
                rng=generator(root, "matrix"),
                is_given=given is not None,
            )
        except StudyError as error:
            if not rankings:
                raise
            why_not = str(error)
    return MatrixReport(
        matrix=matrix,
        studies=tuple(studies),
        across=across,
        why_not_across=why_not,
        rankings=rankings,
        given=given,
    )
