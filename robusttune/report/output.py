"""The way of every report to its files: templates, figures, and a folder in which nothing is ever half written."""

from __future__ import annotations

import contextlib
import io
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from robusttune.errors import StudyError

# Without a date and with a fixed salt, equal results give equal files. Names are text, never formulas.
RC: Any = {"svg.hashsalt": "robusttune", "svg.fonttype": "none", "text.parse_math": False, "savefig.dpi": 200}
_FORMATS: dict[str, dict[str, None] | None] = {
    "png": None,
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
}
_LATEX_ESCAPES = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "≤": r"$\leq$",
}
# Braces and percent signs are LaTeX's own, so its template uses other marks.
_LATEX_MARKS = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}


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
        "md": lambda text: text.replace("|", r"\|"),
        "latex": lambda text: "".join(_LATEX_ESCAPES.get(character, character) for character in text),
        "code": _code,
        "json": lambda value: json.dumps(value, indent=2),
    }
    return environment.get_template(template).render(**values)


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


def to_svg(figure: Figure) -> Markup:
    """Return a figure as it stands in a page."""
    buffer = io.StringIO()
    # Text as outlines: the page looks the same whatever fonts its reader has.
    with mpl.rc_context({**RC, "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata=_FORMATS["svg"], bbox_inches="tight")
    text = buffer.getvalue()
    return Markup(text[text.index("<svg") :])  # drawn by matplotlib from our own numbers


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
                figure.savefig(path, format=suffix, metadata=metadata, bbox_inches="tight")


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
            save(figure, folder, name)
    except OSError as error:
        raise StudyError(
            f"The report cannot be written to {folder}: {error.strerror}. Choose another folder for `out`."
        ) from None
