"""Which cases of a parametrised test the fast suite tries; `make test-all` tries all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def cases(every: Iterable[Any], *, fast: Iterable[Any]) -> list[Any]:
    """Return all cases, those outside `fast` marked thorough; where lists are crossed, fast is what is fast in each.

    A case that is a tuple holds one value for each argument name.

    Raises
    ------
    ValueError
        If a fast case is none of them, so that a renamed case does not leave the fast suite unnoticed.
    """
    every, fast = list(every), list(fast)
    if strangers := [case for case in fast if case not in every]:
        raise ValueError(f"fast must be among the cases {every}, but got {strangers}")
    return [case if case in fast else _thorough(case) for case in every]


def _thorough(case: Any) -> Any:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.thorough)
