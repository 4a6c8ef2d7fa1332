"""The tables of the report across studies as LaTeX."""

from __future__ import annotations

from robusttune.report.latex_table import LatexTable, latex_table
from robusttune.report.matrix import captions
from robusttune.report.matrix.result import MatrixReport
from robusttune.report.matrix.tables import over_tasks
from robusttune.report.output import render
from robusttune.report.paper import label, latex_ranking


def to_latex(report: MatrixReport) -> str:
    """Return aggregates, pairs, every task and the rankings as LaTeX, each no wider than the page of a paper."""
    tables = [
        latex_table(
            one, label=label(report.name, one.title), caption=f"{report.name}: {one.title}. {one.note}"
        )
        for one in over_tasks(report)
    ]
    return render("tables.tex.j2", tables=[*tables, *_rankings(report)])


def _rankings(report: MatrixReport) -> list[LatexTable]:
    return [
        latex_ranking(
            one.rows,
            one.analysis,
            label=label(report.name, f"{one.task}-ranking"),
            caption=captions.ranking_caption(report, one),
        )
        for one in report.rankings
        if one.analysis is not None
    ]
