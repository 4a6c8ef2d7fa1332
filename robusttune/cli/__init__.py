"""The command line. A command is one library call; heavy libraries are loaded when a command needs them."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from robusttune.cli.console import console, error_console
from robusttune.cli.options import Out, Overrides, Storage, StudyFile, Verbose, Workers, in_flags
from robusttune.cli.plan import plan
from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.matrix import Matrix
from robusttune.declaration.study import StudySpec
from robusttune.declaration.toml import load_matrix, load_studies
from robusttune.errors import RobusttuneError, SpecError
from robusttune.pipeline.location import DEFAULT_OUT

app = typer.Typer(
    name="robusttune",
    help="Tune reinforcement-learning hyperparameters, then find out which of the best trials were lucky.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

_out = Path(DEFAULT_OUT)


def main() -> None:
    """Run the command line."""
    app()


def _guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Turn errors that are meant for people into one message and an exit code."""

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except RobusttuneError as error:
            if kwargs.get("verbose"):
                error_console.print_exception()
            error_console.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(2 if isinstance(error, SpecError) else 1) from None
        except KeyboardInterrupt:
            error_console.print("Stopped. Finished runs are kept; the same command goes on from here.")
            raise typer.Exit(130) from None

    return wrapper


@app.command()
@_guarded
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("study.toml"),
    algo: Annotated[str, typer.Option(help=f"{', '.join(ALGORITHMS)}.")] = "ppo",
    env: Annotated[str, typer.Option(help="Gymnasium id of the environment.")] = "Pendulum-v1",
    timesteps: Annotated[
        int, typer.Option("--timesteps", "-n", help="Environment steps of one run.")
    ] = 40_000,
    budget: Annotated[
        int, typer.Option("--budget", "-b", help="Training runs of both stages together.")
    ] = 120,
    force: Annotated[bool, typer.Option(help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented study file to start from."""
    from robusttune.pipeline.planning.study_file import write_study_file

    flags = {"algorithm =": "--algo", "timesteps =": "--timesteps", "budget =": "--budget"}
    with in_flags({**flags, "force = true": "--force"}):
        study = write_study_file(
            path, algorithm=algo, environment=env, timesteps=timesteps, budget=budget, force=force
        )
    console.print(
        f"Wrote {path} (study {study.name}). Next: robusttune check {path}", highlight=False, soft_wrap=True
    )


@app.command()
@_guarded
def check(study: StudyFile, overrides: Overrides = None, verbose: Verbose = False) -> None:
    """Validate a study file and print what it asks for: trials, runs, timesteps."""
    from robusttune.cli.display import workload_table
    from robusttune.pipeline import check_study

    for spec in load_studies(study, overrides=overrides or ()):
        console.print(workload_table(check_study(spec)))


@app.command()
@_guarded
def run(
    study: StudyFile,
    out: Out = _out,
    workers: Workers = None,
    storage: Storage = None,
    overrides: Overrides = None,
    null: Annotated[
        bool,
        typer.Option(
            "--null",
            help="Tune nothing: judge copies of one configuration, the first control or the default, and say how "
            "often this setting names a winner where there is none.",
        ),
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Tune, post-evaluate, rank and report. Takes up what is there: run it again to go on."""
    from robusttune.pipeline import run_study

    if null:
        _run_null(load_studies(study, overrides=overrides or ()), out, storage, workers, verbose)
        return
    matrix = load_matrix(study, overrides=overrides or ())
    for one in matrix.studies:
        ranking = run_study(
            one.study,
            out=out,
            storage=storage,
            workers=_n_workers(workers),
            reporter=_reporter(verbose),
            command=_command(study, out, storage, overrides),
        )
        _show(ranking, one.study, out)
    _show_matrix(matrix, out, storage)


@app.command()
@_guarded
def tune(
    study: StudyFile,
    out: Out = _out,
    workers: Workers = None,
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Run the tuning stage alone."""
    from robusttune.cli.display import trials_table
    from robusttune.pipeline import tune_study

    for spec in load_studies(study, overrides=overrides or ()):
        trials = tune_study(
            spec, out=out, storage=storage, workers=_n_workers(workers), reporter=_reporter(verbose)
        )
        console.print(trials_table(spec, trials))


@app.command()
@_guarded
def evaluate(
    study: StudyFile,
    out: Out = _out,
    workers: Workers = None,
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Run the post-evaluation of the trials that are there."""
    from robusttune.pipeline import evaluate_study

    for spec in load_studies(study, overrides=overrides or ()):
        found = evaluate_study(
            spec, out=out, storage=storage, workers=_n_workers(workers), reporter=_reporter(verbose)
        )
        names = ", ".join(candidate.name for candidate in found.candidates)
        console.print(f"Evaluated: {names}. Next: robusttune report {study}", highlight=False, soft_wrap=True)


@app.command()
@_guarded
def rank(
    study: StudyFile,
    out: Out = _out,
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Print the ranking of the stored post-evaluation."""
    from robusttune.cli.display import print_ranking
    from robusttune.pipeline import rank_study

    for spec in load_studies(study, overrides=overrides or ()):
        command = _command(study, out, storage, overrides)
        print_ranking(rank_study(spec, out=out, storage=storage, command=command), console)


@app.command()
@_guarded
def report(
    study: StudyFile,
    out: Out = _out,
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Write tables, figures and report.html from the stored results; for a [matrix], also across its studies."""
    from robusttune.pipeline import report_study

    matrix = load_matrix(study, overrides=overrides or ())
    for one in matrix.studies:
        command = _command(study, out, storage, overrides)
        _show(report_study(one.study, out=out, storage=storage, command=command), one.study, out)
    _show_matrix(matrix, out, storage)


@app.command()
@_guarded
def status(
    study: StudyFile,
    out: Out = _out,
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Print how far a study is."""
    from robusttune.cli.display import status_table
    from robusttune.pipeline.status import study_status

    for spec in load_studies(study, overrides=overrides or ()):
        console.print(status_table(spec, study_status(spec, out=out, storage=storage)))


app.command()(_guarded(plan))


def _command(study: Path, out: Path, storage: str | None, overrides: Sequence[str] | None) -> str:
    """Return what runs the study as it was called now, to be pasted."""
    parts = ["robusttune", "run", str(study)]
    parts += [] if out == _out else ["--out", str(out)]
    parts += [] if storage is None else ["--storage", storage]
    for override in overrides or ():
        parts += ["--set", override]
    return shlex.join(parts)


def _run_null(
    studies: Sequence[StudySpec], out: Path, storage: str | None, workers: int | None, verbose: bool
) -> None:
    from robusttune.pipeline.null import null_study

    for spec in studies:
        found = null_study(
            spec, out=out, storage=storage, workers=_n_workers(workers), reporter=_reporter(verbose)
        )
        for sentence in found.sentences():
            console.print(f"• {sentence}", highlight=False, markup=False, soft_wrap=True)


def _show(ranking: Any, spec: StudySpec, out: Path) -> None:
    from robusttune.cli.display import print_ranking

    print_ranking(ranking, console)
    folder = out / spec.name
    console.print(
        f"\nTables and figures: {folder}\nReport: {folder / 'report.html'}", highlight=False, soft_wrap=True
    )


def _show_matrix(matrix: Matrix, out: Path, storage: str | None) -> None:
    """Report across the studies of a matrix, if there are several."""
    if len(matrix.studies) < 2:
        return
    from robusttune.cli.matrix import print_matrix
    from robusttune.pipeline.matrix import report_matrix

    print_matrix(report_matrix(matrix, out=out, storage=storage), out / matrix.name, console)


def _n_workers(workers: int | None) -> int:
    import psutil

    return workers if workers is not None else len(psutil.Process().cpu_affinity() or [0])


def _reporter(verbose: bool) -> Any:
    from robusttune.execution.progress import make_reporter

    return make_reporter(console, verbose=verbose)


if __name__ == "__main__":
    main()
