"""Which way to spend a budget: the page and the advice that follow from the protocol study's stored results."""

from __future__ import annotations

import json

import pandas as pd
from matplotlib.figure import Figure

from analysis import markdown
from analysis.kept import Places
from analysis.markdown import wrapped
from analysis.protocols_aims import aims, intervals
from analysis.protocols_cells import (
    COMPARATOR,
    MATERIAL,
    MIXED,
    SAMPLERS,
    SINGLE,
    Cell,
    advised,
    at,
    budgets,
    cell,
    known,
    protocols,
)
from analysis.protocols_picture import picture
from robusttune.report.table import BEST, Table

NAME = "protocols"
ROWS = "experiments/protocols/results.csv"
PAGE, PICTURE = "docs/protocols.md", "docs/images/protocols.png"
SPLITS = "robusttune/pipeline/planning/splits.json"
REAL = {"pendulum-256": "Pendulum-v1", "mountaincar-256": "MountainCarContinuous-v0"}
_ON_REAL = (SINGLE, COMPARATOR, MIXED, "incumbents, top k")


def load(places: Places) -> pd.DataFrame:
    """Return a row per landscape, sampler, budget and protocol."""
    return pd.read_csv(places.root / ROWS)


def figure(rows: pd.DataFrame) -> dict[str, Figure]:
    """Return mean regret against budget."""
    return {NAME: picture(rows)}


def page(rows: pd.DataFrame) -> dict[str, str | Figure]:
    """Return the page of documentation, its picture, and the advice as the library reads it."""
    parts = [
        "# Which way to spend a budget\n",
        _answer(rows),
        "![Mean regret against budget](images/protocols.png)\n",
        _how_to_read(rows),
        _real(rows),
        *(_section(rows, sampler) for sampler in SAMPLERS),
        _advice(rows),
        intervals(rows),
        aims(rows),
        _LIMITS,
    ]
    return {PAGE: "\n".join(parts), PICTURE: picture(rows), SPLITS: splits_json(rows)}


def splits_json(rows: pd.DataFrame) -> str:
    """Return the advice as the library reads it, by sampler."""
    return json.dumps({sampler: advised(rows, sampler) for sampler in SAMPLERS}, indent=1) + "\n"


def _answer(rows: pd.DataFrame) -> str:
    names = (SINGLE, COMPARATOR, "top k, posterior pick", MIXED)
    single, base, pick, mixed = (known(rows, "tpe", 240, name) for name in names)
    ocba, believed = (known(rows, "random", 240, name) for name in ("OCBA", SINGLE))
    return wrapped(
        f"With TPE and 240 runs on {base.n_landscapes} landscapes, a quarter of the runs on fresh seeds for the top k "
        f"leaves a regret of {base.regret:.3f}; the best single seed, believed, has {single!s} times that regret "
        f"and reports a number that is {single.optimism:.2f} too high. "
        "Fresh seeds for a list that takes turns between a model of all trials and the highest scores, and a pick by "
        f"the model's posterior, have {mixed!s} times the regret of top k ({_counts(mixed)}); the posterior pick "
        f"alone, {pick!s} times ({_counts(pick)}). "
        f"With random search on {ocba.n_landscapes} landscapes, OCBA has {ocba!s} times the regret of top k "
        f"({_counts(ocba)}), and the best single seed, believed, {believed!s} times."
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
        f"MountainCarContinuous-v0 fail.\n\n{markdown.table(head, body)}\n"
    )


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
    return wrapped(first) + "\n" + wrapped(second)


def table(rows: pd.DataFrame) -> dict[str, Table]:
    """Return, for each sampler, the regret of every protocol."""
    return {f"{NAME}_{sampler}": _sampler(rows, sampler) for sampler in SAMPLERS}


def _sampler(rows: pd.DataFrame, sampler: str) -> Table:
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
        regrets = [("–" if c is None else f"{c.regret:.3f}" if name == COMPARATOR else str(c)) for c in cells]
        more = ["–"] * 4
        if end is not None:
            more = [
                "0" if name == COMPARATOR else f"{end.difference:+.3f} ± {end.difference_half_width:.3f}",
                f"{len(end.better)} / {len(end.worse)}",
                f"{end.optimism:.2f}",
                str(end.n_landscapes),
            ]
        body.append((f"{name} (regret)" if name == COMPARATOR else name, *regrets, *more))
    return Table(
        title=f"Regret with {SAMPLERS[sampler]}",
        headings=head,
        rows=tuple(body),
        text=("protocol",),
        name="protocol",
        marks=tuple(frozenset({BEST} if row[0].startswith(f"{COMPARATOR} (") else ()) for row in body),
    )


def _section(rows: pd.DataFrame, sampler: str) -> str:
    title = SAMPLERS[sampler]
    return f"## {title[0].upper()}{title[1:]}\n\n{markdown.written(_sampler(rows, sampler))}\n"


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
    rule = wrapped(
        "`robusttune plan --budget` and `robusttune init` advise by one rule: of the protocols that a study file can "
        "ask for and that ran on all landscapes, those stay whose regret is nowhere shown to be higher than that of "
        f"top k by more than {MATERIAL}; of these, the one that changes least among those within one standard error of "
        "the least ratio. From 120 runs on both add ten confirmation seeds (`post_evaluation.confirm`), which give the "
        "pick an unbiased number at the cost above."
    )
    return f"## What follows from it\n\n{rule}\n{markdown.table(head, body)}\n"


_LIMITS = """## Limits

- Declared landscapes are written down (`experiments/protocols/landscapes.py`): hills, ridges, edges, plateaus, ripples
  and choices, with skewed, heavy-tailed and failing seeds. None is drawn from the model, but smooth shapes help it.
- Our tables have 256 configurations × 20 seeds (CartPole-v1: 64 × 30), dealt anew each time: half of the seeds search,
  half judge. TPE sees the runs of the configuration nearest to what it asks. Really trained: [here](search-budget.md).
- ARLBench's runs (arXiv 2409.18827, not part of the project) have ten seeds; their mean is the truth that runs are
  drawn from. Random search draws rows without replacement; the model was not tried there.
- TPE is Optuna's in distribution, in lockstep over repetitions: no pruner, no parallel trials. Elimination is simpler
  than the library's, and never spends all it may. A dash is what was not run: some at 480, as too dear.
- Repetitions on a table share its rows: the intervals say how far these landscapes go, and no further.
"""
