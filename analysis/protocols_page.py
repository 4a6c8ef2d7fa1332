"""The page, the picture and the advice that follow from the protocol study's stored results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.protocols import SINGLE, Interval, Regrets, advised, is_multi, is_post, split_of

SOURCES: Mapping[str, str] = {
    "synthetic": "declared truths",
    "own": "the project's own tables",
    "own-smooth": "the project's own tables, interpolated",
    "arlbench": "ARLBench",
    "arlbench-smooth": "ARLBench, interpolated",
}
TARGET_BUDGET = 240
_ADVISORS = ("random", "tpe")
_ADAPTIVE = ("elimination", "ocba")
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
            parts.append(_regret_table(results, source, search))
    parts.append("\n## Optimism and coverage\n")
    parts.append(_optimism_table(results))
    return "\n".join(parts) + "\n"


def claims(results: pd.DataFrame) -> Iterator[str]:
    """Yield each claim as a sentence with its figures and intervals."""
    yield from _two_stage_claims(results)
    yield from _optimism_claims(results)
    yield from _adaptive_claims(results)
    yield from _search_claims(results)


def splits_json(results: pd.DataFrame) -> str:
    """Return the advised splits as the library reads them."""
    rows = results[results["search"].isin(_ADVISORS)]
    return json.dumps(advised(rows), indent=1) + "\n"


def picture(results: pd.DataFrame) -> Figure:
    """Return mean regret against budget, one panel per source and search."""
    panels = [
        (source, search)
        for source in SOURCES
        for search in _ADVISORS
        if not _rows(results, source, search).empty
    ]
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(
            figsize=(3.6 * len(_ADVISORS), 2.5 * -(-len(panels) // len(_ADVISORS))), layout="constrained"
        )
        FigureCanvasAgg(figure)
        grid = figure.subplots(-(-len(panels) // len(_ADVISORS)), len(_ADVISORS), squeeze=False, sharex=True)
        for axes, (source, search) in zip(grid.flat, panels, strict=False):
            _panel(axes, _rows(results, source, search))
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
    splits = root / "robusttune" / "pipeline" / "splits.json"
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

A budget of training runs can go into trials of one seed, into fewer trials of several seeds, or into trials of one
seed and a second stage that re-runs the best on fresh seeds. This page compares them where the truth is known, at equal
total budget. Landscapes: {landscapes}. Runs on a table are drawn from all its seeds, with replacement, so that the
table is the truth. Random search draws the table's own configurations; for other samplers a table is interpolated
between the nearest four, and the best of many random configurations then stands for the best. What the searches are:
`random`, `tpe`, `gp` and `heteroscedastic-gp` are samplers; `tpe+median` prunes by the median, `tpe+incumbents`
believes a trial after five seeds. OptunaHub's heteroscedastic Gaussian process was measured as published for Optuna 4,
with the one import that Optuna 5 has renamed put right.

*Regret* is the true mean of the best configuration minus that of the pick, on a scale where the best has 0 and the
middle one of all configurations 1. *Optimism* is the reported number minus the true mean of the pick, on the same
scale. Landscapes count alike; intervals (95 %) are over repetitions, on these landscapes. Repetitions of each search:
{how_many}.

Made by `python -m analysis.build protocols` from `experiments/protocols/results.parquet`, which
`python -m experiments.protocols` makes. ARLBench's returns are those of Becktepe and others (arXiv 2409.18827), outside
Atari; they are not part of the project.

![Mean regret against budget](images/protocols.png)
"""


def _two_stage_claims(results: pd.DataFrame) -> Iterator[str]:
    for source, title in SOURCES.items():
        for search in ("random", "tpe"):
            rows = _rows(results, source, search, TARGET_BUDGET)
            if rows["repetition"].nunique() < 2:
                continue
            regrets = Regrets(rows)
            posts, multis = _posts(regrets), _multis(regrets)
            ratio, tops, bottoms = regrets.ratio(posts, multis)
            yield (
                f"At {TARGET_BUDGET} runs with the {search} sampler on {title}: single-seed trials with a "
                f"post-evaluation ({' / '.join(tops)}) have **{ratio} times** the regret of the best protocol that "
                f"only gives trials several seeds ({' / '.join(bottoms)}), and believing the best single seed has "
                f"{regrets.ratio([SINGLE], multis)[0]} times. Aimed at: at most 0.7."
            )


def _optimism_claims(results: pd.DataFrame) -> Iterator[str]:
    for source, title in SOURCES.items():
        search = _main_search(results, source)
        rows = _rows(results, source, search, TARGET_BUDGET)
        if rows.empty:
            continue
        optimism, covered = Regrets(rows, "optimism"), Regrets(rows, "covered")
        best = Regrets(rows).best(_posts(optimism))
        multi = Regrets(rows).best(_multis(optimism))
        held = {name: _percent(covered.interval(name)) for name in (multi, best)}
        yield (
            f"Optimism at {TARGET_BUDGET} runs with {search} on {title}: the best single seed reports "
            f"{optimism.interval(SINGLE)} too much, {multi} {optimism.interval(multi)}, {best} "
            f"{optimism.interval(best)}. The reported 95 % interval holds the truth in {held[multi]} "
            f"({multi}, t interval) and in {held[best]} ({best}, corrected for the choice)."
        )


def _adaptive_claims(results: pd.DataFrame) -> Iterator[str]:
    for source, title in SOURCES.items():
        search = _main_search(results, source)
        rows = _rows(results, source, search, TARGET_BUDGET)
        if rows.empty:
            continue
        regrets, runs = Regrets(rows), Regrets(rows, "runs")
        best = regrets.best(_posts(regrets))
        told = [
            f"{rule} {regrets.interval(rule)} with {runs.interval(rule).value:.0f} runs "
            f"(difference {_signed(regrets.difference(rule, best))})"
            for rule in _ADAPTIVE
        ]
        yield (
            f"Adaptive second stages at {TARGET_BUDGET} runs with {search} on {title}, against {best} with "
            f"{regrets.interval(best)}: {'; '.join(told)}."
        )


def _search_claims(results: pd.DataFrame) -> Iterator[str]:
    """Compare ways to search on the landscapes, budgets and protocols that both have."""
    for search in results["search"].unique():
        if search == "tpe":
            continue
        for source, title in SOURCES.items():
            both = _common(results, source, search)
            if both is None:
                continue
            rows, budget, protocol = both
            regrets = Regrets(rows)
            yield (
                f"{search} against tpe on {title}, {budget} runs, {protocol}: regret {regrets.interval(search)} "
                f"against {regrets.interval('tpe')}, difference {_signed(regrets.difference(search, 'tpe'))}."
            )


def _common(results: pd.DataFrame, source: str, search: str) -> tuple[pd.DataFrame, int, str] | None:
    """Return rows of two searches with the search in place of the protocol, at the largest budget both have."""
    mine, tpe = _rows(results, source, search), _rows(results, source, "tpe")
    if mine.empty or tpe.empty:
        return None
    budget = min(TARGET_BUDGET, _largest(mine), _largest(tpe))
    mine, tpe = mine[mine["budget"] == budget], tpe[tpe["budget"] == budget]
    regrets = Regrets(tpe)
    protocol = regrets.best([p for p in _posts(regrets) if p in set(mine["protocol"])])
    rows = pd.concat([mine, tpe])
    rows = rows[rows["protocol"] == protocol].drop(columns="protocol").rename(columns={"search": "protocol"})
    complete = rows.groupby(["landscape", "repetition"])["protocol"].transform("nunique") == 2
    return (rows[complete], budget, protocol) if complete.any() else None


def _advice(results: pd.DataFrame) -> str:
    found = json.loads(splits_json(results))
    rows = [
        (
            str(f["budget"]),
            f"{f['budget'] - f['top_k'] * f['n_seeds']} × 1",
            f"{f['top_k']} × {f['n_seeds']}",
            f"{f['top_k'] * f['n_seeds'] / f['budget']:.0%}",
            f"{f['regret']:.3f}",
            f"{f['multi_seed']:.3f}",
            f"{f['single_seed']:.3f}",
        )
        for f in found
    ]
    head = (
        "runs",
        "trials × seeds",
        "candidates × seeds",
        "second stage",
        "regret",
        "several seeds a trial",
        "single seed",
    )
    return (
        "What `robusttune plan --budget` and `robusttune init` advise: over all landscapes and both samplers, of the "
        "splits within one standard error of the least regret, the one with most seeds per candidate, because the "
        "intervals of the report live on them.\n\n" + _table(head, rows)
    )


def _regret_table(results: pd.DataFrame, source: str, search: str) -> str:
    rows = _rows(results, source, search)
    by_budget = {int(str(budget)): Regrets(own) for budget, own in rows.groupby("budget")}
    names = sorted({name for regrets in by_budget.values() for name in regrets.protocols}, key=_order)
    body = [
        (
            name,
            *(
                str(regrets.interval(name)) if name in regrets.protocols else "–"
                for regrets in by_budget.values()
            ),
        )
        for name in names
    ]
    return _table(("protocol", *(f"{budget} runs" for budget in by_budget)), body)


def _optimism_table(results: pd.DataFrame) -> str:
    body = []
    for source, title in SOURCES.items():
        for search in results.loc[results["source"] == source, "search"].unique():
            own = _rows(results, source, search)
            budget = min(_largest(own), TARGET_BUDGET)
            own = own[own["budget"] == budget]
            optimism, covered = Regrets(own, "optimism"), Regrets(own, "covered")
            for name in sorted(optimism.protocols, key=_order):
                share = _percent(covered.interval(name)) if name in covered.protocols else "–"
                body.append((title, search, str(budget), name, str(optimism.interval(name)), share))
    return _table(
        ("landscapes", "search", "runs", "protocol", "optimism", "95 % interval holds the truth"), body
    )


def _panel(axes: mpl.axes.Axes, rows: pd.DataFrame) -> None:
    lines: dict[str, list[tuple[int, Interval]]] = {}
    for budget, own in rows.groupby("budget"):
        regrets = Regrets(own)
        best = {
            "single": SINGLE,
            "multi": regrets.best(_multis(regrets)),
            "post": regrets.best(_posts(regrets)),
            **{rule: rule for rule in _ADAPTIVE},
        }
        for kind, protocol in best.items():
            lines.setdefault(kind, []).append((int(str(budget)), regrets.interval(protocol)))
    labels = {
        "single": "best single seed",
        "multi": "several seeds a trial (best of 2, 3, 5)",
        "post": "single seed + post-evaluation (best split)",
        "elimination": "single seed + elimination",
        "ocba": "single seed + OCBA",
    }
    for place, (kind, points) in enumerate(lines.items()):
        x = [budget * 1.03 ** (place - 2) for budget, _ in points]
        y = [interval.value for _, interval in points]
        errors = [[i.value - i.low for _, i in points], [i.high - i.value for _, i in points]]
        axes.errorbar(x, y, yerr=errors, color=_COLOURS[kind], label=labels[kind], lw=1.2, elinewidth=0.8)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    budgets = sorted(set(rows["budget"]))
    axes.set_xticks(budgets, [str(budget) for budget in budgets])
    axes.minorticks_off()


def _rows(results: pd.DataFrame, source: str, search: str, budget: int | None = None) -> pd.DataFrame:
    rows = results[(results["source"] == source) & (results["search"] == search)]
    return rows if budget is None else rows[rows["budget"] == budget]


def _main_search(results: pd.DataFrame, source: str) -> str:
    return "random" if _rows(results, source, "tpe").empty else "tpe"


def _largest(rows: pd.DataFrame) -> int:
    return int(rows["budget"].to_numpy(dtype=int).max())


def _posts(regrets: Regrets) -> list[str]:
    return [protocol for protocol in regrets.protocols if is_post(protocol)]


def _multis(regrets: Regrets) -> list[str]:
    return [protocol for protocol in regrets.protocols if is_multi(protocol)]


def _order(protocol: str) -> tuple[int, int, int]:
    if is_post(protocol):
        return (2, *split_of(protocol))
    if protocol in _ADAPTIVE:
        return (3, _ADAPTIVE.index(protocol), 0)
    return (0, 0, 0) if protocol == SINGLE else (1, int(protocol.split()[0]), 0)


def _percent(interval: Interval) -> str:
    return f"{interval.value:.0%} [{interval.low:.0%}, {interval.high:.0%}]"


def _signed(interval: Interval) -> str:
    return f"{interval.value:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " :-- |" + " --: |" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
