"""Kill studies at random moments, and worse; nothing may be lost, doubled, changed, torn or end in a traceback.

    python -m benchmarks.chaos [--only synthetic real ...] [--share 1.0] [--folder .chaos]

A case follows from its kind and number (benchmarks/chaos_cases.py). What each has come to is a line in the folder, so
that the same command continues; what is printed in the end is benchmarks/chaos.txt. Full disks are small ones that are
mounted for the purpose, which needs root; restarts need psycopg and the programs of a PostgreSQL server.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import fuzz
from benchmarks.chaos_cases import KINDS
from benchmarks.machine import commit, machine

REPORT = Path(__file__).with_suffix(".txt")
BAD = ("lost", "doubled", "changed", "tracebacks", "torn", "failed")
SHARED = (
    "robusttune.cli", "robusttune.pipeline.session", "robusttune.report.write", "robusttune.tuning.search",
    "robusttune.training.synthetic", "robusttune.training.lockstep_runs", "robusttune.training.sb3",
    "robusttune.interop.compare", "optuna", "cmaes", "scipy.stats", "stable_baselines3", "psycopg",
)  # fmt: skip
"""What processes of cases need; whatever of it exists is loaded once, before they are forked."""


def main() -> None:
    """Try what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--share", type=float, default=1.0, help="of the cases wanted")
    parser.add_argument("--folder", type=Path, default=Path(".chaos"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    kept = options.folder / "cases.jsonl"
    for name in SHARED:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    for kind in options.only:
        for case in missing(kind, options.share, kept):
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps(case) + "\n")
            print(case, flush=True)
    text = "\n".join(table(cases(kept)))
    print(text)
    if options.share == 1.0:
        REPORT.write_text(f"{text}\n", encoding="utf-8")


def cases(kept: Path) -> list[dict[str, Any]]:
    """Return what each case has come to; a line that a kill has cut is none."""
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def missing(kind: str, share: float, kept: Path) -> Iterator[dict[str, Any]]:
    """Carry out the cases of a kind that are missing, and yield what each has come to."""
    _, wanted, case = KINDS[kind]
    done = [one for one in cases(kept) if one["kind"] == kind]
    n_happened = sum(one["happened"] for one in done)
    for number in itertools.count(len(done)):
        if n_happened >= share * wanted:
            return
        with tempfile.TemporaryDirectory(prefix="robusttune-chaos-") as folder:
            found = case(number, Path(folder))
        n_happened += found["happened"]
        yield {"kind": kind, "number": number, "commit": commit(), "happened": 0, **found}


def table(done: list[dict[str, Any]]) -> list[str]:
    """Return the lines of the report."""
    commits = ", ".join(dict.fromkeys(one["commit"] for one in done))
    lines = [
        f"python -m benchmarks.chaos, {datetime.now(UTC):%Y-%m-%d}, commit {commits}",
        machine(),
        "",
        f"{'':28}{'studies':>9}{'happened':>10}" + "".join(f"{name:>12}" for name in BAD),
    ]
    for kind, (title, _, _) in KINDS.items():
        own = [one for one in done if one["kind"] == kind]
        total = Counter[str]()
        for one in own:
            total.update({name: one.get(name, 0) for name in ("happened", *BAD)})
        numbers = "".join(f"{total[name]:>12,}" for name in BAD)
        lines.append(f"{title:28}{len(own):>9,}{total['happened']:>10,}{numbers}")
    return [*lines, "", *NOTES]


NOTES = (
    "lost, doubled, changed: runs, compared with the same study undisturbed; a search that differs is changed, too.",
    "torn: files of a report that are there and differ from those of the study undisturbed.",
    "failed: processes that did not end well, although nobody killed them.",
    f"Damaged study files, tables and databases: {Path(fuzz.__file__).with_suffix('.txt').name}.",
)


if __name__ == "__main__":
    main()
