"""The part of a study's analysis that is about pairs, the tuning champion, the plan and the warnings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from robusttune.stats._checks import FloatArray
from robusttune.stats.analysis.result import (
    ChampionAnalysis,
    ConfigurationAnalysis,
    Interval,
    PairAnalysis,
    PlanStep,
    finite,
)
from robusttune.stats.comparisons.comparison import (
    SKEW_SENSITIVE,
    UNDECIDED,
    ComparisonResult,
    PairComparison,
)
from robusttune.stats.comparisons.improvement import probability_of_improvement
from robusttune.stats.comparisons.ranking import RankingResult
from robusttune.stats.estimates.estimate import mean_interval
from robusttune.stats.estimates.variance import NoiseComponents
from robusttune.stats.planning.power import inflated_sd
from robusttune.stats.planning.seeds import seeds_to_separate

FEW_SEEDS = 5  # below it the interval widths say more about luck than about the configurations
PLANNED_PAIRS = 3
PERMUTATIONS = 1000


def pairs(
    ids: Sequence[str],
    runs: Sequence[FloatArray],
    comparison: ComparisonResult,
    top: int,
    rng: np.random.Generator,
) -> tuple[PairAnalysis, ...]:
    """Return all pairs under their ids, with P(improvement) of the configuration ranked first.

    Parameters
    ----------
    ids, runs : sequences, one entry per configuration
        Ids and checked scores.
    comparison : ComparisonResult
        Their comparisons.
    top : int
        Position of the configuration ranked first.
    rng : numpy.random.Generator
        Source of randomness.
    """
    return tuple(
        PairAnalysis(
            first=ids[one.first],
            second=ids[one.second],
            difference=one.difference,
            low=finite(one.low),
            high=finite(one.high),
            p_adjusted=one.p_adjusted,
            verdict=one.verdict,
            support=one.support,
            p_improvement=_improvement(runs, one, rng) if one.first == top else None,
        )
        for one in comparison.pairs
    )


def champion(
    configurations: Sequence[ConfigurationAnalysis],
    tuning: Mapping[int, FloatArray],
    level: float,
) -> ChampionAnalysis | None:
    """Return what is known about the highest tuning score, or None without tuning scores.

    Parameters
    ----------
    configurations : sequence of ConfigurationAnalysis
        All configurations.
    tuning : mapping of position to array
        Tuning scores of the trials.
    level : float
        Confidence level.
    """
    if not tuning:
        return None
    at = max(tuning, key=lambda i: float(tuning[i].mean()))
    one = configurations[at]
    lucks = {i: found for i in tuning if (found := configurations[i].luck) is not None}
    optimism = lucks[at]
    return ChampionAnalysis(
        config_id=one.config_id,
        optimism=Interval(
            estimate=optimism.luck,
            low=finite(optimism.low),
            high=finite(optimism.high),
            method=one.mean.method,
            note=optimism.note,
        ),
        expected_regret=one.expected_regret,
        regret_high=one.regret_high,
        in_best_set=one.in_best_set,
        mean_optimism=Interval.of(mean_interval([found.luck for found in lucks.values()], level=level)),
    )


def plan(
    ids: Sequence[str],
    runs: Sequence[FloatArray],
    ranking: RankingResult,
    comparison: ComparisonResult,
    power: float,
    rng: np.random.Generator,
) -> tuple[PlanStep, ...]:
    """Return how many more seeds would separate the first from those next to it.

    Parameters
    ----------
    ids, runs : sequences, one entry per configuration
        Ids and checked scores.
    ranking, comparison
        Results on them.
    power : float
        Wanted probability of the separation.
    rng : numpy.random.Generator
        Source of randomness.
    """
    known = [i for i, x in enumerate(runs) if x.size > 1]
    means = [ranking.estimates[i] for i in known]
    sds = [inflated_sd(_sd(runs[i], ranking.standard_errors[i]), n=runs[i].size) for i in known]
    place = {i: str(at + 1) for at, i in enumerate(ranking.order)}
    found = []
    for one in comparison.pairs[:PLANNED_PAIRS]:
        if one.verdict != UNDECIDED or one.first != ranking.order[0]:
            continue
        total = None
        if one.first in known and one.second in known:
            total = seeds_to_separate(
                means,
                sds,
                first=known.index(one.first),
                second=known.index(one.second),
                power=power,
                level=comparison.level,
                rng=rng,
            )
        names = f"#{place[one.first]} ({ids[one.first]}) and #{place[one.second]} ({ids[one.second]})"
        found.append(_step(ids, one, runs, total, names, power))
    return tuple(found)


def warnings(
    configurations: Sequence[ConfigurationAnalysis], ranking: RankingResult, noise: NoiseComponents | None
) -> tuple[str, ...]:
    """Return what a reader must know before using the numbers.

    Parameters
    ----------
    configurations : sequence of ConfigurationAnalysis
        All configurations.
    ranking : RankingResult
        Their ranking.
    noise : NoiseComponents or None
        Their noise, if known.
    """
    found = []
    few = [one.config_id for one in configurations if one.n_seeds < FEW_SEEDS]
    if few:
        found.append(f"n too small: fewer than {FEW_SEEDS} seeds for {', '.join(few)}; screening only")
    constant = [one.config_id for one in configurations if one.sd == 0.0]
    if constant:
        found.append(f"no variation seen in the runs of {', '.join(constant)}: the interval is no certainty")
    failing = [one.config_id for one in configurations if one.n_failed]
    if failing:
        found.append(f"failed runs count at the score of the failure policy: {', '.join(failing)}")
    if ranking.robust is not None and ranking.robust != ranking.better:
        found.append(
            f"some claims are {SKEW_SENSITIVE}: they rest on near-normal noise, and the scores are skewed"
        )
    if noise is not None and noise.warning is not None:
        found.append(noise.warning)
    return tuple(found)


def _improvement(
    runs: Sequence[FloatArray], one: PairComparison, rng: np.random.Generator
) -> Interval | None:
    x, y = runs[one.first], runs[one.second]
    if min(x.size, y.size) < 2:
        return None
    return Interval.of(probability_of_improvement(x, y, n_resamples=PERMUTATIONS, rng=rng))


def _sd(x: FloatArray, error: float) -> float:
    """Return the SD that goes with the ranked statistic's standard error."""
    return error * math.sqrt(x.size)


def _step(
    ids: Sequence[str],
    one: PairComparison,
    runs: Sequence[FloatArray],
    total: int | None,
    names: str,
    power: float,
) -> PlanStep:
    here = min(runs[one.first].size, runs[one.second].size)
    more = None if total is None else max(1, total - here)
    if more is None:
        sentence = (
            f"no affordable number of seeds would separate {names}: the observed difference is too small"
        )
    else:
        plural = "seed" if more == 1 else "seeds"
        sentence = f"{more} more {plural} each would separate {names}"
    return PlanStep(
        first=ids[one.first],
        second=ids[one.second],
        more_seeds=more,
        total_seeds=None if more is None else here + more,
        power=power,
        sentence=sentence,
    )
