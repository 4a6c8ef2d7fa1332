"""The part of a study's analysis that is about pairs: who beats whom, and how many seeds would tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from robusttune.stats._checks import FloatArray
from robusttune.stats.analysis.result import PairAnalysis, PlanStep
from robusttune.stats.comparisons.comparison import UNDECIDED, ComparisonResult
from robusttune.stats.comparisons.improvement import probability_of_improvement
from robusttune.stats.comparisons.ranking import RankingResult
from robusttune.stats.estimates.estimate import Estimate
from robusttune.stats.planning.power import inflated_sd
from robusttune.stats.planning.seeds import seeds_to_separate

PLANNED_PAIRS = 3
PERMUTATIONS = 1000


def analyse_pairs(
    names: Sequence[str],
    runs: Sequence[FloatArray],
    comparison: ComparisonResult,
    level: float,
    rng: np.random.Generator,
) -> Mapping[tuple[str, str], PairAnalysis]:
    """Return all pairs under their names.

    Parameters
    ----------
    names, runs : sequences, one entry per configuration
        Names and checked scores.
    comparison : ComparisonResult
        Their comparisons.
    level : float
        Confidence level of the probabilities of improvement, pair by pair.
    rng : numpy.random.Generator
        Source of randomness.
    """
    return {
        (names[one.first], names[one.second]): PairAnalysis(
            comparison=one, improvement=_improvement(runs[one.first], runs[one.second], level, rng)
        )
        for one in comparison.pairs
    }


def plan(
    names: Sequence[str],
    runs: Sequence[FloatArray],
    ranking: RankingResult,
    comparison: ComparisonResult,
    recommended: int,
    power: float,
    rng: np.random.Generator,
) -> tuple[PlanStep, ...]:
    """Return how many more seeds would separate the recommended configuration from those next to it.

    Those with a single seed are left out: nobody knows their noise.

    Parameters
    ----------
    names, runs : sequences, one entry per configuration
        Names and checked scores.
    ranking, comparison
        Results on them.
    recommended : int
        Position of the recommended configuration.
    power : float
        Wanted probability of the separation.
    rng : numpy.random.Generator
        Source of randomness.
    """
    known = [i for i, x in enumerate(runs) if x.size > 1]
    means = [ranking.estimates[i] for i in known]
    # The SD that goes with the ranked statistic's standard error.
    sds = [inflated_sd(ranking.standard_errors[i] * math.sqrt(runs[i].size), n=runs[i].size) for i in known]
    own = [one for one in comparison.pairs if one.first == recommended][:PLANNED_PAIRS]
    found = []
    for one in own:
        if one.verdict != UNDECIDED or one.first not in known or one.second not in known:
            continue
        total = seeds_to_separate(
            means,
            sds,
            first=known.index(one.first),
            second=known.index(one.second),
            power=power,
            level=comparison.level,
            rng=rng,
        )
        here = min(runs[one.first].size, runs[one.second].size)
        more = None if total is None else max(1, total - here)
        found.append(PlanStep(first=names[one.first], second=names[one.second], more_seeds=more, power=power))
    return tuple(found)


def _improvement(
    first: FloatArray, second: FloatArray, level: float, rng: np.random.Generator
) -> Estimate | None:
    if min(first.size, second.size) < 2:
        return None
    return probability_of_improvement(first, second, level=level, n_resamples=PERMUTATIONS, rng=rng)
