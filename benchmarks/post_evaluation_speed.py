"""Time the quickstart's post-evaluation with either trainer: `python -m benchmarks.post_evaluation_speed`.

Five configurations that the quickstart study judged, on 20 seeds each in lockstep. Stable-Baselines3 trains each run
alone, so its cost per run does not depend on how many there are: it is measured on the first seeds of the same runs,
and the ratio is of CPU seconds per run. Evaluation with 100 episodes, storing and ranking are included on both sides.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmarks.machine import commit, machine
from robusttune import StudySpec, evaluate_study, load_study, rank_study
from robusttune.declaration.post_evaluation import Control

ROOT = Path(__file__).resolve().parents[1]
REPORT = Path(__file__).with_suffix(".txt")
# Searched values of five configurations that a quickstart study judged.
CONFIGURATIONS = (
    {"n_steps": 256, "gamma": 0.9812441459060345, "learning_rate": 0.0006372305891163544},
    {"n_steps": 1024, "gamma": 0.9726442832234131, "learning_rate": 0.002470104489333991},
    {"n_steps": 256, "gamma": 0.9845470402834511, "learning_rate": 0.0008604104708055144},
    {"n_steps": 256, "gamma": 0.9707141699579157, "learning_rate": 0.0014974865679170315},
    {"n_steps": 64, "gamma": 0.9913031213010411, "learning_rate": 0.0007016173999863672},
)


def study(trainer: str, n_seeds: int) -> StudySpec:
    """Return the quickstart with nothing but five fixed configurations to judge."""
    quickstart = load_study(ROOT / "experiments" / "quickstart" / "ppo_pendulum.toml")
    controls = tuple(
        Control(name=f"configuration {place}", hyperparameters={**values, "activation_fn": "relu"})
        for place, values in enumerate(CONFIGURATIONS, start=1)
    )
    post = dataclasses.replace(
        quickstart.post_evaluation, controls=controls, default_control=False, n_seeds=n_seeds, confirm=0
    )
    execution = dataclasses.replace(quickstart.execution, trainer=trainer)
    return dataclasses.replace(quickstart, execution=execution, post_evaluation=post)


def seconds_per_run(trainer: str, n_seeds: int) -> float:
    """Return CPU seconds of this process per run, the ranking included."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.process_time()
        evaluate_study(study(trainer, n_seeds), out=folder, workers=0)
        rank_study(study(trainer, n_seeds), out=folder)
        return (time.process_time() - begin) / (n_seeds * len(CONFIGURATIONS))


def main() -> None:
    """Measure both sides in one run and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="seeds per configuration in lockstep")
    parser.add_argument("--reference-seeds", type=int, default=2, help="seeds per configuration with sb3")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seconds_per_run("lockstep", 1)  # imports and warm-up
    reference = seconds_per_run("sb3", arguments.reference_seeds)
    ours = seconds_per_run("lockstep", arguments.seeds)
    n_ours, n_reference = (
        arguments.seeds * len(CONFIGURATIONS),
        arguments.reference_seeds * len(CONFIGURATIONS),
    )
    text = (
        f"Post-evaluation of the quickstart end to end, {datetime.now(UTC):%Y-%m-%d}, commit {commit()}\n"
        f"{machine()}, torch {torch.__version__}; one process, one thread; CPU seconds per run\n\n"
        f"sb3       {reference:6.2f} s a run ({n_reference} runs)\n"
        f"lockstep  {ours:6.2f} s a run ({n_ours} runs)\n"
        f"ratio     {reference / ours:6.1f}\n"
    )
    print(text)
    REPORT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
