"""`robusttune compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from robusttune.cli.console import say
from robusttune.cli.options import CHECKED_LATER, Verbose
from robusttune.pipeline.location import DEFAULT_OUT

_PARAMETERS = [
    "configuration",
    "seed",
    "score",
    "task",
    "episode",
    "step",
    "tuning_score",
    "minimize",
    "controls",
    "statistic",
    "level",
    "indifference",
    "diverged_score",
    "normalized",
    "reference",
    "low",
    "high",
]
_FLAG = {name: "--" + name.replace("_", "-") for name in _PARAMETERS} | {"controls": "--control"}
COMPARE_FLAGS = {f"`{name}`": flag for name, flag in _FLAG.items()} | {
    "controls: ": "--control: ",
    "reference = ": "--reference ",
    "reference: ": "--reference: ",
    "low and high": "--low and --high",
    " = 'row' only": " row only",
}


def _column(what: str) -> Any:
    return typer.Option(
        help=f"Column: {what}", rich_help_panel="Columns, guessed where not told", metavar="COLUMN"
    )


def _tasks(what: str, metavar: str | None = None) -> Any:
    return typer.Option(help=what, rich_help_panel="Several tasks", metavar=metavar, readable=CHECKED_LATER)


def compare(
    results: Annotated[
        Path,
        typer.Argument(
            help="CSV, TSV, parquet or JSON (also marl-eval's and W&B's), or a folder with evaluations.npz, "
            "monitor.csv or TensorBoard events.",
            metavar="RESULTS",
            readable=CHECKED_LATER,
        ),
    ],
    configuration: Annotated[
        str | None, _column("what is compared, such as the algorithm; several with commas between.")
    ] = None,
    seed: Annotated[str | None, _column("seed, or run; `row` if every row is a run of its own.")] = None,
    score: Annotated[str | None, _column("score; in a folder, the scalar of TensorBoard.")] = None,
    task: Annotated[str | None, _column("task, or environment.")] = None,
    episode: Annotated[str | None, _column("episode; a run's score is the mean of its episodes.")] = None,
    step: Annotated[str | None, _column("timestep; a run's score is that of its last step.")] = None,
    tuning_score: Annotated[
        str | None, _column("score by which a search chose the configuration; asks how lucky it was.")
    ] = None,
    minimize: Annotated[bool, typer.Option("--minimize", help="Lower scores are better.")] = False,
    control: Annotated[
        list[str] | None,
        typer.Option(help="A configuration that the search has not made. May be repeated.", metavar="NAME"),
    ] = None,
    statistic: Annotated[str, typer.Option(help="What is ranked: mean or iqm.")] = "mean",
    level: Annotated[float, typer.Option(help="Confidence level.")] = 0.95,
    indifference: Annotated[
        float | None, typer.Option(help="Differences of at most this size are practically equal.")
    ] = None,
    diverged_score: Annotated[
        float | None, typer.Option(help="Score of a run that has none; default: the worst of its task.")
    ] = None,
    normalized: Annotated[
        bool,
        typer.Option(
            "--normalized", help="Scores are on one scale already.", rich_help_panel="Several tasks"
        ),
    ] = False,
    reference: Annotated[
        Path | None, _tasks("Table: task, and its scores that count as 0 and as 1 (low, high).", "FILE")
    ] = None,
    low: Annotated[
        str | None, _tasks("Configuration whose mean counts as 0; default: the worst.", "NAME")
    ] = None,
    high: Annotated[
        str | None, _tasks("Configuration whose mean counts as 1; default: the best.", "NAME")
    ] = None,
    target: Annotated[
        float | None, _tasks("Normalised score that is wanted; gives the optimality gap.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the folder of the report.", readable=CHECKED_LATER)
    ] = Path(DEFAULT_OUT),
    verbose: Verbose = False,
) -> None:
    """Rank results that you already have: which to use, which was lucky, how many seeds are still needed."""
    from robusttune.cli.display import print_ranking
    from robusttune.cli.matrix import print_matrix
    from robusttune.interop.compare import compare as compare_results
    from robusttune.report.model import Ranking

    found = compare_results(
        results,
        configuration=configuration,
        seed=seed,
        score=score,
        task=task,
        episode=episode,
        step=step,
        tuning_score=tuning_score,
        minimize=minimize,
        controls=control or (),
        statistic=statistic,  # type: ignore[arg-type]  # checked there
        level=level,
        indifference=indifference,
        diverged_score=diverged_score,
        normalized=normalized,
        reference=reference,
        low=low,
        high=high,
        target=target,
        out=out,
    )
    assert found.given is not None
    say(f"Read as: {found.given.columns}")
    for note in found.given.notes:
        say(note, style="dim")
    if isinstance(found, Ranking):
        print_ranking(found)
        say(f"\nTables and figures: {out / found.name}\nReport: {out / found.name / 'report.html'}")
    else:
        print_matrix(found, out / found.name)
