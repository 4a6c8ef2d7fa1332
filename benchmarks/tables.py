"""The tables of docs/statistics.md, from the committed measurements: `python -m benchmarks.tables` writes them anew."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "statistics.md"
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


def promised() -> Iterator[str]:
    """Yield the lines of the table of promised against measured."""
    rows = {(row["what"], row["setting"]): float(row["measured"]) for row in read("calibration.csv")}
    yield from _head("what", "scores", "wanted", *(f"{n} seeds" for n in SEEDS))
    for line in PROMISES.strip().splitlines():
        what, name, wanted, places = (one.strip() for one in line.split("|"))
        for place in places.split("; "):
            found = (rows.get((name, PLACES[place].format(n))) for n in SEEDS)
            yield _line(what, place, wanted, *("–" if one is None else _number(one) for one in found))


def ways() -> Iterator[str]:
    """Yield the lines of the table of ways to borrow: mean [lowest] coverage over all cells, and mean width."""
    rows = read("interval_shapes.csv")
    yield from _head("way", *(f"{n} seeds" for n in SEEDS))
    for name, coverage, width in WAYS:
        cells = []
        for n in SEEDS:
            some = [row for row in rows if row["n_seeds"] == str(n)]
            values = np.array([float(row[coverage]) for row in some])
            wide = "" if width is None else f" · {np.mean([float(row[width]) for row in some]):.2f}"
            cells.append(f"{_number(values.mean())} [{_number(values.min())}]{wide}")
        yield _line(name, *cells)


def render(page: str) -> str:
    """Return the page with its tables made anew."""
    for name, lines in (("promised", promised()), ("ways", ways())):
        marks = f"<!-- {name}: python -m benchmarks.tables -->\n", "<!-- end -->"
        before, mark, rest = page.partition(marks[0])
        _, end, after = rest.partition(marks[1])
        page = before + mark + "\n".join(lines) + "\n" + end + after
        if not (mark and end):
            raise ValueError(f"docs/statistics.md must have a place for the table {name!r}.")
    return page


def read(name: str) -> list[dict[str, str]]:
    """Return the rows of a file of measurements."""
    with (HERE / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def _head(*cells: str) -> Iterator[str]:
    yield _line(*cells)
    yield "|" + " --- |" * len(cells)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}".lstrip("0")


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
