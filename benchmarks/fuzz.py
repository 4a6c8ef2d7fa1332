"""Whatever bytes a study file, a table or a database holds, the answer is a study or an error of our own.

    python -m benchmarks.fuzz [--studies 100000] [--tables 5000] [--databases 5000] [--folder .fuzz]

A case follows from its kind and number. What has been tried is kept in the folder, so that the same command continues;
what is printed in the end is benchmarks/fuzz.txt.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import commit, machine
from robusttune.errors import RobusttuneError
from tests.support import fuzz

_LIMIT_S, _BATCH, _SHOWN = 60, 500, 20


class _Hangs(BaseException):
    """A case takes longer than anyone would wait."""


def _study(number: int, folder: Path) -> None:
    path = folder / "study.toml"
    path.write_bytes(fuzz.damaged_study(random.Random(f"study {number}"), _CORPUS))
    fuzz.load_study_file(path)


def _table(number: int, folder: Path) -> None:
    suffix, content = fuzz.damaged_table(random.Random(f"table {number}"))
    path = folder / f"table{suffix}"
    path.write_bytes(content)
    fuzz.read_tables(path)


def _database(number: int, folder: Path) -> None:
    shutil.rmtree(folder / "results", ignore_errors=True)
    fuzz.damaged_database(random.Random(f"database {number}"), folder / "results")
    fuzz.read_database(folder / "results", whole=number % 10 == 0)


_CORPUS = fuzz.corpus()
_KINDS: dict[str, Callable[[int, Path], None]] = {"studies": _study, "tables": _table, "databases": _database}


def _outcome(kind: str, number: int, folder: Path) -> str:
    """Return "accepted", "refused", or what went wrong."""
    signal.alarm(_LIMIT_S)
    try:
        _KINDS[kind](number, folder)
    except RobusttuneError:
        return "refused"
    except _Hangs:
        return f"case {number}: no answer within {_LIMIT_S} s"
    except Exception:
        return f"case {number}: " + traceback.format_exc(limit=-3)
    finally:
        signal.alarm(0)
    return "accepted"


def _raise(*_: object) -> None:
    raise _Hangs


def _try(kind: str, wanted: int, kept: Path) -> tuple[Counter[str], list[str]]:
    """Try the cases of a kind that have not been tried; return how often what happened, and what went wrong."""
    path = kept / f"{kind}.json"
    done = json.loads(path.read_text()) if path.exists() else {"n": 0, "counts": {}, "faults": []}
    with tempfile.TemporaryDirectory(prefix="robusttune-fuzz-") as folder:
        again = [int(text.split()[1].rstrip(":")) for text in done["faults"]]  # they may be mended by now
        done |= _counted(done["counts"], [_outcome(kind, one, Path(folder)) for one in again])
        while done["n"] < wanted:
            last = min(wanted, done["n"] + _BATCH)
            more = _counted(
                done["counts"], [_outcome(kind, one, Path(folder)) for one in range(done["n"], last)]
            )
            done = {"n": last, "counts": more["counts"], "faults": [*done["faults"], *more["faults"]]}
            path.with_suffix(".new").write_text(json.dumps(done))
            path.with_suffix(".new").replace(path)
            print(f"{kind}: {last:,}, {len(done['faults'])} faults", file=sys.stderr, flush=True)
    return Counter(done["counts"]), done["faults"]


def _counted(counts: dict[str, int], found: list[str]) -> dict[str, Any]:
    """Return how often files were accepted and refused, with some more outcomes, and those of them that are faults."""
    faults = [text for text in found if text not in ("accepted", "refused")]
    known = Counter({name: counts.get(name, 0) for name in ("accepted", "refused")})
    return {"counts": known + Counter(text for text in found if text not in faults), "faults": faults}


def main() -> None:
    """Try what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for kind, default in (("studies", 100_000), ("tables", 5_000), ("databases", 5_000)):
        parser.add_argument(f"--{kind}", type=int, default=default)
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"))
    wanted = vars(parser.parse_args())
    kept = wanted.pop("folder")
    kept.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGALRM, _raise)
    warnings.simplefilter("ignore")
    lines, faults = [f"{'':12}{'tried':>9}{'accepted':>10}{'refused':>9}{'faults':>8}"], []
    for kind, n_cases in wanted.items():
        counts, own = _try(kind, n_cases, kept)
        told = [counts.total() + len(own), counts["accepted"], counts["refused"], len(own)]
        lines.append(f"{kind:12}{told[0]:>9,}{told[1]:>10,}{told[2]:>9,}{told[3]:>8,}")
        faults += own
    print(f"python -m benchmarks.fuzz, commit {commit()}\n{machine()}\n")
    print(*lines, *itertools.islice(faults, _SHOWN), sep="\n")


if __name__ == "__main__":
    main()
