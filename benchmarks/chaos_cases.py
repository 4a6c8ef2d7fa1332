"""What can happen to a study: killed processes, processes that join, a server that is restarted, full disks, names.

A case is a function of its number and of an empty folder. It returns how often that happened, and what came of it.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from robusttune.cli import app
from robusttune.declaration.study import StudySpec
from robusttune.declaration.toml import load_study
from tests.support.clusters import calls, write_study
from tests.support.hostile import HOSTILE, faults_of_report
from tests.support.killed import Facts, Forked, facts, is_killed
from tests.support.postgresql import n_runs as n_runs_at
from tests.support.postgresql import running_server
from tests.support.session_main import until_ranked

Found = Counter[str]
Case = Callable[[int, Path], Found]
LIMIT_S = 900.0
"""A process that needs longer hangs."""
SYNTHETIC = """
name = "chaos"
[synthetic]
mean = 100.0
sd = 20.0
start = 0.0
p_diverged = 0.05
effects.learning_rate = {{best = 1e-3, drop = 10.0, scale = "log"}}
[search_space.parameters]
learning_rate = {{type = "float", low = 1e-5, high = 1e-1, scale = "log"}}
gamma = {{type = "categorical", choices = [0.9, 0.99]}}
[tuning]
n_trials = 12
sampler = "{sampler}"
pruner = "{pruner}"
batch_size = 4
[evaluation]
every = 250
n_episodes = 2
[post_evaluation]
top_k = 3
n_seeds = 8
confirm = 4
allocation.rule = "{rule}"
"""
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
WORKERS = (0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4)
REPORT = ("ranking.*", "report.html", "seeds.*", "tuning_vs_post_evaluation.*")  # runs.csv holds times


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
    again = _undisturbed(folder, text, workers)
    for _ in range(12):
        process = Forked(again, folder / "killed")
        if not is_killed(process, folder / "killed" / "results" / "chaos", chance):
            break
        found["happened"] += 1
    found += _ended([Forked(again, folder / "killed")], folder / "killed")
    return found + _compared(folder, "killed")


def joined(number: int, folder: Path) -> Found:
    """Let five processes join in a study, one after the other begun within a second."""
    chance = random.Random(f"joined {number}")
    text = SYNTHETIC.format(sampler=SAMPLERS[number % 4], pruner=PRUNERS[number % 3], rule=RULES[number % 5])
    work = _undisturbed(folder, text, 0)
    processes = []
    for _ in range(5):
        processes.append(Forked(work, folder / "joined"))
        time.sleep(chance.uniform(0.0, 0.2))
    return Found(happened=5) + _ended(processes, folder / "joined") + _compared(folder, "joined")


def killed_report(number: int, folder: Path) -> Found:
    """Kill a process that writes a report, with and without an earlier one in its place."""
    chance, found = random.Random(f"report {number}"), Found()
    text = SYNTHETIC.format(sampler="random", pruner="none", rule="fixed")
    _undisturbed(folder, text, 0)
    report = _command("report", "../study.toml", "--out", "results")
    begin = time.monotonic()
    found += _ended([Forked(report, folder / "whole")], folder / "whole")
    taken = time.monotonic() - begin
    for attempt in range(10):
        place = folder / f"killed {attempt}"
        shutil.copytree(folder / "whole", place)
        if attempt % 2:
            for path in _report(place):
                path.unlink()
        process = Forked(report, place)
        time.sleep(chance.uniform(0.2, 1.0) * taken)
        process.kill()
        if process.wait() == 0:
            continue
        found["happened"] += 1
        found["torn"] += _n_torn(folder / "whole", place)
        found += _ended([Forked(report, place)], place)
        found["changed"] += _n_torn(folder / "whole", place) + (
            len(_report(place)) != len(_report(folder / "whole"))
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
        shared = [Forked(_command(*run, "--storage", url), folder / f"shared {one}") for one in range(2)]
        wanted = chance.randrange(1, 2 * n_seeds)
        while n_runs_at(url) < wanted and any(process.poll() is None for process in shared):
            time.sleep(0.02)
        server.stop()
        time.sleep(chance.uniform(0.0, 1.0))
        server.start()
        for one, process in enumerate(shared):
            found += _ended([process], folder / f"shared {one}")
        found["lost"] += 2 * n_seeds - n_runs_at(url)
    found["doubled"] += sum(calls(own).values()) - len(calls(own))
    found += _ended([Forked(_command(*run), folder / "alone")], folder / "alone")
    tables = [
        folder / name / "results" / study.name / "ranking.csv" for name in ("alone", "shared 0", "shared 1")
    ]
    found["changed"] += len({path.read_bytes() for path in tables}) - 1
    return found


def full_disk(number: int, folder: Path) -> Found:
    """Let the disk fill up in the middle, then make room and run the same command again."""
    chance, found = random.Random(f"disk {number}"), Found()
    text = SYNTHETIC.format(sampler="random", pruner="median", rule=RULES[number % 5])
    _undisturbed(folder, text, 0)
    run = _command("run", "../study.toml", "--out", "results", "--workers", "0")
    found += _ended([Forked(run, folder / "whole")], folder / "whole")
    place = folder / "full"
    with _small_disk(place, kib=4096):
        room_kib = chance.randrange(350, 700)
        (place / "filler").write_bytes(bytes(1024 * (4096 - room_kib)))
        code = Forked(run, place).wait(LIMIT_S)
        found["happened"] += code != 0
        (place / "filler").unlink()
        found += _ended([Forked(run, place)], place)
        found += _compared(folder, "full")
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
    run = _command("run", "study.toml", "--out", "results", "--workers", "0")
    for work in (run, _command("compare", "table.csv", "--out", "results")):
        process = Forked(work, folder)
        code = process.wait(LIMIT_S)
        found["refused"] += code == 2
        found["failed"] += code not in (0, 2)
    found["tracebacks"] += process.n_tracebacks
    for report in (path.parent for path in folder.glob("results/*/ranking.md")):
        found["torn"] += len(faults_of_report(report))
    return found


# --- what is left ------------------------------------------------------------------


def _undisturbed(folder: Path, text: str, workers: int) -> Callable[[], None]:
    """Run a study undisturbed in `whole`; return what does so in another place, with some workers."""
    (folder / "study.toml").write_text(text, encoding="utf-8")
    study = load_study(folder / "study.toml")
    if Forked(lambda: until_ranked(study, "results", 0), folder / "whole").wait(LIMIT_S) != 0:
        raise RuntimeError((folder / "whole" / "printed.txt").read_text(encoding="utf-8"))
    return lambda: until_ranked(study, "results", workers)


def _command(*arguments: str) -> Callable[[], object]:
    return lambda: app(arguments)


def _ended(processes: list[Forked], place: Path) -> Found:
    """Wait for processes; return how many have not ended well, and the tracebacks of all in that place."""
    codes = [process.wait(LIMIT_S) for process in processes]
    return Found(failed=sum(code != 0 for code in codes), tracebacks=processes[0].n_tracebacks)


def _compared(folder: Path, name: str) -> Found:
    """Compare what is left in a place with the same study undisturbed."""
    study = load_study(folder / "study.toml")
    (trials, runs), (own_trials, own_runs) = (
        _facts(study, folder / one / "results") for one in ("whole", name)
    )
    found = Found(lost=len(runs.keys() - own_runs.keys()), doubled=len(own_runs.keys() - runs.keys()))
    # A diverged run has a curve that ends in NaN, which equals nothing.
    found["changed"] += sum(repr(runs[key]) != repr(own_runs[key]) for key in runs.keys() & own_runs.keys())
    found["changed"] += repr(trials) != repr(own_trials)
    found["torn"] += _n_torn(folder / "whole", folder / name)
    return found


def _facts(study: StudySpec, out: Path) -> Facts:
    stored = load_settled(study, out)
    return facts(stored, out)


def load_settled(study: StudySpec, out: Path) -> StudySpec:
    """Return a study as it was settled when it ran."""
    from robusttune.pipeline.location import location_of
    from robusttune.pipeline.reading import open_results

    with open_results(study, location_of(study, out=out)) as results:
        return results.study


def _report(place: Path) -> list[Path]:
    folder = place / "results" / "chaos"
    return sorted(path for pattern in REPORT for path in folder.glob(pattern))


def _n_torn(whole: Path, place: Path) -> int:
    """Return how many files of a report are there, but not as a process writes them that nobody kills."""
    return sum(
        path.read_bytes() != (whole / "results" / "chaos" / path.name).read_bytes() for path in _report(place)
    )


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
