"""The score that a command left behind."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robusttune.declaration.files import regular
from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.training.command import CommandScore
from robusttune.errors import require


def require_reader(score: CommandScore) -> None:
    """Raise `MissingDependencyError` if what reads the score is not installed."""
    if score.tensorboard is not None:
        who_needs = f"command.score.tensorboard = {score.tensorboard!r} needs"
        require("tensorboard", "tensorboard", who_needs=who_needs)


def read_score(score: CommandScore, folder: Path, output: Path) -> list[float]:
    """Return the last values that a command left, as many as make its score.

    Parameters
    ----------
    score : CommandScore
    folder : Path
        Of the run.
    output : Path
        What it printed.

    Raises
    ------
    ValueError
        If there is none, or one is no number.
    OSError
        If the file cannot be read.
    """
    if score.pattern is not None:
        text = output.read_text(encoding="utf-8", errors="replace")
        found: list[Any] = re.findall(score.pattern, text, flags=re.MULTILINE)
        where = f"pattern {score.pattern!r} in its output"
    elif score.file is not None:
        found = _from_file(folder / score.file, str(score.key))
        where = f"{score.key!r} in {score.file}"
    else:
        found = _from_tensorboard(folder, str(score.tensorboard))
        where = f"scalar {score.tensorboard!r}"
    if not found:
        raise ValueError(f"there is no {where}.")
    return [_number(value, where) for value in found[-score.last :]]


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{where}: {value!r} is no number.")
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{where}: {value!r} is no number.") from None


def _from_file(path: Path, key: str) -> list[Any]:
    if path.suffix == ".csv":
        with regular(path).open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row and not row[0].startswith("#")]
        head = rows[0] if rows else []
        if key not in head:
            raise ValueError(f"{path.name} has no column {key!r}{did_you_mean(key, head)}.")
        place = head.index(key)
        # Loggers write a column only now and then, and leave it empty in between.
        return [row[place] for row in rows[1:] if len(row) > place and row[place].strip()]
    value: Any = json.loads(regular(path).read_text(encoding="utf-8-sig"))
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            known = list(value) if isinstance(value, Mapping) else []
            raise ValueError(f"{path.name} has no {key!r}{did_you_mean(part, known)}.")
        value = value[part]
    return value if isinstance(value, list) else [value]


def _from_tensorboard(folder: Path, tag: str) -> list[Any]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found: dict[Path, list[float]] = {}
    tags: set[str] = set()
    for inner in sorted({path.parent for path in folder.rglob("*tfevents*")}):
        events = EventAccumulator(str(inner), size_guidance={"scalars": 0})
        events.Reload()
        tags |= set(events.Tags()["scalars"])
        if tag in events.Tags()["scalars"]:
            found[inner] = [event.value for event in events.Scalars(tag)]
    if len(found) > 1:
        names = ", ".join(str(inner.relative_to(folder)) for inner in found)
        raise ValueError(f"{tag!r} is in the event files of several folders: {names}.")
    if not found:
        known = ", ".join(sorted(tags)) or "none"
        raise ValueError(f"there is no scalar {tag!r}{did_you_mean(tag, tags)}, only {known}.")
    return next(iter(found.values()))
