"""The report across the studies of a matrix."""

from __future__ import annotations

from pathlib import Path

from robusttune.declaration.matrix import Matrix
from robusttune.errors import SpecError
from robusttune.pipeline import rank_study
from robusttune.pipeline.location import DEFAULT_OUT
from robusttune.report.matrix.result import MatrixReport, make_matrix_report
from robusttune.report.matrix.scores import scores_of


def report_matrix(
    matrix: Matrix, *, out: str | Path = DEFAULT_OUT, storage: str | None = None
) -> MatrixReport:
    """Rank every stored study of a matrix, and write the report across them to `<out>/<matrix.name>/`.

    Several tasks are compared by aggregates over them, several studies on one task by one ranking of all their
    candidates. Trains nothing.

    Parameters
    ----------
    matrix : Matrix
        As `load_matrix` returns it, with two studies or more.
    out, storage
        See `run_study`.

    Raises
    ------
    SpecError
        If the matrix is one study.
    StudyError
        If a study has no results yet, a method has one seed on a task, or the controls cannot tell what counts as 0
        and as 1 there.
    """
    from robusttune.report.matrix.write import write_matrix_report

    if len(matrix.studies) < 2:
        raise SpecError(
            f"{matrix.name} is a single study: it has a report of its own and none across studies."
        )
    studies = [scores_of(one, rank_study(one.study, out=out, storage=storage)) for one in matrix.studies]
    report = make_matrix_report(matrix, studies)
    write_matrix_report(report, Path(out) / matrix.name)
    return report
