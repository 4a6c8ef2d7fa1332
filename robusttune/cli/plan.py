"""`robusttune plan`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from robusttune.cli.console import console
from robusttune.cli.options import Out, Overrides, Storage, Verbose
from robusttune.declaration.toml import load_studies
from robusttune.errors import SpecError

if TYPE_CHECKING:
    from robusttune.pipeline.planning import StudyPlan

_SPLITS_SHOWN = 6


def plan(
    study: Annotated[
        Path | None, typer.Argument(help="A study that has been run: the pilot.", metavar="[STUDY]")
    ] = None,
    sd: Annotated[
        float | None, typer.Option(help="Without a pilot: SD between seeds, in score units.")
    ] = None,
    difference: Annotated[
        float | None, typer.Option(help="Without a pilot: the difference that matters.")
    ] = None,
    configurations: Annotated[
        int, typer.Option("-k", "--configurations", help="Without a pilot: how many.")
    ] = 2,
    power: Annotated[float, typer.Option(help="Wanted probability that the claim can be made.")] = 0.8,
    budget: Annotated[
        float | None,
        typer.Option(
            help="Also split this many training runs in the best way. Alone: as the protocol study advises."
        ),
    ] = None,
    out: Out = Path("results"),
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Say how many seeds a claim needs, and how to split a budget."""
    from robusttune.pipeline.advice import LARGEST_BUDGET, LEAST_BUDGET
    from robusttune.pipeline.planning import plan_from_figures, plan_from_study

    if not 0 < power < 1:
        raise SpecError(f"--power {power:g}: must lie between 0 and 1, for example 0.8.")
    if budget is not None and not math.isfinite(budget):
        raise SpecError(f"--budget {budget:g}: must be a number of training runs, for example 120.")
    is_alone = study is None and sd is None and difference is None
    if study is not None:
        for spec in load_studies(study, overrides=overrides or ()):
            _print(plan_from_study(spec, out=out, storage=storage, power=power, budget=budget), power)
    elif sd is not None and difference is not None:
        figures = plan_from_figures(
            sd=sd, difference=difference, n_configs=configurations, power=power, budget=budget
        )
        _print(figures, power)
    elif budget is None or sd is not None or difference is not None:
        raise SpecError(
            "a plan needs a study that has been run (robusttune plan STUDY), two figures "
            "(robusttune plan --sd 100 --difference 50), or a budget of training runs (robusttune plan --budget 120)."
        )
    # Beside another plan the advice is an addition, and its limits are no reason to fail.
    if budget is not None and (is_alone or LEAST_BUDGET <= budget <= LARGEST_BUDGET):
        _print_advice(int(budget))


def _print(found: StudyPlan, power: float) -> None:
    from robusttune.pipeline.planning import CLAIMS

    console.print(f"\n{found.source}", highlight=False)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("to claim that", f"with probability {power:g} needs", "then reaches"):
        table.add_column(heading, justify="left")
    for one in found.seeds:
        most = one.curve[-1][0]
        needs = f"more than {most} seeds each" if one.n_seeds is None else f"{one.n_seeds} seeds each"
        table.add_row(CLAIMS[one.claim], needs, f"{one.achieved:.2f}")
    console.print(table)
    console.print(
        f"Simulated: {found.seeds[0].n_studies} studies per number of seeds; {found.seeds[0].note}.",
        style="dim",
    )
    if found.splits:
        _print_splits(found)


def _print_advice(budget: int) -> None:
    from robusttune.pipeline.advice import advised_split, findings

    for sampler in findings():
        split = advised_split(budget, sampler=sampler)
        seeds = "one seed" if split.seeds_per_trial == 1 else f"{split.seeds_per_trial} seeds"
        console.print(
            f"\nThe protocol study's split of {split.budget} runs with {sampler}: {split.n_trials} trials of {seeds}, "
            f"then the best {split.top_k} on {split.n_seeds} fresh seeds each "
            f"({split.n_judging_runs / split.budget:.0%} of the runs).",
            highlight=False,
            soft_wrap=True,
        )
    console.print("Controls, such as the default configuration, cost as many seeds each.", style="dim")
    table = Table(
        title="\nwhat it found: mean regret, 0 the best, 1 a middling configuration",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    for heading in (
        "sampler",
        "runs",
        "seeds a trial",
        "second stage",
        "regret",
        "without it",
        "single seed",
    ):
        table.add_column(heading, justify="left" if heading == "sampler" else "right")
    for sampler, known in findings().items():
        for found in known:
            regrets = (f"{value:.2f}" for value in (found.regret, found.multi_seed, found.single_seed))
            stage = f"{found.top_k} × {found.n_seeds}"
            table.add_row(sampler, str(found.budget), str(found.seeds_per_trial), stage, *regrets)
    console.print(table)


def _print_splits(found: StudyPlan) -> None:
    table = Table(
        title="\nways to spend the budget, best first",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    for heading in ("trials × seeds", "candidates × seeds", "second stage", "loss against the best way"):
        table.add_column(heading, justify="right")
    for split in found.splits[:_SPLITS_SHOWN]:
        second = f"{split.n_candidates} × {split.n_post_seeds}" if split.n_post_seeds else "none"
        loss = f"{split.shortfall:.3g} ± {1.96 * split.standard_error:.2g}"
        table.add_row(f"{split.n_trials} × {split.n_tuning_seeds}", second, f"{split.post_share:.0%}", loss)
    console.print(table)
