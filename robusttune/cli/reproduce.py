"""`robusttune reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robusttune.cli.console import say
from robusttune.cli.options import Out, Overrides, Storage, StudyFile, Verbose, seed_of
from robusttune.declaration.toml import load_studies
from robusttune.errors import SpecError
from robusttune.pipeline.location import DEFAULT_OUT

REPRODUCE_FLAGS = {
    "`configuration` and `seed`": "--config and --seed",
    "configuration =": "--config",
    "seed =": "--seed",
    "run =": "RUN",
}


def reproduce(
    study: StudyFile,
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN", help="Id of a run, or its beginning: runs.csv beside the report lists them."
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option("--config", help="Instead: name in the ranking. Default: the recommended one."),
    ] = None,
    seed: Annotated[
        str | None, typer.Option(help="best, median, worst, or one of its seeds. Default: best.")
    ] = None,
    out: Out = Path(DEFAULT_OUT),
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Train a stored run again and compare it to the bit: exit code 0 if it is equal, 1 if not."""
    from robusttune.pipeline.reproduce import reproduce_study

    studies = load_studies(study, overrides=overrides or ())
    found, errors = [], []
    for spec in studies:
        try:
            found.append(
                reproduce_study(spec, run, configuration=config, seed=seed_of(seed), out=out, storage=storage)
            )
        except SpecError as error:  # a run belongs to one study of a matrix only
            errors.append(error)
    if not found:
        raise errors[0]
    for one in found:
        for sentence in one.sentences():
            say(sentence)
    if not all(one.is_equal for one in found):
        raise typer.Exit(1)
