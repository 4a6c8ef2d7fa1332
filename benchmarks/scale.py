"""How a study of 100,000 runs is read and driven: `python -m benchmarks.scale`.

99 configurations on 896 seeds each and 100 trials on 113, drawn and not trained, are made through the real store, which
gives the driver's cost in this process. Each command that reads them is a process of its own: wall and CPU seconds with
Python's start, and the peak of its memory. On a busy machine CPU seconds are the ones to compare.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import optuna

from benchmarks.machine import commit, machine
from robusttune import StudySpec, evaluate_study, load_study, tune_study
from robusttune.pipeline.settle import settle
from robusttune.results.records import TrialState
from robusttune.results.store import ResultStore
from robusttune.tuning.parameters import distributions
from robusttune.tuning.storage import open_storage
from robusttune.tuning.task import TrialOutcome
from robusttune.tuning.trials import Trials

REPORT = Path(__file__).with_suffix(".txt")
N_TRIALS = 1000
STUDY = """name = "scale"
[synthetic]
sd = 20.0
episode_sd = 5.0
start = -100.0
p_diverged = 0.001
[synthetic.effects.learning_rate]
best = 1e-3
drop = 30.0
scale = "log"
[search_space.parameters]
learning_rate = {type = "float", low = 1e-5, high = 1e-1, scale = "log"}
gamma = {type = "float", low = 0.9, high = 0.9999, scale = "log1m"}
[tuning]
n_trials = 100
seeds_per_trial = 113
sampler = "random"
[evaluation]
every = 100
[post_evaluation]
top_k = 98
n_seeds = 896
"""
READING = {  # command → (first measured, aim): wall seconds and MiB
    "status": ("33 s, 598 MiB", "< 1 s, < 200 MiB"),
    "evaluate": ("27 s", "< 3 s"),
    "rank": ("59 s, 830 MiB", "< 10 s, < 600 MiB"),
    "report": ("78 s, 830 MiB", "< 20 s, < 600 MiB"),
}


def made(folder: Path) -> Iterator[str]:
    """Make the study, and yield what the driver took for a run."""
    study = load_study(folder / "study.toml")
    tune_study(study, out=folder / "results", workers=0)
    yield per_run("in process", "5.9 ms", "<= 2 ms", study, folder / "results", workers=0)
    few = dataclasses.replace(
        study, name="few", post_evaluation=dataclasses.replace(study.post_evaluation, top_k=1)
    )
    tune_study(few, out=folder / "few", workers=0)
    yield per_run("2 workers", "9.1 ms", "<= 4 ms", few, folder / "few", workers=2)


def per_run(name: str, before: str, aim: str, study: StudySpec, out: Path, *, workers: int) -> str:
    """Return the line of the driver's cost per run of a post-evaluation."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = evaluate_study(study, out=out, workers=workers)
    n_runs = found.rounds.n_runs
    wall, cpu = (time.perf_counter() - wall) / n_runs, (time.process_time() - cpu) / n_runs
    now = f"{1e3 * wall:.1f} ms wall, {1e3 * cpu:.1f} ms CPU"
    return _line(f"driver per run, {name} ({n_runs:,} runs)", before, now, aim)


def read(command: str, folder: Path) -> str:
    """Return the line of a command on the stored study."""
    call = [sys.executable, "-m", "robusttune", command, "study.toml", "--out", "results"]
    begin = time.perf_counter()
    process = subprocess.Popen(call, cwd=folder, stdout=subprocess.DEVNULL)
    _, code, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    assert code == 0
    now = f"{wall:.1f} s wall, {usage.ru_utime + usage.ru_stime:.1f} s CPU, {usage.ru_maxrss / 1024:.0f} MiB"
    name = "evaluate, nothing to do" if command == "evaluate" else command
    return _line(name, READING[command][0], now, READING[command][1])


def asked_and_told(folder: Path) -> str:
    """Return the line of one trial of TPE after a thousand, by us and by Optuna alone in a file of its own."""
    study = load_study(folder / "study.toml", overrides=["tuning.sampler='tpe'", "tuning.seeds_per_trial=1"])
    study = settle(study).study
    space = distributions(study.search_space)
    ours_at, theirs_at = (f"sqlite:///{folder}/{name}.db" for name in ("ours", "optuna"))
    trials = Trials(study, open_storage(ours_at), ResultStore(ours_at))
    sampler = optuna.samplers.TPESampler(seed=0)
    theirs = optuna.create_study(storage=open_storage(theirs_at), direction="maximize", sampler=sampler)
    random = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for number in range(N_TRIALS):
        random.tell(random.ask(space), number % 97)
    attributes = {"hyperparameters": {}, "run_ids": []}
    for trial in random.trials:
        theirs.add_trial(trial)
        trial.user_attrs = attributes
        trials._study.add_trial(trial)
    seconds: dict[str, list[float]] = {"ours": [], "optuna": []}
    for _ in range(20):  # in turn, so that both see the same machine
        begin = time.process_time()
        number = trials.ask().number
        outcome = TrialOutcome(
            number=number, state=TrialState.COMPLETE, objective_value=1.0, reports=(), results=()
        )
        trials.tell(outcome, None)
        seconds["ours"].append(time.process_time() - begin)
        begin = time.process_time()
        theirs.tell(theirs.ask(space), 1.0)
        seconds["optuna"].append(time.process_time() - begin)
    ours, optunas = (1e3 * sorted(own)[len(own) // 2] for own in seconds.values())
    now = f"{ours:.0f} ms CPU; Optuna alone {optunas:.0f} ms"
    return _line(f"TPE, ask and tell after {N_TRIALS:,} trials", "119 ms", now, "<= 40 ms")


def _line(name: str, before: str, now: str, aim: str) -> str:
    return f"{name:45} {before:15} {now:38} {aim}"


def main() -> None:
    """Measure and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="with a study made before (study.toml, results/)")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as temporary:
        lines = [
            f"A study of 100,004 runs of 99 configurations, {datetime.now(UTC):%Y-%m-%d}, commit {commit()}",
            f"{machine()}; load {os.getloadavg()[0]:.1f} at the start; medians of TPE's 20 trials",
            "",
            _line("", "at first", "now", "aim"),
        ]
        place = folder or Path(temporary)
        if folder is None:
            (place / "study.toml").write_text(STUDY, encoding="utf-8")
            lines += made(place)
        lines += [read(command, place) for command in READING]
        (Path(temporary) / "study.toml").write_text(STUDY, encoding="utf-8")
        lines.append(asked_and_told(Path(temporary)))
    text = "\n".join(lines) + "\n"
    print(text)
    REPORT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
