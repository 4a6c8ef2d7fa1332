"""A table for people, once for the terminal, Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BEST, CONTROL, UNDECIDED, RECOMMENDED = "best", "control", "undecided", "recommended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells as text.

    Attributes
    ----------
    title : str
    headings : tuple of str
    rows : tuple of tuple of str
    note : str
        What a reader of the table alone must know.
    text : tuple of str
        Headings of the columns that are left-aligned; numbers stand on the right.
    name : str
        Heading of the column that is bold in Markdown and LaTeX where its row is.
    marks : tuple of frozenset of str
        For each row, whether it is in the best set, whether it is a control, whether it is undecided against the
        recommended one, and whether it is that one.
    meanings : mapping of str to str
        Heading → what the column says.
    main, narrow : tuple of str
        Headings of the columns that a page shows unasked, on a wide and on a narrow screen; empty for all.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    text: tuple[str, ...] = ()
    name: str = "configuration"
    marks: tuple[frozenset[str], ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    main: tuple[str, ...] = ()
    narrow: tuple[str, ...] = ()

    def is_best(self, place: int) -> bool:
        """Whether the row at a place is in the best set."""
        return bool(self.marks) and BEST in self.marks[place]
