"""Who is better than whom: a matrix of every two configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from robusttune.report.figures.plot import Plot
from robusttune.report.figures.style import NARROW, SMALL, WIDE, short, styled, unlabelled, weight
from robusttune.report.model import Ranking, Row
from robusttune.report.output import Drawing, new_figure
from robusttune.report.prose import figures as prose
from robusttune.report.prose import marks
from robusttune.stats.analysis.result import PairAnalysis
from robusttune.stats.comparisons.comparison import BETTER, EQUAL, UNDECIDED

if TYPE_CHECKING:
    import pandas as pd

_WORSE = "worse"
_LOOKS = {
    BETTER: ("#BFDDF0", None),
    _WORSE: ("#F7D9B8", None),
    EQUAL: ("#B9E4D5", None),
    UNDECIDED: ("white", None),
}


class _Cell(NamedTuple):
    """A row of the matrix against a column."""

    verdict: str
    difference: float
    low: float
    high: float
    p_beats: float | None


def _cell(ranking: Ranking, row: Row, other: Row) -> _Cell:
    pairs = ranking.analysis.pairs
    pair = pairs.get((row.name, other.name))
    return _as_seen(pair) if pair is not None else _turned(_as_seen(pairs[other.name, row.name]))


def _as_seen(pair: PairAnalysis) -> _Cell:
    found, beats = pair.comparison, pair.improvement
    return _Cell(
        found.verdict, found.difference, found.low, found.high, None if beats is None else beats.estimate
    )


def _turned(cell: _Cell) -> _Cell:
    verdict = _WORSE if cell.verdict == BETTER else cell.verdict
    p_beats = None if cell.p_beats is None else 1 - cell.p_beats
    return _Cell(verdict, -cell.difference, -cell.high, -cell.low, p_beats)


def draw(ranking: Ranking, *, narrow: bool = False) -> Figure:
    """Return a matrix, best first: each cell says what is shown of its row against its column."""
    rows = ranking.rows[: prose.MOST_PAIRS_NARROW if narrow else prose.MOST_PAIRS]
    n = len(rows)
    with styled(), mpl.rc_context({"axes.titley": None}):  # the title is above the ranks
        side = 0.42 if narrow else min(0.55, 6.2 / n)
        figure, axes = new_figure(NARROW if narrow else WIDE, 0.9 + side * n, layout="constrained")
        for y, row in enumerate(rows):
            for x, other in enumerate(rows):
                if x != y:
                    _draw(
                        figure, axes, (x, y), _cell(ranking, row, other), tip=None if narrow else (row, other)
                    )
        axes.set_xlim(-0.5, n - 0.5)
        axes.set_ylim(n - 0.5, -0.5)
        axes.set_aspect("equal")
        axes.set_anchor("W")
        names = [f"{row.analysis.rank}.  {short(row.name, 13 if narrow else 28)}" for row in rows]
        axes.set_yticks(range(n), names)
        axes.set_xticks(range(n), [f"{row.analysis.rank}." for row in rows])
        axes.xaxis.tick_top()
        for labels in (axes.get_yticklabels(), axes.get_xticklabels()):
            for label, row in zip(labels, rows, strict=True):
                label.set_fontweight(weight(row))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        unlabelled(axes.xaxis, axes.yaxis)
        axes.set_title(prose.pairs_legend(narrow=narrow), fontsize=SMALL, loc="left", pad=8)
    return figure


def _draw(
    figure: Drawing, axes: Axes, place: tuple[int, int], cell: _Cell, *, tip: tuple[Row, Row] | None
) -> None:
    x, y = place
    colour, hatch = _LOOKS[cell.verdict]
    box = axes.add_patch(
        Rectangle((x - 0.47, y - 0.47), 0.94, 0.94, fc=colour, ec="#999999", lw=0.6, hatch=hatch)
    )
    axes.text(
        x,
        y,
        marks.pair_cell(cell.verdict, cell.p_beats),
        ha="center",
        va="center",
        fontsize=SMALL,
        linespacing=1.1,
    )
    if tip is not None:
        figure.tell(
            box, [marks.pair_tip(tip[0].name, tip[1].name, cell.verdict, cell.p_beats, cell.difference)]
        )


def data(ranking: Ranking) -> pd.DataFrame:
    """Return a line per cell."""
    import pandas as pd  # slow to load

    records = [
        (row.name, other.name, *_cell(ranking, row, other))
        for row in ranking.rows
        for other in ranking.rows
        if row is not other
    ]
    columns = ["configuration", "against", "verdict", "difference", "low", "high", "p_beats"]
    return pd.DataFrame(records, columns=columns)


PLOT = Plot(
    name="pairs",
    heading=prose.PAIRS,
    applies=lambda ranking: bool(ranking.analysis.pairs),
    draw=draw,
    data=data,
    caption=prose.pairs_caption,
)
