"""Time runs of 50 ms on Dask workers, and kill workers at random: `python -m benchmarks.dask_speed`.

Scheduler and workers are processes of their own; a run sleeps, so that two cores carry eight workers. Results go to a
database as in any study.
"""

from __future__ import annotations

import argparse
import os
import pickle
import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import wait
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.machine import commit, machine
from robusttune import evaluate_study
from robusttune.declaration.study import StudySpec
from robusttune.execution.executors import Job
from robusttune.execution.remote import Delivery
from robusttune.results.store import ResultStore
from tests.support.clusters import Lines, calls, cluster_of, statuses, write_study
from tests.support.studies import open_results

REPORT = Path(__file__).with_suffix(".txt")
RUN_S = 0.05


class Timed(Lines):
    """Notes when each run ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def advance(self, line: str, *, best: str = "") -> None:
        """Take note of a finished run and of the time."""
        super().advance(line, best=best)
        self.ends.append(time.perf_counter())


def rate(ends: list[float]) -> float:
    """Return runs per second, without the first third: workers start their processes in it."""
    begin = len(ends) // 3
    return (len(ends) - 1 - begin) / (ends[-1] - ends[begin])


def sleeping(folder: Path, n_runs: int) -> StudySpec:
    """Return a study of runs that sleep."""
    two = {"a": {"seconds": RUN_S}, "b": {"rate": 2.0, "seconds": RUN_S}}
    return write_study(folder, two, n_seeds=n_runs // 2)


def speed(n_workers: int, n_runs: int) -> tuple[str, float]:
    """Return a line of the report, and the rate."""
    with tempfile.TemporaryDirectory() as name:
        study = sleeping(Path(name) / "own", n_runs)
        local, afar = Timed(), Timed()
        evaluate_study(study, out=Path(name) / "local", workers=n_workers, reporter=local)
        with cluster_of(n_workers) as client:
            scheduler = psutil.Process(client.run_on_scheduler(os.getpid))
            cpu, own = sum(scheduler.cpu_times()[:2]), time.process_time()
            evaluate_study(study, out=name, executor=client, reporter=afar)
            per_run_ms = 1e3 * (sum(scheduler.cpu_times()[:2]) - cpu) / n_runs
            driver_ms = 1e3 * (time.process_time() - own) / n_runs
    found = rate(afar.ends)
    overhead_ms = 1e3 * (n_workers / found - RUN_S)
    return (
        f"{n_workers} workers   Dask {found:6.1f} runs/s   local pool {rate(local.ends):6.1f} runs/s   a run takes "
        f"{overhead_ms:5.1f} ms longer than its sleep   CPU per run: scheduler {per_run_ms:4.1f} ms, driver "
        f"{driver_ms:4.1f} ms"
    ), found


def kills(n_kills: int) -> str:
    """Return a line on a study in which workers are killed, compared with the same study undisturbed."""
    every = 20
    with tempfile.TemporaryDirectory() as name:
        study = sleeping(Path(name) / "own", n_kills * every)
        with cluster_of(4) as client:
            reporter = Lines(every, client)
            found = evaluate_study(study, out=name, executor=client, reporter=reporter)
        begun = calls(Path(name) / "own")
        calm = evaluate_study(study, out=Path(name) / "calm", workers=4)
        stored = statuses(Path(name), study)
        doubled = sum(n - 1 for n in Counter(reporter.lines).values())
        again = sum(n > 1 for n in begun.values())
        lost = n_kills * every - stored["completed"]
        changed = sum(
            a != b
            for one, other in zip(found.scores.scores, calm.scores.scores, strict=True)
            for a, b in zip(one, other, strict=True)
        )
    return (
        f"{reporter.n_kills} workers killed during {n_kills * every} runs on 4 workers: {lost} lost, {doubled} stored "
        f"twice, {changed} changed; {again} runs were begun again"
    )


def scheduler_alone(n_tasks: int) -> str:
    """Return how fast a scheduler takes tasks that do nothing, and what each costs it."""
    with cluster_of(2) as client, client.get_executor(pure=False) as executor:
        wait([executor.submit(abs, -1) for _ in range(100)])
        scheduler = psutil.Process(client.run_on_scheduler(os.getpid))
        cpu, begin = sum(scheduler.cpu_times()[:2]), time.perf_counter()
        wait([executor.submit(abs, -1) for _ in range(n_tasks)])
        taken, used = time.perf_counter() - begin, sum(scheduler.cpu_times()[:2]) - cpu
    return (
        f"{n_tasks} tasks that do nothing, 2 workers: {n_tasks / taken:.0f} a second, {1e3 * used / n_tasks:.2f} ms "
        "CPU of the scheduler each"
    )


def bytes_and_writes(n_writes: int) -> str:
    """Return what a run sends and what comes back, and how many results a second SQLite takes."""
    with tempfile.TemporaryDirectory() as name:
        study = sleeping(Path(name) / "own", 40)
        sent: list[Any] = []
        evaluate_study(study, out=name, workers=2)
        with open_results(Path(name) / study.name) as store:
            specs, results = _stored(store, study)
            sent = [len(pickle.dumps(Job(specs=(spec,)))) for spec in specs]
            back = [len(pickle.dumps(Delivery(results=[result]))) for result in results]
        with open_results(Path(name) / "copy") as store:
            begin = time.perf_counter()
            for number in range(n_writes):
                store.add_result(specs[number % len(specs)], results[number % len(specs)])
            seconds = time.perf_counter() - begin
    return (
        f"a job is {statistics.median(sent):.0f} bytes, its result {statistics.median(back):.0f}; SQLite stores "
        f"{n_writes / seconds:.0f} results a second"
    )


def _stored(store: ResultStore, study: StudySpec) -> tuple[list[Any], list[Any]]:
    from robusttune.post_evaluation.select import select
    from tests.support.studies import fixed_runs

    specs = [run for runs in fixed_runs(study, select(study, ())).values() for run in runs]
    found = store.results(spec.run_id for spec in specs)
    return specs, [found[spec.run_id] for spec in specs]


def main() -> None:
    """Measure, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs-per-worker", type=int, default=150)
    parser.add_argument("--kills", type=int, default=50)
    options = parser.parse_args()
    lines = [
        f"Runs of {1e3 * RUN_S:.0f} ms through Dask, {datetime.now(UTC):%Y-%m-%d}, commit {commit()}",
        machine(),
        "",
    ]
    one = 0.0
    for n_workers in (1, 2, 4, 8):
        line, found = speed(n_workers, n_workers * options.runs_per_worker)
        one = one or found
        lines.append(f"{line}   speed-up {found / one:.2f}")
        print(lines[-1], flush=True)
    for measured in (scheduler_alone(2000), bytes_and_writes(500), kills(options.kills)):
        lines.append(measured)
        print(measured, flush=True)
    REPORT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
