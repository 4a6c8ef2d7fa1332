"""Do the intervals keep their nominal coverage? Promised against measured, from the committed simulations.

The two tables of docs/statistics.md; the figure has the coverage of the ways to make an interval, by number of seeds.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from analysis.kept import Places
from analysis.markdown import written
from robusttune.report.output import new_figure
from robusttune.report.table import Table

PAGE = "docs/statistics.md"
PROMISED, WAYS_OF = "calibration", "calibration_ways"
_PLACES_IN_PAGE = {"promised": PROMISED, "ways": WAYS_OF}
NOMINAL = 0.95
SEEDS = (3, 5, 10, 20)
PLACES = {
    "real": "real landscapes, top of 64, k=10, n={}",
    "smoothed": "real landscapes, smoothed, k=10, n={}",
    "SAC-like": "SAC-like, top of 64, k=10, n={}",
    "normal": "normal, equal means, k=10, n={}",
    "real, 5 candidates": "real landscapes, top of 64, k=5, n={}",
    "real, 3 candidates": "real landscapes, top of 64, k=3, n={}",
    "real tuning": "real landscapes, top 10 of 64, n={}",
    "SAC-like tuning": "SAC-like, top 10 of 64, n={}",
    "normal, 3 candidates": "equal means, unequal SDs, normal, k=3, n={}",
    "normal, 10 candidates": "equal means, unequal SDs, normal, k=10, n={}",
    "normal, 20 candidates": "equal means, unequal SDs, normal, k=20, n={}",
}
# What | its name in calibration.csv | what is wanted | places.
PROMISES = """
LUCKY, where overstated by more than one SD | LUCKY, if overstated by more than one SD | ≥ .35 / .70 / .90 from 5 | \
real tuning; SAC-like tuning
*wrong: could it have been drawn?* | could be drawn: LUCKY, if overstated by more than one SD | | real tuning
LUCKY, where not overstated | LUCKY, if not overstated | ≤ .01 | real tuning
*wrong: the gap without its error* | gap alone: LUCKY, if not overstated | | real tuning
LUCKY, where overstated by a quarter SD at most | LUCKY, if overstated by a quarter SD at most | ≤ .03 | real tuning
overstated by more than one SD, of the CONSISTENT | overstated by more than one SD, if CONSISTENT | ≤ .03 | real tuning
INCONCLUSIVE | INCONCLUSIVE | ≤ .10 at 20 | real tuning
interval of the luck | interval of the luck | | real tuning; SAC-like tuning
winner's interval | winner's corrected interval | ≥ .94 | real; SAC-like; normal
its width over the naive one | winner's corrected width over the naive one | ≤ 1.9 / 1.35 from 5 | \
real; SAC-like; normal
*wrong: the naive interval* | winner's naive interval | | real; SAC-like; normal
winner's interval, 10 confirmation seeds | winner's interval, 10 confirmation seeds | | real; SAC-like; normal
any claim is wrong | any claim is wrong | ≤ .05 | real; SAC-like; real, 3 candidates
best configuration in the best set | best configuration in the best set | ≥ .95 | real; SAC-like; real, 3 candidates
*wrong: the highest mean is the best* | the highest mean is the best | | real
size of the best set | best-set size | ≤ 6.7 / 4.9 / 3.8 from 5 | real
all difference intervals at once | all difference intervals | ≥ .93 | real; smoothed; SAC-like; real, 5 candidates; \
real, 3 candidates
the same, equal means | equal means: all difference intervals | ≥ .93 | real; smoothed; SAC-like; real, 5 candidates; \
real, 3 candidates
*wrong: the same with own spreads* | equal means: all difference intervals, own spreads | | real
all regret bounds at once | all regret bounds | ≥ .93 | real; smoothed; SAC-like; real, 5 candidates; real, 3 candidates
all rank intervals at once, equal means | simultaneous rank coverage | ≥ .93 | normal, 3 candidates; \
normal, 10 candidates; normal, 20 candidates
share of pairs that are claimed | share of pairs that are claimed | | real
ranking the IQM: any claim is wrong | ranking the IQM: any claim is wrong | ≤ .05 | real
ranking the IQM: share of pairs claimed | ranking the IQM: share of pairs that are claimed | | real
ranking the IQM: a claim is wrong of the means | ranking the IQM: any claim is wrong of the means | | real
"""

# Name; column of the coverage; column of the width, both of interval_shapes.csv.
WAYS = (
    ("**winner**: mean s², weight 4, upwards only, n + 3 df", "corrected", "width"),
    ("median s², weight 2, n − 1 df", "corrected_median2", "width_median2"),
    ("mean s², weight 2, n − 1 df", "corrected_mean2", "width_mean2"),
    ("own spread, corrected for the choice", "own_spread", None),
    ("naive", "naive", None),
    ("**winner on 10 confirmation seeds**: mean s², weight 4", "confirmed", "confirmed_width"),
    ("median s², weight 2", "confirmed_median2", "confirmed_width_median2"),
    ("mean s², weight 2", "confirmed_mean2", "confirmed_width_mean2"),
    ("Student's t", "confirmed_t", None),
    ("**every mean**: median s, weight 2, n − 1 df", "printed", "printed_width"),
    ("the same, upwards only", "floored", "floored_width"),
    ("Student's t", "student", None),
)


_DRAWN = {
    "corrected": ("winner, as reports print it", "o-", "#0072B2"),
    "printed": ("every mean, as reports print it", "s-", "#009E73"),
    "confirmed": ("winner on 10 confirmation seeds", "^-", "#56B4E9"),
    "student": ("every mean: Student's t", "v--", "#767676"),
    "naive": ("winner, not corrected for the choice", "x--", "#D55E00"),
}
_Rows = Sequence[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured, and the page that tells it.

    Attributes
    ----------
    promises : list of dict
        Rows of `benchmarks/calibration.csv`.
    shapes : list of dict
        Rows of `benchmarks/interval_shapes.csv`.
    page : str
        docs/statistics.md as it is.
    """

    promises: _Rows
    shapes: _Rows
    page: str


def load(places: Places) -> Measured:
    """Return the measurements and the page."""
    benchmarks = places.root / "benchmarks"
    return Measured(
        promises=read(benchmarks / "calibration.csv"),
        shapes=read(benchmarks / "interval_shapes.csv"),
        page=(places.root / PAGE).read_text(encoding="utf-8"),
    )


def table(measured: Measured) -> dict[str, Table]:
    """Return promised against measured, and the coverage of the ways to borrow a spread."""
    return {PROMISED: _promised(measured.promises), WAYS_OF: _ways(measured.shapes)}


def figure(measured: Measured) -> dict[str, Figure]:
    """Return mean and lowest coverage over all shapes of noise, by number of seeds."""
    drawn, axes = new_figure(7.2, 3.8, layout="constrained")
    for place, (column, (label, line, colour)) in enumerate(_DRAWN.items()):
        x = np.arange(len(SEEDS)) + 0.07 * (place - len(_DRAWN) // 2)
        found = [_coverage(measured.shapes, column, n) for n in SEEDS]
        means, lowest = [one.mean() for one in found], [one.min() for one in found]
        axes.vlines(x, lowest, means, color=colour, lw=1, alpha=0.6)
        axes.plot(x, means, line, color=colour, ms=5, lw=1.2, label=label)
    axes.axhline(NOMINAL, color="black", lw=0.8)
    axes.annotate("nominal", (1.0, NOMINAL), xycoords=("axes fraction", "data"), fontsize=8, va="center")
    axes.set_xticks(range(len(SEEDS)), [f"{n} seeds" for n in SEEDS])
    axes.set_ylabel("coverage of the 95 % interval")
    axes.set_title(
        "Mark: mean over all shapes of noise; line down: the worst of them", fontsize=9, loc="left"
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    drawn.legend(loc="outside right upper", frameon=False, fontsize=8)
    return {PROMISED: drawn}


def page(measured: Measured) -> dict[str, str | Figure]:
    """Return the page with its tables made anew."""
    text, tables = measured.page, table(measured)
    for place, key in _PLACES_IN_PAGE.items():
        marks = f"<!-- {place}: python -m analysis.build calibration -->\n", "<!-- end -->"
        before, mark, rest = text.partition(marks[0])
        _, end, after = rest.partition(marks[1])
        text = before + mark + written(tables[key]) + "\n" + end + after
        if not (mark and end):
            raise ValueError(f"{PAGE} must have a place for the table {place!r}: {marks[0]}")
    return {PAGE: text}


def _promised(measured: _Rows) -> Table:
    rows = {(row["what"], row["setting"]): float(row["measured"]) for row in measured}
    lines = []
    for line in PROMISES.strip().splitlines():
        what, name, wanted, places = (one.strip() for one in line.split("|"))
        for place in places.split("; "):
            found = (rows.get((name, PLACES[place].format(n))) for n in SEEDS)
            lines.append((what, place, wanted, *("–" if one is None else _number(one) for one in found)))
    return Table(
        title="Promised against measured",
        headings=("what", "scores", "wanted", *(f"{n} seeds" for n in SEEDS)),
        rows=tuple(lines),
        text=("what", "scores", "wanted"),
        name="",
    )


def _ways(shapes: _Rows) -> Table:
    """Return mean [lowest] coverage over all cells, and mean width."""
    lines = []
    for name, coverage, width in WAYS:
        cells = []
        for n in SEEDS:
            values = _coverage(shapes, coverage, n)
            wide = "" if width is None else f" · {_coverage(shapes, width, n).mean():.2f}"
            cells.append(f"{_number(values.mean())} [{_number(values.min())}]{wide}")
        lines.append((name, *cells))
    return Table(
        title="Coverage of the ways to borrow a spread",
        headings=("way", *(f"{n} seeds" for n in SEEDS)),
        rows=tuple(lines),
        text=("way",),
        name="",
    )


def _coverage(shapes: _Rows, column: str, n: int) -> np.ndarray:
    return np.array([float(row[column]) for row in shapes if row["n_seeds"] == str(n)])


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file of measurements."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def _number(value: float) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}".lstrip("0")
