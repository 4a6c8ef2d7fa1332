"""Intervals of means and winners on every shape of noise, against other ways to borrow a spread.

`python -m benchmarks.interval_shapes` measures what `interval_shapes.csv` does not have yet, one line for each shape,
number of candidates and number of seeds; `--summary` prints the means and the worst cases over all of them.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import mean_cells
from benchmarks.machine import commit, machine
from benchmarks.noise import landscapes
from benchmarks.rows import fresh
from benchmarks.shape_rows import shapes

FILE = Path(__file__).resolve().with_suffix(".csv")
SEEDS = (3, 5, 10, 20)
KEYS = ("shape", "n_configs", "n_seeds", "studies", "commit", "day")


def read() -> list[dict[str, str]]:
    """Return the lines that have been measured."""
    if not FILE.exists():
        return []
    with FILE.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def missing(studies: int) -> Iterator[dict[str, object]]:
    """Yield the lines that have not been measured; a study with k candidates has k means."""
    done = {(one["shape"], one["n_configs"], one["n_seeds"]) for one in read()}
    tables, here, today = list(landscapes().values()), commit(), date.today().isoformat()
    for k in (10, 5, 20, 3):
        for shape, make in shapes(k, tables):
            for n in SEEDS:
                if (shape, str(k), str(n)) in done:
                    continue
                setting = f"{shape}, k={k}, n={n}"
                top = mean_cells.winner(make(n + 10), studies=studies, rng=fresh("winner " + setting))
                rng = fresh("means " + setting)
                each = mean_cells.means(make(2 * n), studies=max(studies // k, 50), rng=rng)
                rates = {name: round(value, 4) for name, value in (asdict(each) | asdict(top)).items()}
                yield dict(zip(KEYS, (shape, k, n, studies, here, today), strict=True)) | rates


def summary() -> Iterator[str]:
    """Yield mean and lowest coverage, and mean width, of each way over groups of shapes."""
    lines = read()
    groups = {
        "all shapes": lines,
        "normal": [one for one in lines if one["shape"].startswith("normal")],
        "real and SAC-like": [one for one in lines if one["shape"].startswith(("real", "SAC"))],
        "skewed, equal means": [
            one
            for one in lines
            if one["shape"].endswith("equal means") and not one["shape"].startswith(("normal", "heavy"))
        ],
    }
    for name, group in groups.items():
        for n in SEEDS:
            some = [one for one in group if one["n_seeds"] == str(n)]
            yield f"{name}, {n} seeds, {len(some)} cells"
            for column in (one for one in lines[0] if one not in KEYS):
                values = np.array([float(one[column]) for one in some])
                found = "  ".join(f"{what} {one:6.3f}" for what, one in _spread(values).items())
                yield f"  {column:24s} {found}"


def _spread(values: npt.NDArray[np.float64]) -> dict[str, float]:
    return {"mean": float(values.mean()), "lowest": float(values.min()), "highest": float(values.max())}


def main() -> None:
    """Measure what is missing, line by line, or summarise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--summary", action="store_true", help="measure nothing")
    parser.add_argument("--studies", type=int, default=1000, help="simulated studies a line")
    options = parser.parse_args()
    if options.summary:
        print("\n".join(summary()))
        return
    new = not FILE.exists()
    with FILE.open("a", newline="", encoding="utf-8") as file:
        for line in missing(options.studies):
            writer = csv.DictWriter(file, fieldnames=list(line))
            if new:
                file.write(f"# {machine()}\n")
                writer.writeheader()
                new = False
            writer.writerow(line)
            file.flush()


if __name__ == "__main__":
    main()
