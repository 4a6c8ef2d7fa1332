"""Writes the report across the studies of a matrix."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from robusttune.errors import StudyError
from robusttune.report.figures import save
from robusttune.report.files import write_text
from robusttune.report.matrix import data, prose
from robusttune.report.matrix.figures import figures
from robusttune.report.matrix.result import MatrixReport
from robusttune.report.matrix.tables import tables
from robusttune.report.write import to_svg

CAPTIONS = {
    "metrics": "Bars: intervals; lines: estimates.",
    "profiles": "The share of runs that score above each threshold, averaged over tasks; the higher curve is better. "
    "Bands are pointwise.",
    "improvement": "The method with the highest IQM against each other one; at 0.5 both win equally often.",
}


def write_matrix_report(report: MatrixReport, folder: Path) -> None:
    """Write `matrix.{md,csv,json}`, `rankings.csv`, `scores.csv`, `report.html` and figures, each whole or not at all.

    Raises
    ------
    StudyError
        If the folder cannot be written.
    """
    drawn = {} if report.across is None else figures(report.across.analysis)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "matrix.md", _render("matrix.md.j2", report))
        write_text(folder / "matrix.json", data.to_json(report))
        write_text(folder / "scores.csv", data.scores_frame(report).to_csv(index=False))
        if report.across is not None:
            write_text(folder / "matrix.csv", data.aggregates_frame(report.across).to_csv(index=False))
        if report.rankings:
            write_text(folder / "rankings.csv", data.rankings_frame(report).to_csv(index=False))
        write_text(folder / "report.html", _render("matrix.html.j2", report, drawn))
        for name, figure in drawn.items():
            save(figure, folder, name)
    except OSError as error:
        raise StudyError(
            f"The report cannot be written to {folder}: {error.strerror}. Choose another folder with --out."
        ) from None


def _render(template: str, report: MatrixReport, drawn: dict[str, Figure] | None = None) -> str:
    environment = Environment(
        loader=PackageLoader("robusttune.report"),
        undefined=StrictUndefined,
        autoescape=template.endswith(".html.j2"),
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(
        name=report.matrix.name,
        answers=prose.answers(report),
        findings=prose.findings(report),
        methods=prose.methods(report),
        tables=tables(report),
        figures=[(to_svg(figure), CAPTIONS[name]) for name, figure in (drawn or {}).items()],
        studies=[one.study.name for one in report.studies],
    )
