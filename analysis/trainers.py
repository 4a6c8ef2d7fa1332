"""Does lockstep training give the scores of Stable-Baselines3, and how much faster is it? From the benchmarks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from analysis.kept import Places
from robusttune.report.output import new_figure
from robusttune.report.prose.words import interval, number
from robusttune.report.table import Table

NAME, SPEED = "trainers", "trainers_speed"
LEVEL = 0.95
SB3, OTHER, SAME = "sb3", "lockstep", "lockstep-same-seeds"
"""Samples of the benchmark: by Stable-Baselines3, by lockstep on other seeds, by lockstep on SB3's seeds."""
_SAMPLES = {OTHER: "other", SAME: "the same"}
_CASE = re.compile(r"(?P<case>[^,]+), (?P<steps>\d+) steps, .*?: SB3 (?P<seconds>[\d.]+) s a seed")
_SIZE = re.compile(r"\s+S =\s*(?P<members>\d+)\s+(?P<seconds>[\d.]+) s a seed.*?(?P<factor>[\d.]+) x SB3")
_BLUE, _ORANGE = "#0072B2", "#D55E00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """CPU seconds a seed of one case: by SB3, and by lockstep with so many members, and how many times as fast."""

    case: str
    timesteps: int
    sb3_s: float
    lockstep: dict[int, tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainers:
    """Scores of both trainers, a row per case, trainer and seed; and their speed."""

    scores: pd.DataFrame
    speeds: tuple[Speed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Lockstep's mean minus SB3's, with its interval, and the p-value of Kolmogorov and Smirnov's test."""

    estimate: float
    low: float
    high: float
    p_value: float


def load(places: Places) -> Trainers:
    """Return what the benchmarks measured."""
    benchmarks = places.root / "benchmarks"
    return Trainers(
        scores=pd.read_csv(benchmarks / "lockstep_distributions.csv"),
        speeds=speeds((benchmarks / "lockstep_speed.txt").read_text(encoding="utf-8")),
    )


def speeds(report: str) -> tuple[Speed, ...]:
    """Return the measured times of the benchmark's report."""
    found: list[Speed] = []
    for line in report.splitlines():
        case, size = _CASE.fullmatch(line.split(", wall")[0].split(";")[0]), _SIZE.match(line)
        if case:
            title = case["case"] + (", VecNormalize" if "VecNormalize" in line else "")
            steps, seconds = int(case["steps"]), float(case["seconds"])
            found.append(Speed(case=title, timesteps=steps, sb3_s=seconds, lockstep={}))
        elif size:
            found[-1].lockstep[int(size["members"])] = float(size["seconds"]), float(size["factor"])
    return tuple(found)


def difference(scores: pd.DataFrame, case: str, sample: str) -> Difference:
    """Return how lockstep's mean differs from SB3's: by Welch's interval, or seed by seed on the same seeds."""
    ours, theirs = _of(scores, case, sample), _of(scores, case, SB3)
    if sample == SAME:
        ours, theirs = ours.align(theirs, join="inner")
        test = stats.ttest_rel(ours, theirs)
    else:
        test = stats.ttest_ind(ours, theirs, equal_var=False)
    held = test.confidence_interval(LEVEL)
    return Difference(
        estimate=float(ours.mean() - theirs.mean()),
        low=float(np.nan_to_num(held.low)),  # all pairs equal: scipy divides 0 by 0
        high=float(np.nan_to_num(held.high)),
        p_value=float(stats.ks_2samp(theirs, ours).pvalue),
    )


def table(measured: Trainers) -> dict[str, Table]:
    """Return the scores of both trainers, and their speed."""
    return {NAME: _scores(measured.scores), SPEED: _speeds(measured.speeds)}


def figure(measured: Trainers) -> dict[str, Figure]:
    """Return the differences in standard deviations between seeds, and the factors of speed."""
    return {NAME: _differences(measured.scores), SPEED: _factors(measured.speeds)}


def _of(scores: pd.DataFrame, case: str, sample: str) -> pd.Series[float]:
    own = scores[(scores["case"] == case) & (scores["trainer"] == sample)]
    return own.set_index("seed")["score"].sort_index()


def _cases(scores: pd.DataFrame) -> list[tuple[str, str]]:
    known = set(zip(scores["case"], scores["trainer"], strict=True))
    return [
        (case, sample)
        for sample in _SAMPLES
        for case in dict.fromkeys(scores["case"])
        if (case, sample) in known and (case, SB3) in known
    ]


def _mean(values: pd.Series[float]) -> str:
    return f"{number(float(values.mean()))} ({number(float(values.std(ddof=1)))})"


def _scores(scores: pd.DataFrame) -> Table:
    rows = []
    for case, sample in _cases(scores):
        ours, theirs = _of(scores, case, sample), _of(scores, case, SB3)
        found = difference(scores, case, sample)
        n = str(len(ours)) if sample == SAME else f"{len(theirs)} + {len(ours)}"
        held = interval(found.low, found.high)
        rows.append(
            (
                case,
                _SAMPLES[sample],
                n,
                _mean(theirs),
                _mean(ours),
                number(found.estimate, signed=True),
                held,
                f"{found.p_value:.2f}",
            )
        )
    return Table(
        title="Scores of lockstep training and of Stable-Baselines3",
        headings=(
            "case",
            "seeds",
            "n",
            "SB3 mean (SD)",
            "lockstep mean (SD)",
            "difference",
            "95% interval",
            "KS p",
        ),
        rows=tuple(rows),
        text=("case", "seeds"),
        name="",
        note="Mean return of the final policies over 20 episodes. Intervals: Welch's for other seeds, paired "
        "for the same.",
    )


def _speeds(found: Sequence[Speed]) -> Table:
    sizes = sorted({size for one in found for size in one.lockstep})
    rows = []
    for one in found:
        times = (one.lockstep.get(size) for size in sizes)
        cells = ("–" if t is None else f"{number(t[0])} ({number(t[1], decimals=1)}×)" for t in times)
        rows.append((one.case, f"{one.timesteps:,}", number(one.sb3_s), *cells))
    return Table(
        title="Speed of lockstep training",
        headings=("case", "timesteps", "SB3", *(f"S = {size}" for size in sizes)),
        rows=tuple(rows),
        text=("case",),
        name="",
        note="CPU seconds a seed, one thread, and how many times as fast as SB3; S seeds train together.",
    )


def _differences(scores: pd.DataFrame) -> Figure:
    cases = _cases(scores)
    drawn, axes = new_figure(7.2, 1.0 + 0.3 * len(cases), layout="constrained")
    for y, (case, sample) in enumerate(cases):
        found, sd = difference(scores, case, sample), float(_of(scores, case, SB3).std(ddof=1))
        colour, mark = (_BLUE, "o") if sample == OTHER else (_ORANGE, "s")
        axes.plot([found.low / sd, found.high / sd], [y, y], "-", lw=2, alpha=0.6, color=colour)
        axes.plot([found.estimate / sd], [y], mark, color=colour, ms=5)
    axes.axvline(0, color="black", lw=0.8)
    axes.set_yticks(range(len(cases)), [f"{case}, {_SAMPLES[sample]} seeds" for case, sample in cases])
    axes.set_ylim(len(cases) - 0.5, -0.5)
    axes.set_xticks([-1, -0.5, 0, 0.5])
    axes.set_xlabel("lockstep − SB3, in standard deviations between seeds, with 95 % interval")
    return _without_frame(drawn)


def _factors(found: Sequence[Speed]) -> Figure:
    drawn, axes = new_figure(7.2, 3.8, layout="constrained")
    for place, one in enumerate(found):
        sizes = sorted(one.lockstep)
        factors = [one.lockstep[size][1] for size in sizes]
        axes.plot(sizes, factors, "osv^D<>ph"[place % 9], ls="-", lw=1, ms=5, label=one.case)
    axes.axhline(1, color="black", lw=0.8)
    sizes = sorted({size for one in found for size in one.lockstep})
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("seeds that train together")
    axes.set_ylabel("times as fast as SB3, CPU time a seed")
    drawn.legend(loc="outside right upper", frameon=False, fontsize=8)
    return _without_frame(drawn)


def _without_frame(drawn: Figure) -> Figure:
    for side in ("top", "right"):
        drawn.axes[0].spines[side].set_visible(False)
    return drawn
