"""Text and tables in Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from robusttune.report.output import render
from robusttune.report.table import Table


def wrapped(text: str) -> str:
    """Return a paragraph in lines of at most 120 characters."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first column is aligned to the left."""
    return written(
        Table(title="", headings=tuple(head), rows=tuple(map(tuple, rows)), text=(head[0],), name="")
    )


def written(made: Table) -> str:
    """Return a table of the paper as the report writes its own."""
    return render("table.md.j2", table=made).rstrip("\n")
