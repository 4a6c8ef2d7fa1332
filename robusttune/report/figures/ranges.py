"""The range of a hyperparameter as an axis, on the scale of the search."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from robusttune.declaration.space import Categorical, Int, Parameter
from robusttune.post_evaluation.encoding import place_of, unscaled
from robusttune.report.figures.style import SMALL, short
from robusttune.report.prose import marks
from robusttune.results.records import TrialRecord
from robusttune.stats.arrays import FloatArray

_JITTER = 0.3
_TICKS = (0.0, 0.5, 1.0)


def places_of(parameter: Parameter, trials: Sequence[TrialRecord], name: str) -> FloatArray:
    """Return where trials stand in a range, 0 to 1; choices side by side; nan without the hyperparameter."""
    there = [name in one.hyperparameters for one in trials]
    places = np.full(len(trials), math.nan)
    values = [one.hyperparameters[name] for one in trials if name in one.hyperparameters]
    if isinstance(parameter, Categorical):
        # 1 == True in Python, but not as hyperparameters.
        at = [[type(v) is type(c) and v == c for c in parameter.choices].index(True) for v in values]
        side = np.linspace(-_JITTER, _JITTER, len(values)) if len(values) > 1 else np.zeros(len(values))
        places[there] = np.array(at, dtype=float) + np.random.default_rng(0).permutation(side)
    else:
        places[there] = place_of(parameter, values)
    return places


def label_range(axes: Axes, parameter: Parameter) -> None:
    """Label a range, or choices, by their values; the scale of the search is the scale of the axis."""
    if isinstance(parameter, Categorical):
        ticks = [float(i) for i in range(len(parameter.choices))]
        labels = [short(marks.choice(choice), 14 if len(ticks) < 4 else 8) for choice in parameter.choices]
        axes.set_xlim(-0.6, len(ticks) - 0.4)
    else:
        values = [
            unscaled(parameter, place) for place in (_TICKS if parameter.low < parameter.high else (0.0,))
        ]
        if parameter.scale == "pow2":
            values = [2.0 ** round(math.log2(value)) for value in values]
        elif isinstance(parameter, Int):
            values = [float(round(value)) for value in values]
        ticks, labels = place_of(parameter, values).tolist(), [marks.tick(value) for value in values]
        axes.set_xlim(-0.04, 1.04)
        for end in (0.0, 1.0):
            axes.axvline(end, lw=0.7, ls=":", color="black", zorder=0.5)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FixedFormatter(labels))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="x", labelsize=SMALL, pad=1)
