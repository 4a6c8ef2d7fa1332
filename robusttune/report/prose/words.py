"""Numbers, intervals, lists and names as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from robusttune.stats.estimates.estimate import Estimate

NOT_AVAILABLE = "–"


def number(value: float | None, *, signed: bool = False, decimals: int | None = None) -> str:
    """Return a number with four significant digits, or so many decimals, and no exponent for everyday sizes."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    sign = "+" if signed else ""
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e6):
        return f"{value:{sign}.3g}".replace("-", "−")
    if decimals is None:
        decimals = 0 if size >= 1000 else 1 if size >= 100 else 2
    return f"{value:{sign}.{decimals}f}".replace("-", "−")


def interval(
    low: float | None, high: float | None, *, decimals: int | None = None, low_is_open: bool = False
) -> str:
    """Return an interval for people; a dash where the data give no bound."""
    if low is None or high is None or not math.isfinite(high - low):
        return NOT_AVAILABLE
    return (
        f"{'(' if low_is_open else '['}{number(low, decimals=decimals)}, {number(high, decimals=decimals)}]"
    )


def span(low: float, high: float, *, decimals: int | None = None) -> str:
    """Return a range in words; a dash would read as a minus."""
    return f"{number(low, decimals=decimals)} to {number(high, decimals=decimals)}"


def known_decimals(low: float, high: float) -> int | None:
    """Return the decimals that are worth telling of a number with this interval: two digits of its width."""
    width = high - low
    return max(0, 1 - math.floor(math.log10(width))) if 0 < width < math.inf else None


def with_interval(value: float, low: float, high: float) -> str:
    """Return an estimate with its interval, rounded to what is known."""
    decimals = known_decimals(low, high)
    return f"{number(value, decimals=decimals)} {interval(low, high, decimals=decimals)}"


def share(value: float) -> str:
    """Return a probability, a correlation or a normalised score with two decimals."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")  # + 0.0: no minus before zero


def share_interval(low: float, high: float) -> str:
    """Return an interval of probabilities, correlations or normalised scores."""
    return f"[{share(low)}, {share(high)}]"


def estimate(found: Estimate) -> str:
    """Return an estimate with its interval, rounded to what is known."""
    return with_interval(found.estimate, found.low, found.high)


def listed(names: Iterable[str]) -> str:
    """Return names as an English list."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def count(n: int, noun: str) -> str:
    """Return a number of things."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def plain(text: str) -> str:
    """Return a text in one line, with a mark in place of what no file can hold or no reader can see."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(c if c.isprintable() else "�" for c in line)
