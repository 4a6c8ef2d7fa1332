"""Headings, legends, captions and notes of the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.report.prose.marks import BREAK, time_unit
from robusttune.report.prose.words import count, listed, number
from robusttune.results.records import TrialState

if TYPE_CHECKING:
    from robusttune.report.model import Ranking

LUCK = "Lucky or consistent: from the tuning score to the mean over fresh seeds"
SEEDS = "Every seed"


CURVES = "Learning curves"
PAIRS = "Who is better than whom"
NOISE = "Where the noise comes from"
SPACE = "The search space"
BUDGET = "Budget and time"
MOST_LINES = 40
MOST_TUNING_RUNS = 20
MOST_CURVES, MOST_PAIRS, MOST_PAIRS_NARROW, MOST_SLICES, MOST_COSTS = 24, 16, 7, 18, 30


def luck_legend(ranking: Ranking, *, narrow: bool) -> str:
    """Return how the figure of luck is read."""
    star = "   ★: confirmation seeds" if ranking.analysis.confirmed else ""
    bar = f"bar: {ranking.analysis.level:.0%} interval{star}"
    return f"○ tuning score → mean over fresh seeds{BREAK if narrow else ', '}{bar}"


def luck_caption(ranking: Ranking) -> str:
    """Return what the figure of luck shows."""
    return (
        "An arrow to the left: the tuning score was lucky, and fresh seeds give less. Bold: cannot be told apart from "
        f"the best.{_best_of(ranking, MOST_LINES, 'the data')}"
    )


def seeds_legend(ranking: Ranking, *, narrow: bool) -> str:
    """Return how the figure of all seeds is read."""
    bar = f"mark and bar: mean, {ranking.analysis.level:.0%} interval"
    if not ranking.has_tuning:
        return f"hill: density   dots: {ranking.seed}s{BREAK if narrow else '   '}{bar}"
    return f"hill: density   dots: fresh seeds, filled if they reach the tuning score |{BREAK}{bar}"


def seeds_caption(ranking: Ranking) -> str:
    """Return what the figure of all seeds shows."""
    warning = "A mean says little about a configuration that sometimes fails: look at the dots."
    return f"{warning}{_best_of(ranking, MOST_LINES, 'seeds.csv')}"


def _best_of(ranking: Ranking, most: int, place: str) -> str:
    """Return that not all configurations are drawn, and where the others are."""
    n = len(ranking.rows)
    return f" The best {most} of {n}; all are in {place}." if n > most else ""


DIAGONAL = "Below the diagonal: lucky.\nNumbers: ranks."
FRESH_MEAN, TUNING_SCORE = "mean over fresh seeds", "tuning score"


def curves_caption(ranking: Ranking) -> str:
    """Return what the learning curves show."""
    best = _best_of(ranking, MOST_CURVES, "learning_curves.csv")
    tuned = " Dashed: the runs by which tuning chose the trial" if ranking.trials else ""
    if _many_tuning_runs(ranking):
        tuned += (
            f"; where they are more than {MOST_TUNING_RUNS}, their median, with dotted lines around eight in ten of "
            "them, and each run is in learning_curves.csv"
        )
    stop = "." if tuned else ""
    return f"Median of the fresh seeds, and the band that holds eight in ten of them.{tuned}{stop}{best}"


def _many_tuning_runs(ranking: Ranking) -> bool:
    return any(len(trial.run_ids) > MOST_TUNING_RUNS for trial in ranking.trials)


def curves_legend(ranking: Ranking, *, narrow: bool) -> str:
    """Return how the learning curves are read."""
    tuned = f"{BREAK if narrow else '   '}- - ○: in tuning" if ranking.trials else ""
    many = " (·····: 8 in 10 of many runs)" if _many_tuning_runs(ranking) else ""
    return f"line and band: median of fresh seeds, 8 in 10 of them{tuned}{many}"


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


SLICES_LEGEND = "◆ best fifth of the trials   ○ others"
IMPORTANCE = "importance: share of what they explain together"


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


def cost_axis(unit: str | None) -> str:
    """Return what the axis of times is called, or of timesteps where no time is known."""
    what = "timesteps" if unit is None else f"wall time in {unit}"
    return f"{what} of one post-evaluation run (mean)"


def budget_caption(ranking: Ranking) -> str:
    """Return what the figure of the budget shows."""
    stages = ranking.work.stages.values()
    n_runs, timesteps = sum(one.n_runs for one in stages), sum(one.timesteps for one in stages)
    total = sum(one.wall_time_s for one in stages)
    told, (seconds, unit) = f"{count(n_runs, 'run')}, {timesteps:,} timesteps", time_unit([total])
    time = f", {number(total / seconds)} {unit} of computing; runs that train together share their time"
    return f"{told}{time if total else ''}."
