"""Headings, legends, captions and notes of the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from robusttune.declaration.toml_text import inline
from robusttune.report.prose.verdicts import WORDS
from robusttune.report.prose.words import count, estimate, known_decimals, listed, number, share
from robusttune.results.records import TrialState
from robusttune.stats.comparisons.comparison import BETTER, EQUAL, UNDECIDED

if TYPE_CHECKING:
    from robusttune.report.figures.budget import Cost
    from robusttune.report.model import Ranking, Row
    from robusttune.results.records import TrialRecord

LUCK = "Lucky or consistent: from the tuning score to the mean over fresh seeds"
SEEDS = "Every seed"


CURVES = "Learning curves"
PAIRS = "Who is better than whom"
NOISE = "Where the noise comes from"
SPACE = "The search space"
BUDGET = "Budget and time"
MOST_CURVES, MOST_PAIRS, MOST_PAIRS_NARROW, MOST_SLICES, MOST_COSTS = 24, 16, 7, 18, 30
MOST_TIPS = 5_000
"""Marks of a figure above which they say nothing: a page that holds all texts opens slowly."""
BREAK = "\n"
_LEVEL = 0.05


def luck_legend(ranking: Ranking, *, narrow: bool) -> str:
    """Return how the figure of luck is read."""
    star = "   ★: confirmation seeds" if ranking.analysis.confirmed else ""
    bar = f"bar: {ranking.analysis.level:.0%} interval{star}"
    return f"○ tuning score → mean over fresh seeds{BREAK if narrow else ', '}{bar}"


def luck_caption(ranking: Ranking) -> str:
    """Return what the figure of luck shows."""
    return (
        "An arrow to the left: the tuning score was lucky, and fresh seeds give less. Bold: cannot be told apart from "
        "the best."
    )


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


def seeds_legend(ranking: Ranking, *, narrow: bool) -> str:
    """Return how the figure of all seeds is read."""
    bar = f"mark and bar: mean, {ranking.analysis.level:.0%} interval"
    if not ranking.has_tuning:
        return f"hill: density   dots: {ranking.seed}s{BREAK if narrow else '   '}{bar}"
    return f"hill: density   dots: fresh seeds, filled if they reach the tuning score |{BREAK}{bar}"


def seeds_caption(ranking: Ranking) -> str:
    """Return what the figure of all seeds shows."""
    return "A mean says little about a configuration that sometimes fails: look at the dots."


def seed_tip(ranking: Ranking, row: Row, seed: int | str, score: float, run_id: str | None) -> str:
    """Return what the dot of a run says: its seed, its score, and the command that repeats it."""
    told = f"{row.name}, seed {seed}: {number(score)}"
    run, reproduce = "robusttune run ", "robusttune reproduce "
    if run_id is None or not ranking.command.startswith(run):
        return told if run_id is None else f"{told}; run {run_id}"
    return f"{told}; {reproduce}{ranking.command.removeprefix(run)} {run_id}"


DIAGONAL = "Below the diagonal: lucky.\nNumbers: ranks."
FRESH_MEAN, TUNING_SCORE = "mean over fresh seeds", "tuning score"


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


def curves_caption(ranking: Ranking) -> str:
    """Return what the learning curves show."""
    n = len(ranking.rows)
    best = f" The best {MOST_CURVES} of {n}; all are in learning_curves.csv." if n > MOST_CURVES else ""
    tuned = " Dashed: the runs by which tuning chose the trial." if ranking.trials else ""
    return f"Median of the fresh seeds, and the band that holds eight in ten of them.{tuned}{best}"


def curves_legend(ranking: Ranking, *, narrow: bool) -> str:
    """Return how the learning curves are read."""
    tuned = f"{BREAK if narrow else '   '}- - ○: in tuning" if ranking.trials else ""
    return f"line and band: median of fresh seeds, 8 in 10 of them{tuned}"


def curve_tip(row: Row, n_runs: int) -> str:
    """Return what a learning curve says."""
    return f"{row.name}: median of {count(n_runs, 'run')}"


def pairs_legend(*, narrow: bool) -> str:
    """Return how the cells of the matrix are read."""
    return (
        f"Row against column   ▲ better   ▼ worse{BREAK if narrow else '   '}= practically equal   ? undecided\n"
        "%: a fresh run of the row beats one of the column"
    )


def pairs_caption(ranking: Ranking) -> str:
    """Return what the matrix shows."""
    n, margin = len(ranking.rows), ranking.analysis.indifference
    equal = "" if margin is None else f" Practically equal: within ±{number(margin)}."
    shown = f"the best {MOST_PAIRS} of {n}, " if n > MOST_PAIRS else ""
    most = f" Shown are {shown}on a narrow screen the best {MOST_PAIRS_NARROW}; all are in pairs.csv."
    return (
        f"All claims hold at once, at {ranking.analysis.level:.0%} confidence; undecided is no evidence of equality."
        f"{equal}{most if n > MOST_PAIRS_NARROW else ''}"
    )


_SYMBOLS = {BETTER: "▲", "worse": "▼", EQUAL: "=", UNDECIDED: "?"}


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


CONFIGURATIONS, TRAINING_SEEDS, EPISODES = "between configurations", "between seeds", "between episodes"
RUNS = "between runs (seeds and episodes)"
AMONG_BEST = "in the best set"


def among_all(ranking: Ranking) -> str:
    """Return among whom the first bar of the noise is."""
    return "all trials" if ranking.seed == "fresh seed" else "all configurations"


def noise_axis(*, narrow: bool) -> str:
    """Return what the axis of the noise is called."""
    return (
        "share of the variance of a score" if narrow else "share of the variance of the score of a single run"
    )


def noise_tip(name: str, part: float, among: str) -> str:
    """Return what a part of a bar says."""
    return f"{name}, {among}: {part:.0%} of the variance of a single score"


def noise_caption(ranking: Ranking) -> str:
    """Return what the bars of the noise show."""
    analysis = ranking.analysis
    noise = analysis.noise
    sizes = (
        ""
        if noise is None
        else f" SD between seeds {number(noise.sd_seed)}, between episodes of one policy {number(noise.sd_episode)}."
    )
    return (
        "The smaller the first share, the less a single score says about its configuration. Line: its "
        f"{analysis.level:.0%} interval.{sizes}"
    )


NOT_SHOWN = "not shown to matter"
SLICES_LEGEND = "◆ best fifth of the trials   ○ others"
IMPORTANCE = "importance: share of what they explain together"


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


def space_caption(ranking: Ranking) -> str:
    """Return what the figure of the search space shows."""
    n_pruned = sum(one.state is TrialState.PRUNED for one in ranking.trials)
    pruned = (
        f" {count(n_pruned, 'pruned trial')} {'has' if n_pruned == 1 else 'have'} no value."
        if n_pruned
        else ""
    )
    n = len(ranking.study.search_space.parameters)
    most = (
        f" The {MOST_SLICES} most important of {n}; all are in search_space.csv." if n > MOST_SLICES else ""
    )
    ranges = [one.name for one in ranking.advice.ranges]
    advice = (
        f" Marked: what to change about the range of {listed(ranges)} in the next search." if ranges else ""
    )
    what = "The objective value of each complete trial over each range, on the scale of the search."
    return f"{what}{pruned}{advice}{most}"


TUNING, POST_EVALUATION, CONFIRMATION = "tuning", "post-evaluation", "confirmation"


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


def measures(stages: Sequence[Cost]) -> list[tuple[str, list[float], list[str]]]:
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


def stage(cost: Cost) -> str:
    """Return a stage with its runs."""
    return f"{cost.stage}: {count(cost.n_runs, 'run')}"


def cost_note(cost: Cost, *, narrow: bool) -> str:
    """Return what stands beside the time of a configuration."""
    runs = count(cost.n_runs, "run")
    steps = f"{thousands(cost.timesteps / max(1, cost.n_runs))} timesteps"
    return runs if narrow else f"{runs} of {steps}"


def cost_axis(unit: str | None) -> str:
    """Return what the axis of times is called, or of timesteps where no time is known."""
    what = "timesteps" if unit is None else f"wall time in {unit}"
    return f"{what} of one post-evaluation run (mean)"


def budget_caption(ranking: Ranking) -> str:
    """Return what the figure of the budget shows."""
    total = sum(one.wall_time_s for one in ranking.efforts.values())
    seconds, unit = time_unit([total])
    n = len(ranking.efforts)
    told = f"{count(n, 'run')}, {sum(one.timesteps for one in ranking.efforts.values()):,} timesteps"
    return (
        f"{told}, {number(total / seconds)} {unit} of computing; runs that train together share their time."
        if total
        else f"{told}."
    )
