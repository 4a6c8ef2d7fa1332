"""Writes the report of a study: tables, figures, one HTML page."""

from __future__ import annotations

import io
import json
from pathlib import Path

import matplotlib as mpl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from robusttune.errors import StudyError
from robusttune.report import columns, tables
from robusttune.report.figures import lucky_figure, save, seeds_figure
from robusttune.report.files import write_text
from robusttune.report.model import Ranking
from robusttune.report.prose import words


def write_report(ranking: Ranking, folder: Path) -> None:
    """Write `ranking.{md,csv,tex,json}`, `report.html` and the figures, each whole or not at all.

    Raises
    ------
    StudyError
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "ranking.md", tables.to_markdown(ranking))
        write_text(folder / "ranking.tex", tables.to_latex(ranking))
        write_text(folder / "ranking.csv", ranking.to_frame().to_csv(index=False))
        write_text(folder / "ranking.json", tables.to_json(ranking))
        lucky, seeds = lucky_figure(ranking), seeds_figure(ranking)
        write_text(folder / "report.html", to_html(ranking, lucky, seeds))
        save(lucky, folder, "tuning_vs_post_evaluation")
        save(seeds, folder, "seeds")
    except OSError as error:
        raise StudyError(
            f"The report cannot be written to {folder}: {error.strerror}. Choose another folder with --out."
        ) from None


def to_html(ranking: Ranking, lucky: Figure, seeds: Figure) -> str:
    """Return one page with everything in it: no script, no file beside it."""
    environment = Environment(
        loader=PackageLoader("robusttune.report"), undefined=StrictUndefined, autoescape=True
    )
    environment.filters["code"] = _code
    return environment.get_template("report.html.j2").render(
        ranking=ranking,
        columns=columns.shown_columns(ranking.rows),
        data_columns=[column for column in columns.COLUMNS if not column.heading],
        snippet=lambda row: ranking.study.training.snippet(row.candidate.hyperparameters),
        number=words.number,
        interval=words.interval,
        share=words.share,
        lucky_svg=to_svg(lucky),
        seeds_svg=to_svg(seeds),
        study_json=json.dumps(ranking.study.to_dict(), indent=2),
        provenance_json=json.dumps(list(ranking.provenances), indent=2),
    )


def _code(sentence: str) -> Markup:
    """Return a sentence as HTML, what stands between backticks as code."""
    parts = [escape(part) for part in sentence.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts)
    )


def to_svg(figure: Figure) -> Markup:
    """Return a figure as it stands in a page."""
    buffer = io.StringIO()
    # Text as outlines: the page looks the same whatever fonts its reader has.
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "robusttune"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches="tight")
    text = buffer.getvalue()
    return Markup(text[text.index("<svg") :])  # drawn by matplotlib from our own numbers
