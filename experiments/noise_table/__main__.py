"""Make the noise table: `python -m experiments.noise_table`.

The studies beside this file search at random or along a Sobol sequence, with 20 or 30 seeds a trial and no pruner:
their tuning stage is the table. What is stored in the results folder is not run again, so it can be stopped any time.
About four hours on two cores. Each study becomes a parquet file, one row per run:

config_id : number of the trial
seed : of the run
one column per hyperparameter
return : mean of the final evaluation
curve : mean returns of the evaluations, evenly spaced, the last at the end; null where a rollout was longer
episode_returns : of the final evaluation
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import pandas as pd
from rich.console import Console

from robusttune import StudySpec, load_study, tune_study
from robusttune.cli.progress import PlainReporter
from robusttune.pipeline.location import location_of
from robusttune.pipeline.reading import open_results

FOLDER = Path(__file__).parent
TASKS = ("pendulum", "cartpole", "pendulum-256", "mountaincar-256")


def main() -> None:
    """Run what is missing, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    for task in options.tasks:
        study = load_study(FOLDER / f"{task}.toml")
        tune_study(study, out=options.out, workers=options.workers, reporter=PlainReporter(Console()))
        path = FOLDER / f"{task}.parquet"
        table(study, options.out).to_parquet(path, compression="zstd", index=False)
        sys.stdout.write(f"{path}: {path.stat().st_size / 1e6:.2f} MB\n")


def table(study: StudySpec, out: Path) -> pd.DataFrame:
    """Return the runs of a study's tuning stage, by configuration and seed."""
    with open_results(study, location_of(study, out=out)) as found:
        trials = found.trials()
        results = found.store.results(run_id for trial in trials for run_id in trial.run_ids)
    n_evaluations = study.evaluation.count(study.training.total_timesteps)
    rows = []
    for trial in trials:
        for run_id in trial.run_ids:
            run = results[run_id]
            means = {point.index: point.mean_return for point in run.curve}
            rows.append(
                {
                    "config_id": trial.number,
                    "seed": run.seed,
                    **{name: trial.hyperparameters[name] for name in study.search_space.parameters},
                    "return": math.nan if run.score is None else run.score,
                    "curve": [means.get(index, math.nan) for index in range(n_evaluations)],
                    "episode_returns": list(run.episode_returns),
                }
            )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
