"""Arguments and options that several commands share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from robusttune.errors import RobusttuneError

StudyFile = Annotated[
    Path, typer.Argument(help="Study file (TOML); `robusttune init` writes one.", metavar="STUDY")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder that holds a folder of results per study.")]
Storage = Annotated[
    str | None,
    typer.Option(help="SQLAlchemy URL of the results database, or a journal file x.log for Optuna's part."),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", "-j", help="Worker processes; 0 trains in this process. Default: one per core."
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Replace a value of the study file: --set tuning.n_trials=4. May be repeated."
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="One line per run; full tracebacks of errors.")
]


@contextlib.contextmanager
def in_flags(flags: Mapping[str, str]) -> Iterator[None]:
    """Replace what a library message calls a parameter by what the command line calls it."""
    try:
        yield
    except RobusttuneError as error:
        text = str(error)
        for parameter, flag in flags.items():
            text = text.replace(parameter, flag)
        raise type(error)(text) from None
