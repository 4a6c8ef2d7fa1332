"""Time the search of the quickstart, trials of a batch together and one by one: `python -m benchmarks.tuning_speed`.

Both searches are the same trial by trial (checked here), whatever trains together; so the ratio of CPU seconds is what
training together gains. One process, one thread; all that the stage does is included.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import torch

from benchmarks.machine import commit, machine
from robusttune import StudySpec, load_study, tune_study
from robusttune.results.records import TrialRecord, TrialState
from robusttune.training.groups import MAX_GROUP

ROOT = Path(__file__).resolve().parents[1]
REPORT = Path(__file__).with_suffix(".txt")


def study(batch_size: int, n_trials: int | None) -> StudySpec:
    """Return the quickstart with another batch size."""
    quickstart = load_study(ROOT / "experiments" / "quickstart" / "ppo_pendulum.toml")
    tuning = dataclasses.replace(
        quickstart.tuning, batch_size=batch_size, n_trials=n_trials or quickstart.tuning.n_trials
    )
    return dataclasses.replace(quickstart, tuning=tuning)


def search(wanted: StudySpec, *, together: bool) -> tuple[float, Sequence[TrialRecord]]:
    """Return the CPU seconds of a search and its trials."""
    largest = MAX_GROUP if together else 1
    with tempfile.TemporaryDirectory() as folder, mock.patch("robusttune.tuning.expected.MAX_GROUP", largest):
        begin = time.process_time()
        trials = tune_study(wanted, out=folder, workers=0)
        return time.process_time() - begin, trials


def measure(wanted: StudySpec, n_repeats: int) -> str:
    """Return the line of the report on one study."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    found = []
    for _ in range(n_repeats):
        for together, own in seconds.items():
            taken, trials = search(wanted, together=together)
            own.append(taken)
            found.append(trials)
    if any(trials != found[0] for trials in found):
        raise AssertionError("The searches differ; they must be equal trial by trial.")
    n_pruned = sum(trial.state is TrialState.PRUNED for trial in found[0])
    alone, joint = (statistics.median(seconds[together]) for together in (False, True))
    return (
        f"batch_size = {wanted.tuning.batch_size:2d}   one by one {alone:6.1f} s   together {joint:6.1f} s   "
        f"{alone / joint:4.2f} x   ({len(found[0])} trials, {n_pruned} pruned)"
    )


def main() -> None:
    """Measure, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[2, 5, 10])
    parser.add_argument("--trials", type=int, help="instead of the quickstart's number")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--report", type=Path, default=REPORT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    search(study(2, 2), together=True)  # imports and warm-up
    lines = [
        f"The search of the quickstart, {datetime.now(UTC):%Y-%m-%d}, commit {commit()}",
        f"{machine()}, torch {torch.__version__}; one process, one thread; median CPU seconds of the whole search",
        "",
    ]
    for batch_size in options.batch_sizes:
        lines.append(measure(study(batch_size, options.trials), options.repeats))
        print(lines[-1], flush=True)
    options.report.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
