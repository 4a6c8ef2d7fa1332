"""What `robusttune run` does before it ranks: `python -m tests.support.session_main STUDY OUT WORKERS [STORAGE]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from robusttune.declaration.study import StudySpec
from robusttune.pipeline.session import open_session

if __name__ == "__main__":
    declared = StudySpec.from_dict(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    storage = sys.argv[4] if len(sys.argv) > 4 else None
    with open_session(
        declared, out=sys.argv[2], storage=storage, workers=int(sys.argv[3]), reporter=None
    ) as session:
        session.evaluate(session.tune())
