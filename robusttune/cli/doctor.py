"""`robusttune doctor`."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.text import Text

from robusttune.cli.console import console, say
from robusttune.cli.display import facts
from robusttune.cli.options import Out, Storage, Verbose, in_flags
from robusttune.pipeline.location import DEFAULT_OUT

_STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}


def doctor(out: Out = Path(DEFAULT_OUT), storage: Storage = None, verbose: Verbose = False) -> None:
    """Check this installation: versions, extras, worker processes, accelerator, storage. Exit code 1 on a problem."""
    from robusttune.pipeline.doctor import State, check_installation

    findings = check_installation(out=out, storage=storage)
    table = facts("robusttune: installation")
    table.add_column(overflow="fold")
    for one in findings:
        state = Text(one.state.value, style=_STYLES[one.state])
        table.add_row(one.subject, state, Text(in_flags(one.text).replace("`", "")))
    console.print(table)
    n_problems = sum(one.state is State.PROBLEM for one in findings)
    say(f"{n_problems} problem{'' if n_problems == 1 else 's'}." if n_problems else "Studies can run here.")
    if n_problems:
        raise typer.Exit(1)
