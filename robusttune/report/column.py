"""A column of the ranking, and the ways to make one."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from robusttune.report.prose.words import NOT_AVAILABLE, interval, number

if TYPE_CHECKING:
    from robusttune.report.model import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes
    ----------
    key : str
        In CSV and JSON; an interval becomes `<key>_low` and `<key>_high`.
    heading : str
        Short, for people; empty for what is in CSV and JSON alone.
    value : callable
        Row → value with full precision; a tuple for an interval, None for "not available".
    text : callable
        Row → what people read.
    meaning : str
        One sentence for the page.
    is_text : bool
        Left-aligned.
    is_needed : callable
        Rows → whether tables for people show it.
    """

    key: str
    heading: str = ""
    value: Callable[[Row], Any]
    text: Callable[[Row], str]
    meaning: str
    is_text: bool = False
    is_needed: Callable[[Sequence[Row]], bool] = lambda rows: True

    def record(self, row: Row) -> dict[str, Any]:
        """Return the column's cells of a CSV or JSON record; a number that is not finite becomes None."""
        value = self.value(row)
        cells = dict(zip(("_low", "_high"), value, strict=True)) if isinstance(value, tuple) else {"": value}
        return {f"{self.key}{end}": _finite(one) for end, one in cells.items()}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def value_at(path: str, row: Row) -> Any:
    """Return what an attribute path leads to, or None where a part of it is None."""
    found: Any = row
    for name in path.split("."):
        found = None if found is None else getattr(found, name)
    return found


def written(
    key: str, heading: str, path: str, meaning: str, write: Callable[[Any], str], **options: Any
) -> Column:
    """Return the column of what an attribute path leads to, as `write` writes it."""
    value = functools.partial(value_at, path)

    def text(row: Row) -> str:
        found = value(row)
        return NOT_AVAILABLE if found is None else write(found)

    return Column(key=key, heading=heading, value=value, text=text, meaning=meaning, **options)


def plain(key: str, heading: str, path: str, meaning: str, **options: Any) -> Column:
    """Return the column of a word or a count."""
    return written(key, heading, path, meaning, str, **options)


def numeric(key: str, heading: str, path: str, meaning: str, *, signed: bool = False) -> Column:
    """Return the column of a number."""
    return written(key, heading, path, meaning, functools.partial(number, signed=signed))


def between(
    key: str,
    heading: str,
    path: str,
    meaning: str,
    write: Callable[[Any, Any], str] = interval,
    **options: Any,
) -> Column:
    """Return the column of an interval, whose ends are at the path with `low` and `high` for `{}`."""

    def value(row: Row) -> tuple[Any, Any]:
        return value_at(path.format("low"), row), value_at(path.format("high"), row)

    def text(row: Row) -> str:
        low, high = value(row)
        return NOT_AVAILABLE if low is None or high is None else write(low, high)

    return Column(key=key, heading=heading, value=value, text=text, meaning=meaning, **options)


def of_training(key: str, name: str, meaning: str) -> Column:
    """Return the column of one measure of the reliability of training, in CSV and JSON alone."""

    def median(row: Row) -> float | None:
        runs = value_at(f"analysis.training.{name}", row)
        return None if runs is None else statistics.median(runs)

    meaning = f"{meaning}; median over runs (rl-reliability-metrics)."
    return Column(key=key, value=median, text=lambda row: number(median(row)), meaning=meaning)
