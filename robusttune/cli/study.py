"""The commands of a study, from `robusttune check` to `robusttune status`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robusttune.cli.console import console, say
from robusttune.cli.options import (
    STORAGE_VARIABLE,
    ExecutorOption,
    Out,
    Overrides,
    Storage,
    StudyFile,
    Verbose,
    Workers,
)
from robusttune.declaration.matrix import Matrix
from robusttune.declaration.study import StudySpec
from robusttune.declaration.toml import load_matrix, load_studies
from robusttune.pipeline.location import DEFAULT_OUT
from robusttune.results.engine import without_password

if TYPE_CHECKING:
    from robusttune.execution.progress import Reporter
    from robusttune.report.model import Ranking

_out = Path(DEFAULT_OUT)


def check(study: StudyFile, overrides: Overrides = None, verbose: Verbose = False) -> None:
    """Validate a study file and print what it asks for: trials, runs, timesteps."""
    from robusttune.cli.display import workload_table
    from robusttune.pipeline import check_study

    for spec in load_studies(study, overrides=overrides or ()):
        console.print(workload_table(check_study(spec)))


def run(
    study: StudyFile,
    out: Out = _out,
    workers: Workers = None,
    executor: ExecutorOption = None,
    storage: Storage = None,
    overrides: Overrides = None,
    null: Annotated[
        bool,
        typer.Option(
            "--null",
            help="Tune nothing: evaluate copies of one configuration, the first control or the default, and report how "
            "often these settings name a winner where there is none.",
        ),
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Tune, post-evaluate, rank and report. Finished runs are kept: run it again to continue."""
    from robusttune.pipeline import run_study

    if null:
        _run_null(load_studies(study, overrides=overrides or ()), out, storage, workers, executor, verbose)
        return
    matrix = load_matrix(study, overrides=overrides or ())
    for one in matrix.studies:
        command, reporter = pasted(study, out, storage, overrides), _reporter(verbose)
        ranking = run_study(
            one.study,
            out=out,
            storage=storage,
            workers=workers,
            executor=executor,
            reporter=reporter,
            command=command,
        )
        _show(ranking, out / one.study.name)
    _show_matrix(matrix, out, storage)


def tune(
    study: StudyFile,
    out: Out = _out,
    workers: Workers = None,
    executor: ExecutorOption = None,
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Run the tuning stage only."""
    from robusttune.cli.display import print_table
    from robusttune.pipeline import tune_study
    from robusttune.report.tables import trials_table

    for spec in load_studies(study, overrides=overrides or ()):
        trials = tune_study(
            spec, out=out, storage=storage, workers=workers, executor=executor, reporter=_reporter(verbose)
        )
        found = trials_table(spec, trials)
        print_table(found, title=found.title)


def evaluate(
    study: StudyFile,
    out: Out = _out,
    workers: Workers = None,
    executor: ExecutorOption = None,
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Run the post-evaluation of the finished trials only."""
    from robusttune.pipeline import evaluate_study

    for spec in load_studies(study, overrides=overrides or ()):
        found = evaluate_study(
            spec, out=out, storage=storage, workers=workers, executor=executor, reporter=_reporter(verbose)
        )
        names = ", ".join(candidate.name for candidate in found.candidates)
        following = pasted(study, out, storage, overrides, name="report")
        say(f"Evaluated: {names}. Next: {following}")


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
        command = pasted(study, out, storage, overrides)
        print_ranking(rank_study(spec, out=out, storage=storage, command=command))


def report(
    study: StudyFile,
    out: Out = _out,
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Write tables, figures and report.html from the stored results; for a matrix, also across its studies."""
    from robusttune.pipeline import report_study

    matrix = load_matrix(study, overrides=overrides or ())
    for one in matrix.studies:
        command = pasted(study, out, storage, overrides)
        _show(report_study(one.study, out=out, storage=storage, command=command), out / one.study.name)
    _show_matrix(matrix, out, storage)


def status(
    study: StudyFile,
    out: Out = _out,
    storage: Storage = None,
    overrides: Overrides = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Refresh until the study is finished, or Ctrl-C.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Print how far a study has got."""
    from robusttune.cli.display import print_status, watch_status

    specs = load_studies(study, overrides=overrides or ())
    (watch_status if watch else print_status)(specs, out, storage)


def cluster_script(
    study: StudyFile, executor: ExecutorOption = None, overrides: Overrides = None, verbose: Verbose = False
) -> None:
    """Print the job script that the [cluster] of a study file makes; --executor names its scheduler."""
    from robusttune.execution.batch import study_script

    for script in dict.fromkeys(
        study_script(one, executor) for one in load_studies(study, overrides=overrides or ())
    ):
        print(script, end="")


def pasted(
    study: Path, out: Path, storage: str | None, overrides: Sequence[str] | None, *, name: str = "run"
) -> str:
    """Return what runs, or reports, the study as it was called now, to be pasted."""
    parts = ["robusttune", name, str(study)]
    parts += [] if out == _out else ["--out", str(out)]
    if storage is not None and storage != os.environ.get(STORAGE_VARIABLE):
        parts += ["--storage", without_password(storage)]
    for override in overrides or ():
        parts += ["--set", override]
    return shlex.join(parts)


def _run_null(
    studies: Sequence[StudySpec],
    out: Path,
    storage: str | None,
    workers: int | None,
    executor: str | None,
    verbose: bool,
) -> None:
    from robusttune.pipeline.null import null_study

    for spec in studies:
        found = null_study(
            spec, out=out, storage=storage, workers=workers, executor=executor, reporter=_reporter(verbose)
        )
        for sentence in found.sentences():
            say(f"• {sentence}")


def _show(ranking: Ranking, folder: Path) -> None:
    from robusttune.cli.display import print_ranking

    print_ranking(ranking)
    say(f"\nTables and figures: {folder}\nReport: {folder / 'report.html'}")


def _show_matrix(matrix: Matrix, out: Path, storage: str | None) -> None:
    """Report across the studies of a matrix, if there are several."""
    if len(matrix.studies) < 2:
        return
    from robusttune.cli.matrix import print_matrix
    from robusttune.pipeline.matrix import report_matrix

    print_matrix(report_matrix(matrix, out=out, storage=storage), out / matrix.name)


def _reporter(verbose: bool) -> Reporter:
    from robusttune.cli.progress import make_reporter

    return make_reporter(console, verbose=verbose)
