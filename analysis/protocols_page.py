"""The page, the picture and the advice that follow from the protocol study's stored results."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import stats

from analysis.protocols import (
    COMPARATOR,
    LEVEL,
    MATERIAL,
    SINGLE,
    Cell,
    advised,
    at,
    budgets,
    cell,
    coverage,
    protocols,
)

SAMPLERS = {"tpe": "TPE", "random": "random search"}
REAL = {"pendulum-256": "Pendulum-v1", "mountaincar-256": "MountainCarContinuous-v0"}
FAILING = ("failing", "failing more often", "mountaincar-256")
"""Landscapes on which seeds fail."""
_MIXED = "mixed, posterior pick"
_ON_REAL = (SINGLE, COMPARATOR, _MIXED, "incumbents, top k")
# Okabe and Ito's palette.
_LINES = {
    SINGLE: "#D55E00",
    "3 seeds a trial, believed": "#E69F00",
    COMPARATOR: "#000000",
    "OCBA": "#CC79A7",
    "top k, posterior pick": "#56B4E9",
    _MIXED: "#009E73",
}
_INTERVALS = (
    (COMPARATOR, "winner"),
    ("top k, posterior pick", "winner"),
    (_MIXED, "winner"),
    ("top k, confirmed", "confirmed"),
    ("mixed, posterior pick, confirmed", "confirmed"),
)


def page(rows: pd.DataFrame) -> str:
    """Return the page of documentation as Markdown."""
    parts = [
        "# Which way to spend a budget\n",
        _answer(rows),
        "![Mean regret against budget](images/protocols.png)\n",
        _how_to_read(rows),
        _real(rows),
        *(_sampler(rows, sampler) for sampler in SAMPLERS),
        _advice(rows),
        _intervals(rows),
        _aims(rows),
        _LIMITS,
    ]
    return "\n".join(parts)


def splits_json(rows: pd.DataFrame) -> str:
    """Return the advice as the library reads it, by sampler."""
    return json.dumps({sampler: advised(rows, sampler) for sampler in SAMPLERS}, indent=1) + "\n"


def picture(rows: pd.DataFrame) -> Figure:
    """Return mean regret against budget, one panel per sampler."""
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(7.6, 3.8), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, len(SAMPLERS), sharey=True)
        for axes, sampler in zip(panels, SAMPLERS, strict=True):
            _panel(axes, rows, sampler)
        panels[0].set_ylabel("mean regret")
        panels[0].set_ylim(bottom=0)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _panel(axes: mpl.axes.Axes, rows: pd.DataFrame, sampler: str) -> None:
    """Draw the protocols that ran wherever the comparator did, on the landscapes that have all budgets."""
    shown = budgets(rows, sampler)
    common = set.intersection(*(set(at(rows, sampler, budget, COMPARATOR).index) for budget in shown))
    for name, colour in _LINES.items():
        own = [at(rows, sampler, budget, name) for budget in shown]
        if not all(common <= set(one.index) for one in own):
            continue
        own = [one.loc[sorted(common)] for one in own]
        mean = [float(one["regret"].mean()) for one in own]
        half = [1.96 * float((one["regret_se"] ** 2).sum()) ** 0.5 / len(one) for one in own]
        axes.plot(shown, mean, "o-", color=colour, ms=3, lw=1.3, label=name)
        low, high = ([m + sign * h for m, h in zip(mean, half, strict=True)] for sign in (-1, 1))
        axes.fill_between(shown, low, high, color=colour, alpha=0.15, lw=0)
    axes.set_title(f"{SAMPLERS[sampler]}, {len(common)} landscapes", fontsize=9, loc="left")
    axes.set_xscale("log")
    axes.set_xticks(shown, [str(budget) for budget in shown])
    axes.minorticks_off()
    axes.set_xlabel("training runs in all")


def write(rows: pd.DataFrame, root: Path) -> tuple[Path, ...]:
    """Write page, picture and advice; return where they are."""
    text, image = root / "docs" / "protocols.md", root / "docs" / "images" / "protocols.png"
    splits = root / "robusttune" / "pipeline" / "planning" / "splits.json"
    text.write_text(page(rows), encoding="utf-8")
    picture(rows).savefig(image, dpi=130)
    splits.write_text(splits_json(rows), encoding="utf-8")
    return text, image, splits


def _known(rows: pd.DataFrame, sampler: str, budget: int, protocol: str) -> Cell:
    found = cell(rows, sampler, budget, protocol)
    assert found is not None, (sampler, budget, protocol)
    return found


def _ratio(found: Cell) -> str:
    return f"{found.ratio:.2f} ± {found.half_width:.2f}"


def _answer(rows: pd.DataFrame) -> str:
    names = (SINGLE, COMPARATOR, "top k, posterior pick", _MIXED)
    single, base, pick, mixed = (_known(rows, "tpe", 240, name) for name in names)
    ocba, believed = (_known(rows, "random", 240, name) for name in ("OCBA", SINGLE))
    return _wrapped(
        f"With TPE and 240 runs on {base.n_landscapes} landscapes, a quarter of the runs on fresh seeds for the top k "
        f"leaves a regret of {base.regret:.3f}; the best single seed, believed, has {_ratio(single)} times that regret "
        f"and reports a number that is {single.optimism:.2f} too high. "
        "Fresh seeds for a list that takes turns between a model of all trials and the highest scores, and a pick by "
        f"the model's posterior, have {_ratio(mixed)} times the regret of top k ({_counts(mixed)}); the posterior pick "
        f"alone, {_ratio(pick)} times ({_counts(pick)}). "
        f"With random search on {ocba.n_landscapes} landscapes, OCBA has {_ratio(ocba)} times the regret of top k "
        f"({_counts(ocba)}), and the best single seed, believed, {_ratio(believed)} times."
    )


def _counts(found: Cell) -> str:
    return f"better on {len(found.better)}, worse on {len(found.worse)} of {found.n_landscapes}"


def _real(rows: pd.DataFrame) -> str:
    def regret(landscape: str, budget: int, protocol: str) -> str:
        one = at(rows, "tpe", budget, protocol).loc[landscape]
        return f"{one['regret']:.3f} ± {1.96 * one['regret_se']:.3f}"

    places = [(landscape, budget) for landscape in REAL for budget in (60, 240)]
    head = ("protocol", *(f"{REAL[landscape]}, {budget} runs" for landscape, budget in places))
    body = [(name, *(regret(*place, name) for place in places)) for name in _ON_REAL]
    return (
        "## TPE on real runs of PPO\n\nRegret, from the tables of 256 configurations × 20 seeds. Seeds of "
        f"MountainCarContinuous-v0 fail.\n\n{_table(head, body)}\n"
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _how_to_read(rows: pd.DataFrame) -> str:
    counts = rows[["source", "landscape"]].drop_duplicates().groupby("source").size()
    sizes = []
    for budget in budgets(rows, "tpe"):
        k, runs = at(rows, "tpe", budget, COMPARATOR).iloc[0][["k", "second_stage"]]
        sizes.append(f"{k:.0f} × {runs / k:.0f} at {budget}")
    first = (
        "*Regret*: true mean of the best that can be attained minus that of the pick; 0 is the best, 1 the median "
        "configuration. *Optimism*: reported number minus the pick's true mean, on the same scale. A ratio compares "
        "with *top k*: one seed a trial, then a quarter of the runs on fresh seeds for the k highest scores "
        f"({', '.join(sizes)}); the highest fresh mean wins. ± is half of the 95 % interval over {rows['n'].min()} "
        "paired repetitions of each cell, for these landscapes; that of the difference is over landscapes too. "
        "*Better* and *worse* count landscapes whose paired interval leaves out 0, at 95 % for all of them together. "
        "Landscapes: "
        f"{', '.join(f'{n} {source}' for source, n in counts.items())}."
    )
    second = (
        "*Model*: the k highest posterior means of a Gaussian process over all trials. *Mixed*: its list and the raw "
        "one in turn. *Posterior pick*: fresh means and model choose together. *Best predicted*: the model's first, "
        "without fresh seeds. *Incumbents*: a trial that would be the best is run on up to 5 seeds. *Mean − ½ SD*: "
        "risk-averse. *Confirmed*: 10 more seeds for the pick, taken off the search. Made by "
        "`python -m analysis.build protocols` from all cells, `experiments/protocols/results.csv`, which "
        "`python -m experiments.protocols` makes."
    )
    return _wrapped(first) + "\n" + _wrapped(second)


def _sampler(rows: pd.DataFrame, sampler: str) -> str:
    shown = budgets(rows, sampler)
    last = 240
    head = (
        "protocol",
        *(f"{budget} runs" for budget in shown),
        f"difference at {last}",
        "better / worse",
        "optimism",
        "landscapes",
    )
    body = []
    for name in protocols(rows, sampler):
        cells = [cell(rows, sampler, budget, name) for budget in shown]
        end = cell(rows, sampler, last, name)
        regrets = [
            ("–" if c is None else f"{c.regret:.3f}" if name == COMPARATOR else _ratio(c)) for c in cells
        ]
        more = ["–"] * 4
        if end is not None:
            more = [
                "0" if name == COMPARATOR else f"{end.difference:+.3f} ± {end.difference_half_width:.3f}",
                f"{len(end.better)} / {len(end.worse)}",
                f"{end.optimism:.2f}",
                str(end.n_landscapes),
            ]
        body.append((f"**{name}** (regret)" if name == COMPARATOR else name, *regrets, *more))
    return f"## {SAMPLERS[sampler][0].upper()}{SAMPLERS[sampler][1:]}\n\n{_table(head, body)}\n"


def _advice(rows: pd.DataFrame) -> str:
    body = [
        (
            SAMPLERS[sampler],
            str(one["budget"]),
            one["protocol"],
            f"{one['top_k']} × {one['n_seeds']}",
            f"{one['regret']:.3f}",
        )
        for sampler in SAMPLERS
        for one in advised(rows, sampler)
    ]
    head = ("sampler", "runs", "protocol", "candidates × seeds", "regret")
    rule = _wrapped(
        "`robusttune plan --budget` and `robusttune init` advise by one rule: of the protocols that a study file can "
        "ask for and that ran on all landscapes, those stay whose regret is nowhere shown to be higher than that of "
        f"top k by more than {MATERIAL}; of these, the one that changes least among those within one standard error of "
        "the least ratio. Ten confirmation seeds (`post_evaluation.confirm`) give the pick an unbiased number, at the "
        "cost above."
    )
    return f"## What follows from it\n\n{rule}\n{_table(head, body)}\n"


def _intervals(rows: pd.DataFrame) -> str:
    places = [(sampler, budget) for sampler in SAMPLERS for budget in (60, 120, 240)]
    head = ("protocol: interval", *(f"{SAMPLERS[sampler]}, {budget}" for sampler, budget in places))
    body = []
    for name, interval in _INTERVALS:
        found = [coverage(rows, *place, name, interval) for place in places]
        body.append(
            (
                f"{name}: {interval}",
                *("–" if one is None else f"{one[0]:.3f} [{one[1]:.2f}]" for one in found),
            )
        )
    about = _wrapped(
        "Mean coverage and [that of the worst landscape], where the truth is exact; of the interval that reports "
        "print, from the seeds that chose the pick (*winner*) or from ten that did not (*confirmed*)."
    )
    return f"## Does the 95 % interval of the pick hold the truth?\n\n{about}\n{_table(head, body)}\n"


def _aims(rows: pd.DataFrame) -> str:
    tables = rows[rows["source"] != "declared"]
    ocba = _known(tables, "random", 240, "OCBA")
    pick = _known(rows, "tpe", 240, "top k, posterior pick")
    shortlists = {name: _known(rows, "tpe", 240, name) for name in ("model", "mixed")}
    best = min(shortlists, key=lambda name: shortlists[name].ratio)
    regret, base = (at(rows, "tpe", 240, name)["regret"] for name in (best, COMPARATOR))
    names = [name for name in FAILING if name in regret.index]
    worst = float((regret[names] / base[names]).max())
    winner = coverage(rows, "tpe", 240, COMPARATOR, "winner")
    assert winner is not None
    grown = _grown(rows, SINGLE)
    lines = (
        (
            "random search of rows, 240 runs: OCBA at most 0.87",
            ocba.ratio <= 0.87,
            f"{_ratio(ocba)}, {ocba.n_landscapes} tables",
        ),
        (
            "TPE, 240 runs: posterior pick at most 0.93 and worse on no landscape",
            pick.ratio <= 0.93 and not pick.worse,
            f"{_ratio(pick)}, worse on {len(pick.worse)} of {pick.n_landscapes}",
        ),
        (
            "TPE, 240 runs: a shortlist with the model at most 0.85",
            shortlists[best].ratio <= 0.85,
            f"{best} {_ratio(shortlists[best])}",
        ),
        (f"… and at most 1.05 where seeds fail ({', '.join(names)})", worst <= 1.05, f"at most {worst:.2f}"),
        ("winner's interval at 240 runs: 0.95 on average", round(winner[0], 3) >= 0.95, f"{winner[0]:.3f}"),
        ("… and 0.85 on every landscape", winner[1] >= 0.85, f"{winner[1]:.2f} on the worst"),
        (
            "TPE, 60 to 240 runs: the best single seed, believed, gets worse on some landscape",
            bool(grown),
            f"shown on {len(grown)} of {pick.n_landscapes}",
        ),
    )
    body = [(aim, "reached" if is_reached else "**not reached**", found) for aim, is_reached, found in lines]
    return f"## Aims named before the study\n\n{_table(('aim', '', 'found'), body)}\n"


def _grown(rows: pd.DataFrame, protocol: str) -> list[str]:
    """Return the landscapes where TPE is shown to lose more at 240 runs than at 60, at 95 % for all together."""
    few, many = (at(rows, "tpe", budget, protocol) for budget in (60, 240))
    error = (few["regret_se"] ** 2 + many["regret_se"] ** 2) ** 0.5
    is_higher = many["regret"] - few["regret"] > stats.norm.ppf(1 - (1 - LEVEL) / 2 / len(few)) * error
    return list(few.index[is_higher])


_LIMITS = """## Limits

- Declared landscapes are written down (`experiments/protocols/landscapes.py`): hills, ridges, edges, plateaus, ripples
  and choices, with skewed, heavy-tailed and failing seeds. None is drawn from the model, but smooth shapes help it.
- Our tables have 256 configurations × 20 seeds (CartPole-v1: 64 × 30), dealt anew in each repetition: half of the seeds
  search, half judge. TPE sees the runs of the configuration nearest to what it asks for. No training was in the loop.
- ARLBench's runs (arXiv 2409.18827, not part of the project) have ten seeds; their mean is the truth that runs are
  drawn from. Random search draws rows without replacement; the model was not tried there.
- TPE is Optuna's in distribution, in lockstep over repetitions: no pruner, no parallel trials. Elimination is simpler
  here than in the library, and never spends all it may.
- Repetitions on a table share its rows: the intervals say how far these landscapes go, and no further.
"""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " :-- |" + " --: |" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
