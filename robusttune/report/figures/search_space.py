"""The search space as the trials saw it: which hyperparameters matter, and the objective value over each range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from robusttune.declaration.space import Categorical, Parameter
from robusttune.post_evaluation.encoding import place_of
from robusttune.post_evaluation.search_advice import RangeAdvice
from robusttune.report.figures.plot import Plot
from robusttune.report.figures.ranges import label_range, places_of
from robusttune.report.figures.seeds import MANY_DOTS
from robusttune.report.figures.style import NARROW, SMALL, WIDE, as_pixels, short, styled, within
from robusttune.report.model import Ranking
from robusttune.report.output import Drawing
from robusttune.report.prose import figures as prose
from robusttune.report.prose import marks
from robusttune.results.records import TrialRecord, TrialState
from robusttune.stats.arrays import BoolArray, FloatArray
from robusttune.stats.planning.ranges import best_trials

if TYPE_CHECKING:
    import pandas as pd

_BEST, _OTHER, _ADVICE = "#0072B2", "#767676", "#D55E00"
_FENCE = 3.0  # interquartile ranges below the lower quartile; worse trials stand at the edge


class _Trials(NamedTuple):
    """The complete trials, and which of them are the best."""

    trials: list[TrialRecord]
    values: FloatArray
    best: BoolArray
    n_pruned: int


def _trials(ranking: Ranking) -> _Trials:
    complete = [one for one in ranking.trials if one.objective_value is not None]
    values = np.array([one.objective_value for one in complete], dtype=float)
    n_pruned = sum(one.state is TrialState.PRUNED for one in ranking.trials)
    return _Trials(complete, values, best_trials(values) if complete else values > 0, n_pruned)


def _parameters(ranking: Ranking) -> dict[str, Parameter]:
    """Return the ranges by importance, the unknown ones last."""
    known = ranking.study.search_space.parameters
    order = [*(name for name in ranking.advice.importance if name in known), *sorted(known)]
    return {name: known[name] for name in dict.fromkeys(order)}


def _applies(ranking: Ranking) -> bool:
    return ranking.given is None and bool(_parameters(ranking)) and len(_trials(ranking).trials) > 1


def draw(ranking: Ranking, *, narrow: bool = False) -> Figure:
    """Return bars of importance, and a slice per hyperparameter on the scale of its search, the best trials marked."""
    parameters, found = dict(list(_parameters(ranking).items())[: prose.MOST_SLICES]), _trials(ranking)
    n_columns = min(2 if narrow else 3, len(parameters))
    n_rows = math.ceil(len(parameters) / n_columns)
    bars = 0.55 + 0.22 * len(parameters) if ranking.advice.importance else 0.0
    with styled():
        height = (1.7 if narrow else 2.1) * n_rows
        figure = Drawing(NARROW if narrow else WIDE, 0.5 + bars + height, layout="constrained")
        lower: Figure | SubFigure = figure
        if bars:
            parts: Any = figure.subfigures(2, 1, height_ratios=[bars, height])
            _importance(parts[0].add_subplot(), ranking, list(parameters))
            lower = parts[1]
        grid = lower.subplots(n_rows, n_columns, sharey=True, squeeze=False)
        grid.flat[0].set_ylim(*_limits(found.values))
        for axes, (name, parameter) in zip(grid.flat, parameters.items(), strict=False):
            _slice(figure, axes, name, parameter, found, narrow=narrow)
            for advice in ranking.advice.ranges:
                if advice.name == name:
                    _advised(axes, parameter, advice)
        for axes in grid.flat[len(parameters) :]:
            axes.set_visible(False)
        lower.supylabel("objective value", fontsize=SMALL + 1)
        lower.suptitle(prose.SLICES_LEGEND, fontsize=SMALL, x=0.01, ha="left")
    return figure


def _importance(axes: Axes, ranking: Ranking, names: Sequence[str]) -> None:
    found = ranking.advice.importance
    for y, name in enumerate(names):
        one = found.get(name)
        if one is None:
            continue
        shown = marks.matters(one.p_value)
        axes.barh(
            [y], [one.share], 0.6, color=_BEST if shown else "white", ec=_BEST if shown else _OTHER, lw=0.8
        )
        told = f"{one.share:.0%}" if shown else f"{one.share:.0%}, {marks.NOT_SHOWN}"
        axes.annotate(told, (one.share, y), (4, 0), textcoords="offset points", va="center", fontsize=SMALL)
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 1.35)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_title(prose.IMPORTANCE, fontsize=SMALL, loc="left")


def _limits(values: FloatArray) -> tuple[float, float]:
    """Return the ends of the axis, without trials that are so bad that they would squeeze all others."""
    quarter, three_quarters = np.quantile(values, [0.25, 0.75])
    fence = quarter - _FENCE * (three_quarters - quarter)
    return within(values[values >= fence].tolist())


def _slice(
    figure: Drawing, axes: Axes, name: str, parameter: Parameter, found: _Trials, *, narrow: bool
) -> None:
    places, low = places_of(parameter, found.trials, name), axes.get_ylim()[0]
    if len(found.trials) > MANY_DOTS:
        as_pixels(axes)
    zorder = -1 if len(found.trials) > MANY_DOTS else 3
    known, seen = np.isfinite(places), found.values >= low
    looks: tuple[tuple[BoolArray, dict[str, Any]], ...] = (
        (~found.best & seen, {"marker": "o", "mfc": "none", "mec": _OTHER, "ms": 3.5, "mew": 0.7}),
        (found.best & seen, {"marker": "D", "mfc": _BEST, "mec": "white", "ms": 5, "mew": 0.5}),
        (~seen, {"marker": "v", "mfc": "none", "mec": _OTHER, "ms": 4, "mew": 0.7}),
    )
    for which, look in looks:
        some = np.flatnonzero(which & known)
        if some.size:
            (dots,) = axes.plot(
                places[some], np.maximum(found.values[some], low), ls="", zorder=zorder, clip_on=False, **look
            )
            if not narrow and len(found.trials) <= marks.MOST_TIPS:
                figure.tell(dots, [marks.trial_tip(found.trials[i], name) for i in some])
    label_range(axes, parameter)
    axes.set_xlabel(short(name), fontsize=SMALL + 1, labelpad=2)
    axes.grid(axis="y", lw=0.4, alpha=0.5)


def _advised(axes: Axes, parameter: Parameter, advice: RangeAdvice) -> None:
    """Mark an edge beyond which to search, and parts to leave out."""
    for part in advice.parts:
        word = marks.part_word(part.kind)
        if isinstance(parameter, Categorical):
            at = next(
                i for i, c in enumerate(parameter.choices) if type(c) is type(part.until) and c == part.until
            )
            low, high = at - 0.45, at + 0.45
        else:
            until = float(place_of(parameter, [part.until])[0])
            low, high = (0.0, until) if part.side == "low" else (until, 1.0)
        hatch = "" if part.kind == "widen" else "///"
        axes.axvspan(
            low,
            high,
            fc=_ADVICE if not hatch else "none",
            ec=_ADVICE,
            alpha=0.18,
            hatch=hatch,
            lw=0,
            zorder=0,
        )
        right = not isinstance(parameter, Categorical) and part.side == "high"
        axes.annotate(
            f"{word} ▸" if right and not hatch else f"◂ {word}" if not hatch else word,
            (high if right else low, 1.0),
            xycoords=("data", "axes fraction"),
            ha="right" if right else "left",
            va="bottom",
            fontsize=SMALL,
            color=_ADVICE,
            fontweight="bold",
        )


def data(ranking: Ranking) -> pd.DataFrame:
    """Return a line per complete trial and hyperparameter, with the importance of the latter."""
    import pandas as pd  # slow to load

    found = _trials(ranking)
    records = []
    for name in _parameters(ranking):
        one = ranking.advice.importance.get(name)
        matters = (None, None) if one is None else (one.share, one.p_value)
        records += [
            (name, trial.number, trial.hyperparameters.get(name), value, best, *matters)
            for trial, value, best in zip(
                found.trials, found.values.tolist(), found.best.tolist(), strict=True
            )
        ]
    columns = [
        "hyperparameter",
        "trial",
        "value",
        "objective_value",
        "is_best_fifth",
        "importance",
        "p_value",
    ]
    return pd.DataFrame(records, columns=columns)


PLOT = Plot(
    name="search_space",
    heading=prose.SPACE,
    applies=_applies,
    draw=draw,
    data=data,
    caption=prose.space_caption,
)
