"""Are several seeds a trial, or a pruner, better than one seed a trial at an equal number of training steps?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.kept import NothingKeptError, Places
from analysis.markdown import wrapped, written
from analysis.paired import Mean, chosen, mean_of
from robusttune.report.table import Table

NAME = "seeds_and_pruner"
ROWS = "experiments/seeds_and_pruner/results.csv"
PAGE, PICTURE = "docs/seeds-and-pruner.md", "docs/images/seeds-and-pruner.png"
ONE, THREE, PRUNER = "1 seed", "3 seeds", "1 seed, pruner"
SEARCHES = (ONE, THREE, PRUNER)
BELIEVED, FRESH = "believed", "fresh seeds"
PROTOCOLS = (BELIEVED, FRESH)
_COLOURS = {BELIEVED: "#d55e00", FRESH: "#0072b2"}
_SHIFT = {BELIEVED: -0.1, FRESH: 0.1}
_MARKS = {BELIEVED: "s", FRESH: "o"}


def load(places: Places) -> pd.DataFrame:
    """Return a row per repetition, search and way of choosing."""
    path = places.root / ROWS
    if not path.exists():
        raise NothingKeptError(f"{ROWS} is not there yet: python -m experiments.seeds_and_pruner")
    return pd.read_csv(path)


def at(rows: pd.DataFrame, search: str, protocol: str, column: str) -> pd.Series[float]:
    """Return a column's values, one per repetition."""
    return chosen(rows, column, search=search, protocol=protocol)


def gain(rows: pd.DataFrame, search: str, protocol: str, against: tuple[str, str]) -> Mean:
    """Return how much better, in truth, the choice after a search is than another one, repetition by repetition."""
    return mean_of(at(rows, search, protocol, "true") - at(rows, *against, "true"))


def optimism(rows: pd.DataFrame, search: str, protocol: str) -> Mean:
    """Return by how much the reported score is too high."""
    return mean_of(at(rows, search, protocol, "reported") - at(rows, search, protocol, "true"))


def table(rows: pd.DataFrame) -> dict[str, Table]:
    """Return a line per search and way of choosing."""
    body = []
    for search in SEARCHES:
        for protocol in PROTOCOLS:
            n_trials = at(rows, search, protocol, "n_trials").mean()
            means = (str(mean_of(at(rows, search, protocol, column))) for column in ("reported", "true"))
            too_high = str(optimism(rows, search, protocol))
            is_base = (search, protocol) == (ONE, BELIEVED)
            better = "–" if is_base else str(gain(rows, search, protocol, (ONE, BELIEVED)))
            same = "–" if search == ONE else str(gain(rows, search, protocol, (ONE, protocol)))
            body.append((search, protocol, f"{n_trials:.0f}", *means, too_high, better, same))
    head = ("search", "choice", "trials", "reported", "true", "too high by")
    found = Table(
        title="Several seeds a trial, and a pruner",
        headings=(*head, "better than 1 seed, believed", "better than 1 seed, same choice"),
        rows=tuple(body),
        text=("search", "choice"),
        name="",
        note="Means over the repetitions ± half of their 95% interval; differences are paired by repetition. True: "
        f"the mean of {rows['n_judging'].iloc[0]} further seeds of what was recommended.",
    )
    return {NAME: found}


def figure(rows: pd.DataFrame) -> dict[str, Figure]:
    """Return true and reported scores of what each way recommends."""
    drawn = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = drawn.subplots()
    for protocol in PROTOCOLS:
        x = np.arange(len(SEARCHES)) + _SHIFT[protocol]
        true = [mean_of(at(rows, search, protocol, "true")) for search in SEARCHES]
        reported = [float(at(rows, search, protocol, "reported").mean()) for search in SEARCHES]
        means, widths = [one.mean for one in true], [one.half_width for one in true]
        colour, mark = _COLOURS[protocol], _MARKS[protocol]
        axes.errorbar(x, means, yerr=widths, fmt=mark, color=colour, capsize=4, label=f"{protocol}: true")
        axes.plot(x, reported, mark, markerfacecolor="none", color=colour, label=f"{protocol}: reported")
        axes.vlines(x, means, reported, color=colour, linestyle=":", linewidth=1)
    axes.set_xticks(range(len(SEARCHES)), SEARCHES)
    axes.set_xlim(-0.4, len(SEARCHES) - 0.6)
    axes.set_ylabel("mean return on Pendulum-v1")
    axes.grid(axis="y", alpha=0.3)
    drawn.legend(loc="outside right upper", frameon=False, fontsize=8)
    return {NAME: drawn}


def page(rows: pd.DataFrame) -> dict[str, str | Figure]:
    """Return the page of documentation and its picture."""
    parts = [
        "# Several seeds a trial, or a pruner, for the same training steps?\n",
        wrapped(_answer(rows)),
        "![True and reported score of what is recommended](images/seeds-and-pruner.png)\n",
        written(table(rows)[NAME]) + "\n",
        _how(rows),
    ]
    return {PAGE: "\n".join(parts), PICTURE: figure(rows)[NAME]}


def _answer(rows: pd.DataFrame) -> str:
    n, base = rows["repetition"].nunique(), (ONE, BELIEVED)
    gains = {
        "three seeds a trial": gain(rows, THREE, BELIEVED, base),
        "the median pruner": gain(rows, PRUNER, BELIEVED, base),
        "fresh seeds for the six best of fewer trials": gain(rows, ONE, FRESH, base),
    }
    high = [str(optimism(rows, search, BELIEVED)) for search in SEARCHES]
    told = "; ".join(f"{what}: {_difference(found)}" for what, found in gains.items())
    return (
        f"{_verdict(gains)}. Differences of the true score from that of the best single-seed trial, believed, over {n} "
        f"repetitions of each search with PPO on Pendulum-v1 and the training steps of 120 runs: {told}. The score "
        f"that is believed is too high by {high[0]} with one seed a trial, {high[1]} with three and {high[2]} with "
        f"the pruner; the mean over fresh seeds that is reported, by {optimism(rows, ONE, FRESH)!s}."
    )


def _verdict(gains: Mapping[str, Mean]) -> str:
    """Return who is better or worse than one seed a trial, believed."""
    better = [what for what, found in gains.items() if found.is_clear and found.mean > 0]
    worse = [what for what, found in gains.items() if found.is_clear and found.mean < 0]
    if not better and not worse:
        return (
            "Not shown here: none of three ways to spend the same steps is told apart from one seed a trial"
        )
    parts = [
        f"{joined(what)} found {how} configurations"
        for what, how in ((better, "better"), (worse, "worse"))
        if what
    ]
    text = " and ".join(parts) + " than one seed a trial"
    return text[0].upper() + text[1:]


def joined(names: Sequence[str]) -> str:
    """Return some names in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _difference(gained: Mean) -> str:
    size = f"{gained.mean:+.0f} ± {gained.half_width:.0f}".replace("-", "−")
    return size if gained.is_clear else f"{size} (which may be chance)"


def _how(rows: pd.DataFrame) -> str:
    pruned = at(rows, PRUNER, BELIEVED, "n_trials")
    return (
        wrapped(
            "*Believed*: the highest "
            "objective value is taken, and reported. *Fresh seeds*: the search ends with the steps of 90 runs; the six "
            "highest get five fresh seeds each, the highest mean over these is taken, and reported. *3 seeds*: each "
            "trial is three runs, and there are a third as many. *Pruner*: Optuna's median pruner, asked after "
            "10,000 and 15,000 of 20,000 timesteps; what it saves buys more trials "
            f"({pruned.min():.0f} to {pruned.max():.0f})."
        )
        + "\n"
        + wrapped(
            "The tutorial's space (n_steps, gamma, learning rate, activation) with half of the tutorial's timesteps; "
            "TPE; batches of 5 trials. One task, one algorithm, and no more repetitions than said: what is not told "
            "apart may still differ by as much as its interval allows. Made by `python -m analysis.build "
            "seeds_and_pruner` from "
            f"`{ROWS}`, which `python -m experiments.seeds_and_pruner` makes."
        )
    )
