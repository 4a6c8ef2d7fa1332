"""The figures of a study, in the order of its page; each is a module: when it applies, what it draws, its data."""

from __future__ import annotations

from robusttune.report.figures import budget, learning_curves, luck, noise, pairs, search_space, seeds
from robusttune.report.figures.plot import Plot
from robusttune.report.figures.style import COLOURS

PLOTS: tuple[Plot, ...] = (
    luck.PLOT,
    seeds.PLOT,
    learning_curves.PLOT,
    pairs.PLOT,
    noise.PLOT,
    search_space.PLOT,
    budget.PLOT,
)

__all__ = ["COLOURS", "PLOTS", "Plot"]
