"""Which statistic tells that seeds fall in two groups: `python -m benchmarks.two_groups`.

Each statistic gets the critical value that the worst of normal, lognormal and t noise exceeds in one of twenty
samples; then its power is measured on mixtures. `luck.spread.two_groups` uses the between-group share.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.machine import commit, machine
from benchmarks.noise import FloatArray
from robusttune.stats.luck.spread import best_split, two_groups

SAMPLES, CALIBRATION, PATH = 2000, 20_000, Path(__file__).with_suffix(".csv")
Noise = Callable[[np.random.Generator, tuple[int, int]], FloatArray]

ONE_GROUP: dict[str, Noise] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "lognormal": lambda rng, shape: rng.lognormal(0.0, 1.0, shape),
    "left lognormal": lambda rng, shape: -rng.lognormal(0.0, 1.0, shape),
    "t, 3 df": lambda rng, shape: rng.standard_t(3, shape),
    "uniform": lambda rng, shape: rng.uniform(size=shape),
}
CALIBRATED_ON = ("normal", "lognormal", "left lognormal", "t, 3 df")


def mixture(share: float, apart: float, sd: float = 1.0) -> Noise:
    """Return noise where a share of the seeds lies some SDs below the others."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
        worse = rng.random(shape) < share
        return np.where(worse, -apart + sd * rng.standard_normal(shape), rng.standard_normal(shape))

    return draw


TWO_GROUPS = {
    "35 % lower by 4 SD": mixture(0.35, 4.0),
    "35 % lower by 5 SD": mixture(0.35, 5.0),
    "35 % lower by 6 SD": mixture(0.35, 6.0),
    "20 % lower by 8 SD, SD 2": mixture(0.20, 8.0, 2.0),
    "half lower by 5 SD": mixture(0.50, 5.0),
}


def between_share(x: FloatArray) -> FloatArray:
    """Return the share of the variance between the groups of the best split."""
    return best_split(x)[1]


def gap(x: FloatArray) -> FloatArray:
    """Return the largest inner gap between neighbours over the next largest one."""
    n = x.shape[1]
    fifth = max(3, -(-n // 5))
    gaps = np.diff(x, axis=1)
    inner = gaps[:, fifth - 1 : n - fifth]
    at = inner.argmax(axis=1)[:, None]
    rest = gaps.copy()
    np.put_along_axis(rest, at + fifth - 1, 0.0, axis=1)
    found: FloatArray = np.take_along_axis(inner, at, axis=1)[:, 0] / rest.max(axis=1)
    return found


def dip(x: FloatArray) -> FloatArray:
    """Return Hartigan's dip of each row (Hartigan and Hartigan 1985, doi:10.1214/aos/1176346577)."""
    return np.array([_dip(row) for row in x])


def _dip(x: FloatArray) -> float:
    n, low, high, found = x.size, 0, x.size - 1, 1.0 / x.size
    left, right = np.arange(n) / n, np.arange(1, n + 1) / n  # the step function before and after each value
    while high > low:
        below, above = _hull(x, left, low, high, 1.0), _hull(x, right, low, high, -1.0)
        under, over = np.interp(x, x[below], left[below]), np.interp(x, x[above], right[above])
        at_below, at_above = (max(h, key=lambda i: over[i] - under[i]) for h in (below, above))
        if over[at_below] - under[at_below] > over[at_above] - under[at_above]:
            start, end = at_below, min((i for i in above if i >= at_below), default=high)
        else:
            start, end = max((i for i in below if i <= at_above), default=low), at_above
        if max(over[i] - under[i] for i in (at_below, at_above)) <= found:
            break
        outside = np.append(
            right[low : start + 1] - under[low : start + 1], over[end : high + 1] - left[end : high + 1]
        )
        found = max(found, float(outside.max()))
        if (start, end) == (low, high):
            break
        low, high = start, end
    return found / 2


def _hull(x: FloatArray, y: FloatArray, low: int, high: int, sign: float) -> list[int]:
    kept: list[int] = []
    for i in range(low, high + 1):
        while len(kept) > 1:
            a, b = kept[-2:]
            if sign * ((y[b] - y[a]) * (x[i] - x[b]) - (y[i] - y[b]) * (x[b] - x[a])) < 0:
                break
            kept.pop()
        kept.append(i)
    return kept


def likelihood_ratio(x: FloatArray) -> FloatArray:
    """Return twice the log-likelihood ratio of two normals with one SD against one normal."""
    n = x.shape[1]
    one = x.var(axis=1)
    best = np.full(x.shape[0], -np.inf)
    for start in range(2, n - 1):
        share = np.full(x.shape[0], start / n)
        means = np.stack([x[:, :start].mean(axis=1), x[:, start:].mean(axis=1)])
        squares = x[:, :start].var(axis=1) * start + x[:, start:].var(axis=1) * (n - start)
        variance = np.maximum(squares / n, 1e-3 * one)
        for _ in range(40):
            logs = _logs(x, share, means, variance)
            weight = np.exp(logs[0] - np.logaddexp(*logs))
            share = np.clip(weight.mean(axis=1), 0.5 / n, 1 - 0.5 / n)
            parts = np.stack([weight, 1 - weight])
            means = (parts * x).sum(axis=2) / np.maximum(parts.sum(axis=2), 1e-9)
            variance = (parts * (x - means[:, :, None]) ** 2).sum(axis=0).mean(axis=1)
            variance = np.maximum(variance, 1e-3 * one)
        total = np.logaddexp(*_logs(x, share, means, variance)).sum(axis=1) - n / 2 * np.log(variance)
        best = np.maximum(best, total)
    found: FloatArray = 2 * best + n * np.log(one) + n
    return found


def _logs(x: FloatArray, share: FloatArray, means: FloatArray, variance: FloatArray) -> FloatArray:
    weights = np.log(np.stack([share, 1 - share]))[:, :, None]
    found: FloatArray = weights - (x - means[:, :, None]) ** 2 / (2 * variance[:, None])
    return found


STATISTICS = {
    "between-group share": between_share,
    "largest gap over next": gap,
    "dip": dip,
    "likelihood ratio, two normals": likelihood_ratio,
}


def main() -> None:
    """Measure and write the table."""
    rows = []
    for n in (10, 20):
        for name, statistic in STATISTICS.items():
            rng = np.random.default_rng([n, len(name)])
            size = CALIBRATION if statistic in (between_share, gap) else SAMPLES
            known = {one: statistic(np.sort(draw(rng, (size, n)), axis=1)) for one, draw in ONE_GROUP.items()}
            critical = max(float(np.quantile(known[one], 0.95)) for one in CALIBRATED_ON)
            mixed = {
                one: statistic(np.sort(draw(rng, (SAMPLES, n)), axis=1)) for one, draw in TWO_GROUPS.items()
            }
            for kind, found in (("false alarms", known), ("power", mixed)):
                for setting, values in found.items():
                    rows.append(
                        (
                            name,
                            n,
                            kind,
                            setting,
                            round(critical, 4),
                            round(float((values > critical).mean()), 3),
                        )
                    )
        rng = np.random.default_rng(n)
        for kind, noises in (("false alarms", ONE_GROUP), ("power", TWO_GROUPS)):
            for setting, draw in noises.items():
                rate = np.mean([two_groups(x) is not None for x in draw(rng, (SAMPLES, n))])
                rows.append(("two_groups, as shipped", n, kind, setting, "", round(float(rate), 3)))
    with PATH.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# {machine()}; {commit()}; {date.today()}; {SAMPLES} samples a row\n")
        writer = csv.writer(file)
        writer.writerow(("statistic", "n_seeds", "what", "setting", "critical", "rate"))
        writer.writerows(rows)


if __name__ == "__main__":
    main()
