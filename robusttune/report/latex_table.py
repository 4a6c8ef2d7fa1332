"""A table as LaTeX that fits the page of a paper, whatever its names and numbers."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from robusttune.report.latex_column import TEXT, LatexColumn, latex_column
from robusttune.report.latex_width import text_width
from robusttune.report.table import Table

LINE = 345.0
"""Points: \\linewidth of the class article, and of most one-column papers or more."""
_ONE_PAGE = 40  # lines; a longer table goes over several pages
_SIZES = {"footnotesize": 0.85, "scriptsize": 0.80, "tiny": 0.68}  # of Computer Modern, as shares of 10 pt
_GAP = {"footnotesize": 3.0, "scriptsize": 2.5, "tiny": 2.0}  # \tabcolsep, in points
# Points: names that keep so many are broken rather than set smaller.
_ENOUGH = {"footnotesize": 60.0, "scriptsize": 35.0, "tiny": 0.0}
_LEAST, _LONG = 20.0, 120.0
_LIKENESS = 1.015  # a small font is a little wider than the one that widths are measured in, made smaller


@dataclass(frozen=True, slots=True, kw_only=True)
class LatexTable:
    """What the template of a table writes.

    Attributes
    ----------
    caption, label : str
        The caption as a plain sentence.
    columns : str
        The argument of the environment.
    head : str
    rows : tuple of str
        Cells with their separators.
    size : str
        Command of the font size, without its backslash.
    gap : float
        `\\tabcolsep` in points.
    is_long : bool
        Whether it goes over several pages.
    """

    caption: str
    label: str
    columns: str
    head: str
    rows: tuple[str, ...]
    size: str
    gap: float
    is_long: bool


def latex_table(table: Table, *, label: str, caption: str, bold: Collection[str] = ()) -> LatexTable:
    """Return a table as it is written for a paper, no wider than its lines.

    Numbers stand with their decimal marks one above the other, and so do the ends of intervals. Where names are too
    long for one line, they are broken.

    Parameters
    ----------
    table : Table
    label : str
        For `\\ref`.
    caption : str
    bold : collection of str
        Headings of the columns, beside that of the name, that are bold in the rows of the best set.
    """
    columns = [latex_column(table, place, bold) for place in range(len(table.headings))]
    size, widths = _layout(columns)
    both = list(zip(columns, widths, strict=True))
    rows = [
        " & ".join(column.cell(table, place, width=width) for column, width in both)
        for place in range(len(table.rows))
    ]
    n_lines = sum(
        max(_n_lines(column.cells[place], width, size) for column, width in both)
        for place in range(len(rows))
    )
    return LatexTable(
        caption=caption,
        label=label,
        columns="".join(column.spec(width) for column, width in both),
        head=" & ".join(column.head(width) for column, width in both),
        rows=tuple(rows),
        size=size,
        gap=_GAP[size],
        is_long=n_lines > _ONE_PAGE,
    )


def column_widths(table: Table, bold: Collection[str] = ()) -> tuple[float, ...]:
    """Return how many points each column takes at the usual size with the gaps beside it; long names are broken."""
    columns = (latex_column(table, place, bold) for place in range(len(table.headings)))
    widths = ((one.width * _SIZES["footnotesize"], one.kind == TEXT) for one in columns)
    return tuple(
        2 * _GAP["footnotesize"] + (min(width, _LONG) if is_text else width) for width, is_text in widths
    )


def _layout(columns: Sequence[LatexColumn]) -> tuple[str, list[float | None]]:
    """Return the font size, and the width in points of each column of text that has to be broken."""
    texts = sorted(
        (place for place, one in enumerate(columns) if one.kind == TEXT), key=lambda i: columns[i].width
    )
    widths: list[float | None] = [None] * len(columns)
    for size, scale in _SIZES.items():
        others = _LIKENESS * sum(one.width * scale for one in columns if one.kind != TEXT)
        room = LINE - 2 * _GAP[size] * len(columns) - others
        if sum(columns[place].width * scale for place in texts) <= room:
            return size, widths
        if room >= _ENOUGH[size] * len(texts):
            break
    for n_left, place in zip(range(len(texts), 0, -1), texts, strict=True):
        share, wanted = max(room / n_left, _LEAST), columns[place].width * scale
        widths[place] = None if wanted <= share else math.floor(share)
        room -= min(wanted, share)  # what a narrow one leaves is for the others
    return size, widths


def _n_lines(cell: str, width: float | None, size: str) -> int:
    return 1 if width is None else max(1, math.ceil(1.2 * text_width(cell) * _SIZES[size] / width))
