"""The way of every report to its files: templates, figures, and a folder in which nothing is ever half written."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from pandas.api.types import is_numeric_dtype

from robusttune.declaration.files import whole_file
from robusttune.errors import StudyError, shortened
from robusttune.report import filters, latex
from robusttune.report.prose.words import plain as plain
from robusttune.report.svg import embedded

# Without a date and with a fixed salt, equal results give equal files. Names are text, never formulas.
RC: Any = {"svg.hashsalt": "robusttune", "svg.fonttype": "none", "text.parse_math": False, "savefig.dpi": 200}
_FORMATS: dict[str, dict[str, None] | None] = {
    "png": None,
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
}
_MARGIN = 0.1  # inches
_FILE_DPI, _PAGE_DPI = 150, 100  # of pictures within a drawing: very many dots
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
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

    shown = frame.copy(deep=False)
    for place, kind in enumerate(frame.dtypes):
        if not is_numeric_dtype(kind):
            shown.isetitem(place, frame.iloc[:, place].map(cell).to_numpy())
    return shown.rename(columns=cell).to_csv(index=False)


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
    environment.globals |= {"zip": zip, "script_hash": _hash(environment, "script.js")}
    environment.filters |= {
        "md": filters.markdown,
        "latex": latex.escape,
        "latex_sentence": latex.sentence,
        "code": filters.code,
        "verdict": filters.verdict,
        "json": lambda value: json.dumps(value, indent=2),
    }
    return _UNWRITABLE.sub("�", environment.get_template(template).render(**values))


def _hash(environment: Environment, name: str) -> str:
    """Return by what a page that allows no other script knows this one."""
    assert environment.loader is not None
    text = environment.loader.get_source(environment, name)[0]
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class Drawing(Figure):
    """A figure that needs no display, sizes in inches, whose marks say something when pointed at in a page.

    Attributes
    ----------
    tips : dict
        id of a group of marks → what each of them says.
    """

    def __init__(self, width: float, height: float, **options: Any) -> None:
        super().__init__(figsize=(width, height), **options)
        FigureCanvasAgg(self)
        self.tips: dict[str, tuple[str, ...]] = {}
        self._frame: Bbox | None = None

    @property
    def frame(self) -> Bbox:
        """What is drawn, in inches. The layout is made once: it takes longer than the drawing."""
        engine = self.get_layout_engine()
        if engine is None and self._frame is None:
            self._frame = Bbox.from_bounds(0, 0, *self.get_size_inches())
        if engine is not None:
            engine.execute(self)
            self.set_layout_engine(None)
            self._frame = self.get_tightbbox().padded(_MARGIN)
        assert self._frame is not None
        return self._frame

    def tell(self, marks: Artist, texts: Iterable[str]) -> None:
        """Let marks that were drawn at once say a text each, or as one group a single text."""
        name = f"tip-{len(self.tips)}"
        marks.set_gid(name)
        self.tips[name] = tuple(map(plain, texts))


def new_figure(width: float, height: float, **options: Any) -> tuple[Drawing, Axes]:
    """Return an empty figure with axes."""
    figure = Drawing(width, height, **options)
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
            tips = figure.tips if isinstance(figure, Drawing) else {}
            key = f"{zlib.crc32(name.encode()):x}"
            svg = _svg(figure, fonts="path", dpi=_PAGE_DPI)
            text = embedded(svg, key=f"s{key}", tips=tips)
        except (
            Exception
        ) as error:  # whatever matplotlib, its fonts and rliable say: no reason to lose a report
            reason = shortened(f"{type(error).__name__}: {error}", 500)
            shown[name] = Markup("This figure cannot be drawn ({}).").format(reason)
        else:
            found[name] = figure
            shown[name] = Markup(text)  # drawn by matplotlib from our own numbers; names are escaped
    return found, shown


def _frame(figure: Figure) -> Any:
    return figure.frame if isinstance(figure, Drawing) else "tight"


def _svg(figure: Figure, *, fonts: str, dpi: int) -> str:
    buffer = io.StringIO()
    with mpl.rc_context({**RC, "svg.fonttype": fonts, "savefig.dpi": dpi}):
        figure.savefig(buffer, format="svg", metadata=_FORMATS["svg"], bbox_inches=_frame(figure))
    return _UNWRITABLE.sub("�", buffer.getvalue())


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as PNG, PDF and SVG, each whole or not at all."""
    with mpl.rc_context(RC):
        for suffix, metadata in _FORMATS.items():
            with whole_file(folder / f"{name}.{suffix}") as path:
                if suffix == "svg":
                    path.write_text(_svg(figure, fonts="none", dpi=_FILE_DPI), encoding="utf-8")
                    continue
                dpi = RC["savefig.dpi"] if suffix == "png" else _FILE_DPI
                figure.savefig(path, format=suffix, dpi=dpi, metadata=metadata, bbox_inches=_frame(figure))
    FigureCanvasAgg(figure)  # in place of one that keeps all pixels


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
