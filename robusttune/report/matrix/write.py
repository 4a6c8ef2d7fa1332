"""Writes the report across the studies of a matrix."""

from __future__ import annotations

import functools
from pathlib import Path

from robusttune.report.embedded import embed_all
from robusttune.report.matrix import data, prose
from robusttune.report.matrix.checklist import SOURCE, checklist
from robusttune.report.matrix.figures import figures
from robusttune.report.matrix.latex import to_latex
from robusttune.report.matrix.result import MatrixReport
from robusttune.report.matrix.tables import tables
from robusttune.report.output import render, to_csv, write_folder

CAPTIONS = {
    "metrics": "Bars: intervals; lines: estimates.",
    "profiles": "The share of runs that score above each threshold, averaged over tasks; the higher curve is better. "
    "Bands are pointwise.",
    "improvement": "The method with the highest IQM against every other one; at 0.5 both win equally often.",
}
DATA = {
    "metrics": data.aggregates_frame,
    "profiles": data.profiles_frame,
    "improvement": data.improvements_frame,
}


def write_matrix_report(report: MatrixReport, folder: Path) -> None:
    """Write tables, the page, what a paper takes and the figures, each file whole or not at all.

    Raises
    ------
    StudyError
        If the folder cannot be written.
    """
    makers = {} if report.across is None else figures(report.across.analysis)
    csv = {} if report.across is None else {name: to_csv(make(report.across)) for name, make in DATA.items()}
    keep = functools.partial(write_folder, folder, {})
    shown = embed_all(makers, captions=CAPTIONS, csv=csv, keep=keep)
    values = {
        "name": report.name,
        "given": report.given,
        "answers": report.answer,
        "findings": prose.findings(report),
        "methods": prose.methods(report),
        "tables": tables(report),
        "studies": [one.study.name for one in report.studies],
        "figures": list(shown.values()),
        "checklist": checklist(report),
        "source": SOURCE,
    }
    texts = {
        "matrix.md": render("matrix.md.j2", **values),
        "matrix.tex": to_latex(report),
        "matrix.json": data.to_json(report),
        "scores.csv": to_csv(data.scores_frame(report)),
        "report.html": render("matrix.html.j2", **values),
    }
    if values["checklist"]:
        appendix = {**values, "tables": [], "paragraph": " ".join(prose.methods(report))}
        texts |= {f"paper.{suffix}": render(f"paper.{suffix}.j2", **appendix) for suffix in ("md", "tex")}
    if report.across is not None:
        texts |= {f"{'matrix' if name == 'metrics' else name}.csv": csv[name] for name in shown}
    if report.rankings:
        texts["rankings.csv"] = to_csv(data.rankings_frame(report))
    write_folder(folder, texts, {})
