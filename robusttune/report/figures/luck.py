"""Lucky against consistent: an arrow from each tuning score to the mean over fresh seeds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robusttune.report.columns import record
from robusttune.report.figures.plot import Plot
from robusttune.report.figures.style import (
    COLOURS,
    MARKS,
    NARROW,
    SMALL,
    WIDE,
    at_the_edge,
    ends,
    limits,
    lines,
    styled,
    told,
)
from robusttune.report.model import Ranking, Row
from robusttune.report.output import new_figure
from robusttune.report.prose import figures as prose

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (
    "rank", "configuration", "tuning_score", "mean", "mean_low", "mean_high", "luck", "luck_low", "luck_high",
    "verdict", "n_reached", "n_seeds", "in_best_set",
)  # fmt: skip


def draw(ranking: Ranking, *, narrow: bool = False) -> Figure:
    """Return an arrow from each tuning score to the mean over fresh seeds, with its interval.

    Beside it: how many fresh seeds reach the tuning score. A configuration that is far worse than all others is
    drawn at the edge, with its mean.
    """
    rows = ranking.rows
    low, high = limits(rows, told)
    with styled():
        width, pitch = (NARROW, 0.55) if narrow else (WIDE, 0.48)
        figure, axes = new_figure(width, 1.1 + pitch * len(rows), layout="constrained")
        lines(axes, ranking, prose.verdict if narrow else prose.luck_note, narrow=narrow)
        for y, row in enumerate(rows):
            if row.analysis.mean.estimate < low:
                at_the_edge(axes, row, y, low)
            else:
                _arrow(axes, row, y)
            confirmed = ranking.analysis.confirmed.get(row.name)
            if confirmed is not None:
                axes.plot([confirmed.low, confirmed.high], [y + 0.24] * 2, "-", lw=1, color="black")
                axes.plot([confirmed.estimate], [y + 0.24], "*", ms=8, color="black")
        ends(axes, rows, low, high)
        axes.set_title(prose.luck_legend(ranking, narrow=narrow), fontsize=SMALL, loc="left")
    return figure


def mean_mark(axes: Axes, row: Row, y: float) -> None:
    """Draw a mean with its interval, its mark by the verdict."""
    colour, mean = COLOURS[row.verdict], row.analysis.mean
    if math.isfinite(mean.width):
        axes.plot([mean.low, mean.high], [y, y], "-", lw=4, alpha=0.35, color=colour, zorder=3)
    axes.plot([mean.estimate], [y], MARKS[row.verdict], ms=5.5, color=colour, zorder=4)


def _arrow(axes: Axes, row: Row, y: int) -> None:
    colour, mean = COLOURS[row.verdict], row.analysis.mean
    mean_mark(axes, row, y)
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
