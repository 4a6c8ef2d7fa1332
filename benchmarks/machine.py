"""The machine a measurement was made on, without its name."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """Return processor model, number of cores, and versions of Python and numpy."""
    import numpy as np

    model = platform.processor() or "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [
            line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")
        ]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    return f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, numpy {np.__version__}"
