"""Writes the report of a study: tables, figures, one HTML page."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path

from robusttune.report import columns, paper, tables
from robusttune.report.figures import PLOTS
from robusttune.report.model import Ranking
from robusttune.report.output import drawn, render, to_csv, write_folder
from robusttune.report.prose.checklist import SOURCE
from robusttune.report.runs import runs_csv

FILES = (
    "ranking.*",
    "pairs.tex",
    "paper.*",
    "runs.csv",
    "report.html",
    *(f"{plot.name}.*" for plot in PLOTS),
)
"""What `write_report` writes."""


def write_report(ranking: Ranking, folder: Path) -> None:
    """Write tables, the page, what a paper takes and the figures, each file whole or not at all.

    Raises
    ------
    StudyError
        If the folder cannot be written.
    """
    plots = [plot for plot in PLOTS if plot.applies(ranking)]
    figures, shown = drawn({plot.name: functools.partial(plot.draw, ranking) for plot in plots})
    page = render(
        "report.html.j2",
        name=ranking.name,
        ranking=ranking,
        table=tables.ranking_table(ranking.rows, note=f"{ranking.caption} Italic: control."),
        pairs=tables.pairs_table(ranking),
        trials=tables.trials_table(ranking.study, ranking.trials),
        columns=[(column.heading, column.meaning) for column in columns.shown_columns(ranking.rows)],
        data_columns=[(column.key, column.meaning) for column in columns.COLUMNS if not column.heading],
        source=SOURCE,
        plots=[(plot.heading, shown[plot.name], plot.caption(ranking)) for plot in plots],
    )
    texts = {
        "ranking.md": to_markdown(ranking),
        "ranking.tex": paper.to_latex(ranking),
        "pairs.tex": paper.pairs_to_latex(ranking),
        "ranking.csv": to_csv(ranking.to_frame()),
        "ranking.json": to_json(ranking),
        "report.html": page,
    }
    texts |= {f"paper.{suffix}": paper.appendix(ranking, suffix) for suffix in ("md", "tex")}
    texts |= {f"{plot.name}.csv": to_csv(plot.data(ranking)) for plot in plots if plot.name in figures}
    if ranking.given is None:
        texts["runs.csv"] = runs_csv(ranking)
    write_folder(folder, texts, figures)


def to_markdown(ranking: Ranking) -> str:
    """Return answer, table and findings as Markdown."""
    return render(
        "ranking.md.j2", ranking=ranking, table=tables.ranking_table(ranking.rows, note=ranking.caption)
    )


def to_json(ranking: Ranking) -> str:
    """Return everything behind the ranking."""
    text = io.StringIO()  # of a large study, `dumps` would hold millions of pieces at once
    json.dump(tables.to_document(ranking), text, indent=2, allow_nan=False)
    return text.getvalue() + "\n"
