"""Writes the report of a study: tables, figures, one HTML page."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path

from robusttune.report import paper, tables
from robusttune.report.figures import PLOTS
from robusttune.report.model import Ranking
from robusttune.report.output import render, to_csv, write_folder
from robusttune.report.page import make_page
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
    """Write tables, the page, what a paper takes, the figures and their data, each file whole or not at all.

    Raises
    ------
    StudyError
        If the folder cannot be written.
    """
    # First what needs no drawing: a folder that cannot be written is found soon, and no large text waits for others.
    write_folder(folder, {"ranking.json": to_json(ranking)}, {})
    if ranking.given is None:
        write_folder(folder, {"runs.csv": runs_csv(ranking)}, {})
    page, data = make_page(ranking, functools.partial(write_folder, folder, {}))
    texts = {
        "ranking.md": to_markdown(ranking),
        "ranking.tex": paper.to_latex(ranking),
        "pairs.tex": paper.pairs_to_latex(ranking),
        "ranking.csv": to_csv(ranking.to_frame()),
        "report.html": page,
        **{f"{name}.csv": csv for name, csv in data.items()},
    }
    texts |= {f"paper.{suffix}": paper.appendix(ranking, suffix) for suffix in ("md", "tex")}
    write_folder(folder, texts, {})


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
