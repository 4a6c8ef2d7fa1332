"""Results that no study of ours has made: where they come from, and what was done to them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a report says of results that it was given.

    Attributes
    ----------
    name : str
        Heading of the report.
    source : str
        `"scores.csv"`, `"the data frame"`.
    columns : str
        Which column was read as what: `configuration = 'algo', score = 'final_return'`.
    notes : tuple of str
        How the table became one score per run, in sentences.
    """

    name: str
    source: str
    columns: str
    notes: tuple[str, ...] = ()
