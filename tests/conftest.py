"""Shared by all tests: one thread for torch, and how many examples Hypothesis tries."""

from __future__ import annotations

import os
from collections.abc import Iterator

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded

import pytest
from hypothesis import HealthCheck, settings

# Whether a change lands depends on the change, not on the draw; everywhere else each run draws anew.
REPEATS = os.environ.get("CI") == "true"
for name, examples in (("fast", 20), ("thorough", 100)):
    settings.register_profile(
        name,
        deadline=None,
        derandomize=REPEATS,
        suppress_health_check=[HealthCheck.too_slow],
        max_examples=examples,
    )
settings.load_profile("fast")  # `--hypothesis-profile=thorough` asks for the other


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Leave the figures behind the first out of reports, in tests of one part that is not the report.

    Drawing them takes most of the time of a small study. Tests of reports, and longer ones of everything together, have
    every figure. It is no fixture, because one would come after those of a whole module.
    """
    is_long = any(item.get_closest_marker(name) for name in ("thorough", "slow", "statistical"))
    if "report" in item.path.parts or (is_long and "unit" not in item.path.parts):
        yield
        return
    from robusttune.report import page

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "PLOTS", page.PLOTS[:1])
        yield
