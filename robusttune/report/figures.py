"""Figures: what tuning showed against what fresh seeds give, and every seed of every configuration."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robusttune.report.model import Ranking, Row
from robusttune.report.output import RC, new_figure, plain
from robusttune.report.prose import methods
from robusttune.report.prose.words import number
from robusttune.stats.luck.verdict import CONSISTENT, INCONCLUSIVE, LUCKY, UNLUCKY

# Okabe and Ito's palette: told apart also by colour-blind readers.
COLOURS: dict[str | None, str] = {
    LUCKY: "#D55E00",
    UNLUCKY: "#0072B2",
    CONSISTENT: "#009E73",
    INCONCLUSIVE: "#767676",
    None: "#000000",
}
MANY_DOTS = 20_000
"""Seeds of a figure above which the dots are pixels: as outlines they make a page that no browser opens quickly."""
_LONGEST_NAME = 28
_FAR_OFF = 2.0  # a configuration that makes the axis longer by this factor is drawn at its edge
_RC: Any = {**RC, "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110}


def lucky_figure(ranking: Ranking) -> Figure:
    """Return the figure of luck: an arrow from each tuning score to the mean over fresh seeds, with its interval.

    Beside it: how many fresh seeds reach the tuning score. A configuration that is far worse than all others is
    drawn at the edge, with its mean.
    """
    rows = ranking.rows
    low, high = _limits(rows, _told)
    with mpl.rc_context(_RC):
        figure, axes = _lines(ranking, width=8.2, height=1.1 + 0.48 * len(rows))
        for y, row in enumerate(rows):
            if row.analysis.mean.estimate < low:
                _at_the_edge(axes, row, y, low)
            else:
                _arrow(axes, row, y, low)
            confirmed = ranking.analysis.confirmed.get(row.name)
            if confirmed is not None:
                axes.plot([confirmed.low, confirmed.high], [y + 0.24] * 2, "-", lw=1, color="black")
                axes.plot([confirmed.estimate], [y + 0.24], "*", ms=8, color="black")
            axes.annotate(
                methods.figure_note(row),
                (1.01, y),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=8,
                color=COLOURS[row.verdict],
            )
        _ends(axes, rows, low, high)
        axes.set_title(methods.luck_legend(ranking), fontsize=8, loc="left")
    return figure


def seeds_figure(ranking: Ranking) -> Figure:
    """Return a strip plot: one line per configuration, one dot per fresh seed, mean with interval."""
    rows = ranking.rows
    low, high = _limits(rows, lambda row: (*row.runs.scores, *_told(row)))
    with mpl.rc_context(_RC):
        figure, axes = _lines(ranking, width=7.6, height=0.9 + 0.45 * len(rows))
        many = sum(len(row.runs.scores) for row in rows) > MANY_DOTS
        if many:  # what is drawn below zero becomes one picture within the figure
            axes.set_rasterization_zorder(0)
        for y, row in enumerate(rows):
            if row.analysis.mean.estimate < low:
                _at_the_edge(axes, row, y, low)
            else:
                _seeds(axes, row, y, zorder=-1 if many else 2)
        _ends(axes, rows, low, high)
        axes.set_title(methods.seeds_legend(ranking), fontsize=8, loc="left")
    return figure


def _lines(ranking: Ranking, *, width: float, height: float) -> tuple[Figure, Axes]:
    """Return axes with a line for each configuration, best first."""
    figure, axes = new_figure(width, height, layout="constrained")
    rows = ranking.rows
    axes.set_yticks(range(len(rows)), [f"{row.analysis.rank}.  {_short(row.name)}" for row in rows])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.analysis.in_best_set else "normal")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("score (mean episode return)" if ranking.given is None else "score")
    axes.grid(axis="x", lw=0.4, alpha=0.5)
    axes.set_axisbelow(True)
    return figure, axes


def _short(name: str) -> str:
    name = plain(name)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _arrow(axes: Axes, row: Row, y: int, low: float) -> None:
    colour, mean = COLOURS[row.verdict], row.analysis.mean
    _mean(axes, row, y)
    score = row.candidate.tuning_score
    if score is None:
        return
    axes.annotate(
        "",
        (mean.estimate, y),
        (score, y),
        arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1, "ls": "-", "shrinkA": 4, "shrinkB": 5},
        annotation_clip=False,
    )
    axes.plot([score], [y], "o", ms=6, mfc="white", mec=colour, mew=1.4, zorder=5)


def _mean(axes: Axes, row: Row, y: int) -> None:
    colour, mean = COLOURS[row.verdict], row.analysis.mean
    if math.isfinite(mean.width):
        axes.plot([mean.low, mean.high], [y, y], "-", lw=4, alpha=0.35, color=colour, zorder=3)
    axes.plot([mean.estimate], [y], "D", ms=5, color=colour, zorder=4)


def _seeds(axes: Axes, row: Row, y: int, *, zorder: int) -> None:
    """Draw the seeds side by side, so that equal scores stay visible; filled if they reach the tuning score."""
    colour, score, scores = COLOURS[row.verdict], row.candidate.tuning_score, row.runs.scores
    dots = [(value, y + 0.3 * (i / max(1, len(scores) - 1) - 0.5)) for i, value in enumerate(scores)]
    for fill, reaches in ((colour, True), ("none", False)):
        some = [dot for dot in dots if (score is None or dot[0] >= score) == reaches]
        if some:
            axes.plot(
                *zip(*some, strict=True), "o", ms=3.5, mfc=fill, mec=colour, mew=0.7, alpha=0.7, zorder=zorder
            )
    _mean(axes, row, y)
    if score is not None:
        axes.plot([score], [y], "|", ms=15, mew=1.6, color="black", zorder=5)


def _ends(axes: Axes, rows: Sequence[Row], low: float, high: float) -> None:
    """Set the ends of the axis; an interval that reaches beyond one has an arrow there."""
    axes.set_xlim(low, high)
    for y, row in enumerate(rows):
        mean, colour = row.analysis.mean, COLOURS[row.verdict]
        if mean.estimate >= low and math.isfinite(mean.width):
            if mean.low < low:
                axes.plot([low], [y], "<", ms=6, color=colour, clip_on=False)
            if mean.high > high:
                axes.plot([high], [y], ">", ms=6, color=colour, clip_on=False)


def _at_the_edge(axes: Axes, row: Row, y: int, low: float) -> None:
    axes.annotate(
        f"◂ mean {number(row.analysis.mean.estimate)}, off the scale",
        (low, y),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        color=COLOURS[row.verdict],
    )


def _told(row: Row) -> tuple[float, ...]:
    """Return what the axis must hold: the interval only as far as seeds were seen, for some reach very far."""
    mean, score, scores = row.analysis.mean, row.candidate.tuning_score, row.runs.scores
    ends = (max(mean.low, min(scores)), min(mean.high, max(scores)))
    return (mean.estimate, *ends, *(() if score is None else (score,)))


def _limits(rows: Sequence[Row], values: Callable[[Row], Sequence[float]]) -> tuple[float, float]:
    """Return the ends of the axis, without configurations that are so bad that they would squeeze all others."""
    lows, highs = [min(values(row)) for row in rows], [max(values(row)) for row in rows]
    n = len(rows)
    while n > 2 and not rows[n - 1].analysis.in_best_set:
        without = max(highs[: n - 1]) - min(lows[: n - 1])
        if max(highs[:n]) - min(lows[:n]) <= _FAR_OFF * without:
            break
        n -= 1
    low, high = min(lows[:n]), max(highs[:n])
    room = 0.05 * (high - low) or 1e-3 * (1.0 + abs(high))
    return low - room, high + room
