"""Every seed of every configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robusttune.report.figures.luck import mean_mark
from robusttune.report.figures.plot import Plot
from robusttune.report.figures.style import (
    COLOURS,
    NARROW,
    SMALL,
    WIDE,
    as_pixels,
    at_the_edge,
    best_of,
    ends,
    limits,
    lines,
    styled,
    told,
)
from robusttune.report.model import Ranking, Row
from robusttune.report.output import new_figure
from robusttune.report.prose import figures as prose
from robusttune.report.prose import marks
from robusttune.report.runs import run_ids
from robusttune.stats.arrays import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

MANY_DOTS = 20_000
"""Seeds of a figure above which the dots are pixels: as outlines they make a page that no browser opens quickly."""

_N_POINTS = 60  # of a hill
_FEWEST = 3
_PIXEL = "#808080"  # in place of black


def draw(ranking: Ranking, *, narrow: bool = False) -> Figure:
    """Return a line per configuration: density, mean with interval, and a dot per fresh seed; groups have a bracket."""
    ranking = best_of(ranking)
    rows = ranking.rows
    low, high = limits(rows, lambda row: (*row.runs.scores, *told(row)))
    n_dots = sum(len(row.runs.scores) for row in rows)
    with styled():
        width, pitch = (NARROW, 0.78) if narrow else (WIDE, 0.62)
        figure, axes = new_figure(width, 0.9 + pitch * len(rows), layout="constrained")
        lines(axes, ranking, marks.groups_note, narrow=narrow, above=0.5)
        if n_dots > MANY_DOTS:
            as_pixels(axes)
        for y, row in enumerate(rows):
            if row.analysis.mean.estimate < low:
                at_the_edge(axes, row, y, low)
                continue
            _density(axes, row, y, (low, high))
            _groups(axes, row, y)
            for dots, runs in _dots(axes, row, y, zorder=-1 if n_dots > MANY_DOTS else 2):
                if not narrow and n_dots <= marks.MOST_TIPS:
                    figure.tell(dots, _tips(ranking, row, runs))
            mean_mark(axes, row, y)
            if row.candidate.tuning_score is not None:
                axes.plot([row.candidate.tuning_score], [y], "|", ms=17, mew=1.6, color="black", zorder=5)
        ends(axes, rows, low, high)
        axes.set_title(prose.seeds_legend(ranking, narrow=narrow), fontsize=SMALL, loc="left")
    return figure


def _density(axes: Axes, row: Row, y: int, ends_at: tuple[float, float]) -> None:
    """Draw how the seeds are spread, as far as they were seen, above the line; two groups as two hills."""
    scores, groups = np.sort(row.runs.scores), row.analysis.two_groups
    parts = [scores] if groups is None else [scores[: groups.n_worse], scores[groups.n_worse :]]
    hills = [part for part in parts if _varies(part)]
    if not hills:
        return
    # Each hill has points of its own: a narrow one may stand between two of a common grid.
    at = np.unique(np.concatenate([_grid(hill) for hill in hills]).clip(*ends_at))
    height = np.sum([hill.size * kernel_density(hill, at) for hill in hills], axis=0)
    top = y - 0.08 - 0.3 * height / height.max()
    axes.fill_between(
        at, y - 0.08, top, where=_between(at, parts), color=COLOURS[row.verdict], alpha=0.3, lw=0
    )


def _between(at: FloatArray, parts: Sequence[FloatArray]) -> BoolArray:
    """Return which points lie within one of the parts."""
    within = np.zeros(at.size, dtype=bool)
    for part in parts:
        within |= (at >= part.min()) & (at <= part.max())
    return within


def _grid(scores: FloatArray) -> FloatArray:
    return np.linspace(scores.min(), scores.max(), _N_POINTS)


def kernel_density(scores: FloatArray, at: FloatArray) -> FloatArray:
    """Return the density at some places, but for a factor that all scores share.

    Notes
    -----
    A Gaussian kernel with Scott's bandwidth, as in `scipy.stats.gaussian_kde`, which solves a system of equations for
    it on all cores: in one dimension that takes several times as long as the rest.
    """
    width = float(scores.std(ddof=1)) * scores.size**-0.2
    return np.asarray(np.exp(-0.5 * ((at[:, None] - scores) / width) ** 2).mean(axis=1) / width)


def _varies(scores: FloatArray) -> bool:
    return scores.size >= _FEWEST and float(np.ptp(scores)) > 1e-9 * (1.0 + float(np.abs(scores).max()))


def _groups(axes: Axes, row: Row, y: int) -> None:
    groups = row.analysis.two_groups
    if groups is None:
        return
    for low, high in ((groups.worse_low, groups.worse_high), (groups.better_low, groups.better_high)):
        axes.plot(
            [low, low, high, high], [y + 0.38, y + 0.43, y + 0.43, y + 0.38], "-", lw=0.9, color="black"
        )


_Run = tuple[float, int | str]
"""The score of a run and its seed."""


def _dots(axes: Axes, row: Row, y: int, *, zorder: int) -> Iterator[tuple[Line2D, list[_Run]]]:
    """Draw the seeds one below the other, so that equal scores stay visible; filled if they reach the tuning score."""
    colour, score = COLOURS[row.verdict], row.candidate.tuning_score
    if zorder < 0 and row.verdict is None:
        colour = _PIXEL  # black pixels stay black on the dark paper of a page
    n = len(row.runs.scores)
    dots = [
        (value, y + 0.1 + 0.24 * i / max(1, n - 1), seed)
        for i, (value, seed) in enumerate(zip(row.runs.scores, row.runs.seeds, strict=True))
    ]
    for fill, reaches in ((colour, True), ("none", False)):
        some = [dot for dot in dots if (score is None or dot[0] >= score) == reaches]
        if some:
            x, height, seeds = zip(*some, strict=True)
            (drawn,) = axes.plot(
                x, height, "o", ms=3.5, mfc=fill, mec=colour, mew=0.7, alpha=0.7, zorder=zorder
            )
            yield drawn, list(zip(x, seeds, strict=True))


def _tips(ranking: Ranking, row: Row, runs: Sequence[_Run]) -> list[str]:
    ids = run_ids(ranking, row)
    return [marks.seed_tip(ranking, row, seed, score, ids.get(seed)) for score, seed in runs]


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
