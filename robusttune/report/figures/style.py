"""What all figures share: colours and marks, names that fit, and lines with a configuration each."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis

from robusttune.report.model import Ranking, Row
from robusttune.report.output import RC, plain
from robusttune.report.prose import figures as prose
from robusttune.report.prose.words import number
from robusttune.stats.luck.verdict import CONSISTENT, INCONCLUSIVE, LUCKY, UNLUCKY

# Okabe and Ito's palette: told apart also by colour-blind readers. Each verdict has a mark of its own, too.
COLOURS: dict[str | None, str] = {
    LUCKY: "#D55E00",
    UNLUCKY: "#0072B2",
    CONSISTENT: "#009E73",
    INCONCLUSIVE: "#767676",
    None: "#000000",
}
# The same, dark enough for small letters on white.
INKS: dict[str | None, str] = {
    LUCKY: "#A34700",
    UNLUCKY: "#005A8F",
    CONSISTENT: "#006B4E",
    INCONCLUSIVE: "#595959",
    None: "#000000",
}
MARKS: dict[str | None, str] = {LUCKY: "v", UNLUCKY: "^", CONSISTENT: "s", INCONCLUSIVE: "D", None: "D"}
WIDE, NARROW = 8.2, 4.0
"""Widths in inches: of a page, and of a telephone."""
SMALL = 8
"""Size of the smallest text, in points."""
_FAR_OFF = 2.0  # a configuration that makes the axis longer by this factor is drawn at its edge
_RC: Any = {**RC, "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110}
# A title stands on the axes: else all tick labels would be measured for its place, at each drawing.
_RC |= {"axes.titley": 1.0}
_LONGEST_NAME = 28


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Draw as all figures of a study are drawn."""
    with mpl.rc_context(_RC):
        yield


def best_of(ranking: Ranking) -> Ranking:
    """Return a ranking without the rows that a figure with a line for each would be too long for."""
    return dataclasses.replace(ranking, rows=ranking.rows[: prose.MOST_LINES])


def unlabelled(*axes: Axis) -> None:
    """Give axes a place for the label that they have not: else it is sought beside all tick labels, at each drawing."""
    for axis in axes:
        axis.set_label_coords(0, 0)


def as_pixels(axes: Axes) -> None:
    """Make what is drawn below zero one picture within the figure, through which its paper is seen."""
    axes.set_rasterization_zorder(0)
    axes.patch.set_visible(False)


def short(name: str, longest: int = _LONGEST_NAME) -> str:
    """Return a name in one line that fits."""
    name = plain(name)
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def score_label(ranking: Ranking) -> str:
    """Return what an axis of scores is called."""
    return "score (mean episode return)" if ranking.given is None else "score"


def lines(
    axes: Axes, ranking: Ranking, note: Callable[[Row], str], *, narrow: bool = False, above: float = 0.38
) -> None:
    """Prepare axes with a line for each configuration, best first: its rank and name, and a note.

    In a narrow figure both stand above the line, by a share of what parts two lines, elsewhere at its ends.
    """
    rows = ranking.rows
    axes.set_ylim(len(rows) - 0.4, -above - 0.25 if narrow else -0.6)
    if narrow:
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    else:
        axes.set_yticks(range(len(rows)), [f"{row.analysis.rank}.  {short(row.name)}" for row in rows])
        for label, row in zip(axes.get_yticklabels(), rows, strict=True):
            label.set_fontweight(weight(row))
    for y, row in enumerate(rows):
        told = note(row)
        if narrow:
            name = f"{row.analysis.rank}.  {short(row.name, _LONGEST_NAME if not told else 22)}"
            _text(axes, name, 0.0, y - above, weight=weight(row))
            _text(axes, told, 1.0, y - above, color=INKS[row.verdict], ha="right")
        elif told:
            _text(axes, told, 1.02, y, color=INKS[row.verdict])
    axes.set_xlabel(score_label(ranking))
    unlabelled(axes.yaxis)
    axes.grid(axis="x", lw=0.4, alpha=0.5)
    axes.set_axisbelow(True)


def weight(row: Row) -> str:
    """Return how a name is printed: bold if it cannot be told apart from the best."""
    return "bold" if row.analysis.in_best_set else "normal"


def _text(axes: Axes, text: str, x: float, y: float, **options: Any) -> None:
    axes.annotate(text, (x, y), xycoords=("axes fraction", "data"), va="center", fontsize=SMALL, **options)


def at_the_edge(axes: Axes, row: Row, y: float, low: float) -> None:
    """Note the mean of a configuration that is far off, at the edge of its line."""
    axes.annotate(
        f"◂ mean {number(row.analysis.mean.estimate)}, off the scale",
        (low, y),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=SMALL,
        color=INKS[row.verdict],
    )


def told(row: Row) -> tuple[float, ...]:
    """Return what the axis must hold: the interval only as far as seeds were seen, for some reach very far."""
    mean, score, scores = row.analysis.mean, row.candidate.tuning_score, row.runs.scores
    ends = (max(mean.low, min(scores)), min(mean.high, max(scores)))
    return (mean.estimate, *ends, *(() if score is None else (score,)))


def limits(rows: Sequence[Row], values: Callable[[Row], Sequence[float]]) -> tuple[float, float]:
    """Return the ends of the axis, without configurations that are so bad that they would squeeze all others."""
    lows, highs = [min(values(row)) for row in rows], [max(values(row)) for row in rows]
    n = len(rows)
    while n > 2 and not rows[n - 1].analysis.in_best_set:
        without = max(highs[: n - 1]) - min(lows[: n - 1])
        if max(highs[:n]) - min(lows[:n]) <= _FAR_OFF * without:
            break
        n -= 1
    return within([*lows[:n], *highs[:n]])


def within(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis, with some room."""
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 1e-3 * (1.0 + abs(high))
    return low - room, high + room


def ends(axes: Axes, rows: Sequence[Row], low: float, high: float) -> None:
    """Set the ends of the axis; an interval that reaches beyond one has an arrow there."""
    axes.set_xlim(low, high)
    for y, row in enumerate(rows):
        mean, colour = row.analysis.mean, COLOURS[row.verdict]
        if mean.estimate >= low and mean.width < float("inf"):
            if mean.low < low:
                axes.plot([low], [y], "<", ms=6, color=colour, clip_on=False)
            if mean.high > high:
                axes.plot([high], [y], ">", ms=6, color=colour, clip_on=False)
