"""What can happen to a study: killed processes, processes that join, a server that is restarted, full disks, names.

A case is a function of its number and of an empty folder. It returns how often that happened, and what came of it.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from benchmarks.chaos_left import (
    LIMIT_S,
    SYNTHETIC,
    Found,
    command,
    compared,
    ended,
    files_of_report,
    n_torn,
    undisturbed,
)
from tests.support.clusters import calls, write_study
from tests.support.hostile import HOSTILE, faults_of_report
from tests.support.killed import Forked, is_killed
from tests.support.postgresql import n_runs as n_runs_at
from tests.support.postgresql import running_server

Case = Callable[[int, Path], Found]
REAL = """
name = "chaos"
environment.id = "CartPole-v1"
[algorithm]
name = "ppo"
total_timesteps = 256
hyperparameters = {{n_epochs = 1, net_arch = [8], n_steps = 32}}
[search_space.parameters]
learning_rate = {{type = "float", low = 1e-5, high = 1e-2, scale = "log"}}
[tuning]
n_trials = 8
pruner = "median"
batch_size = 4
[evaluation]
every = 64
n_episodes = 2
[post_evaluation]
top_k = 2
n_seeds = 4
[execution]
trainer = "{trainer}"
"""
SAMPLERS = ("tpe", "random", "cmaes", "qmc", "gp")
PRUNERS = ("none", "median", "halving")
RULES = ("fixed", "elimination", "ocba", "top-two", "halving")
_DISK_KIB = 16384  # SQLite's log alone grows to four megabytes
WORKERS = (0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4)


def killed_synthetic(number: int, folder: Path) -> Found:
    """Kill a study whose runs are drawn, until it ends."""
    samplers, pruners, rules = (
        own[number % len(own)] for own in (SAMPLERS, PRUNERS, RULES[number // 5 % 5 :] + RULES)
    )
    text = SYNTHETIC.format(sampler=samplers, pruner=pruners, rule=rules)
    return _killed(text, WORKERS[number % len(WORKERS)], random.Random(f"synthetic {number}"), folder)


def killed_real(number: int, folder: Path) -> Found:
    """Kill a study that trains, by each trainer in turn."""
    text = REAL.format(trainer=("lockstep", "sb3")[number % 2])
    return _killed(text, (0, 0, 1)[number % 3], random.Random(f"real {number}"), folder)


def _killed(text: str, workers: int, chance: random.Random, folder: Path) -> Found:
    found = Found()
    again = undisturbed(folder, text, workers)
    for _ in range(12):
        process = Forked(again, folder / "killed")
        if not is_killed(process, folder / "killed" / "results" / "chaos", chance):
            break
        found["happened"] += 1
    found += ended([Forked(again, folder / "killed")], folder / "killed")
    return found + compared(folder, "killed")


def joined(number: int, folder: Path) -> Found:
    """Let five processes join in a study, one after the other begun within a second."""
    chance = random.Random(f"joined {number}")
    text = SYNTHETIC.format(sampler=SAMPLERS[number % 4], pruner=PRUNERS[number % 3], rule=RULES[number % 5])
    work = undisturbed(folder, text, 0)
    processes = []
    for _ in range(5):
        processes.append(Forked(work, folder / "joined"))
        time.sleep(chance.uniform(0.0, 0.2))
    return Found(happened=5) + ended(processes, folder / "joined") + compared(folder, "joined")


def killed_report(number: int, folder: Path) -> Found:
    """Kill a process that writes a report, with and without an earlier one in its place."""
    chance, found = random.Random(f"report {number}"), Found()
    text = SYNTHETIC.format(sampler="random", pruner="none", rule="fixed")
    undisturbed(folder, text, 0)
    report = command("report", "../study.toml", "--out", "results")
    begin = time.monotonic()
    found += ended([Forked(report, folder / "whole")], folder / "whole")
    taken = time.monotonic() - begin
    for attempt in range(10):
        place = folder / f"killed {attempt}"
        shutil.copytree(folder / "whole", place)
        if attempt % 2:
            for path in files_of_report(place):
                path.unlink()
        process = Forked(report, place)
        time.sleep(chance.uniform(0.2, 1.0) * taken)
        process.kill()
        if process.wait() == 0:
            continue
        found["happened"] += 1
        found["torn"] += n_torn(folder / "whole", place)
        found += ended([Forked(report, place)], place)
        found["changed"] += n_torn(folder / "whole", place) + (
            len(files_of_report(place)) != len(files_of_report(folder / "whole"))
        )
    return found


def restarted(number: int, folder: Path) -> Found:
    """Restart the server under two processes that share a study."""
    n_seeds, own = 60, folder / "own"
    study = write_study(own, {"a": {"seconds": 0.05}, "b": {"rate": 2.0, "seconds": 0.05}}, n_seeds=n_seeds)
    chance, found = random.Random(f"restarted {number}"), Found(happened=1)
    with running_server() as server:
        url = server.new_database()
        run = ("run", str(own / "study.toml"), "--out", "results", "--workers", "0")
        shared = [Forked(command(*run, "--storage", url), folder / f"shared {one}") for one in range(2)]
        wanted = chance.randrange(1, 2 * n_seeds)
        while n_runs_at(url) < wanted and any(process.poll() is None for process in shared):
            time.sleep(0.02)
        server.stop()
        time.sleep(chance.uniform(0.0, 1.0))
        server.start()
        for one, process in enumerate(shared):
            found += ended([process], folder / f"shared {one}")
        found["lost"] += 2 * n_seeds - n_runs_at(url)
    found["doubled"] += sum(calls(own).values()) - len(calls(own))
    found += ended([Forked(command(*run), folder / "alone")], folder / "alone")
    tables = [
        folder / name / "results" / study.name / "ranking.csv" for name in ("alone", "shared 0", "shared 1")
    ]
    found["changed"] += len({path.read_bytes() for path in tables}) - 1
    return found


def full_disk(number: int, folder: Path) -> Found:
    """Let the disk fill up in the middle, then make room and run the same command again."""
    chance, found = random.Random(f"disk {number}"), Found()
    text = SYNTHETIC.format(sampler="random", pruner="median", rule=RULES[number % 5])
    undisturbed(folder, text, 0)
    run = command("run", "../study.toml", "--out", "results", "--workers", "0")
    found += ended([Forked(run, folder / "whole")], folder / "whole")
    place = folder / "full"
    with _small_disk(place, kib=_DISK_KIB):
        room_kib = chance.randrange(350, 700)
        (place / "filler").write_bytes(bytes(1024 * (_DISK_KIB - room_kib)))
        code = Forked(run, place).wait(LIMIT_S)
        found["happened"] += code != 0
        (place / "filler").unlink()
        found += ended([Forked(run, place)], place)
        found += compared(folder, "full")
    return found


@contextlib.contextmanager
def _small_disk(place: Path, *, kib: int) -> Iterator[None]:
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "robusttune", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def hostile_name(number: int, folder: Path) -> Found:
    """Give a control and a row of a table a name that is meant to do harm: refused in one line, or reported whole."""
    chance, found = random.Random(f"name {number}"), Found(happened=1)
    anything = "".join(
        chr(chance.choice((chance.randrange(128), chance.randrange(0xD800)))) for _ in range(9)
    )
    name = HOSTILE[number] if number < len(HOSTILE) else anything
    pd.DataFrame(
        {"algo": [name] * 3 + ["other"] * 3, "seed": [1, 2, 3] * 2, "score": [1.0, 2, 3, 3, 4, 6]}
    ).to_csv(folder / "table.csv", index=False, errors="replace")
    quoted = "".join(f"\\U{ord(c):08X}" if c.isprintable() is False or c in '"\\' else c for c in name)
    control = f'[[post_evaluation.controls]]\nname = "{quoted}"\nhyperparameters = {{gamma = 0.9}}\n'
    text = 'name = "chaos"\nsynthetic = {}\n[post_evaluation]\nn_seeds = 4\ndefault_control = false\n'
    (folder / "study.toml").write_text(text + control, encoding="utf-8", errors="replace")
    run = command("run", "study.toml", "--out", "results", "--workers", "0")
    for work in (run, command("compare", "table.csv", "--out", "results")):
        process = Forked(work, folder)
        code = process.wait(LIMIT_S)
        found["refused"] += code == 2
        found["failed"] += code not in (0, 2)
    found["tracebacks"] += process.n_tracebacks
    for report in (path.parent for path in folder.glob("results/*/ranking.md")):
        found["torn"] += len(faults_of_report(report))
    return found


KINDS: dict[str, tuple[str, int, Case]] = {
    "synthetic": ("SIGKILLs, runs drawn", 250, killed_synthetic),
    "real": ("SIGKILLs, runs trained", 50, killed_real),
    "reports": ("SIGKILLs of reports", 40, killed_report),
    "joins": ("joining processes", 100, joined),
    "restarts": ("restarts of PostgreSQL", 5, restarted),
    "disks": ("full disks", 8, full_disk),
    "names": ("hostile names", 40, hostile_name),
}
"""Kind → its name in the table, how often it is wanted, and a case."""
