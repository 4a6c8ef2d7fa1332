"""What a study in trouble is compared with: the same study undisturbed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from robusttune.cli import app
from robusttune.declaration.study import StudySpec
from robusttune.declaration.toml import load_study
from robusttune.pipeline.location import location_of
from robusttune.pipeline.reading import open_results
from tests.support.killed import Facts, Forked, facts
from tests.support.session_main import until_ranked

Found = Counter[str]
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
REPORT = ("ranking.*", "report.html", "seeds.*", "tuning_vs_post_evaluation.*")  # runs.csv holds times


def undisturbed(folder: Path, text: str, workers: int) -> Callable[[], None]:
    """Run a study undisturbed in `whole`; return what does so in another place, with some workers."""
    (folder / "study.toml").write_text(text, encoding="utf-8")
    study = load_study(folder / "study.toml")
    if Forked(lambda: until_ranked(study, "results", 0), folder / "whole").wait(LIMIT_S) != 0:
        raise RuntimeError((folder / "whole" / "printed.txt").read_text(encoding="utf-8"))
    return lambda: until_ranked(study, "results", workers)


def command(*arguments: str) -> Callable[[], object]:
    """Return what runs the command line."""
    return lambda: app(arguments)


def ended(processes: list[Forked], place: Path) -> Found:
    """Wait for processes; return how many have not ended well, and the tracebacks of all in that place."""
    codes = [process.wait(LIMIT_S) for process in processes]
    return Found(failed=sum(code != 0 for code in codes), tracebacks=processes[0].n_tracebacks)


def compared(folder: Path, name: str) -> Found:
    """Compare what is left in a place with the same study undisturbed."""
    study = load_study(folder / "study.toml")
    (trials, runs), (own_trials, own_runs) = (
        _facts(study, folder / one / "results") for one in ("whole", name)
    )
    found = Found(lost=len(runs.keys() - own_runs.keys()), doubled=len(own_runs.keys() - runs.keys()))
    # A diverged run has a curve that ends in NaN, which equals nothing.
    found["changed"] += sum(repr(runs[key]) != repr(own_runs[key]) for key in runs.keys() & own_runs.keys())
    found["changed"] += repr(trials) != repr(own_trials)
    found["torn"] += n_torn(folder / "whole", folder / name)
    return found


def _facts(declared: StudySpec, out: Path) -> Facts:
    with open_results(declared, location_of(declared, out=out)) as results:
        study = results.study  # as it was settled when it ran
    return facts(study, out)


def files_of_report(place: Path) -> list[Path]:
    """Return the files of a report that equal results make equal."""
    folder = place / "results" / "chaos"
    return sorted(path for pattern in REPORT for path in folder.glob(pattern))


def n_torn(whole: Path, place: Path) -> int:
    """Return how many files of a report are there, but not as a process writes them that nobody kills."""
    return sum(
        path.read_bytes() != (whole / "results" / "chaos" / path.name).read_bytes()
        for path in files_of_report(place)
    )
