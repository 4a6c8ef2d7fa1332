"""A table as LaTeX: which columns it has, how wide they are, and what stands in each cell."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from robusttune.report.latex import escape
from robusttune.report.latex_width import text_width
from robusttune.report.prose.words import NOT_AVAILABLE
from robusttune.report.table import CONTROL, UNDECIDED, Table

LINE = 345.0
"""Points: \\linewidth of the class article, and of most one-column papers or more."""
ONE_PAGE = 40
"""Rows; a longer table goes over several pages."""

# Point sizes of Computer Modern's digits, by size, as shares of those at 10 pt.
_SIZES = {"footnotesize": 0.85, "scriptsize": 0.80}
_GAP = {"footnotesize": 3.0, "scriptsize": 2.5}  # \tabcolsep, in points
_DIGIT, _SIGN, _MARK, _BOLD = 5.0, 7.8, 2.8, 1.15
_WIDEST = 7.0  # a character on average, in a name of wide ones
_NUMBER = re.compile(r"[+−-]?\d[\d,]*(\.\d+)?")
_POWER = re.compile(r"([+−-]?\d+(?:\.\d+)?)e([+−-]?)0*(\d+)")
_INTERVAL = re.compile(r"([\[(])([^,\s]+), ([^,\s]+)\]")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One column: cells as they are read, what they are, and how much room they need at 10 pt."""

    heading: str
    cells: tuple[str, ...]
    kind: str
    width: float
    formats: tuple[str, ...] = ()
    is_bold: bool = False

    @property
    def n_columns(self) -> int:
        """How many columns of LaTeX it takes."""
        return 2 if self.kind == "interval" else 1


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
    columns = [_column(table, place, bold) for place in range(len(table.headings))]
    size, texts = _layout(columns)
    specs = [_spec(column, texts.get(column.heading)) for column in columns]
    rows = [
        " & ".join(_cell(column, table, place, width=texts.get(column.heading)) for column in columns)
        for place in range(len(table.rows))
    ]
    return LatexTable(
        caption=caption,
        label=label,
        columns="".join(specs),
        head=" & ".join(map(_heading, columns)),
        rows=tuple(rows),
        size=size,
        gap=_GAP[size],
        is_long=len(rows) > ONE_PAGE,
    )


def column_widths(table: Table, bold: Collection[str] = ()) -> tuple[float, ...]:
    """Return how many points each column takes at the usual size, the gaps beside it included, if no cell is broken."""
    columns = (_column(table, place, bold) for place in range(len(table.headings)))
    return tuple(2 * _GAP["footnotesize"] + one.width * _SIZES["footnotesize"] for one in columns)


def _column(table: Table, place: int, bold: Collection[str]) -> _Column:
    heading, cells = table.headings[place], tuple(row[place] for row in table.rows)
    is_bold = bool(table.marks) and (heading == table.name or heading in bold)
    known = [cell for cell in cells if cell != NOT_AVAILABLE]
    pairs = [_INTERVAL.fullmatch(cell) for cell in known]
    kind = "text" if heading in table.text else "plain"
    formats: tuple[str, ...] = ()
    width = max(map(text_width, cells), default=0.0)
    plain = [cell for cell in known if _NUMBER.fullmatch(cell)]
    if heading not in table.text:
        if plain and all(_NUMBER.fullmatch(cell) or _POWER.fullmatch(cell) for cell in known):
            kind, formats = "number", (_format(plain),)
        ends = [
            [pair[2], pair[3]] for pair in pairs if pair and all(map(_NUMBER.fullmatch, pair.groups()[1:]))
        ]
        if ends and all(pairs):
            kind, formats = "interval", tuple(_format(one) for one in zip(*ends, strict=True))
    if formats:
        width = max(width, sum(map(_format_width, formats)) + (4 * _MARK if kind == "interval" else 0))
    width = max(width * (_BOLD if is_bold else 1.0), max(map(text_width, _lines(heading, width))))
    return _Column(heading=heading, cells=cells, kind=kind, width=width, formats=formats, is_bold=is_bold)


def _format(numbers: Sequence[str]) -> str:
    """Return siunitx's table-format of some numbers."""
    whole, decimals, sign = 1, 0, ""
    for one in numbers:
        digits, _, rest = one.lstrip("+−-").replace(",", "").partition(".")
        whole, decimals = max(whole, len(digits)), max(decimals, len(rest))
        sign = "-" if one[0] in "+−-" else sign
    return f"{sign}{whole}.{decimals}"


def _format_width(form: str) -> float:
    whole, decimals = map(int, form.lstrip("-").split("."))
    groups = _MARK * (whole // 3)
    return (
        _DIGIT * (whole + decimals) + groups + (_MARK if decimals else 0) + (_SIGN if form[0] == "-" else 0)
    )


def _layout(columns: Sequence[_Column]) -> tuple[str, dict[str, float | None]]:
    """Return the font size, and heading → width in points of each column of text; None where it needs no breaks."""
    for size in _SIZES:
        room = LINE - _fixed(columns, size)
        wanted = _text_widths(columns, size)
        if sum(wanted.values()) <= room:
            return size, dict.fromkeys(wanted)
        if room >= 60.0 * len(wanted):
            break
    # Those that need less than their share leave the rest to the others.
    widths: dict[str, float | None] = {}
    for n_left, (heading, width) in zip(
        range(len(wanted), 0, -1), sorted(wanted.items(), key=lambda item: item[1]), strict=True
    ):
        share = max(room / n_left, 20.0)
        widths[heading] = None if width <= share else share
        room -= min(width, share)
    return size, widths


def _fixed(columns: Sequence[_Column], size: str) -> float:
    gaps = 2 * _GAP[size] * len(columns)
    return gaps + sum(one.width * _SIZES[size] for one in columns if one.kind != "text")


def _text_widths(columns: Sequence[_Column], size: str) -> dict[str, float]:
    return {one.heading: one.width * _SIZES[size] for one in columns if one.kind == "text"}


def _lines(heading: str, width: float) -> list[str]:
    """Return a heading, in several lines if it is wider than its column."""
    words = heading.split()
    for n_lines in range(1, len(words) + 1):
        ways = [
            [" ".join(words[a:b]) for a, b in itertools.pairwise((0, *cuts, len(words)))]
            for cuts in itertools.combinations(range(1, len(words)), n_lines - 1)
        ]
        best = min(ways, key=lambda lines: max(map(text_width, lines)))
        if n_lines == len(words) or max(map(text_width, best)) <= width:
            return best
    return [heading]


def _heading(column: _Column) -> str:
    lines = [escape(line) for line in _lines(column.heading, column.width)]
    text = lines[0] if len(lines) == 1 else r"\shortstack{" + r" \\ ".join(lines) + "}"
    return rf"\multicolumn{{2}}{{c}}{{{text}}}" if column.kind == "interval" else f"{{{text}}}"


def _spec(column: _Column, width: float | None) -> str:
    series = ", text-series-to-math" if column.is_bold else ""
    series += ", retain-explicit-plus" if any(cell.startswith("+") for cell in column.cells) else ""
    match column.kind:
        case "number":
            return f"S[table-format={column.formats[0]}{series}]"
        case "interval":
            ends = "table-align-text-before=false, table-align-text-after=false"
            low, high = column.formats
            return f"S[table-format={{[}}{low}{{,}}, {ends}{series}]@{{\\,}}S[table-format={high}{{]}}, {ends}{series}]"
        case "plain":
            return "c"
    return "l" if width is None else rf">{{\raggedright\arraybackslash}}p{{{width:.0f}pt}}"


def _cell(column: _Column, table: Table, place: int, *, width: float | None) -> str:
    text = column.cells[place]
    is_bold = column.is_bold and table.is_best(place)
    if text == NOT_AVAILABLE:
        return r"\multicolumn{2}{c}{--}" if column.kind == "interval" else "{--}"
    if column.kind == "number" and _NUMBER.fullmatch(text):
        return (r"\bfseries " if is_bold else "") + _number(text)
    pair = _INTERVAL.fullmatch(text)
    if column.kind == "interval" and pair:
        low, high = pair[2], pair[3]
        if _NUMBER.fullmatch(low) and _NUMBER.fullmatch(high):
            opened = "{[}" if pair[1] == "[" else "{(}"
            return f"{opened}{_number(low)}{{,}} & {_number(high)}{{]}}"
    written = _words(text, longest=None if width is None else max(1, int(width / _WIDEST)))
    if column.kind == "interval":
        return rf"\multicolumn{{2}}{{c}}{{{written}}}"
    if column.heading == table.name and table.marks:
        written = rf"\textit{{{written}}}" if CONTROL in table.marks[place] else written
        dagger = r"$^{\dagger}$" if UNDECIDED in table.marks[place] else ""
        return (rf"\textbf{{{written}}}" if is_bold else written) + dagger
    return f"{{{written}}}" if column.kind == "number" else written


def _number(text: str) -> str:
    return text.replace("−", "-").replace(",", "")


def _words(text: str, *, longest: int | None) -> str:
    """Return a cell of words; numbers with a power of ten in it are written as such."""
    found, end = [], 0
    for match in _POWER.finditer(text):
        found.append(escape(text[end : match.start()]))
        sign = "-" if match[2] in ("−", "-") else ""
        found.append(rf"${_number(match[1])} \times 10^{{{sign}{match[3]}}}$")
        end = match.end()
    return "".join(found) + escape(text[end:], longest=longest)
