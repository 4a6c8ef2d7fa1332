"""`robusttune plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robusttune.cli.console import say
from robusttune.cli.options import CHECKED_LATER, Out, Overrides, Storage, Verbose
from robusttune.declaration.toml import load_studies
from robusttune.errors import SpecError
from robusttune.pipeline.location import DEFAULT_OUT

if TYPE_CHECKING:
    from robusttune.pipeline.planning.advice import Split
    from robusttune.pipeline.planning.required_seeds import ClaimSeeds


PLAN_FLAGS = {
    "budget =": "--budget",
    "power =": "--power",
    "sd =": "--sd",
    "difference =": "--difference",
    "n_configs =": "--configurations",
    "two figures instead": "two figures instead (robusttune plan --sd 100 --difference 50)",
}


def plan(
    study: Annotated[
        Path | None,
        typer.Argument(
            help="A study that has been run: the pilot.", metavar="[STUDY]", readable=CHECKED_LATER
        ),
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
        int | None,
        typer.Option("--budget", "-b", help="Split this many training runs as the protocol study advises."),
    ] = None,
    out: Out = Path(DEFAULT_OUT),
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Say how many seeds a claim needs, and how to split a budget."""
    from robusttune.pipeline.planning.advice import advised_split, split_for
    from robusttune.pipeline.planning.required_seeds import seeds_from_figures, seeds_from_pilot

    if study is not None:
        for spec in load_studies(study, overrides=overrides or ()):
            split = None if budget is None else split_for(spec, budget)
            _print(seeds_from_pilot(spec, out=out, storage=storage, power=power), split)
        return
    split = None if budget is None else advised_split(budget)
    if sd is not None and difference is not None:
        _print(seeds_from_figures(sd=sd, difference=difference, n_configs=configurations, power=power), split)
    elif split is not None and sd is None and difference is None:
        _print_split(split)
    else:
        raise SpecError(
            "a plan needs a study that has been run (robusttune plan STUDY), two figures (robusttune plan --sd 100 "
            "--difference 50), or a budget of training runs (robusttune plan --budget 120)."
        )


def _print(found: ClaimSeeds, split: Split | None) -> None:
    from scipy.stats import binomtest

    from robusttune.cli.display import print_table
    from robusttune.pipeline.planning.required_seeds import CLAIMS
    from robusttune.report.table import Table

    first, rows = found.claims[0], []
    for one in found.claims:
        most = one.curve[-1][0]
        needs = f"more than {most} each" if one.n_seeds is None else f"{one.n_seeds} each"
        hidden = binomtest(0, one.n_seeds or most, alternative="less").proportion_ci(one.level).high
        rows.append((CLAIMS[one.claim], needs, f"{one.achieved:.2f}", f"{hidden:.0%} of the seeds"))
    table = Table(
        title=found.source,
        headings=(
            "to claim that",
            f"seeds for a power of {first.power:g}",
            "power then",
            "may hide failures of",
        ),
        rows=tuple(rows),
        text=("to claim that",),
        note=f"Simulated: {first.n_studies} studies per number of seeds; {first.note}. The last column: the share of a "
        f"configuration's seeds that may fail although none of those seen does, at {first.level:.0%} confidence.",
    )
    print_table(table, title=table.title)
    if split is not None:
        _print_split(split)
        _print_price(found, split)


def _print_split(split: Split) -> None:
    from robusttune.report.prose.words import count

    controls = f" and {count(split.n_controls, 'control')}" if split.n_controls else ""
    found = split.finding
    each = "each" if found.allocation == "fixed" else "each on average"
    settings = ", ".join(
        f"{name} = {value}"
        for name, value, usual in (
            ("select", found.select, "top"),
            ("recommend", found.recommend, "mean"),
            ("allocation.rule", found.allocation, "fixed"),
        )
        if value != usual
    )
    say(
        f"\n{split.budget} runs: {split.n_trials} trials of {count(split.seeds_per_trial, 'seed')} with the "
        f"{split.sampler} sampler, then {split.top_k} of them{controls} on {split.n_seeds} fresh seeds {each} "
        f"({split.n_post_evaluation_runs / split.budget:.0%} of the runs)"
        + (f", then the recommended one on {split.n_confirm} further seeds" if split.n_confirm else "")
        + (f"; post_evaluation: {settings}." if settings else ".")
    )
    say(
        f"The protocol study's advice (docs/protocols.md). At {found.budget} runs with {split.sampler} it found a mean "
        f"regret of {found.regret:.2f}; {found.multi_seed:.2f} where several seeds per trial replace the second stage, "
        f"{found.single_seed:.2f} where single seeds are believed (0: the best configuration, 1: a middling one).",
        style="dim",
    )


def _print_price(found: ClaimSeeds, split: Split) -> None:
    """Say what the claim on the first two costs, where the split's seeds are too few for it."""
    needed, n_configs = found.claims[0].n_seeds, split.top_k + split.n_controls
    if needed is not None and needed > split.n_seeds:
        say(
            f"{split.n_seeds} seeds are too few for the first claim above: {needed} seeds for each of "
            f"{n_configs} configurations are {n_configs * needed} runs of post-evaluation alone."
        )
