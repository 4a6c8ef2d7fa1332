"""The checklist for results that were given: what a table of scores knows, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from robusttune.report.prose import methods
from robusttune.report.prose.checklist_answers import Answer
from robusttune.report.prose.words import count

if TYPE_CHECKING:
    from robusttune.report.model import Ranking


def metric(ranking: Ranking) -> Answer:
    """Return what the scores are, as far as their columns say."""
    given = ranking.given
    assert given is not None
    return (
        f"Scores were read from {given.source}: {given.columns}.",
        "what a score is, and whether tuning used the same",
    )


def tested_on(ranking: Ranking) -> Answer:
    """Return how many seeds there are."""
    return (
        f"{count(len(ranking.rows), 'configuration')} with {methods.seeds_of(ranking)} each.",
        "that none of these seeds had a part in tuning",
    )


def on_test_seeds(ranking: Ranking) -> Answer:
    """Return what results rest on."""
    told = "All results rest on the scores that were given"
    return f"{told}; tuning scores enter none of them." if ranking.has_tuning else f"{told}."


def incumbents(ranking: Ranking) -> Answer:
    """Return which configuration is recommended, and where its values are, if they are known."""
    row = ranking.row(ranking.analysis.recommended)
    if row.candidate.hyperparameters:
        return f"Recommended is {row.name}; its values are in the table of configurations."
    return f"Recommended is {row.name}.", "its hyperparameters"


UNKNOWN: Mapping[str, str] = {
    "setting": "whether there are training and test settings, and which was used for what",
    "package": "package and method of the tuning",
    "space": "the search space of each algorithm",
    "shared": "whether algorithms were searched in the same ranges, or why not",
    "budget": "the tuning budget",
    "equal": "whether it was the same for all methods, or why not",
    "hardware_equal": "whether the hardware was comparable, if the budget is a time",
    "all_tuned": "whether all reported methods were tuned like this, or why not",
    "tuned_on": "the tuning seeds and their number",
    "code": "where the code can be found",
    "process": "whether it includes the tuning",
    "environment": "where a file with the versions of all packages can be found",
    "hardware": "the hardware, and how long it was used",
}
"""Item → what has to be filled in."""
