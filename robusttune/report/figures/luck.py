"""Lucky against consistent: an arrow from each tuning score to the mean over fresh seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robusttune.report.columns import record
from robusttune.report.figures.plot import Plot
from robusttune.report.figures.style import (
    COLOURS,
    MARKS,
    NARROW,
    SMALL,
    WIDE,
    at_the_edge,
    best_of,
    ends,
    limits,
    lines,
    styled,
    told,
    weight,
    within,
)
from robusttune.report.model import Ranking, Row
from robusttune.report.output import Drawing, new_figure
from robusttune.report.prose import figures as prose
from robusttune.report.prose import marks

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (
    "rank", "configuration", "tuning_score", "mean", "mean_low", "mean_high", "luck", "luck_low", "luck_high",
    "verdict", "n_reached", "n_seeds", "in_best_set",
)  # fmt: skip
_FEWEST = 3  # points of a scatter
_MOST_LABELS = 16


def draw(ranking: Ranking, *, narrow: bool = False) -> Figure:
    """Return an arrow from each tuning score to the mean over fresh seeds, and both in a scatter with the diagonal.

    A configuration that is far worse than all others is drawn at the edge, with its mean.
    """
    shown = best_of(ranking)
    rows = shown.rows
    low, high = limits(rows, told)
    lowest, _ = limits(ranking.rows, told)
    both = [
        row
        for row in ranking.rows
        if row.candidate.tuning_score is not None and row.analysis.mean.estimate >= lowest
    ]
    height = 1.1 + (0.55 if narrow else 0.48) * len(rows)
    with styled():
        if len(both) < _FEWEST:
            figure, axes = new_figure(NARROW if narrow else WIDE, height, layout="constrained")
        elif narrow:
            figure = Drawing(NARROW, height + NARROW, layout="constrained")
            axes, beside = figure.subplots(2, 1, height_ratios=[height, NARROW])
        else:
            figure = Drawing(WIDE, max(height, 3.9), layout="constrained")
            axes, beside = figure.subplots(1, 2, width_ratios=[0.56, 0.44])
        _arrows(figure, axes, shown, (low, high), narrow=narrow)
        if len(both) >= _FEWEST:
            scatter(beside, both)
    return figure


def _arrows(
    figure: Drawing, axes: Axes, ranking: Ranking, ends_at: tuple[float, float], *, narrow: bool
) -> None:
    rows, (low, high) = ranking.rows, ends_at
    lines(axes, ranking, marks.verdict if narrow else marks.luck_note, narrow=narrow)
    for y, row in enumerate(rows):
        if row.analysis.mean.estimate < low:
            at_the_edge(axes, row, y, low)
        else:
            mark = _arrow(axes, row, y)
            if not narrow:
                figure.tell(mark, [marks.luck_tip(row)])
        confirmed = ranking.analysis.confirmed.get(row.name)
        if confirmed is not None:
            axes.plot([confirmed.low, confirmed.high], [y + 0.24] * 2, "-", lw=1, color="black")
            axes.plot([confirmed.estimate], [y + 0.24], "*", ms=8, color="black")
    ends(axes, rows, low, high)
    axes.set_title(prose.luck_legend(ranking, narrow=True), fontsize=SMALL, loc="left")


def mean_mark(axes: Axes, row: Row, y: float) -> Line2D:
    """Draw a mean with its interval, its mark by the verdict."""
    colour, mean = COLOURS[row.verdict], row.analysis.mean
    if math.isfinite(mean.width):
        axes.plot([mean.low, mean.high], [y, y], "-", lw=4, alpha=0.35, color=colour, zorder=3)
    (mark,) = axes.plot([mean.estimate], [y], MARKS[row.verdict], ms=5.5, color=colour, zorder=4)
    return mark


def _arrow(axes: Axes, row: Row, y: int) -> Line2D:
    colour, mean = COLOURS[row.verdict], row.analysis.mean
    mark, score = mean_mark(axes, row, y), row.candidate.tuning_score
    if score is not None:
        _luck(axes, (score, y), (mean.estimate, y), colour)
        axes.plot([score], [y], "o", ms=6, mfc="white", mec=colour, mew=1.4, zorder=5)
    return mark


def _luck(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    look = {"arrowstyle": "-|>", "color": colour, "lw": 1, "ls": "-", "shrinkA": 4, "shrinkB": 5}
    axes.annotate("", end, start, arrowprops=look, annotation_clip=False)


def scatter(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw tuning scores against means over fresh seeds: luck is the way from the diagonal."""
    points = [(row.candidate.tuning_score or 0.0, row.analysis.mean.estimate) for row in rows]
    low, high = within([value for point in points for value in point])
    axes.plot([low, high], [low, high], ":", lw=1, color="black", zorder=1)
    for (score, mean), row in zip(points, rows, strict=True):
        colour = COLOURS[row.verdict]
        axes.plot([score, score], [score, mean], "-", lw=0.8, alpha=0.6, color=colour, zorder=2)
        axes.plot([score], [mean], MARKS[row.verdict], ms=5.5, color=colour, zorder=3, label=row.verdict)
    named = rows[:_MOST_LABELS]
    places = apart([mean for _, mean in points[: len(named)]], (high - low) / _MOST_LABELS, low, high)
    for row, (score, mean), place in zip(named, points, places, strict=False):
        axes.plot([score, high], [mean, place], "-", lw=0.4, color="#999999", zorder=1.5)
        axes.annotate(
            f"{row.analysis.rank}.", (high, place), (2, 0), textcoords="offset points", va="center", fontsize=SMALL,
            fontweight=weight(row), annotation_clip=False,
        )  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal")
    axes.set_anchor("N")
    axes.locator_params(nbins=5)
    axes.set_xlabel(prose.TUNING_SCORE)
    axes.set_ylabel(prose.FRESH_MEAN)
    axes.grid(lw=0.4, alpha=0.5)
    axes.set_axisbelow(True)
    axes.set_title(prose.DIAGONAL, fontsize=SMALL, loc="left")
    _key(axes, [row.verdict for row in rows])


def _key(axes: Axes, verdicts: Sequence[str | None]) -> None:
    shown = [one for one in MARKS if one is not None and one in verdicts]
    handles = [
        Line2D([], [], ls="", marker=MARKS[one], ms=5.5, color=COLOURS[one], label=one.lower())
        for one in shown
    ]
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, frameon=False, fontsize=SMALL,
        handletextpad=0.2, columnspacing=1.0,
    )  # fmt: skip


def apart(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return places for labels in the order of some values, near them, none closer than `gap` to another.

    Parameters
    ----------
    values : sequence of float
        At most `(high - low) / gap` of them.
    gap, low, high : float
        The least distance, and the ends of what the labels have.
    """
    order = sorted(range(len(values)), key=lambda i: values[i])
    places: list[float] = []
    for i in order:
        places.append(max(values[i], places[-1] + gap) if places else max(values[i], low))
    ceiling = high
    for at in reversed(range(len(places))):
        places[at] = min(places[at], ceiling)
        ceiling = places[at] - gap
    return [place for _, place in sorted(zip(order, places, strict=True))]


def data(ranking: Ranking) -> pd.DataFrame:
    """Return a line per configuration: tuning score, mean over fresh seeds, luck, verdict, and its confirmation."""
    import pandas as pd  # slow to load

    records = []
    for row in ranking.rows:
        cells = record(row)
        confirmed = ranking.analysis.confirmed.get(row.name)
        records.append(
            {
                **{name: cells[name] for name in _COLUMNS},
                "confirmed": None if confirmed is None else confirmed.estimate,
                "confirmed_low": None if confirmed is None else confirmed.low,
                "confirmed_high": None if confirmed is None else confirmed.high,
            }
        )
    return pd.DataFrame(records)


PLOT = Plot(
    name="tuning_vs_post_evaluation",
    heading=prose.LUCK,
    applies=lambda ranking: ranking.given is None or ranking.has_tuning,
    draw=draw,
    data=data,
    caption=prose.luck_caption,
)
