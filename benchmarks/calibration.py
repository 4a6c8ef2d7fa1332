"""Promised against measured: `python -m benchmarks.calibration [--quick]`.

Each row simulates studies with a seed of its own (made from its name), so that a row does not depend on the
others. Negative controls are methods that are known to be wrong; a suite that passes them has no power.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks import cells
from benchmarks.machine import commit, machine
from benchmarks.noise import NOISES, landscapes, left_lognormal, normal, opposite

HERE = Path(__file__).resolve().parent
NAME, ALPHA = "calibration.csv", 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    kind: str  # promise, negative control, or information
    what: str
    setting: str
    promised: str
    measured: float
    standard_error: float | None
    kept: bool | None
    commit: str = ""
    day: str = ""
    seconds: float = 0.0


def promise(what: str, setting: str, measured: float, low: float, high: float, studies: int | None) -> Row:
    """Return a row that is kept if the measured value lies between low and high.

    Few studies (--quick) get three standard errors of grace on either side; the full run gets none.
    """
    error = None if studies is None else math.sqrt(max(measured * (1 - measured), 1e-4) / studies)
    slack = 3 * error if error is not None and studies is not None and studies < 1000 else 0.0
    words = (
        f"{low:g} to {high:g}"
        if math.isfinite(low) and math.isfinite(high)
        else (f"<= {high:g}" if math.isfinite(high) else f">= {low:g}")
    )
    kept = low - slack <= measured <= high + slack
    return Row(
        kind="promise",
        what=what,
        setting=setting,
        promised=words,
        measured=measured,
        standard_error=error,
        kept=kept,
    )


def at_least(what: str, setting: str, measured: float, low: float, studies: int) -> Row:
    """Return a row that is kept if the rate is not below `low`."""
    return promise(what, setting, measured, low, math.inf, studies)


def at_most(what: str, setting: str, measured: float, high: float, studies: int | None) -> Row:
    """Return a row that is kept if the value is not above `high`."""
    return promise(what, setting, measured, -math.inf, high, studies)


def control(what: str, setting: str, measured: float, *, fails: bool, words: str) -> Row:
    """Return a row of a known-wrong method, which is kept if the suite sees it fail."""
    return Row(
        kind="negative control",
        what=what,
        setting=setting,
        promised=words,
        measured=measured,
        standard_error=None,
        kept=fails,
    )


def information(what: str, setting: str, measured: float) -> Row:
    """Return a row without a promise."""
    return Row(
        kind="information",
        what=what,
        setting=setting,
        promised="",
        measured=measured,
        standard_error=None,
        kept=None,
    )


def fresh(name: str) -> np.random.Generator:
    """Return the generator of a row; `hash` differs from process to process, a checksum does not."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def interval_rows(scale: float) -> Iterator[Row]:
    """Yield the coverage of single intervals."""
    studies = int(10_000 * scale)
    for n in (3, 5, 10, 20, 30):
        rate = cells.mean_coverage(normal, n, studies=studies, rng=fresh(f"t {n}"))
        yield promise("t interval of the mean", f"normal, n={n}", rate, 0.935, 0.965, studies)
    for name, draw in NOISES.items():
        for n in (5, 10, 20, 30):
            rate = cells.iqm_coverage(draw, n, studies=studies, rng=fresh(f"iqm {name} {n}"))
            floor = 0.88 if name == "saturated" else 0.92
            yield at_least("trimmed-t interval of the IQM", f"{name}, n={n}", rate, floor, studies)
        if name != "normal":
            for n in (5, 10, 30):
                rate = cells.mean_coverage(draw, n, studies=studies, rng=fresh(f"t {name} {n}"))
                yield information("t interval of the mean", f"{name}, n={n}", rate)
    for k in (2, 3):
        setting = f"equal means, unequal SDs, normal, k={k}, n=5"
        rng, make = fresh("A/A " + setting), cells.synthetic(normal, k, 5)
        cell = cells.ranking(make, robust=False, studies=studies, rng=rng)
        # an exact procedure errs in exactly .05 of studies: a bound of .05 would be a coin toss
        yield at_most("A/A study makes any claim", setting, cell.error, 0.055, studies)
        yield information("A/A study: one member in the best set", setting, cell.single_winner)
    for name in ("normal", "left lognormal", "rare failures"):
        for n in (10, 20):
            args = {"studies": studies, "rng": fresh(f"boot-t {name} {n}")}
            rate = cells.bootstrap_coverage(NOISES[name], n, "studentised", **args)
            yield information("bootstrap-t interval of the mean", f"{name}, n={n}", rate)
    for method in ("percentile", "bca"):
        for n in (3, 5):
            rng = fresh(f"{method} {n}")
            rate = cells.bootstrap_coverage(normal, n, method, studies=studies, rng=rng)
            yield control(
                f"{method} bootstrap", f"normal, n={n}", rate, fails=rate < 0.90, words="must be < 0.9"
            )
    for n, shift, sd in ((5, 0.0, 1.0), (5, 1.0, 3.0), (5, 1.5, 0.3), (10, 1.0, 2.0), (20, 1.0, 0.5)):
        rng, setting = fresh(f"improve {n} {shift} {sd}"), f"normal, n={n}, shift {shift:g}, SD 1 and {sd:g}"
        rate = cells.improvement_coverage(n, shift, sd, studies=int(1000 * scale), rng=rng)
        yield at_least("interval of P(improvement)", setting, rate, 0.93, int(1000 * scale))


def ranking_rows(scale: float) -> Iterator[Row]:
    """Yield the errors of rankings and best sets on synthetic studies."""
    studies = int(2000 * scale)
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
        rate = cells.plug_in_error(10, n, studies=int(300 * scale), rng=fresh(f"plug-in {n}"))
        yield control(
            "plug-in rank intervals: error", f"k=10, n={n}", rate, fails=rate > 0.15, words="must be > 0.15"
        )
        rate = cells.naive_rank_error(10, n, studies=int(300 * scale), rng=fresh(f"naive {n}"))
        yield control(
            "bootstrapped ranks: error", f"k=10, n={n}", rate, fails=rate > 0.5, words="must be > 0.5"
        )
    rate = cells.episodes_as_seeds(5, 20, studies=int(1000 * scale), rng=fresh("episodes"))
    yield control(
        "episodes taken for seeds", "5 seeds x 20 episodes", rate, fails=rate < 0.8, words="must be < 0.8"
    )


def winner_rows(scale: float) -> Iterator[Row]:
    """Yield the winner's interval, the luck test and P(best)."""
    studies = int(2000 * scale)
    for n in (3, 5, 10, 20):
        for step in (0.0, 0.5):
            setting = f"normal, unequal SDs, k=10, n={n}, step {step:g}"
            make = cells.synthetic(normal, 10, n, step=step)
            corrected, naive = cells.winner(make, studies=studies, rng=fresh(setting))
            yield at_least("winner's corrected interval", setting, corrected, 0.95, studies)
            if step == 0.0:
                yield control(
                    "winner's naive interval", setting, naive, fails=naive < 0.94, words="must be < 0.94"
                )
    for name in ("rare failures", "left lognormal", "lognormal"):
        make = cells.synthetic(NOISES[name], 10, 10)
        corrected, _ = cells.winner(make, studies=studies, rng=fresh(f"winner {name}"))
        yield information("winner's corrected interval", f"{name}, unequal SDs, k=10, n=10", corrected)
    for n in (5, 10, 20):
        rate = cells.luck_size(normal, n, studies=studies, rng=fresh(f"luck {n}"))
        yield promise("luck test: size", f"normal, number = true mean, n={n}", rate, 0.03, 0.07, studies)
    for n in (3, 5, 10):
        said, right = cells.best_calibration(n, studies=int(500 * scale), rng=fresh(f"best {n}"))
        yield information("P(best) of the most probable: said", f"k=10, n={n}", said)
        yield information("P(best) of the most probable: true", f"k=10, n={n}", right)


def real_rows(scale: float) -> Iterator[Row]:
    """Yield what happens on real landscapes, where they are present."""
    tables = list(landscapes().values())
    if not tables:
        return
    studies, where = int(2000 * scale), f"real landscapes ({len(tables)} tasks), top 10 of 64"
    widths, robust_widths = {5: 9.2, 10: 7.8, 20: 6.4, 30: 5.7}, {10: 9.0, 20: 7.4, 30: 6.5}
    for n in (5, 10, 20, 30):
        setting = f"{where}, n={n}"
        cell = cells.ranking(cells.real(tables, n), robust=n >= 10, studies=studies, rng=fresh(setting))
        yield at_least("simultaneous rank coverage", setting, 1 - cell.error, 0.93, studies)
        yield at_least("best configuration in the best set", setting, cell.best_kept, 0.95, studies)
        yield at_most("rank-interval width", setting, cell.width, widths[n], None)
        yield information("best-set size", setting, cell.best_set_size)
        if n >= 10:
            yield at_least(
                "simultaneous coverage, robust claims", setting, 1 - cell.robust_error, 0.93, studies
            )
            yield at_most(
                "rank-interval width, robust claims", setting, cell.robust_width, robust_widths[n], None
            )
        corrected, naive = cells.winner(
            cells.real(tables, n), studies=studies, rng=fresh("winner " + setting)
        )
        yield information("winner's corrected interval", setting, corrected)
        yield information("winner's naive interval", setting, naive)


def write(rows: list[Row], path: Path, *, keep_others: bool) -> None:
    """Write the table; rows of other parts, measured earlier, are kept if wanted."""
    lines: list[dict[str, object]] = []
    for row in rows:
        values = asdict(row)
        values["measured"] = round(row.measured, 4)
        values["standard_error"] = "" if row.standard_error is None else round(row.standard_error, 4)
        values["kept"] = {True: "yes", False: "NO", None: ""}[row.kept]
        values["seconds"] = round(row.seconds, 1)
        lines.append(values)
    if keep_others and path.exists():
        fresh_rows = {(row.what, row.setting) for row in rows}
        with path.open(newline="", encoding="utf-8") as file:
            old = csv.DictReader(line for line in file if not line.startswith("#"))
            lines += [line for line in old if (line["what"], line["setting"]) not in fresh_rows]
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# {machine()}\n")
        writer = csv.DictWriter(file, fieldnames=list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(lines)


PARTS = {"intervals": interval_rows, "winner": winner_rows, "real": real_rows, "ranking": ranking_rows}


def main() -> int:
    """Run the suite; return 1 if a promise is not kept or a wrong method is not seen to be wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the studies; writes no file")
    parser.add_argument(
        "--part", choices=list(PARTS), help="measure one part, keep the other rows of the file"
    )
    options = parser.parse_args()
    scale = 0.1 if options.quick else 1.0
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
        write(rows, HERE / NAME, keep_others=options.part is not None)
    broken = sum(row.kept is False for row in rows)
    print(f"{len(rows)} rows, {broken} not kept, {sum(row.seconds for row in rows):.0f} s")
    return int(broken > 0)


if __name__ == "__main__":
    raise SystemExit(main())
