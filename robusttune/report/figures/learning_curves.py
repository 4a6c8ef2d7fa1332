"""Learning curves: the median run of each configuration with a band, and the runs by which tuning chose it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robusttune.report.figures.plot import Plot
from robusttune.report.figures.style import (
    COLOURS,
    MARKS,
    NARROW,
    SMALL,
    WIDE,
    score_label,
    short,
    styled,
    unlabelled,
    weight,
    within,
)
from robusttune.report.model import Ranking, Row
from robusttune.report.output import Drawing
from robusttune.report.prose import figures as prose
from robusttune.report.prose import marks
from robusttune.report.runs import evaluated, tuned
from robusttune.results.records import Evaluations

if TYPE_CHECKING:
    import pandas as pd

_BAND = (0.1, 0.9)
_FEWEST_POINTS = 2
_RUN, _END = "--", ":"  # of a band of runs


class _Point(NamedTuple):
    """The runs of a configuration at one evaluation."""

    timesteps: float
    n_runs: int
    low: float
    median: float
    high: float


def _points(runs: Sequence[Evaluations]) -> list[_Point]:
    """Return the median and the band at each evaluation; runs may differ in their number."""
    found: list[_Point] = []
    start = 0
    for end in sorted({len(one.timesteps) for one in runs}):  # between two of them the same runs are there
        there = [one for one in runs if len(one.timesteps) >= end]
        returns = np.array([one.mean_returns[start:end] for one in there])
        bands = np.quantile(returns, [_BAND[0], 0.5, _BAND[1]], axis=0) if end else returns
        times = np.median([one.timesteps[start:end] for one in there], axis=0)
        points = zip(times.tolist(), *bands.tolist(), strict=True)
        found += [_Point(time, len(there), *band) for time, *band in points]
        start = end
    return found


class _Line(NamedTuple):
    """A line that tells about tuning."""

    times: Sequence[float]
    values: Sequence[float]
    look: str


def _tuning(ranking: Ranking, row: Row) -> list[_Line]:
    """Return the runs by which tuning chose a trial; of many only their median and the ends of their band."""
    runs = tuned(ranking, row)
    if len(runs) <= prose.MOST_TUNING_RUNS:
        return [_Line(run.timesteps, run.mean_returns.tolist(), _RUN) for run in runs]
    points = _points(runs)
    times = [point.timesteps for point in points]
    ends = [_Line(times, [getattr(point, end) for point in points], _END) for end in ("low", "high")]
    return [*ends, _Line(times, [point.median for point in points], _RUN)]


def _curves(ranking: Ranking) -> Iterator[tuple[Row, list[_Point]]]:
    found = ((row, _points(evaluated(ranking, row))) for row in ranking.rows)
    return ((row, points) for row, points in found if len(points) >= _FEWEST_POINTS)


def draw(ranking: Ranking, *, narrow: bool = False) -> Figure:
    """Return small multiples, best first; all have the axes of the first."""
    shown = list(itertools.islice(_curves(ranking), prose.MOST_CURVES))
    n_columns = min(2 if narrow else 4, len(shown))
    n_rows = math.ceil(len(shown) / n_columns)
    with styled():
        height = 0.9 + (1.45 if narrow else 1.6) * n_rows
        figure = Drawing(NARROW if narrow else WIDE, height)
        grid = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        _place(figure, n_rows, n_columns)
        for axes, (row, points) in zip(grid.flat, shown, strict=False):
            _panel(figure, axes, ranking, row, points, narrow=narrow)
        for axes in grid.flat[len(shown) :]:
            axes.set_visible(False)
        for axes in grid.flat[max(0, len(shown) - n_columns) : len(shown)]:
            axes.tick_params(labelbottom=True)
        first = grid.flat[0]
        first.set_ylim(*within(_values(ranking, shown)))
        first.xaxis.set_major_formatter(marks.thousands)
        first.yaxis.set_major_formatter(lambda value, _: marks.tick(value))
        first.locator_params(nbins=4)
        legend = prose.curves_legend(ranking, narrow=narrow)
        figure.suptitle(legend, fontsize=SMALL, x=0.01, y=1 - 0.03 / height, ha="left", va="top")
        figure.supxlabel("timesteps", fontsize=SMALL + 1, y=0.05 / height, va="bottom")
        figure.supylabel(score_label(ranking), fontsize=SMALL + 1, x=0.01, ha="left")
    return figure


def _place(figure: Drawing, n_rows: int, n_columns: int) -> None:
    """Place the panels, sizes in inches: of many panels a computed layout takes longer than all other figures."""
    width, height = figure.get_size_inches()
    left, right, bottom, top, between_columns, between_rows = 0.72, 0.1, 0.45, 0.55, 0.14, 0.3
    panel_width = (width - left - right - (n_columns - 1) * between_columns) / n_columns
    panel_height = (height - bottom - top - (n_rows - 1) * between_rows) / n_rows
    figure.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        bottom=bottom / height,
        top=1 - top / height,
        wspace=between_columns / panel_width,
        hspace=between_rows / panel_height,
    )


def _values(ranking: Ranking, shown: Sequence[tuple[Row, list[_Point]]]) -> list[float]:
    """Return what the axis must hold."""
    bands = [value for _, points in shown for point in points for value in (point.low, point.high)]
    return bands + [value for row, _ in shown for one in _tuning(ranking, row) for value in one.values]


def _panel(
    figure: Drawing, axes: Axes, ranking: Ranking, row: Row, points: Sequence[_Point], *, narrow: bool
) -> None:
    colour, time = COLOURS[row.verdict], [point.timesteps for point in points]
    axes.fill_between(
        time,
        [point.low for point in points],
        [point.high for point in points],
        color=colour,
        alpha=0.25,
        lw=0,
    )
    (line,) = axes.plot(time, [point.median for point in points], "-", color=colour, lw=1.6)
    axes.plot(time[-1:], [points[-1].median], MARKS[row.verdict], ms=5, color=colour)
    for one in _tuning(ranking, row):
        axes.plot(one.times, one.values, one.look, color="black", lw=0.9)
        if one.look == _RUN:
            axes.plot(one.times[-1:], one.values[-1:], "o", ms=4.5, mfc="white", mec="black", mew=1.0)
    if not narrow:
        figure.tell(line, [marks.curve_tip(row, points[-1].n_runs)])
    title = f"{row.analysis.rank}.  {short(row.name, 18 if narrow else 22)}"
    axes.set_title(title, fontsize=SMALL, loc="left", fontweight=weight(row))
    axes.grid(lw=0.4, alpha=0.5)
    unlabelled(axes.xaxis, axes.yaxis)


def data(ranking: Ranking) -> pd.DataFrame:
    """Return a line per configuration and evaluation, and one per evaluation of each tuning run."""
    import pandas as pd  # slow to load

    records: list[tuple[object, ...]] = []
    for row in ranking.rows:
        records += [(row.name, "post-evaluation", *point) for point in _points(evaluated(ranking, row))]
        for run in tuned(ranking, row):
            values = zip(run.timesteps, run.mean_returns.tolist(), strict=True)
            records += [(row.name, "tuning", time, 1, score, score, score) for time, score in values]
    columns = ["configuration", "purpose", "timesteps", "n_runs", "low", "median", "high"]
    return pd.DataFrame(records, columns=columns)


PLOT = Plot(
    name="learning_curves",
    heading=prose.CURVES,
    applies=lambda ranking: any(True for _ in _curves(ranking)),
    draw=draw,
    data=data,
    caption=prose.curves_caption,
)
