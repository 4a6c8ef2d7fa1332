"""What the study has cost: runs, timesteps and wall time of each stage, and of each configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robusttune.report.figures.plot import Plot
from robusttune.report.figures.style import NARROW, SMALL, WIDE, short, styled, unlabelled, weight
from robusttune.report.model import CONFIRMATION, POST_EVALUATION, TUNING, Ranking
from robusttune.report.output import Drawing
from robusttune.report.prose import figures as prose
from robusttune.report.prose import marks
from robusttune.results.records import Cost

if TYPE_CHECKING:
    import pandas as pd

_LOOKS = {
    TUNING: ("#0072B2", "white", ""),
    POST_EVALUATION: ("#E69F00", "black", "//"),
    CONFIRMATION: ("#B9E4D5", "black", "\\\\"),
}


class Share(NamedTuple):
    """What a stage has cost, or one of its configurations."""

    stage: str
    configuration: str | None
    n_runs: int
    timesteps: int
    wall_time_s: float


def shares(ranking: Ranking) -> list[Share]:
    """Return the cost of each stage, and of the post-evaluation of each configuration."""
    found = [_share(stage, None, cost) for stage, cost in ranking.work.stages.items()]
    own = ranking.work.configurations
    rows = [
        (row.name, own[row.candidate.config_id]) for row in ranking.rows if row.candidate.config_id in own
    ]
    return found + [_share(POST_EVALUATION, name, cost) for name, cost in rows if cost.n_runs]


def _share(stage: str, configuration: str | None, cost: Cost) -> Share:
    return Share(stage, configuration, cost.n_runs, cost.timesteps, cost.wall_time_s)


def draw(ranking: Ranking, *, narrow: bool = False) -> Figure:
    """Return a bar of all runs, timesteps and hours, parted into stages, and the wall time of each configuration."""
    found = shares(ranking)
    own = [one for one in found if one.stage == POST_EVALUATION and one.configuration is not None]
    own = own[: prose.MOST_COSTS]
    with styled():
        heights = [1.35, 0.55 + 0.22 * len(own)]
        figure = Drawing(NARROW if narrow else WIDE, 0.4 + sum(heights), layout="constrained")
        upper, lower = figure.subplots(2, 1, height_ratios=heights)
        _stages(figure, upper, [one for one in found if one.configuration is None], narrow=narrow)
        _configurations(lower, ranking, own, narrow=narrow)
    return figure


def _stages(figure: Drawing, axes: Axes, stages: list[Share], *, narrow: bool) -> None:
    measures = marks.measures(stages)
    for y, (label, values, texts) in enumerate(measures):
        start, total = 0.0, sum(values) or 1.0
        for stage, value, text in zip(stages, values, texts, strict=True):
            (colour, ink, hatch), width = _LOOKS[stage.stage], value / total
            patches = axes.barh(
                [y], [width], 0.7, left=start, color=colour, hatch=hatch, edgecolor="white", lw=0.6,
                label=marks.stage(stage) if y == 0 else None,
            )  # fmt: skip
            if not narrow:
                figure.tell(patches[0], [f"{stage.stage}: {text} {label}"])
            if width >= (0.035 if narrow else 0.015) * (1 + len(text)):
                box = {"fc": colour, "ec": "none", "pad": 1.0}
                axes.text(
                    start + width / 2, y, text, color=ink, ha="center", va="center", fontsize=SMALL, bbox=box
                )
            start += width
    axes.set_yticks(range(len(measures)), [label for label, _, _ in measures])
    axes.set_ylim(len(measures) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    figure.legend(
        loc="outside upper left", ncols=2 if narrow else 3, frameon=False, fontsize=SMALL, handlelength=1.2
    )


def _configurations(axes: Axes, ranking: Ranking, own: list[Share], *, narrow: bool) -> None:
    times = [one.wall_time_s / one.n_runs for one in own]
    seconds, unit = marks.time_unit(times)
    has_times = any(times)
    sizes = [time / seconds for time in times] if has_times else [one.timesteps / one.n_runs for one in own]
    for y, (one, size) in enumerate(zip(own, sizes, strict=True)):
        axes.barh([y], [size], 0.6, color=_LOOKS[POST_EVALUATION][0])
        axes.annotate(
            marks.cost_note(one, narrow=narrow), (size, y), (4, 0), textcoords="offset points",
            va="center", fontsize=SMALL,
        )  # fmt: skip
    axes.set_yticks(range(len(own)), [short(one.configuration or "", 18 if narrow else 28) for one in own])
    for label, one in zip(axes.get_yticklabels(), own, strict=True):
        label.set_fontweight(weight(ranking.row(one.configuration or "")))
    axes.set_ylim(len(own) - 0.5, -0.5)
    unlabelled(axes.yaxis)
    axes.set_xlim(0, (max(sizes, default=0.0) or 1.0) * (1.8 if narrow else 1.5))
    axes.xaxis.set_major_formatter(marks.thousands)
    axes.set_xlabel(prose.cost_axis(unit if has_times else None), fontsize=SMALL)


def data(ranking: Ranking) -> pd.DataFrame:
    """Return a line per stage, and per configuration of those that evaluate."""
    import pandas as pd  # slow to load

    return pd.DataFrame(shares(ranking), columns=list(Share._fields))


PLOT = Plot(
    name="budget",
    heading=prose.BUDGET,
    applies=lambda ranking: any(one.configuration is not None for one in shares(ranking)),
    draw=draw,
    data=data,
    caption=prose.budget_caption,
)
