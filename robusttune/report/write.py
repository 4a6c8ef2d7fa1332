"""Writes the report of a study: tables, figures, one HTML page."""

from __future__ import annotations

import io
import json
import os
import tempfile
from pathlib import Path

import matplotlib as mpl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from robusttune.errors import StudyError
from robusttune.report import columns, tables
from robusttune.report.figures import lucky_figure, save, seeds_figure
from robusttune.report.model import Ranking


def write_report(ranking: Ranking, folder: Path) -> None:
    """Write `ranking.{md,csv,tex,json}`, `report.html` and the figures, each whole or not at all.

    Raises
    ------
    StudyError
        If the folder cannot be written.
    """
    lucky, seeds = lucky_figure(ranking), seeds_figure(ranking)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "ranking.md", tables.to_markdown(ranking))
        _write(folder / "ranking.tex", tables.to_latex(ranking))
        _write(folder / "ranking.csv", tables.to_frame(ranking).to_csv(index=False))
        _write(folder / "ranking.json", tables.to_json(ranking))
        _write(folder / "report.html", to_html(ranking, lucky, seeds))
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
    return environment.get_template("report.html.j2").render(
        ranking=ranking,
        columns=columns.COLUMNS,
        number=columns.number,
        interval=columns.interval,
        lucky_svg=_svg(lucky),
        seeds_svg=_svg(seeds),
        study_json=json.dumps(ranking.study.to_dict(), indent=2),
        provenance_json=json.dumps(list(ranking.provenances), indent=2),
    )


def _svg(figure: Figure) -> Markup:
    buffer = io.StringIO()
    # Text as outlines: the page looks the same whatever fonts its reader has.
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "robusttune"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches="tight")
    text = buffer.getvalue()
    return Markup(text[text.index("<svg") :])  # drawn by matplotlib from our own numbers


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader never sees half a table."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
