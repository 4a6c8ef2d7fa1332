"""Every seed of every configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robusttune.report.figures.luck import mean_mark
from robusttune.report.figures.plot import Plot
from robusttune.report.figures.style import (
    COLOURS,
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

MANY_DOTS = 20_000
"""Seeds of a figure above which the dots are pixels: as outlines they make a page that no browser opens quickly."""


def draw(ranking: Ranking, *, narrow: bool = False) -> Figure:
    """Return a line per configuration, with a dot per fresh seed and the mean with its interval."""
    rows = ranking.rows
    low, high = limits(rows, lambda row: (*row.runs.scores, *told(row)))
    with styled():
        width, pitch = (NARROW, 0.55) if narrow else (WIDE, 0.45)
        figure, axes = new_figure(width, 0.9 + pitch * len(rows), layout="constrained")
        lines(axes, ranking, narrow=narrow)
        many = sum(len(row.runs.scores) for row in rows) > MANY_DOTS
        if many:  # what is drawn below zero becomes one picture within the figure
            axes.set_rasterization_zorder(0)
        for y, row in enumerate(rows):
            if row.analysis.mean.estimate < low:
                at_the_edge(axes, row, y, low)
            else:
                _seeds(axes, row, y, zorder=-1 if many else 2)
        ends(axes, rows, low, high)
        axes.set_title(prose.seeds_legend(ranking), fontsize=SMALL, loc="left")
    return figure


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
    mean_mark(axes, row, y)
    if score is not None:
        axes.plot([score], [y], "|", ms=15, mew=1.6, color="black", zorder=5)


def data(ranking: Ranking) -> pd.DataFrame:
    """Return a line per fresh seed: its configuration, its score, and whether it reaches the tuning score."""
    import pandas as pd  # slow to load

    records = [
        (
            row.name,
            seed,
            score,
            None if row.candidate.tuning_score is None else score >= row.candidate.tuning_score,
        )
        for row in ranking.rows
        for seed, score in zip(row.runs.seeds, row.runs.scores, strict=True)
    ]
    return pd.DataFrame(records, columns=["configuration", "seed", "score", "reaches_tuning_score"])


PLOT = Plot(
    name="seeds",
    heading=prose.SEEDS,
    applies=lambda ranking: True,
    draw=draw,
    data=data,
    caption=prose.seeds_caption,
)
