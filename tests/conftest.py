"""Shared by all tests: one thread for torch, and how many examples Hypothesis tries."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded

from hypothesis import HealthCheck, settings

settings.register_profile(
    "robusttune", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.load_profile("robusttune")
