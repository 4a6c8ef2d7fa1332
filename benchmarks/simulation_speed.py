"""Studies per minute without database and processes: `python -m benchmarks.simulation_speed`.

A study is 60 single-seed trials on a synthetic truth of four hyperparameters, and a post-evaluation of the best five on
ten seeds each. The database takes the same study for comparison, in the same process. CPU seconds; medians.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import commit, machine
from robusttune.declaration.study import StudySpec
from robusttune.pipeline import evaluate_study, tune_study
from robusttune.pipeline.simulate import simulate_study

REPORT = Path(__file__).with_suffix(".txt")
N_STUDIES = {"random": 40, "tpe": 20}
N_IN_DATABASE = 3


def declared(sampler: str, root_seed: int) -> StudySpec:
    """Return the study that is measured."""
    return StudySpec.from_dict(
        {
            "name": f"speed-{sampler}-{root_seed}",
            "root_seed": root_seed,
            "synthetic": {
                "sd": 20.0,
                "effects": {"learning_rate": {"best": 1e-3, "drop": 30.0, "scale": "log"}},
            },
            "search_space": {"parameters": PARAMETERS},
            "tuning": {"n_trials": 60, "sampler": sampler},
            "evaluation": {"n_episodes": 1},
            "post_evaluation": {"top_k": 5, "n_seeds": 10, "default_control": False},
        }
    )


PARAMETERS = {
    "learning_rate": {"type": "float", "low": 1e-5, "high": 1e-1, "scale": "log"},
    "gamma": {"type": "float", "low": 0.9, "high": 0.9999, "scale": "log1m"},
    "n_steps": {"type": "int", "low": 32, "high": 4096, "scale": "pow2"},
    "activation_fn": {"type": "categorical", "choices": ["tanh", "relu"]},
}


def seconds(work: Callable[[StudySpec], object], study: StudySpec) -> float:
    """Return the CPU seconds that a study takes."""
    begin = time.process_time()
    work(study)
    return time.process_time() - begin


def in_database(study: StudySpec) -> None:
    """Do the same with SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        tune_study(study, out=folder)
        evaluate_study(study, out=folder)


def main() -> None:
    """Measure and write down."""
    lines = [
        f"Simulated studies, {datetime.now(UTC):%Y-%m-%d}, commit {commit()}",
        machine(),
        "60 trials, then 5 candidates x 10 seeds; CPU time on one core, median",
    ]
    for sampler, n_studies in N_STUDIES.items():
        simulate_study(declared(sampler, 10_000))
        times = [seconds(simulate_study, declared(sampler, n)) for n in range(n_studies)]
        in_memory = statistics.median(times)
        stored = statistics.median(seconds(in_database, declared(sampler, n)) for n in range(N_IN_DATABASE))
        lines.append(
            f"{sampler}: {in_memory:.3f} s a study, {60 / in_memory:.0f} studies a minute; with SQLite {stored:.2f} s, "
            f"{stored / in_memory:.0f} times as long"
        )
    REPORT.write_text("\n".join(lines) + "\n")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
