"""List the experiments and how far each has got on this machine: `python -m experiments.status`."""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.folders import HERE, RESULTS, Experiment, experiments, programs
from robusttune import NoResultsError, StudySpec, study_status
from robusttune.results.records import TrialState


def line(study: StudySpec, results: Path) -> str:
    """Return how far a study has got."""
    try:
        status = study_status(study, out=results)
    except NoResultsError:
        return "not begun here"
    trials = status.trials.get(TrialState.COMPLETE, 0) + status.trials.get(TrialState.PRUNED, 0)
    done = status.n_planned - status.n_missing
    wanted = study.tuning.n_trials
    return f"{trials} of {wanted} trials, {done} of {status.n_planned} post-evaluation runs planned so far"


def lines(experiment: Experiment, results: Path) -> list[str]:
    """Return what is known of an experiment."""
    kept = "results kept" if (experiment.folder / "README.md").exists() else "no results kept"
    studies = experiment.matrix().studies
    found = [f"{experiment.name}: {kept}"]
    return found + [f"  {one.study.name}: {line(one.study, results)}" for one in studies]


def program_line(name: str, folder: Path = HERE) -> str:
    """Return whether a program's results are kept, and how it is run."""
    kept = any(file.suffix in (".csv", ".parquet") for file in (folder / name).iterdir())
    return f"{name}: {'results kept' if kept else 'no results kept'}; python -m experiments.{name}"


def main() -> None:
    """Print the list."""
    parser = argparse.ArgumentParser(description="List the experiments and how far they have got.")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder that holds a folder per study")
    results = parser.parse_args().results
    for experiment in experiments():
        print(*lines(experiment, results), sep="\n")
    print(*(program_line(name) for name in programs()), sep="\n")


if __name__ == "__main__":
    main()
