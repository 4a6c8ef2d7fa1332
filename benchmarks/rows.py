"""The lines of the table of promised against measured."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    kind: str  # promise, negative control, or information
    what: str
    setting: str
    promised: str
    measured: float
    standard_error: float | None
    kept: bool | None
    commit: str = ""
    day: str = ""
    seconds: float = 0.0


def promise(what: str, setting: str, measured: float, low: float, high: float, studies: int | None) -> Row:
    """Return a row that is kept if the measured value lies between low and high.

    Few studies (--quick) get three standard errors of grace on either side; the full run gets none.
    """
    error = None if studies is None else math.sqrt(max(measured * (1 - measured), 1e-4) / studies)
    slack = 3 * error if error is not None and studies is not None and studies < 1000 else 0.0
    words = (
        f"{low:g} to {high:g}"
        if math.isfinite(low) and math.isfinite(high)
        else (f"<= {high:g}" if math.isfinite(high) else f">= {low:g}")
    )
    kept = low - slack <= measured <= high + slack
    return Row(
        kind="promise",
        what=what,
        setting=setting,
        promised=words,
        measured=measured,
        standard_error=error,
        kept=kept,
    )


def at_least(what: str, setting: str, measured: float, low: float, studies: int) -> Row:
    """Return a row that is kept if the rate is not below `low`."""
    return promise(what, setting, measured, low, math.inf, studies)


def at_most(what: str, setting: str, measured: float, high: float, studies: int | None) -> Row:
    """Return a row that is kept if the value is not above `high`."""
    return promise(what, setting, measured, -math.inf, high, studies)


def control(what: str, setting: str, measured: float, *, fails: bool, words: str) -> Row:
    """Return a row of a known-wrong method, which is kept if the suite sees it fail."""
    return Row(
        kind="negative control",
        what=what,
        setting=setting,
        promised=words,
        measured=measured,
        standard_error=None,
        kept=fails,
    )


def must_be_below(what: str, setting: str, measured: float, bound: float) -> Row:
    """Return a row of a known-wrong method that the suite sees fail, because its rate is below a bound."""
    return control(what, setting, measured, fails=measured < bound, words=f"must be < {bound:g}")


def must_be_above(what: str, setting: str, measured: float, bound: float) -> Row:
    """Return a row of a known-wrong method that the suite sees fail, because its error is above a bound."""
    return control(what, setting, measured, fails=measured > bound, words=f"must be > {bound:g}")


def information(what: str, setting: str, measured: float) -> Row:
    """Return a row without a promise."""
    return Row(
        kind="information",
        what=what,
        setting=setting,
        promised="",
        measured=measured,
        standard_error=None,
        kept=None,
    )


def fresh(name: str) -> np.random.Generator:
    """Return the generator of a row; `hash` differs from process to process, a checksum does not."""
    return np.random.default_rng(zlib.crc32(name.encode()))
