"""The command line that programs of searches side by side share."""

from __future__ import annotations

import argparse
from pathlib import Path


def parse_options(description: str | None, *, repetitions: int, results: Path) -> argparse.Namespace:
    """Return `repetitions`, `workers`, `out` (folder of the database) and `results` (the file of rows)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--repetitions", type=int, default=repetitions)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--results", type=Path, default=results)
    return parser.parse_args()
