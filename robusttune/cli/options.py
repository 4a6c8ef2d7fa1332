"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

STORAGE_VARIABLE = "ROBUSTTUNE_STORAGE"
"""Environment variable in place of --storage."""
CHECKED_LATER = False
"""`readable` of every path: what may not be read is told in one line of our own, as all that cannot be read is."""

StudyFile = Annotated[
    Path,
    typer.Argument(
        help="Study file (TOML); `robusttune init` writes one.", metavar="STUDY", readable=CHECKED_LATER
    ),
]
Out = Annotated[
    Path,
    typer.Option("--out", "-o", help="Folder with one folder of results per study.", readable=CHECKED_LATER),
]
Storage = Annotated[
    str | None,
    typer.Option(
        envvar=STORAGE_VARIABLE,
        show_envvar=False,
        help="SQLAlchemy URL of the results database, or a journal file x.log for Optuna's part. A URL with a password "
        f"is better given by {STORAGE_VARIABLE}: others see command lines.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        "-j",
        help="Worker processes; 0 trains in this process. Default: one per core, or 0 where nothing is trained.",
    ),
]
ExecutorOption = Annotated[
    str | None,
    typer.Option(
        "--executor",
        help="Where runs are carried out, instead of what execution.executor says: local, dask, or dask://host:port.",
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


# What library messages call parameters and functions → what the command line calls them.
_FLAGS = {
    "`workers` = ": "--workers ",
    "`workers`": "--workers",
    "`storage`": "--storage",
    "`executor` = ": "--executor ",
    "`executor`": "--executor",
    "`out`": "--out",
    "`run_study`": "`robusttune run`",
    "`tune_study`": "`robusttune tune`",
    "`evaluate_study`": "`robusttune evaluate`",
    "`play_study`": "`robusttune play`",
    "`report_study`": "`robusttune report`",
    "`retrain` = True": "--retrain",
    "`write_study_file`": "`robusttune init`",
}


def seed_of(text: str | None) -> int | str | None:
    """Return a seed as the library takes it: a number, or the name of a place."""
    return int(text) if text is not None and text.isdecimal() else text


def in_flags(message: str, flags: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return a library message in the words of the command line.

    Parameters
    ----------
    message : str
    flags : mapping
        What a command calls further parameters.
    """
    for parameter, flag in {**flags, **_FLAGS}.items():
        message = message.replace(parameter, flag)
    return message
