"""Verdicts as the page shows them: a shape and a word, so that none is told by its colour alone."""

from __future__ import annotations

from collections.abc import Collection

from robusttune.stats.luck.verdict import CONSISTENT, INCONCLUSIVE, LUCKY, UNLUCKY

# INCONCLUSIVE beside a recommended configuration reads as a failure; what is open is the luck alone.
WORDS = {LUCKY: "lucky", UNLUCKY: "unlucky", CONSISTENT: "consistent", INCONCLUSIVE: "luck open"}
_SHAPES = {LUCKY: "▼", UNLUCKY: "▲", CONSISTENT: "■", INCONCLUSIVE: "◆"}  # as in the figures
LABELS = {one: f"{_SHAPES[one]} {WORDS[one]}" for one in WORDS}
MEANINGS = {
    LUCKY: "fresh seeds score less than tuning said",
    UNLUCKY: "fresh seeds score more than tuning said",
    CONSISTENT: "the tuning score is right to within one SD",
    INCONCLUSIVE: "the tuning score is shown neither to be lucky nor to be right, more seeds would tell; mean and rank "
    "interval say how good the configuration is (INCONCLUSIVE in files)",
}


def legend(verdicts: Collection[str | None]) -> tuple[tuple[str, str, str], ...]:
    """Return verdict, label and meaning of those that occur."""
    return tuple((one, LABELS[one], MEANINGS[one]) for one in LABELS if one in verdicts)
