"""Short texts within figures, and what their marks say when pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from robusttune.declaration.toml_text import inline
from robusttune.report.prose.verdicts import WORDS
from robusttune.report.prose.words import count, estimate, known_decimals, number, share
from robusttune.stats.comparisons.comparison import BETTER, EQUAL, UNDECIDED

if TYPE_CHECKING:
    from robusttune.report.figures.budget import Share
    from robusttune.report.model import Ranking, Row
    from robusttune.results.records import TrialRecord

BREAK = "\n"
MOST_TIPS = 5_000
"""Marks of a figure above which they say nothing: a page that holds all texts opens slowly."""
_LEVEL = 0.05
_SYMBOLS = {BETTER: "▲", "worse": "▼", EQUAL: "=", UNDECIDED: "?"}
NOT_SHOWN = "not shown to matter"


def verdict(row: Row) -> str:
    """Return a verdict with its number."""
    luck = row.analysis.luck
    if luck is None:
        return "no tuning score"
    decimals = known_decimals(luck.low, luck.high)
    size = luck.luck if decimals is None else round(luck.luck, decimals) + 0.0  # + 0.0: no minus before zero
    amount = number(size, signed=size != 0, decimals=decimals)
    return f"{WORDS[luck.verdict]}, {amount}"


def luck_note(row: Row) -> str:
    """Return what stands beside a configuration in the figure of luck."""
    luck = row.analysis.luck
    return verdict(row) if luck is None else f"{verdict(row)}\n{luck.n_reached} of {luck.n_seeds} reach it"


def seed_tip(ranking: Ranking, row: Row, seed: int | str, score: float, run_id: str | None) -> str:
    """Return what the dot of a run says: its seed, its score, and the command that repeats it."""
    told = f"{row.name}, seed {seed}: {number(score)}"
    run, reproduce = "robusttune run ", "robusttune reproduce "
    if run_id is None or not ranking.command.startswith(run):
        return told if run_id is None else f"{told}; run {run_id}"
    return f"{told}; {reproduce}{ranking.command.removeprefix(run)} {run_id}"


def luck_tip(row: Row) -> str:
    """Return what the mark of a configuration says in the figure of luck."""
    luck = row.analysis.luck
    score = "" if luck is None else f"tuning score {number(luck.tuning)}, "
    note = luck_note(row).replace(BREAK, ", ")
    return f"{row.name}: {score}mean over fresh seeds {estimate(row.analysis.mean)}; {note}"


def groups_note(row: Row) -> str:
    """Return how many seeds are in each of two groups, where they fall into two."""
    groups = row.analysis.two_groups
    return "" if groups is None else f"two groups: {groups.n_worse} + {groups.n_better}"


def curve_tip(row: Row, n_runs: int) -> str:
    """Return what a learning curve says."""
    return f"{row.name}: median of {count(n_runs, 'run')}"


def pair_cell(verdict: str, p_beats: float | None) -> str:
    """Return what stands in a cell of the matrix."""
    return _SYMBOLS[verdict] if p_beats is None else f"{_SYMBOLS[verdict]}\n{p_beats:.0%}"


def pair_tip(name: str, other: str, verdict: str, p_beats: float | None, difference: float) -> str:
    """Return what a cell of the matrix says."""
    beats = (
        ""
        if p_beats is None
        else f"; a fresh run of it beats one of {other} with probability {share(p_beats)}"
    )
    return f"{name} against {other}: {verdict}, difference {number(difference, signed=True)}{beats}"


def noise_tip(name: str, part: float, among: str) -> str:
    """Return what a part of a bar says."""
    return f"{name}, {among}: {part:.0%} of the variance of a single score"


def matters(p_value: float) -> bool:
    """Return whether a hyperparameter is shown to matter."""
    return p_value <= _LEVEL


def part_word(kind: str) -> str:
    """Return what is advised about a part of a range."""
    return {"widen": "widen", "narrow": "leave out"}[kind]


def choice(value: JsonValue) -> str:
    """Return a choice on the axis of choices."""
    return value if isinstance(value, str) else inline(value)


def tick(value: float) -> str:
    """Return a value on the axis of a range."""
    if 1e4 <= abs(value) < 1e12:
        return thousands(value)
    text = f"{value:.4g}" if abs(value) >= 0.1 else f"{value:.2g}"  # 0.9999 is not 1
    return text.replace("-", "−")


def trial_tip(trial: TrialRecord, name: str) -> str:
    """Return what a trial says in the slice of a hyperparameter."""
    value = trial.hyperparameters.get(name)
    shown = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"trial {trial.number}: {number(trial.objective_value)} at {name} = {shown}"


def thousands(value: float, _: object = None) -> str:
    """Return a number of timesteps in few characters."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}".replace("-", "−")
    return f"{value:.3g}".replace("-", "−")


def time_unit(seconds: Sequence[float]) -> tuple[float, str]:
    """Return a unit in seconds, and its name, in which times are numbers of everyday size."""
    longest = max(seconds, default=0.0)
    return next(
        (size, name)
        for size, name in ((3600.0, "h"), (60.0, "min"), (1.0, "s"))
        if longest >= size or size == 1
    )


def measures(stages: Sequence[Share]) -> list[tuple[str, list[float], list[str]]]:
    """Return runs, timesteps and wall time of the stages: heading, values and texts; what all lack is left out."""
    seconds, unit = time_unit([one.wall_time_s for one in stages])
    found: list[tuple[str, list[float], list[str]]] = [
        ("runs", [one.n_runs for one in stages], [f"{one.n_runs:,}" for one in stages]),
        ("timesteps", [one.timesteps for one in stages], [thousands(one.timesteps) for one in stages]),
        (
            f"time ({unit})",
            [one.wall_time_s for one in stages],
            [f"{one.wall_time_s / seconds:.3g}" for one in stages],
        ),
    ]
    return [one for one in found if any(one[1])]


def stage(cost: Share) -> str:
    """Return a stage with its runs."""
    return f"{cost.stage}: {count(cost.n_runs, 'run')}"


def cost_note(cost: Share, *, narrow: bool) -> str:
    """Return what stands beside the time of a configuration."""
    runs = count(cost.n_runs, "run")
    steps = f"{thousands(cost.timesteps / max(1, cost.n_runs))} timesteps"
    return runs if narrow else f"{runs} of {steps}"
