"""Shared by all tests: one thread for torch, and how many examples Hypothesis tries."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded

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
