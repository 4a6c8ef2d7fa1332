"""The picture of the protocol study."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.protocols_cells import COMPARATOR, MIXED, SAMPLERS, SINGLE, at, budgets

# Okabe and Ito's palette.
_LINES = {
    SINGLE: "#D55E00",
    "3 seeds a trial, believed": "#E69F00",
    COMPARATOR: "#000000",
    "OCBA": "#CC79A7",
    "top k, posterior pick": "#56B4E9",
    MIXED: "#009E73",
}


def picture(rows: pd.DataFrame) -> Figure:
    """Return mean regret against budget, one panel per sampler."""
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(7.6, 3.8), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, len(SAMPLERS), sharey=True)
        for axes, sampler in zip(panels, SAMPLERS, strict=True):
            _panel(axes, rows, sampler)
        panels[0].set_ylabel("mean regret")
        panels[0].set_ylim(bottom=0)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _panel(axes: mpl.axes.Axes, rows: pd.DataFrame, sampler: str) -> None:
    """Draw the protocols that ran wherever the comparator did, on the landscapes that have all budgets."""
    shown = budgets(rows, sampler)
    common = set.intersection(*(set(at(rows, sampler, budget, COMPARATOR).index) for budget in shown))
    for name, colour in _LINES.items():
        own = [at(rows, sampler, budget, name) for budget in shown]
        if not all(common <= set(one.index) for one in own):
            continue
        own = [one.loc[sorted(common)] for one in own]
        mean = [float(one["regret"].mean()) for one in own]
        half = [1.96 * float((one["regret_se"] ** 2).sum()) ** 0.5 / len(one) for one in own]
        axes.plot(shown, mean, "o-", color=colour, ms=3, lw=1.3, label=name)
        low, high = ([m + sign * h for m, h in zip(mean, half, strict=True)] for sign in (-1, 1))
        axes.fill_between(shown, low, high, color=colour, alpha=0.15, lw=0)
    axes.set_title(f"{SAMPLERS[sampler]}, {len(common)} landscapes", fontsize=9, loc="left")
    axes.set_xscale("log")
    axes.set_xticks(shown, [str(budget) for budget in shown])
    axes.minorticks_off()
    axes.set_xlabel("training runs in all")
