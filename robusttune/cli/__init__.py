"""The command line. A command is one library call; heavy libraries are loaded when a command needs them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from importlib import metadata
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias

import typer

from robusttune.cli.compare import COMPARE_FLAGS, compare
from robusttune.cli.console import error_console, say
from robusttune.cli.doctor import doctor
from robusttune.cli.init import INIT_FLAGS, init
from robusttune.cli.interop import (
    DASHBOARD_FLAGS,
    EXPORT_FLAGS,
    IMPORT_FLAGS,
    dashboard,
    export,
    import_optuna,
    import_rl_zoo,
)
from robusttune.cli.options import in_flags
from robusttune.cli.plan import PLAN_FLAGS, plan
from robusttune.cli.play import PLAY_FLAGS, play
from robusttune.cli.reproduce import REPRODUCE_FLAGS, reproduce
from robusttune.cli.study import check, cluster_script, evaluate, rank, report, run, status, tune
from robusttune.errors import NoResultsError, RobusttuneError, SpecError, shortened

app = typer.Typer(
    name="robusttune",
    help="Tune reinforcement-learning hyperparameters, then find out which of the best trials were lucky.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

_Command: TypeAlias = Callable[..., None]


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"robusttune {metadata.version('robusttune')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Tune reinforcement-learning hyperparameters, then find out which of the best trials were lucky."""


def main() -> None:
    """Run the command line."""
    app()


def _register(
    flags: Mapping[str, str] = MappingProxyType({}), *, into: typer.Typer = app, name: str | None = None
) -> Callable[[_Command], _Command]:
    """Make a function a command whose errors become one message, in the words of the command line, and an exit code.

    Parameters
    ----------
    flags : mapping
        What the command calls parameters that only it has; see `options.in_flags`.
    into : typer.Typer
        The command that it is a part of.
    name : str, optional
        What it is called there, if not like the function.
    """

    def register(command: _Command) -> _Command:
        @functools.wraps(command)
        def guarded(*args: Any, **kwargs: Any) -> None:
            try:
                command(*args, **kwargs)
            except RobusttuneError as error:
                if kwargs.get("verbose"):
                    error_console.print_exception()
                text = f"error: {in_flags(shortened(str(error)), flags)}"
                error_console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)
                raise typer.Exit(2 if isinstance(error, SpecError | NoResultsError) else 1) from None
            except KeyboardInterrupt:
                error_console.print("Stopped. Finished runs are kept; the same command continues from here.")
                raise typer.Exit(130) from None

        into.command(name)(guarded)
        return command

    return register


_register(INIT_FLAGS)(init)
for _one in (check, run, tune, evaluate, rank, report, status):
    _register()(_one)
_register(COMPARE_FLAGS)(compare)
_register(PLAN_FLAGS)(plan)
_register(PLAY_FLAGS)(play)
_register(REPRODUCE_FLAGS)(reproduce)
_register(DASHBOARD_FLAGS)(dashboard)
_register(EXPORT_FLAGS)(export)
_register()(doctor)

imports = typer.Typer(no_args_is_help=True)
clusters = typer.Typer(no_args_is_help=True)


@imports.callback()
def _imports() -> None:
    """Take over results from elsewhere: a study file that evaluates them."""


@clusters.callback()
def _clusters() -> None:
    """Jobs of a batch system that carry out runs: SLURM, PBS, LSF."""


app.add_typer(imports, name="import")
app.add_typer(clusters, name="cluster")
_register(IMPORT_FLAGS, into=imports, name="optuna")(import_optuna)
_register(IMPORT_FLAGS, into=imports, name="rl-zoo")(import_rl_zoo)
_register(into=clusters, name="script")(cluster_script)
