"""How many seeds does it take to tell the good configurations of a search apart? From every run that is kept.

For each pair of configurations: the probability that Welch's test at 5 % says which is better, if each has n seeds and
the difference is as large as the runs say. Observed differences are too large by chance, so each square is
reduced by the variance that is noise. Of the studies, the trials that were evaluated on fresh seeds; of the
noise tables, the ten best by half of their seeds, compared on the other half.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from analysis.kept import NOISE_TABLES, NothingKeptError, Places, kept_studies
from robusttune.report.output import new_figure
from robusttune.report.prose.words import number
from robusttune.report.table import Table
from robusttune.stats.planning.power import difference_power, fewest_seeds, welch_df

NAME = "seeds_needed"
ALPHA, POWER, MOST = 0.05, 0.8, 1000
SEEDS = (3, 5, 10, 20, 30, 100)
_TOP = 10
_CURVE = (3, 5, 7, 10, 14, 20, 30, 50, 70, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two configurations: their difference, less what noise adds to it, and the SDs between their seeds."""

    difference: float
    sd_first: float
    sd_second: float

    def power(self, n: int) -> float:
        """Return the probability that Welch's test claims the right sign with n seeds of each."""
        df = welch_df(self.sd_first, self.sd_second, n)
        critical = float(stats.t.ppf(1 - ALPHA / 2, df))
        return difference_power(self.difference, self.sd_first, self.sd_second, n, df, critical)

    @property
    def n_needed(self) -> int | None:
        """Seeds of each that give the wanted power; None beyond the most that are looked for."""
        return fewest_seeds(self.power, POWER, 2, MOST)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The configurations of one study or table, name → scores, best first."""

    name: str
    scores: Mapping[str, Sequence[float]]

    def pairs(self) -> list[Pair]:
        """Return all pairs."""
        return [pair_of(np.array(a), np.array(b)) for a, b in itertools.combinations(self.scores.values(), 2)]

    @property
    def n_seeds(self) -> int:
        """Return how many seeds a configuration has, in the middle."""
        return int(np.median([len(own) for own in self.scores.values()]))

    @property
    def sd(self) -> float:
        """Return the median SD between seeds."""
        return float(np.median([np.std(own, ddof=1) for own in self.scores.values()]))


def pair_of(first: np.ndarray, second: np.ndarray) -> Pair:
    """Return a pair; the square of its difference is without the part that chance adds on average."""
    variances = [float(np.var(one, ddof=1)) for one in (first, second)]
    noise = sum(v / len(one) for v, one in zip(variances, (first, second), strict=True))
    squared = float(first.mean() - second.mean()) ** 2 - noise
    sd_first, sd_second = map(math.sqrt, variances)
    return Pair(difference=math.sqrt(max(0.0, squared)), sd_first=sd_first, sd_second=sd_second)


def load(places: Places) -> list[Source]:
    """Return the trials of every search that is kept with its runs, and the best of the noise tables."""
    found = [*_of_searches(places), *_of_noise_tables(places)]
    if not found:
        raise NothingKeptError("no runs are kept yet: python -m experiments.run NAME")
    return found


def table(sources: Sequence[Source]) -> dict[str, Table]:
    """Return a line per study or table."""
    rows = []
    for one in sources:
        pairs = one.pairs()
        needed = [pair.n_needed or math.inf for pair in pairs]
        half = float(np.median(needed))
        shares = (f"{np.mean([pair.power(n) for pair in pairs]):.2f}" for n in SEEDS)
        rows.append(
            (
                one.name,
                str(len(one.scores)),
                str(one.n_seeds),
                number(one.sd),
                number(float(np.median([pair.difference for pair in pairs]))),
                f"over {MOST}" if math.isinf(half) else f"{math.ceil(half)}",
                *shares,
            )
        )
    found = Table(
        title="Seeds that tell configurations apart",
        headings=(
            "source",
            "configs",
            "seeds",
            "SD",
            "difference",
            "needed",
            *(f"n = {n}" for n in SEEDS),
        ),
        rows=tuple(rows),
        text=("source",),
        name="",
        note="The trials of each search that were run again, and the ten best configurations of each noise table. SD "
        "between the seeds of a configuration, and difference of a pair without the part that noise adds: medians. "
        f"Needed: seeds of each configuration that give Welch's test at {ALPHA:.0%} a power of {POWER:.0%} for half of "
        "the pairs, without correction for their number. n = 3 and so on: mean power over the pairs with n seeds of "
        "each.",
    )
    return {NAME: found}


def figure(sources: Sequence[Source]) -> dict[str, Figure]:
    """Return the share of pairs that are told apart, by number of seeds."""
    drawn, axes = new_figure(7.2, 3.8, layout="constrained")
    for place, one in enumerate(sources):
        pairs = one.pairs()
        shares = [np.mean([pair.power(n) for pair in pairs]) for n in _CURVE]
        axes.plot(_CURVE, shares, "osv^D<>phX*d"[place % 12], ls="-", lw=1, ms=4, label=one.name)
    axes.axhline(POWER, color="black", lw=0.8, ls=":")
    axes.set_xscale("log")
    axes.set_xticks(SEEDS, [str(n) for n in SEEDS])
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    axes.set_xlabel("seeds of each configuration")
    axes.set_ylabel("share of pairs told apart")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    drawn.legend(loc="outside right upper", frameon=False, fontsize=8)
    return {NAME: drawn}


def _of_searches(places: Places) -> Iterator[Source]:
    for study in kept_studies(places.root):
        names, scores = set(study.trials["configuration"]), study.fresh_scores()
        own = {name: found for name, found in scores.items() if name in names and np.std(found) > 0}
        if len(own) > 1:
            yield Source(name=study.name, scores=own)


def _of_noise_tables(places: Places) -> Iterator[Source]:
    for path in sorted(places.root.glob(NOISE_TABLES)):
        runs = pd.read_parquet(path, columns=["config_id", "seed", "return"]).dropna()
        runs["turn"] = runs.groupby("config_id").cumcount() % 2
        chosen_by, judged = (runs[runs["turn"] == turn] for turn in (0, 1))
        best = chosen_by.groupby("config_id")["return"].mean().nlargest(_TOP).index
        scores = {str(one): judged.loc[judged["config_id"] == one, "return"].tolist() for one in best}
        varying = {name: own for name, own in scores.items() if np.std(own) > 0}
        yield Source(name=f"noise table {path.stem}", scores=varying)
