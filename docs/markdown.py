"""Headings, anchors and tables of Markdown pages, as a code host has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_FENCE = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} (.+)$", flags=re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
_TABLE = re.compile(r"(?:^\|.*\n)+", flags=re.MULTILINE)


def prose(text: str) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", text)


def slug(heading: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Return the anchors of a page."""
    return {slug(_LINK.sub(r"\1", heading)) for heading in _HEADING.findall(prose(text))}


def links(text: str) -> list[str]:
    """Return the targets of a page's links and pictures."""
    return [target for _, target in _LINK.findall(re.sub(r"`[^`]*`", "", prose(text)))]


def section(text: str, anchor: str) -> str:
    """Return what stands below a heading, up to the next one.

    Raises
    ------
    ValueError
        If the page has no such heading.
    """
    for heading, body in _sections(text):
        if slug(heading) == anchor:
            return body
    raise ValueError(f"There is no heading #{anchor}.")


def first_table(text: str) -> str:
    """Return the first table of a text.

    Raises
    ------
    ValueError
        If it has none.
    """
    found = _TABLE.search(text)
    if found is None:
        raise ValueError("There is no table.")
    return found[0]


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of words: all columns begin at the left."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"


def _sections(text: str) -> Iterator[tuple[str, str]]:
    parts = _HEADING.split(text)
    yield from zip(parts[1::2], parts[2::2], strict=True)
