"""`robusttune init`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from robusttune.cli.console import say
from robusttune.cli.options import CHECKED_LATER
from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.pipeline.planning.advice import DEFAULT_BUDGET

INIT_FLAGS = {
    "algorithm =": "--algo",
    "timesteps =": "--timesteps",
    "budget =": "--budget",
    "force = true": "--force",
}


def init(
    path: Annotated[Path, typer.Argument(help="File to write.", readable=CHECKED_LATER)] = Path("study.toml"),
    algo: Annotated[str, typer.Option(help=f"{', '.join(ALGORITHMS)}.")] = "ppo",
    env: Annotated[str, typer.Option(help="Gymnasium id of the environment.")] = "Pendulum-v1",
    timesteps: Annotated[
        int, typer.Option("--timesteps", "-n", help="Environment steps of one run.")
    ] = 40_000,
    budget: Annotated[
        int, typer.Option("--budget", "-b", help="Training runs of both stages together.")
    ] = DEFAULT_BUDGET,
    force: Annotated[bool, typer.Option(help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented study file to start from."""
    from robusttune.pipeline.planning.study_file import write_study_file

    study = write_study_file(
        path, algorithm=algo, environment=env, timesteps=timesteps, budget=budget, force=force
    )
    following = shlex.join(["robusttune", "check", str(path)])
    say(f"Wrote {path} (study {study.name}). Next: {following}")
