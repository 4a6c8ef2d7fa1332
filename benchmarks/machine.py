"""The machine a measurement was made on, without its name, and the commit that was measured."""

from __future__ import annotations

import os
import platform
import subprocess
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


def commit() -> str:
    """Return the commit that is measured, in short."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    here = Path(__file__).parent
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=here).stdout.strip()
