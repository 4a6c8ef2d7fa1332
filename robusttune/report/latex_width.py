"""How wide a text is in LaTeX's own font, to know beforehand which columns fit on a page."""

from __future__ import annotations

import functools
from pathlib import Path

import matplotlib as mpl
from anyascii import anyascii
from matplotlib.ft2font import FT2Font, LoadFlags

_UNITS = 100  # size at which the font is measured, in units of the 10 pt that widths are told for
_SIGN = 7.8  # of mathematics: minus, comparisons


@functools.cache
def _font() -> FT2Font:
    """Return Computer Modern, which matplotlib brings."""
    font = FT2Font(str(Path(mpl.get_data_path()) / "fonts/ttf/cmr10.ttf"))
    font.set_size(10 * _UNITS, 72)
    return font


@functools.cache
def _character(character: str) -> float:
    if not character.isprintable():
        return 0.0 if character.isspace() else _character("?")
    if not character.isascii():
        return max(_SIGN, text_width(anyascii(character)))
    return float(_font().load_char(ord(character), LoadFlags.NO_HINTING).linearHoriAdvance) / 65536 / _UNITS


def text_width(text: str) -> float:
    """Return how many points wide a line is at 10 pt; a little more where its characters are not ASCII."""
    return sum(map(_character, text))
