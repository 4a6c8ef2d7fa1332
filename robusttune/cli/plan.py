"""`robusttune plan`."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from robusttune.errors import SpecError
from robusttune.pipeline.planning import CLAIMS, StudyPlan, plan_from_figures, plan_from_study
from robusttune.spec.toml import load_studies

_SPLITS_SHOWN = 6


def plan(
    study: Path | None,
    *,
    out: Path,
    storage: str | None,
    overrides: list[str],
    sd: float | None,
    difference: float | None,
    configurations: int,
    power: float,
    budget: float | None,
    console: Console,
) -> None:
    """Print plans for the studies of a file, or for two figures."""
    if not 0 < power < 1:
        raise SpecError(f"--power {power:g}: must lie between 0 and 1, for example 0.8.")
    if study is not None:
        for spec in load_studies(study, overrides=overrides):
            _print(
                plan_from_study(spec, out=out, storage=storage, power=power, budget=budget), power, console
            )
    elif sd is not None and difference is not None:
        found = plan_from_figures(
            sd=sd, difference=difference, n_configs=configurations, power=power, budget=budget
        )
        _print(found, power, console)
    else:
        raise SpecError(
            "a plan needs a study that has been run (robusttune plan STUDY), or two figures "
            "(robusttune plan --sd 100 --difference 50)."
        )


def _print(found: StudyPlan, power: float, console: Console) -> None:
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
        _print_splits(found, console)


def _print_splits(found: StudyPlan, console: Console) -> None:
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
