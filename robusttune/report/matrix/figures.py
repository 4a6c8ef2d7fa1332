"""The figures of the comparison over tasks, drawn by rliable."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from robusttune.errors import MissingDependencyError
from robusttune.report.embedded import Draw
from robusttune.report.figures.style import NARROW, short
from robusttune.report.matrix.tables import METRIC_NAMES
from robusttune.report.output import Drawing, new_figure
from robusttune.stats.tasks.aggregate import AggregateEstimate
from robusttune.stats.tasks.analyse import TasksAnalysis

_SEPARATOR = "\x1f"  # rliable splits pairs of names at it
_SIZE, _SMALL = 11, 9
_SCORE = "normalised score"
# Okabe and Ito's palette: told apart also by colour-blind readers.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#767676")


def figures(analysis: TasksAnalysis) -> dict[str, Draw]:
    """Return what draws each figure: intervals of all metrics, performance profiles, probability of improvement."""
    plots = _plot_utils()
    colours = dict(zip([one.method for one in analysis.methods], itertools.cycle(_COLOURS), strict=False))
    makers = {"metrics": _metrics, "profiles": _profiles}
    if analysis.improvements:
        makers["improvement"] = _improvement
    return {name: functools.partial(make, plots, analysis, colours) for name, make in makers.items()}


def _metrics(
    plots: Any, analysis: TasksAnalysis, colours: Mapping[str, Any], *, narrow: bool = False
) -> Figure:
    if narrow:
        return _metrics_below_each_other(analysis, colours)
    bottom_up = analysis.methods[::-1]  # rliable draws the first at the bottom
    names = [METRIC_NAMES[metric] for metric in bottom_up[0].metrics]
    with _without_windows():
        figure, axes = plots.plot_interval_estimates(
            {one.method: [found.estimate for found in one.metrics.values()] for one in bottom_up},
            {one.method: _bounds(list(one.metrics.values())) for one in bottom_up},
            metric_names=names,
            colors=colours,
            row_height=0.45,
            xlabel_y_coordinate=0.0,
            xlabel=_SCORE,
        )
    height = 0.6 + 0.45 * len(bottom_up)
    figure.set_size_inches(3.0 * len(names), height)
    for one in np.atleast_1d(axes):
        one.title.set_fontsize(_SIZE)
        one.tick_params(labelsize=_SIZE)
    for text in figure.texts:
        text.set(fontsize=_SIZE, x=0.5, y=-0.3 / height)
    found: Figure = figure
    return found


def _metrics_below_each_other(analysis: TasksAnalysis, colours: Mapping[str, Any]) -> Figure:
    """Draw what rliable draws side by side, which no telephone has room for."""
    bottom_up = analysis.methods[::-1]
    metrics = list(bottom_up[0].metrics)
    figure = Drawing(NARROW, 0.3 + len(metrics) * (0.55 + 0.26 * len(bottom_up)), layout="constrained")
    for axes, metric in zip(figure.subplots(len(metrics), squeeze=False)[:, 0], metrics, strict=True):
        for y, one in enumerate(bottom_up):
            found = one.metrics[metric]
            axes.barh(
                y, found.high - found.low, left=found.low, height=0.6, color=colours[one.method], alpha=0.75
            )
            axes.vlines(found.estimate, y - 0.3, y + 0.3, color="black")
        axes.set_yticks(range(len(bottom_up)), [short(one.method, 16) for one in bottom_up])
        axes.set_title(METRIC_NAMES[metric], fontsize=_SMALL, loc="left")
        axes.tick_params(labelsize=_SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(_SCORE, fontsize=_SMALL)
    return figure


def _profiles(
    plots: Any, analysis: TasksAnalysis, colours: Mapping[str, Any], *, narrow: bool = False
) -> Figure:
    figure, axes = new_figure(NARROW, 3.2, layout="constrained") if narrow else new_figure(7.0, 4.0)
    size = _SMALL if narrow else _SIZE
    profiles = {one.method: one.profile for one in analysis.methods}
    plots.plot_performance_profiles(
        {name: np.array(profile.share) for name, profile in profiles.items()},
        np.array(analysis.methods[0].profile.thresholds),
        performance_profile_cis={
            name: np.array([profile.low, profile.high]) for name, profile in profiles.items()
        },
        colors=colours,
        ax=axes,
        xlabel=f"{_SCORE} τ",
        ylabel="share of runs above τ",
        labelsize=size,
        ticklabelsize=size,
        legend=True,
        legendsize=size,
    )
    return figure


def _improvement(
    plots: Any, analysis: TasksAnalysis, colours: Mapping[str, Any], *, narrow: bool = False
) -> Figure:
    """Draw the first method against every other one; all pairs are in the table."""
    top = analysis.methods[0].method
    pairs = [one for one in analysis.improvements if one.first == top][::-1]
    height, size = 0.9 + 0.45 * len(pairs), _SMALL if narrow else _SIZE
    figure, axes = new_figure(NARROW, height, layout="constrained") if narrow else new_figure(5.5, height)
    plots.plot_probability_of_improvement(
        {f"{one.first}{_SEPARATOR}{one.second}": one.probability.estimate for one in pairs},
        {
            f"{one.first}{_SEPARATOR}{one.second}": (one.probability.low, one.probability.high)
            for one in pairs
        },
        pair_separator=_SEPARATOR,
        ax=axes,
        colors=[colours[one.second] for one in pairs],
        xlabel="P(X > Y)",
        left_ylabel="X",
        right_ylabel="Y",
        labelsize=size,
        ticklabelsize=size,
    )
    axes.axvline(0.5, ls=":", lw=1, color="black")
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    return figure


def _bounds(estimates: list[AggregateEstimate]) -> np.ndarray[Any, Any]:
    return np.array([[one.low for one in estimates], [one.high for one in estimates]])


@contextlib.contextmanager
def _without_windows() -> Iterator[None]:
    """Let pyplot, which rliable asks for a figure, open no window and keep no figure."""
    import matplotlib.pyplot as plt

    backend = plt.get_backend()
    plt.switch_backend("agg")
    try:
        yield
        plt.close(plt.gcf())
    finally:
        plt.switch_backend(backend)


def _plot_utils() -> Any:
    try:
        from rliable import plot_utils
    except ImportError as error:
        raise MissingDependencyError(
            f"The figures over tasks need rliable ({error}). Install it with: pip install rliable 'pandas<3'"
        ) from error
    return plot_utils
