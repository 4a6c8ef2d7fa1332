"""How texts of a report are written where Markdown or HTML mean something else by their characters."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from robusttune.report.prose.verdicts import LABELS
from robusttune.report.prose.words import plain

_ENTITY = re.compile(r"&(?=#?\w+;)")


def markdown(text: str) -> str:
    """Return a text that is neither HTML nor the end of a table's cell; what is between backticks stays as it is."""
    parts = plain(text).replace("|", r"\|").split("`")
    if len(parts) % 2 == 0:  # a backtick of a name
        return r"\`".join(map(_no_html, parts))
    return "`".join(part if i % 2 else _no_html(part) for i, part in enumerate(parts))


def _no_html(text: str) -> str:
    return _ENTITY.sub("&amp;", text).replace("<", "&lt;").replace("](", r"]\(")


def code(sentence: str) -> Markup:
    """Return a sentence as HTML, what stands between backticks as code."""
    parts = [escape(part) for part in sentence.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts)
    )


def verdict(cell: str) -> Markup:
    """Return a cell as HTML, a verdict with its shape."""
    if cell not in LABELS:
        return escape(cell)
    return Markup('<span class="verdict {}">{}</span>').format(cell, LABELS[cell])
