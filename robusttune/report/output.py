"""The way of every report to its files: templates, figures, and a folder in which nothing is ever half written."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from robusttune.errors import StudyError, shortened
from robusttune.report import latex
from robusttune.report.prose.words import plain as plain

# Without a date and with a fixed salt, equal results give equal files. Names are text, never formulas.
RC: Any = {"svg.hashsalt": "robusttune", "svg.fonttype": "none", "text.parse_math": False, "savefig.dpi": 200}
_FORMATS: dict[str, dict[str, None] | None] = {
    "png": None,
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
# Braces and percent signs are LaTeX's own, so its templates use other marks.
_LATEX_MARKS = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}


def to_csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV, in which no text is a formula to a spreadsheet."""

    def cell(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return f"'{plain(value)}" if value.startswith(_FORMULA) else plain(value)

    return frame.map(cell).rename(columns=cell).to_csv(index=False)


def render(template: str, **values: Any) -> str:
    """Return a template of the report, filled; what goes into HTML is escaped."""
    marks: dict[str, Any] = _LATEX_MARKS if template.endswith(".tex.j2") else {}
    environment = Environment(
        loader=PackageLoader("robusttune.report"),
        undefined=StrictUndefined,
        autoescape=template.endswith(".html.j2"),
        keep_trailing_newline=True,
        **marks,
    )
    environment.globals["zip"] = zip
    environment.filters |= {
        "md": _markdown,
        "latex": latex.escape,
        "latex_sentence": latex.sentence,
        "code": _code,
        "json": lambda value: json.dumps(value, indent=2),
    }
    return _UNWRITABLE.sub("�", environment.get_template(template).render(**values))


def _markdown(text: str) -> str:
    """Return a text that is neither HTML nor the end of a table's cell; what is between backticks stays as it is."""
    parts = plain(text).replace("|", r"\|").split("`")
    if len(parts) % 2 == 0:  # a backtick of a name
        return r"\`".join(map(_no_html, parts))
    return "`".join(part if i % 2 else _no_html(part) for i, part in enumerate(parts))


def _no_html(text: str) -> str:
    return _ENTITY.sub("&amp;", text).replace("<", "&lt;").replace("](", r"]\(")


def _code(sentence: str) -> Markup:
    """Return a sentence as HTML, what stands between backticks as code."""
    parts = [escape(part) for part in sentence.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts)
    )


def new_figure(width: float, height: float, **options: Any) -> tuple[Figure, Axes]:
    """Return an empty figure, sizes in inches, that needs no display."""
    figure = Figure(figsize=(width, height), **options)
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def drawn(
    figures: Mapping[str, Callable[[], Figure]],
) -> tuple[dict[str, Figure], dict[str, Markup]]:
    """Return the figures, and each as it stands in a page; one that cannot be drawn is a sentence there."""
    found: dict[str, Figure] = {}
    shown: dict[str, Markup] = {}
    for name, make in figures.items():
        try:
            with mpl.rc_context(RC):
                figure = make()
            # Text as outlines: the page looks the same whatever fonts its reader has.
            text = _svg(figure, fonts="path")
        except (
            Exception
        ) as error:  # whatever matplotlib, its fonts and rliable say: no reason to lose a report
            reason = shortened(f"{type(error).__name__}: {error}", 500)
            shown[name] = Markup("This figure cannot be drawn ({}).").format(reason)
        else:
            found[name] = figure
            shown[name] = Markup(text[text.index("<svg") :])  # drawn by matplotlib from our own numbers
    return found, shown


def _svg(figure: Figure, *, fonts: str) -> str:
    buffer = io.StringIO()
    with mpl.rc_context({**RC, "svg.fonttype": fonts}):
        figure.savefig(buffer, format="svg", metadata=_FORMATS["svg"], bbox_inches="tight")
    return _UNWRITABLE.sub("�", buffer.getvalue())


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and move it there if nothing went wrong."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as PNG, PDF and SVG, each whole or not at all."""
    with mpl.rc_context(RC):
        for suffix, metadata in _FORMATS.items():
            with whole_file(folder / f"{name}.{suffix}") as path:
                if suffix == "svg":
                    path.write_text(_svg(figure, fonts="none"), encoding="utf-8")
                else:
                    figure.savefig(path, format=suffix, metadata=metadata, bbox_inches="tight")


def _save_if_possible(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure; one that a format cannot hold leaves no old one behind."""
    try:
        save(figure, folder, name)
    except OSError:
        raise
    except Exception:  # whatever matplotlib says about a font: the tables and the page are there
        for suffix in _FORMATS:
            (folder / f"{name}.{suffix}").unlink(missing_ok=True)


def write_folder(folder: Path, texts: Mapping[str, str], figures: Mapping[str, Figure]) -> None:
    """Write texts by file name and figures by name, each file whole or not at all.

    Raises
    ------
    StudyError
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with whole_file(folder / name) as path:
                path.write_text(text, encoding="utf-8")
        for name, figure in figures.items():
            _save_if_possible(figure, folder, name)
    except OSError as error:
        raise StudyError(
            f"The report cannot be written to {folder}: {error.strerror}. Choose another folder for `out`."
        ) from None
