"""The page, the picture and the advice that follow from the protocol study's stored results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.protocols import (
    DECLARED,
    SINGLE,
    Averages,
    Interval,
    advised,
    coverage,
    is_multi,
    is_post,
    split_of,
)
from analysis.protocols_claims import ADAPTIVE, SOURCES, budget_of, claims, percent, select

# A sampler, and the searches that belong to it.
_ADVISED = {"random": ("random", "random+seeds"), "tpe": ("tpe", "tpe+seeds")}
# Okabe and Ito's palette.
_COLOURS = {
    "single": "#D55E00",
    "multi": "#0072B2",
    "post": "#009E73",
    "elimination": "#000000",
    "ocba": "#CC79A7",
}


def page(results: pd.DataFrame) -> str:
    """Return the page of documentation as Markdown."""
    parts = [
        _introduction(results),
        "## What follows from it\n",
        *(f"- {claim}" for claim in claims(results)),
    ]
    parts += ["\n## Which split\n", _advice(results)]
    for source, title in SOURCES.items():
        for search in results.loc[results["source"] == source, "search"].unique():
            parts.append(f"\n## Regret, {title}, {search}\n")
            parts.append(_regret_table(select(results, source, search)))
    parts.append("\n## Optimism and coverage\n")
    parts.append(_optimism_table(results))
    return "\n".join(parts) + "\n"


def splits_json(results: pd.DataFrame) -> str:
    """Return the advised splits as the library reads them, by sampler."""
    return json.dumps(_splits(results), indent=1) + "\n"


def _splits(results: pd.DataFrame) -> dict[str, list[dict[str, float | int]]]:
    found = {}
    for sampler, searches in _ADVISED.items():
        rows = results[results["search"].isin(searches)]
        # Only budgets at which several seeds a trial and a second stage have been tried together.
        budgets = rows.loc[rows["search"] == searches[-1], "budget"].unique()
        found[sampler] = advised(rows[rows["budget"].isin(budgets)] if len(budgets) else rows)
    return found


def picture(results: pd.DataFrame) -> Figure:
    """Return mean regret against budget, one panel per source and search."""
    panels = [
        (source, search)
        for source in SOURCES
        for search in _ADVISED
        if not select(results, source, search).empty
    ]
    n_columns = len(_ADVISED)
    n_rows = -(-len(panels) // n_columns)
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(3.6 * n_columns, 2.5 * n_rows), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True)
        for axes, (source, search) in zip(grid.flat, panels, strict=False):
            _panel(axes, select(results, source, search))
            title = SOURCES[source].removeprefix("the project's ")
            axes.set_title(f"{title}, {search}", fontsize=9, loc="left")
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        for axes in grid[-1]:
            axes.set_xlabel("training runs in all")
        for axes in grid[:, 0]:
            axes.set_ylabel("mean regret")
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return figure


def write(results: pd.DataFrame, root: Path) -> tuple[Path, ...]:
    """Write page, picture and advice; return where they are."""
    text, image = root / "docs" / "protocols.md", root / "docs" / "images" / "protocols.png"
    splits = root / "robusttune" / "pipeline" / "planning" / "splits.json"
    text.write_text(page(results), encoding="utf-8")
    picture(results).savefig(image, dpi=130)
    splits.write_text(splits_json(results), encoding="utf-8")
    return text, image, splits


def _introduction(results: pd.DataFrame) -> str:
    known = [(title, results[results["source"] == source]) for source, title in SOURCES.items()]
    landscapes = ", ".join(
        f"{rows['landscape'].nunique()} of {title}" for title, rows in known if not rows.empty
    )
    how_many = "; ".join(
        f"{title}: "
        + ", ".join(
            f"{rows[rows['search'] == s]['repetition'].nunique()} {s}" for s in rows["search"].unique()
        )
        for title, rows in known
        if not rows.empty
    )
    return f"""# Which way to spend a budget

A budget of training runs can go into trials of one seed, into fewer trials of several seeds, or into trials and a
second stage that re-runs the best of them on fresh seeds. This page compares them where the truth is known, at equal
total budget; a pruned run costs what it was trained. Landscapes: {landscapes}.

*Regret* is the true mean of the best configuration minus that of the pick, on a scale where the best has 0 and the
middle one of all configurations 1. *Optimism* is the reported number minus the true mean of the pick, on the same
scale. Landscapes count alike. Intervals are 95 % t intervals over repetitions, for these landscapes; those of
proportions are Clopper and Pearson's. Where a comparison needs a split of the budget, it is one that was named before
this study ({", ".join(f"{budget} runs: {split}" for budget, split in DECLARED.items())}); where it needs the best of
several protocols, that is chosen on other repetitions than it is measured on. Repetitions of each search: {how_many}.

Runs on a table are drawn from all its seeds, with replacement, so that the table is the truth. Random search draws the
table's own configurations, at no budget that exceeds their number. For other samplers a table is interpolated between
the nearest four; hardly anything then comes near the best of the table, which belongs to every regret alike, so that
differences say more than ratios. `random`, `tpe`, `gp` and `heteroscedastic-gp` are samplers; `tpe+median` prunes by
the median, `tpe+incumbents` believes a trial after five seeds, and `+seeds` re-runs the best of trials that have
several seeds. OptunaHub's heteroscedastic Gaussian process was measured as published for Optuna 4, with the one import
that Optuna 5 has renamed put right; it knows the noise only where trials have several seeds.

Made by `python -m analysis.build protocols` from `experiments/protocols/results.parquet`, which
`python -m experiments.protocols` makes. ARLBench's returns are those of Becktepe and others (arXiv 2409.18827), outside
Atari; they are not part of the project.

![Mean regret against budget](images/protocols.png)
"""


def _advice(results: pd.DataFrame) -> str:
    rows = [
        (
            sampler,
            str(f["budget"]),
            f"{(f['budget'] - f['top_k'] * f['n_seeds']) // f['seeds_per_trial']} × {f['seeds_per_trial']}",
            f"{f['top_k']} × {f['n_seeds']}",
            f"{f['top_k'] * f['n_seeds'] / f['budget']:.0%}",
            *(f"{f[key]:.3f}" for key in ("regret", "multi_seed", "single_seed")),
        )
        for sampler, found in _splits(results).items()
        for f in found
    ]
    head = (
        "sampler",
        "runs",
        "trials × seeds",
        "candidates × seeds",
        "second stage",
        "regret",
        "several seeds a trial",
        "single seed",
    )
    return (
        "What `robusttune plan --budget` and `robusttune init` advise. Of all splits with a second stage whose mean "
        "regret over landscapes is within one standard error of the least, it is the one with most seeds per "
        "candidate, because the intervals of the report live on them. The regrets are those of the rows "
        "that chose it, a little too good.\n\n" + _table(head, rows)
    )


def _regret_table(rows: pd.DataFrame) -> str:
    by_budget = {int(str(budget)): Averages(own) for budget, own in rows.groupby("budget")}
    names = sorted({name for averages in by_budget.values() for name in averages.protocols}, key=_order)
    body = [
        (name, *(f"{a.interval(name):.3f}" if name in a.protocols else "–" for a in by_budget.values()))
        for name in names
    ]
    return _table(("protocol", *(f"{budget} runs" for budget in by_budget)), body)


def _optimism_table(results: pd.DataFrame) -> str:
    body = []
    for source, title in SOURCES.items():
        for search in results.loc[results["source"] == source, "search"].unique():
            own = select(results, source, search)
            budget = budget_of(own)
            own = own[own["budget"] == budget]
            optimism = Averages(own, "optimism")
            for name in sorted(optimism.protocols, key=_order):
                has_interval = own.loc[own["protocol"] == name, "covered"].notna().any()
                share = percent(coverage(own, name)) if has_interval else "–"
                body.append((title, search, str(budget), name, f"{optimism.interval(name):.3f}", share))
    return _table(
        ("landscapes", "search", "runs", "protocol", "optimism", "95 % interval holds the truth"), body
    )


def _panel(axes: mpl.axes.Axes, rows: pd.DataFrame) -> None:
    lines: dict[str, list[tuple[int, Interval]]] = {}
    for budget, own in rows.groupby("budget"):
        averages = Averages(own)
        shown = {
            "single": SINGLE,
            "multi": averages.best([name for name in averages.protocols if is_multi(name)]),
            "post": DECLARED[int(str(budget))],
            **{rule: rule for rule in ADAPTIVE},
        }
        for kind, protocol in shown.items():
            lines.setdefault(kind, []).append((int(str(budget)), averages.interval(protocol)))
    labels = {
        "single": "best single seed",
        "multi": "several seeds a trial (the best of 2, 3, 5)",
        "post": "single seed + post-evaluation (declared split)",
        "elimination": "single seed + elimination",
        "ocba": "single seed + OCBA",
    }
    for place, (kind, points) in enumerate(lines.items()):
        x = [budget * 1.03 ** (place - 2) for budget, _ in points]
        y = [interval.value for _, interval in points]
        errors = [[i.value - i.low for _, i in points], [i.high - i.value for _, i in points]]
        axes.errorbar(
            x,
            y,
            yerr=errors,
            color=_COLOURS[kind],
            label=labels[kind],
            lw=1.2,
            elinewidth=0.8,
            fmt="o-",
            ms=2.5,
        )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    budgets = sorted(set(rows["budget"]))
    axes.set_xticks(budgets, [str(budget) for budget in budgets])
    axes.minorticks_off()


def _order(protocol: str) -> tuple[int, ...]:
    """Sort by seeds per trial, then no second stage, fixed ones, adaptive ones."""
    seeds = int(protocol.split()[0]) if " seeds a trial" in protocol else 1
    if is_post(protocol):
        return (seeds, 1, *split_of(protocol))
    rule = next((place for place, name in enumerate(ADAPTIVE) if protocol.endswith(name)), None)
    return (seeds, 0) if rule is None else (seeds, 2, rule)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " :-- |" + " --: |" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
