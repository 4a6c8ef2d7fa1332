"""Figures: tuning score against post-evaluation score, and every seed of every configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from robusttune.report.model import Ranking, Row

# Okabe and Ito's palette: told apart also by colour-blind readers.
COLOURS = {
    "LUCKY": "#D55E00",
    "UNLUCKY": "#0072B2",
    "CONSISTENT": "#009E73",
    "INCONCLUSIVE": "#767676",
    "control": "#000000",
}
_FORMATS = ("png", "pdf", "svg")
# Without a date and with a fixed salt, equal results give equal files.
_RC: Any = {"svg.hashsalt": "robusttune", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False}
_RC |= {"axes.spines.right": False, "figure.dpi": 110, "savefig.dpi": 200}


def lucky_figure(ranking: Ranking) -> Figure:
    """Return the figure of tuning score against post-evaluation mean, with intervals.

    Below the diagonal lie configurations that were lucky in tuning. A configuration without a tuning score is a line.
    """
    rows = [row for row in ranking.rows if row.tuning_score is not None]
    with mpl.rc_context(_RC):
        figure, axes = _new(6.4, 5.0)
        if not rows:
            axes.text(0.5, 0.5, "no configuration has a tuning score", ha="center", transform=axes.transAxes)
            axes.set_axis_off()
            return figure
        for row in rows:
            _point_with_interval(axes, row, rows)
        for row in ranking.rows:
            if row.tuning_score is None:
                axes.axhline(row.mean, ls="--", lw=1, color=COLOURS[row.kind], zorder=1)
        _diagonal(axes)
        axes.set_xlabel("tuning score (mean episode return)")
        axes.set_ylabel(f"post-evaluation mean, {ranking.level:.0%} interval")
        axes.set_title("Above what tuning promised: unlucky. Below: lucky.", fontsize=9, loc="left")
        _legend(axes, ranking)
    return figure


def seeds_figure(ranking: Ranking) -> Figure:
    """Return a strip plot: one line per configuration, one dot per fresh seed, mean with interval."""
    rows = ranking.rows
    with mpl.rc_context(_RC):
        figure, axes = _new(7.2, 0.9 + 0.42 * len(rows))
        for place, row in enumerate(rows):
            colour = COLOURS[row.kind]
            # Seeds side by side, so that equal scores stay visible.
            spread = [place + 0.28 * (i / max(1, len(row.scores) - 1) - 0.5) for i in range(len(row.scores))]
            axes.plot(row.scores, spread, "o", ms=3.5, mfc=colour, mec="none", alpha=0.45, zorder=2)
            if row.mean_low is not None and row.mean_high is not None:
                axes.plot([row.mean_low, row.mean_high], [place, place], "-", lw=2, color=colour, zorder=3)
            axes.plot([row.mean], [place], "D", ms=5, color=colour, zorder=4)
            if row.tuning_score is not None:
                axes.plot([row.tuning_score], [place], "|", ms=14, mew=1.6, color="black", zorder=5)
        axes.set_yticks(range(len(rows)), [row.name for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel("score (mean episode return)")
        axes.set_title(
            f"dots: fresh seeds   diamond and bar: mean, {ranking.level:.0%} interval   |: tuning score",
            fontsize=8,
            loc="left",
        )
        axes.grid(axis="x", lw=0.4, alpha=0.5)
    return figure


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as PNG, PDF and SVG."""
    with mpl.rc_context(_RC):
        for suffix in _FORMATS:
            metadata = (
                {"CreationDate": None} if suffix == "pdf" else {"Date": None} if suffix == "svg" else None
            )
            figure.savefig(folder / f"{name}.{suffix}", metadata=metadata, bbox_inches="tight")


def _new(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # no display needed
    return figure, figure.add_subplot()


def _point_with_interval(axes: Axes, row: Row, others: Sequence[Row]) -> None:
    """Draw one configuration, its rank beside it on the side where the nearest other point is not."""
    assert row.tuning_score is not None
    colour = COLOURS[row.kind]
    error = None
    if row.mean_low is not None and row.mean_high is not None:
        error = [[row.mean - row.mean_low], [row.mean_high - row.mean]]
    marker = "s" if row.is_control else "o"
    axes.errorbar(row.tuning_score, row.mean, yerr=error, fmt=marker, ms=5, color=colour, capsize=3, lw=1.2)
    distances = [(other.tuning_score or 0.0) - row.tuning_score for other in others if other is not row]
    on_left = bool(distances) and min(distances, key=abs) > 0
    axes.annotate(
        str(row.rank),
        (row.tuning_score, row.mean),
        xytext=(-5 if on_left else 5, 4),
        textcoords="offset points",
        ha="right" if on_left else "left",
        fontsize=8,
        color=colour,
    )


def _diagonal(axes: Axes) -> None:
    low = min(axes.get_xlim()[0], axes.get_ylim()[0])
    high = max(axes.get_xlim()[1], axes.get_ylim()[1])
    x_limits = axes.get_xlim()
    axes.plot([low, high], [low, high], ":", lw=1, color="black", zorder=1)
    axes.set_ylim(low, high)
    axes.set_xlim(*x_limits)


def _legend(axes: Axes, ranking: Ranking) -> None:
    """Name the numbered points beside the axes: names at the points themselves would overlap."""
    for row in ranking.rows:
        marker = "s" if row.is_control else "o"
        if row.tuning_score is None:
            axes.axhline(row.mean, ls="--", lw=1, color=COLOURS[row.kind], zorder=1)
            axes.plot(
                [], [], "--", lw=1, color=COLOURS[row.kind], label=f"{row.rank}  {row.name} (no tuning score)"
            )
        else:
            axes.plot(
                [], [], marker, color=COLOURS[row.kind], label=f"{row.rank}  {row.name} ({row.kind.lower()})"
            )
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), title="rank")
