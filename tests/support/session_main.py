"""What `robusttune run` does before it ranks: `python -m tests.support.session_main STUDY OUT WORKERS [STORAGE]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from robusttune.declaration.study import StudySpec
from robusttune.pipeline.location import location_of
from robusttune.pipeline.session import open_session
from robusttune.pipeline.settle import settle

if __name__ == "__main__":
    declared = StudySpec.from_dict(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    storage = sys.argv[4] if len(sys.argv) > 4 else None
    location = location_of(declared, out=sys.argv[2], storage=storage)
    settled = settle(declared, location=location)
    with open_session(settled, location, workers=int(sys.argv[3])) as session:
        session.evaluate(session.tune())
