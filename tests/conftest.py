"""Shared by all tests: the folder with helpers is importable, in worker processes too."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded
sys.path.insert(0, str(Path(__file__).parent / "support"))

from hypothesis import HealthCheck, settings

settings.register_profile(
    "robusttune", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.load_profile("robusttune")
