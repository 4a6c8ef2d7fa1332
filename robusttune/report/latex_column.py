"""One column of a table in LaTeX: what kind it is, how wide, and what stands in each of its cells."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from robusttune.report.latex import escape
from robusttune.report.latex_width import text_width
from robusttune.report.prose.words import NOT_AVAILABLE
from robusttune.report.table import CONTROL, UNDECIDED, Table

TEXT, PLAIN, NUMBER, INTERVAL = "text", "plain", "number", "interval"
_DIGIT, _SIGN, _MARK, _BOLD = 5.0, 7.8, 2.8, 1.15  # points at 10 pt; how much wider bold type is
_WIDEST = 10.0  # points: a bold W at the usual size
_MOST_WORDS = 6  # of a heading that is put in several lines
_NUMBER = re.compile(r"[+−-]?\d[\d,]*(\.\d+)?")
_POWER = re.compile(r"([+−-]?\d+(?:\.\d+)?)e([+−-]?)0*(\d+)")
_INTERVAL = re.compile(r"([\[(])([^,\s]+), ([^,\s]+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LatexColumn:
    """One column.

    Attributes
    ----------
    heading : str
    cells : tuple of str
        As they are read.
    kind : {"text", "plain", "number", "interval"}
        Words on the left; words in the middle; numbers above each other by their decimal marks; two such columns.
    width : float
        Points that it needs at 10 pt.
    formats : tuple of str
        siunitx's table-format of a column of numbers, or of both ends of intervals.
    is_bold : bool
        Whether its cells are bold in the rows of the best set.
    """

    heading: str
    cells: tuple[str, ...]
    kind: str
    width: float
    formats: tuple[str, ...] = ()
    is_bold: bool = False

    def head(self, width: float | None) -> str:
        """Return the heading; `width` in points, where lines are broken."""
        if width is not None:
            return escape(self.heading, longest=_longest(width))
        lines = [escape(line) for line in _lines(self.heading, self.width)]
        text = lines[0] if len(lines) == 1 else r"\shortstack{" + r" \\ ".join(lines) + "}"
        return rf"\multicolumn{{2}}{{c}}{{{text}}}" if self.kind == INTERVAL else f"{{{text}}}"

    def spec(self, width: float | None) -> str:
        """Return what the environment is told of it."""
        options = ", text-series-to-math" if self.is_bold else ""
        options += ", retain-explicit-plus" if any(cell.startswith("+") for cell in self.cells) else ""
        match self.kind:
            case "number":
                return f"S[table-format={self.formats[0]}{options}]"
            case "interval":
                options += ", table-align-text-before=false, table-align-text-after=false"
                low, high = self.formats
                return f"S[table-format={{[}}{low}{{,}}{options}]@{{\\,}}S[table-format={high}{{]}}{options}]"
            case "plain":
                return "c"
        return "l" if width is None else rf">{{\raggedright\arraybackslash}}p{{{width:.0f}pt}}"

    def cell(self, table: Table, place: int, *, width: float | None) -> str:
        """Return the cell of a row, by its place in the table."""
        text = self.cells[place]
        is_bold = self.is_bold and table.is_best(place)
        if text == NOT_AVAILABLE:
            return r"\multicolumn{2}{c}{--}" if self.kind == INTERVAL else "{--}"
        if self.kind == NUMBER:
            number = _number(text) if _NUMBER.fullmatch(text) else f"{{{_with_powers(text)}}}"
            return (r"\bfseries " if is_bold else "") + number
        if self.kind == INTERVAL:
            return _interval(text)
        if self.kind == PLAIN:
            return _with_powers(text)
        written = escape(text, longest=None if width is None else _longest(width))
        if self.heading != table.name or not table.marks:
            return written
        written = rf"\textit{{{written}}}" if CONTROL in table.marks[place] else written
        dagger = r"$^{\dagger}$" if UNDECIDED in table.marks[place] else ""
        return (rf"\textbf{{{written}}}" if is_bold else written) + dagger


def latex_column(table: Table, place: int, bold: Collection[str] = ()) -> LatexColumn:
    """Return a column of a table; `bold` are the headings that are bold in the best set, beside the name's."""
    heading, cells = table.headings[place], tuple(row[place] for row in table.rows)
    is_bold = bool(table.marks) and (heading == table.name or heading in bold)
    kind, formats = (
        (TEXT, ()) if heading in table.text else _kind([one for one in cells if one != NOT_AVAILABLE])
    )
    width = max(map(_cell_width, cells), default=0.0)
    if formats:
        width = max(width, sum(map(_format_width, formats)) + (4 * _MARK if kind == INTERVAL else 0))
    width = max(width * (_BOLD if is_bold else 1.0), max(map(text_width, _lines(heading, width))))
    return LatexColumn(heading=heading, cells=cells, kind=kind, width=width, formats=formats, is_bold=is_bold)


def _kind(cells: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return what the cells of a column that is no text are, and their formats."""
    plain = [cell for cell in cells if _NUMBER.fullmatch(cell)]
    if plain and all(_NUMBER.fullmatch(cell) or _POWER.fullmatch(cell) for cell in cells):
        return NUMBER, (_format(plain),)
    pairs = [_INTERVAL.fullmatch(cell) for cell in cells]
    ends = [(pair[2], pair[3]) for pair in pairs if pair and all(map(_NUMBER.fullmatch, pair.groups()[1:]))]
    if ends and all(pairs):
        lows, highs = zip(*ends, strict=True)
        return INTERVAL, (_format(lows), _format(highs))
    return PLAIN, ()


def _format(numbers: Sequence[str]) -> str:
    whole, decimals, sign = 1, 0, ""
    for one in numbers:
        digits, _, rest = one.lstrip("+−-").replace(",", "").partition(".")
        whole, decimals = max(whole, len(digits)), max(decimals, len(rest))
        sign = "-" if one[0] in "+−-" else sign
    return f"{sign}{whole}.{decimals}"


def _format_width(form: str) -> float:
    whole, decimals = map(int, form.lstrip("-").split("."))
    gaps = _MARK * (whole // 4 + bool(decimals))
    return _DIGIT * (whole + decimals) + gaps + (_SIGN if form[0] == "-" else 0.0)


def _cell_width(text: str) -> float:
    powers = _POWER.findall(text)
    return text_width(_POWER.sub(r"\1×10\3", text)) + len(powers) * (_SIGN + _MARK)


def _longest(width: float) -> int:
    """Return how many characters fit into a line for certain."""
    return max(1, int(width / _WIDEST))


def _lines(heading: str, width: float) -> list[str]:
    """Return a heading, in several lines if it is wider than its column."""
    words = heading.split()
    if len(words) > _MOST_WORDS:
        return [heading]
    best = [heading]
    for n_lines in range(1, len(words) + 1):
        ways = [
            [" ".join(words[a:b]) for a, b in itertools.pairwise((0, *cuts, len(words)))]
            for cuts in itertools.combinations(range(1, len(words)), n_lines - 1)
        ]
        best = min(ways, key=lambda lines: max(map(text_width, lines)))
        if max(map(text_width, best)) <= width:
            break
    return best


def _number(text: str) -> str:
    return text.replace("−", "-").replace(",", "")


def _interval(text: str) -> str:
    pair = _INTERVAL.fullmatch(text)
    if pair is None or not all(map(_NUMBER.fullmatch, pair.groups()[1:])):
        return rf"\multicolumn{{2}}{{c}}{{{_with_powers(text)}}}"
    bracket, low, high = pair.groups()
    return f"{{{bracket}}}{_number(low)}{{,}} & {_number(high)}{{]}}"


def _with_powers(text: str) -> str:
    """Return a cell whose numbers may have a power of ten."""
    found, end = [], 0
    for match in _POWER.finditer(text):
        sign = "-" if match[2] in ("−", "-") else ""
        power = rf"${_number(match[1])} \times 10^{{{sign}{match[3]}}}$"
        found += [
            escape(text[end : match.start()]),
            " " if text[: match.start()].endswith(" ") else "",
            power,
        ]
        end = match.end()
    return "".join(found) + escape(text[end:])
