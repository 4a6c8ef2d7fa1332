"""How far jobs in flight are: each notes it in a small file, which whoever shows the progress reads.

A file needs no lock that a killed worker could keep, and other machines see it where they share the folder.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from robusttune.declaration.run import RunSpec

RUNNING = "running"
EVERY_S = 0.5  # seconds between two notes of a job
Tell: TypeAlias = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """How far a job is.

    Attributes
    ----------
    began_at : float
        Unix time.
    n_runs : int
        Runs that train together.
    label : str
        What the job is, for people.
    first_s, last_s : float
        Seconds after its beginning at which it told timesteps for the first and the last time; what came before the
        first was no training. 0 until it has told any.
    first, last : int
        Timesteps of each run at these moments.
    gap_s : float
        Seconds between the last two notes; 0 before there are two. An update of many samples may take minutes.
    total : int
        Timesteps that each run is to take.
    """

    began_at: float
    n_runs: int
    total: int
    label: str = ""
    first_s: float = 0.0
    first: int = 0
    last_s: float = 0.0
    last: int = 0
    gap_s: float = 0.0


@contextlib.contextmanager
def noted(folder: Path, specs: Sequence[RunSpec], label: str = "") -> Iterator[Tell]:
    """Note in a folder that runs train together; give what is to be told the timesteps of each, as often as is easy."""
    path, began = _path(folder, specs[0].run_id), time.monotonic()
    note = {"began_at": time.time(), "n_runs": len(specs), "total": specs[0].total_timesteps, "label": label}
    due = told_at = 0.0

    def tell(timesteps: int) -> None:
        nonlocal due, told_at
        now = time.monotonic()
        if now < due:
            return
        due = now + EVERY_S
        if "first" in note:
            note["gap_s"] = now - told_at
        else:
            note.update(first_s=now - began, first=timesteps)
        told_at = now
        _write(path, {**note, "last_s": now - began, "last": timesteps})

    _write(path, note)
    try:
        yield tell
    finally:
        forget(folder, specs[0].run_id)


def forget(folder: Path, run_id: str) -> None:
    """Remove the note of the job whose first run this is, if it is there."""
    with contextlib.suppress(OSError):
        _path(folder, run_id).unlink()


def read_note(folder: Path, run_id: str) -> Note | None:
    """Return the note of the job whose first run this is; None if there is none, or it is being written."""
    try:
        return Note(**json.loads(_path(folder, run_id).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def noted_runs(folder: Path) -> list[str]:
    """Return the first run of each job that is noted; one whose process was killed may still be."""
    return sorted(path.stem for path in folder.glob("*.json"))


def _path(folder: Path, run_id: str) -> Path:
    return folder / f"{run_id}.json"


def _write(path: Path, note: dict[str, object]) -> None:
    with contextlib.suppress(OSError):  # a full disk is no reason to stop training
        path.write_text(json.dumps(note), encoding="utf-8")
