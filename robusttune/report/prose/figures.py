"""Headings, legends and captions of the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.report.prose.verdicts import WORDS
from robusttune.report.prose.words import known_decimals, number

if TYPE_CHECKING:
    from robusttune.report.model import Ranking, Row

LUCK = "Lucky or consistent: from the tuning score to the mean over fresh seeds"
SEEDS = "Every seed"


def luck_legend(ranking: Ranking, *, narrow: bool) -> str:
    """Return how the figure of luck is read."""
    star = "   ★: confirmation seeds" if ranking.analysis.confirmed else ""
    bar = f"bar: {ranking.analysis.level:.0%} interval{star}"
    break_ = "\n" if narrow else ", "
    return f"○ tuning score → mean over fresh seeds{break_}{bar}"


def luck_caption(ranking: Ranking) -> str:
    """Return what the figure of luck shows."""
    return (
        "An arrow to the left: the tuning score was lucky, and fresh seeds give less. Bold: cannot be told apart from "
        "the best."
    )


def verdict(row: Row) -> str:
    """Return a verdict with its number."""
    luck = row.analysis.luck
    if luck is None:
        return "no tuning score"
    amount = number(luck.luck, signed=True, decimals=known_decimals(luck.low, luck.high))
    return f"{WORDS[luck.verdict]}, {amount}"


def luck_note(row: Row) -> str:
    """Return what stands beside a configuration in the figure of luck."""
    luck = row.analysis.luck
    reach = "" if luck is None else f"; {luck.n_reached} of {luck.n_seeds} reach it"
    return f"{verdict(row)}{reach}"


def seeds_legend(ranking: Ranking) -> str:
    """Return how the figure of all seeds is read."""
    if not ranking.has_tuning and ranking.given is not None:
        return f"dots: seeds   mark and bar: mean, {ranking.analysis.level:.0%} interval"
    return (
        "dots: fresh seeds, filled if they reach the tuning score\n"
        f"mark and bar: mean, {ranking.analysis.level:.0%} interval   |: tuning score"
    )


def seeds_caption(ranking: Ranking) -> str:
    """Return what the figure of all seeds shows."""
    return "A mean says little about a configuration that sometimes fails: look at the dots."
