"""Promised against measured: `python -m benchmarks.calibration [--quick]`.

Each row simulates studies with a seed of its own (made from its name), so that a row does not depend on the
others. Negative controls are methods that are known to be wrong; a suite that passes them has no power.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

from benchmarks import cells, luck_cells, mean_cells, wrong
from benchmarks.machine import commit, machine
from benchmarks.noise import NOISES, left_lognormal, normal, opposite
from benchmarks.rows import (
    Row,
    at_least,
    at_most,
    fresh,
    information,
    must_be_above,
    must_be_below,
    promise,
)
from benchmarks.shape_rows import claim_rows, few_candidates_rows, interval_shape_rows, iqm_rows, luck_rows

HERE = Path(__file__).resolve().parent
NAME, ALPHA = "calibration.csv", 0.05


def interval_rows(scale: float) -> Iterator[Row]:
    """Yield the coverage of single intervals."""
    studies = int(10_000 * scale)
    for n in (3, 5, 10, 20, 30):
        rate = mean_cells.mean_coverage(normal, n, studies=studies, rng=fresh(f"t {n}"))
        yield promise("t interval of the mean", f"normal, n={n}", rate, 0.935, 0.965, studies)
    for name, draw in NOISES.items():
        for n in (5, 10, 20, 30):
            rate = mean_cells.iqm_coverage(draw, n, studies=studies, rng=fresh(f"iqm {name} {n}"))
            floor = 0.88 if name == "saturated" else 0.92
            yield at_least("trimmed-t interval of the IQM", f"{name}, n={n}", rate, floor, studies)
        if name != "normal":
            for n in (5, 10, 30):
                rate = mean_cells.mean_coverage(draw, n, studies=studies, rng=fresh(f"t {name} {n}"))
                yield information("t interval of the mean", f"{name}, n={n}", rate)
    for k in (2, 3):
        setting = f"equal means, unequal SDs, normal, k={k}, n=5"
        rng, make = fresh("A/A " + setting), cells.synthetic(normal, k, 5)
        cell = cells.ranking(make, robust=False, studies=studies, rng=rng)
        # an exact procedure errs in exactly .05 of studies: a bound of .05 would be a coin toss
        yield at_most("A/A study makes any claim", setting, cell.error, 0.055, studies)
        yield information("A/A study: one member in the best set", setting, cell.single_winner)
    for method in ("percentile", "BCa"):
        for n in (3, 5):
            rng = fresh(f"{method} {n}")
            rate = mean_cells.bootstrap_coverage(normal, n, method, studies=studies, rng=rng)
            yield must_be_below(f"{method} bootstrap", f"normal, n={n}", rate, 0.9)
    for n, shift, sd in ((5, 0.0, 1.0), (5, 1.0, 3.0), (5, 1.5, 0.3), (10, 1.0, 2.0), (20, 1.0, 0.5)):
        rng, setting = fresh(f"improve {n} {shift} {sd}"), f"normal, n={n}, shift {shift:g}, SD 1 and {sd:g}"
        rate = cells.improvement_coverage(n, shift, sd, studies=int(1000 * scale), rng=rng)
        yield at_least("interval of P(improvement)", setting, rate, 0.93, int(1000 * scale))


def ranking_rows(scale: float) -> Iterator[Row]:
    """Yield the errors of rankings and best sets on synthetic studies."""
    studies = int(1000 * scale)
    for k in (3, 5, 10, 20):
        for n in (3, 5, 10, 20):
            setting = f"equal means, unequal SDs, normal, k={k}, n={n}"
            make = cells.synthetic(normal, k, n)
            cell = cells.ranking(make, robust=False, studies=studies, rng=fresh(setting))
            yield at_least("simultaneous rank coverage", setting, 1 - cell.error, 0.93, studies)
            yield at_most(
                "A/A study: one member in the best set", setting, cell.single_winner, ALPHA, studies
            )
    skewed = {**{name: NOISES[name] for name in ("rare failures", "failing fifth", "left lognormal")}}
    for name, draw in {**skewed, "opposite lognormal": opposite}.items():
        for n in (8, 10, 20):
            setting = f"equal means, unequal SDs, {name}, k=10, n={n}"
            make = cells.synthetic(draw, 10, n)
            cell = cells.ranking(make, robust=True, studies=studies, rng=fresh(setting))
            yield at_least(
                "simultaneous coverage, robust claims", setting, 1 - cell.robust_error, 0.93, studies
            )
            yield information("the same, all claims", setting, 1 - cell.error)
            yield at_most(
                "A/A study: one member in the best set", setting, cell.single_winner, ALPHA, studies
            )
    for name, draw in {
        "normal": normal,
        "left lognormal": left_lognormal,
        "opposite lognormal": opposite,
    }.items():
        for n in (3, 5, 10, 20):
            setting = f"linear means (step 0.5), unequal SDs, {name}, k=10, n={n}"
            make = cells.synthetic(draw, 10, n, step=0.5)
            cell = cells.ranking(make, robust=False, studies=studies, rng=fresh(setting))
            yield at_least("best configuration in the best set", setting, cell.best_kept, 0.95, studies)
            if name == "normal":
                yield at_least("simultaneous rank coverage", setting, 1 - cell.error, 0.93, studies)
                yield information("best-set size", setting, cell.best_set_size)
                yield information("rank-interval width", setting, cell.width)
    for n in (3, 5):
        rate = wrong.plug_in_error(10, n, studies=int(300 * scale), rng=fresh(f"plug-in {n}"))
        yield must_be_above("plug-in rank intervals: error", f"k=10, n={n}", rate, 0.15)
        rate = wrong.naive_rank_error(10, n, studies=int(300 * scale), rng=fresh(f"naive {n}"))
        yield must_be_above("bootstrapped ranks: error", f"k=10, n={n}", rate, 0.5)
    rate = wrong.episodes_as_seeds(5, 20, studies=int(1000 * scale), rng=fresh("episodes"))
    yield must_be_below("episodes taken for seeds", "5 seeds x 20 episodes", rate, 0.8)


def size_rows(scale: float) -> Iterator[Row]:
    """Yield the size of the luck test, and P(best)."""
    studies = int(2000 * scale)
    for n in (5, 10, 20):
        rate = luck_cells.luck_size(normal, n, studies=studies, rng=fresh(f"luck {n}"))
        yield promise("luck test: size", f"normal, number = true mean, n={n}", rate, 0.03, 0.07, studies)
    for n in (3, 5, 10):
        said, right = cells.best_calibration(n, studies=int(500 * scale), rng=fresh(f"best {n}"))
        yield information("P(best) of the most probable: said", f"k=10, n={n}", said)
        yield information("P(best) of the most probable: true", f"k=10, n={n}", right)


def write(rows: list[Row], path: Path) -> None:
    """Write rows into the table; others, measured earlier, stay."""
    lines: list[dict[str, object]] = []
    if path.exists():
        new = {(row.what, row.setting) for row in rows}
        with path.open(newline="", encoding="utf-8") as file:
            old = csv.DictReader(line for line in file if not line.startswith("#"))
            lines += [line for line in old if (line["what"], line["setting"]) not in new]
    for row in rows:
        values = asdict(row)
        values["measured"] = round(row.measured, 4)
        values["standard_error"] = "" if row.standard_error is None else round(row.standard_error, 4)
        values["kept"] = {True: "yes", False: "NO", None: ""}[row.kept]
        values["seconds"] = round(row.seconds, 1)
        lines.append(values)
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# {machine()}\n")
        writer = csv.DictWriter(file, fieldnames=list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(lines)


PARTS = {
    "intervals": interval_rows,
    "shapes": interval_shape_rows,
    "luck": luck_rows,
    "claims": claim_rows,
    "few": few_candidates_rows,
    "iqm": iqm_rows,
    "size": size_rows,
    "ranking": ranking_rows,
}


def main() -> int:
    """Run the suite; return 1 if a promise is not kept or a wrong method is not seen to be wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the studies; writes no file")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the studies; default all")
    parser.add_argument(
        "--part", choices=list(PARTS), help="measure one part, keep the other rows of the file"
    )
    options = parser.parse_args()
    scale = 0.1 if options.quick else options.scale
    parts = [PARTS[options.part]] if options.part else list(PARTS.values())
    here, today = commit(), date.today().isoformat()
    rows, last = [], time.perf_counter()
    for part in parts:
        for row in part(scale):
            now = time.perf_counter()
            rows.append(replace(row, seconds=now - last, commit=here, day=today))
            last = now
            word = {True: "kept", False: "NOT KEPT", None: ""}[row.kept]
            print(
                f"{row.what:42s} {row.setting:66s} {row.promised:15s} {row.measured:7.3f}  {word}", flush=True
            )
            if not options.quick:
                write(rows[-1:], HERE / NAME)
    broken = sum(row.kept is False for row in rows)
    print(f"{len(rows)} rows, {broken} not kept, {sum(row.seconds for row in rows):.0f} s")
    return int(broken > 0)


if __name__ == "__main__":
    raise SystemExit(main())
