"""Speed of the statistics, ours against rliable's in the same run: `python -m benchmarks.stats_speed`."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.machine import commit, machine
from robusttune.stats import aggregate, analyse
from robusttune.stats.tasks.rliable import rliable_interval

HERE = Path(__file__).resolve().parent
RESAMPLES = 10_000
REPEATS = 3


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Return the median wall-clock time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def against_rliable(metric: str) -> list[str]:
    """Return lines that compare the time of an interval of an aggregate over 20 tasks with 20 seeds each."""
    scores = np.random.default_rng(0).gamma(2.0, 1.0, (20, 20))
    fast = seconds(
        lambda: aggregate(scores, metric=metric, n_resamples=RESAMPLES, rng=np.random.default_rng(1)), 7
    )
    slow = seconds(lambda: rliable_interval(scores, metric=metric, n_resamples=RESAMPLES), REPEATS)
    return [
        f"interval of the {metric} over 20 tasks x 20 seeds, stratified percentile, {RESAMPLES} resamples",
        f"  rliable                  {slow:9.3f} s  (median of {REPEATS})",
        f"  robusttune               {fast:9.3f} s  (median of 7)   ratio {slow / fast:,.0f}",
    ]


def whole(k: int, n: int, repeats: int) -> str:
    """Return a line with the time of a whole analysis: every method, default resamples."""
    rng = np.random.default_rng(2)
    scores = {f"c{i}": 0.1 * i - rng.lognormal(0.0, 1.0, n) for i in range(k)}
    tuning = {f"c{i}": [0.1 * i + rng.standard_normal()] for i in range(k)}
    took = seconds(
        lambda: analyse(scores, tuning_scores=tuning, robust=True, rng=np.random.default_rng(3)), repeats
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return (
        f"whole analysis, {k} configurations x {n} seeds, bootstrap-t included: {took:.2f} s "
        f"(median of {repeats}), peak memory of the process {peak:.2f} GiB"
    )


def main() -> None:
    """Measure, print, and write `stats_speed.txt`."""
    lines = [f"date: {date.today().isoformat()}; {machine()}; commit: {commit()}; one thread"]
    lines += [whole(20, 20, 5), whole(200, 100, 1)]
    for metric in ("mean", "iqm"):
        lines += against_rliable(metric)
    text = "\n".join(lines) + "\n"
    print(text, end="")
    (HERE / "stats_speed.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
