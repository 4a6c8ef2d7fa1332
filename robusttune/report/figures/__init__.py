"""The figures of a study, in the order of its page; each is a module: when it applies, what it draws, its data."""

from __future__ import annotations

from robusttune.report.figures import luck, seeds
from robusttune.report.figures.plot import Plot
from robusttune.report.figures.style import COLOURS

PLOTS: tuple[Plot, ...] = (luck.PLOT, seeds.PLOT)

__all__ = ["COLOURS", "PLOTS", "Plot"]
