"""Where the repository and the data lie that several tests read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
"""Real results, beside the repository and not in it; tests that need them skip where they are absent."""
