"""What `robusttune run` does before it ranks: `python -m tests.support.session_main STUDY OUT WORKERS [STORAGE]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from robusttune.declaration.study import StudySpec
from robusttune.pipeline.location import location_of
from robusttune.pipeline.session import open_session
from robusttune.pipeline.settle import settle


def until_ranked(declared: StudySpec, out: str, workers: int, storage: str | None = None) -> None:
    """Run a study, or what is missing of it, up to its ranking."""
    location = location_of(declared, out=out, storage=storage)
    settled = settle(declared, location=location)
    with open_session(settled, location, workers=workers) as session:
        session.evaluate(session.tune())


if __name__ == "__main__":
    study = StudySpec.from_dict(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    until_ranked(study, sys.argv[2], int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None)
