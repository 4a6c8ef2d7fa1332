"""What searching with real training found: does a larger budget make a believed seed worse?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.kept import Places
from analysis.markdown import wrapped, written
from analysis.paired import Mean, chosen, mean_of
from robusttune.report.table import Table

NAME = "search_budget"
ROWS = "experiments/search_budget/results.csv"
PAGE, PICTURE = "docs/search-budget.md", "docs/images/search-budget.png"
BELIEVED, TOP, ADVISED = "single seed, believed", "top k", "advised"
PROTOCOLS = (BELIEVED, TOP, ADVISED)
BUDGETS = (60, 240)
_COLOURS = {BELIEVED: "#d55e00", TOP: "#0072b2", ADVISED: "#009e73"}
_SHIFT = {BELIEVED: -0.16, TOP: 0.0, ADVISED: 0.16}


def load(places: Places) -> pd.DataFrame:
    """Return a row per repetition, budget and way of choosing."""
    return pd.read_csv(places.root / ROWS)


def at(rows: pd.DataFrame, budget: int, protocol: str, column: str) -> pd.Series[float]:
    """Return a column's values, one per repetition."""
    return chosen(rows, column, budget=budget, protocol=protocol)


def page(rows: pd.DataFrame) -> dict[str, str | Figure]:
    """Return the page of documentation and its picture."""
    parts = [
        "# Does a larger search make a believed seed worse?\n",
        _answer(rows),
        "![True and reported score of what is recommended](images/search-budget.png)\n",
        written(table(rows)[NAME]) + "\n",
        _how(rows),
    ]
    return {PAGE: "\n".join(parts), PICTURE: figure(rows)[NAME]}


def figure(rows: pd.DataFrame) -> dict[str, Figure]:
    """Return true and reported scores of what each way of choosing recommends."""
    drawn = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = drawn.subplots()
    for protocol in PROTOCOLS:
        x = np.arange(len(BUDGETS)) + _SHIFT[protocol]
        true = [mean_of(at(rows, budget, protocol, "true")) for budget in BUDGETS]
        reported = [float(at(rows, budget, protocol, "reported").mean()) for budget in BUDGETS]
        means, colour = [one.mean for one in true], _COLOURS[protocol]
        widths = [one.half_width for one in true]
        axes.errorbar(x, means, yerr=widths, fmt="o", color=colour, capsize=4, label=f"{protocol}: true")
        axes.plot(x, reported, "o", markerfacecolor="none", color=colour)
        axes.vlines(x, means, reported, color=colour, linestyle=":", linewidth=1)
    axes.plot([], [], "o", markerfacecolor="none", color="0.4", label="what it reports")
    axes.set_xticks(range(len(BUDGETS)), [f"{budget} runs" for budget in BUDGETS])
    axes.set_xlim(-0.4, len(BUDGETS) - 0.6)
    axes.set_ylabel("mean return on Pendulum-v1")
    axes.grid(axis="y", alpha=0.3)
    drawn.legend(loc="outside right upper", frameon=False)
    return {NAME: drawn}


def change(rows: pd.DataFrame, protocol: str) -> Mean:
    """Return how the true score of what is recommended changes from the smallest to the largest budget."""
    first, last = BUDGETS[0], BUDGETS[-1]
    return mean_of(at(rows, last, protocol, "true") - at(rows, first, protocol, "true"))


def gain(rows: pd.DataFrame, budget: int, protocol: str) -> Mean:
    """Return how much better, in truth, a way of choosing is than believing the best single seed."""
    return mean_of(at(rows, budget, protocol, "true") - at(rows, budget, BELIEVED, "true"))


def _answer(rows: pd.DataFrame) -> str:
    first, last = BUDGETS[0], BUDGETS[-1]
    changed = change(rows, BELIEVED)
    verdict = "That is not shown here"
    if changed.is_clear:
        verdict = "It does here" if changed.mean < 0 else "Not here: it makes it better"
    optimism = [mean_of(at(rows, b, BELIEVED, "reported") - at(rows, b, BELIEVED, "true")) for b in BUDGETS]
    return wrapped(
        f"{verdict}: over {rows['repetition'].nunique()} TPE searches with PPO on Pendulum-v1, trained for real, the "
        f"true score of the best single seed changes by {changed!s} from {first} to {last} trials. But more trials do "
        f"not make it honest: it reports a score that is too high by {optimism[0]!s} after {first} trials and by "
        f"{optimism[1]!s} after {last}. With a quarter of {last} runs on fresh seeds, what is recommended is better by "
        f"{_gained(rows, TOP)} where the highest scores get the seeds, and by {_gained(rows, ADVISED)} as `robusttune "
        f"plan` advises; the scores that are reported are too high by {_optimism(rows, TOP)!s} and "
        f"{_optimism(rows, ADVISED)!s}."
    )


def _gained(rows: pd.DataFrame, protocol: str) -> str:
    gained = gain(rows, BUDGETS[-1], protocol)
    return str(gained) if gained.is_clear else f"{gained!s} (which may be chance)"


def _optimism(rows: pd.DataFrame, protocol: str) -> Mean:
    return mean_of(at(rows, BUDGETS[-1], protocol, "reported") - at(rows, BUDGETS[-1], protocol, "true"))


def table(rows: pd.DataFrame) -> dict[str, Table]:
    """Return a line per budget and way of choosing."""
    head = ("runs", "protocol", "reported", "true", "better than believed", f"change from {BUDGETS[0]} runs")
    body = []
    for budget in BUDGETS:
        for protocol in PROTOCOLS:
            means = (str(mean_of(at(rows, budget, protocol, column))) for column in ("reported", "true"))
            better = "–" if protocol == BELIEVED else str(gain(rows, budget, protocol))
            changed = "–" if budget == BUDGETS[0] else str(change(rows, protocol))
            body.append((str(budget), protocol, *means, better, changed))
    found = Table(
        title="Budget of a search",
        headings=head,
        rows=tuple(body),
        text=("protocol",),
        name="",
        note="Means over the searches ± half of their 95% interval; differences are paired. True: the mean of "
        f"{rows['n_judging'].iloc[0]} further seeds of what was recommended.",
    )
    return {NAME: found}


def _how(rows: pd.DataFrame) -> str:
    return (
        wrapped(
            "*Top k* leaves a quarter of the runs "
            "for fresh seeds of the highest scores (3 × 5 at 60 runs, 6 × 10 at 240); *advised* is what "
            "`robusttune plan` advises ([protocols](protocols.md)) without its confirmation: as many seeds, for a list "
            "that takes turns between a model of all trials and the highest scores; at 240 runs the "
            "model's posterior picks."
        )
        + "\n"
        + wrapped(
            "The tutorial's space (n_steps, gamma, learning rate, activation) with 20,000 timesteps a run, half of the "
            "tutorial's; batches of 5 trials; the search of 60 is the beginning of that of 240. One task, one "
            "algorithm. Made by `python -m analysis.build search_budget` from `experiments/search_budget/results.csv`, "
            "which `python -m experiments.search_budget` makes."
        )
    )
