"""What a figure of a study is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from matplotlib.figure import Figure

from robusttune.report.model import Ranking

if TYPE_CHECKING:
    import pandas as pd


class Draw(Protocol):
    """Draws a ranking; `narrow` for telephones, about four inches wide."""

    def __call__(self, ranking: Ranking, *, narrow: bool = False) -> Figure:
        """Return the figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A figure of a study.

    Attributes
    ----------
    name : str
        Of its files: `<name>.png`, `<name>.csv`.
    heading : str
        On the page.
    applies : callable
        Whether a ranking has what the figure shows.
    draw : callable
        `draw(ranking, narrow=False)`.
    data : callable
        Everything drawn, as a table.
    caption : callable
        How the figure is read, in one or two sentences.
    """

    name: str
    heading: str
    applies: Callable[[Ranking], bool]
    draw: Draw
    data: Callable[[Ranking], pd.DataFrame]
    caption: Callable[[Ranking], str]
