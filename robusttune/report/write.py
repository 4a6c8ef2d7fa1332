"""Writes the report of a study: tables, figures, one HTML page."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path

from robusttune.report import columns, paper, tables
from robusttune.report.figures import lucky_figure, seeds_figure
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
    "tuning_vs_post_evaluation.*",
    "seeds.*",
)
"""What `write_report` writes."""


def write_report(ranking: Ranking, folder: Path) -> None:
    """Write tables, the page, what a paper takes and the figures, each file whole or not at all.

    Raises
    ------
    StudyError
        If the folder cannot be written.
    """
    makers = {"seeds": functools.partial(seeds_figure, ranking)}
    if ranking.given is None or ranking.has_tuning:
        makers = {"tuning_vs_post_evaluation": functools.partial(lucky_figure, ranking), **makers}
    figures, shown = drawn(makers)
    page = render(
        "report.html.j2",
        name=ranking.name,
        ranking=ranking,
        table=tables.ranking_table(ranking.rows, note=f"{ranking.caption} Italic: control."),
        pairs=tables.pairs_table(ranking),
        trials=tables.trials_table(ranking.study, ranking.trials),
        columns=[(column.heading, column.meaning) for column in columns.shown_columns(ranking.rows)],
        data_columns=[(column.key, column.meaning) for column in columns.COLUMNS if not column.heading],
        figures=shown,
        source=SOURCE,
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
