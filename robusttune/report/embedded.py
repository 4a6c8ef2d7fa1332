"""Figures inside a page: in its colours, light and dark, with their data."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from markupsafe import Markup
from matplotlib.figure import Figure

from robusttune.report.output import drawn

_COLOUR = re.compile(r"(?:(?<=: )|(?<=fill=\"))#([0-9a-fA-F]{6})\b")
# The page has two of each of these colours, with enough contrast for what stands on them: on light and on dark paper.
_VARIABLES = {
    "lucky": ("d55e00", "a34700"),
    "unlucky": ("0072b2", "005a8f"),
    "consistent": ("009e73", "006b4e"),
    "inconclusive": ("767676", "595959"),
    "amber": ("e69f00",),
    "pale-amber": ("f5deb0",),
    "pale-blue": ("bfddf0",),
    "pale-red": ("f7d9b8",),
    "pale-green": ("b9e4d5",),
}
_OF_THE_PAGE = "var(--{})"
_NAMES = {code: name for name, codes in _VARIABLES.items() for code in codes}
_MOST_EMBEDDED = 150_000  # characters of data; longer data are linked, to the file beside the page


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A figure in a page.

    Attributes
    ----------
    name : str
        Of its files, and of that of its data.
    wide : Markup
        The drawing, or the sentence why there is none.
    narrow : Markup
        The drawing for telephones.
    caption : str
    data : str
        Address of its data as CSV.
    """

    name: str
    wide: Markup
    narrow: Markup
    caption: str
    data: str

    @property
    def is_drawn(self) -> bool:
        """Whether there is a drawing."""
        return self.wide.startswith("<svg")


class Draw(Protocol):
    """Draws a figure; `narrow` for telephones, about four inches wide."""

    def __call__(self, *, narrow: bool = False) -> Figure:
        """Return the figure."""


def embed_all(
    makers: Mapping[str, Draw],
    *,
    captions: Mapping[str, str],
    csv: Mapping[str, str],
    keep: Callable[[Mapping[str, Figure]], None],
) -> dict[str, Shown]:
    """Return each figure as it stands in a page, on wide screens and on telephones.

    Parameters
    ----------
    makers, captions, csv : mapping
        Name → what draws the figure, how it is read, its data.
    keep : callable
        Takes each figure for files, by name; called before others need memory, too.
    """
    wide: dict[str, Markup] = {}
    for name, make in makers.items():
        figures, own = drawn({name: make})
        keep(figures)
        wide |= own
    # Under a name of their own: names within a picture begin with that of the picture.
    narrow_names = {name: f"{name}, narrow" for name in makers}
    _, narrow = drawn(
        {narrow_names[name]: functools.partial(make, narrow=True) for name, make in makers.items()}
    )
    return {
        name: Shown(
            name=name,
            wide=_in_colours(wide[name]),
            narrow=_in_colours(narrow[narrow_names[name]]),
            caption=captions[name],
            data=_link(name, csv[name]),
        )
        for name in makers
    }


def _link(name: str, csv: str) -> str:
    """Return the address of data: within the page, so that it stays one file, unless they are long."""
    if len(csv) > _MOST_EMBEDDED:
        return f"{name}.csv"
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(csv.encode()).decode()}"


def _in_colours(drawing: Markup) -> Markup:
    """Return a drawing in the colours of the page."""
    return Markup(_COLOUR.sub(_colour, drawing)) if drawing.startswith("<svg") else drawing


def _colour(found: re.Match[str]) -> str:
    """Return a colour that the page has, or a grey, as the page's; other colours stay."""
    code = found[1].lower()
    if code in _NAMES:
        return _OF_THE_PAGE.format(_NAMES[code])
    if code[:2] == code[2:4] == code[4:]:  # black is ink and white is paper, whichever they are
        ink, paper = map(_OF_THE_PAGE.format, ("ink", "paper"))
        return f"color-mix(in srgb, {ink} {100 - int(code[:2], 16) / 2.55:.0f}%, {paper})"
    return found[0]
