"""The part of a study's analysis that is about single configurations."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from robusttune.stats._checks import FloatArray
from robusttune.stats.analysis.result import ConfigurationAnalysis
from robusttune.stats.comparisons.bayes import BestProbability
from robusttune.stats.comparisons.best_set import BestSetResult
from robusttune.stats.comparisons.ranking import RankingResult, rank_bounds
from robusttune.stats.estimates.estimate import Estimate, skewness, trimmed_interval
from robusttune.stats.estimates.proportions import wilson_bounds
from robusttune.stats.estimates.tails import lower_tail_mean, tolerance_bound
from robusttune.stats.luck.curves import FEWEST_POINTS, Curve, CurveReliability, curve_reliability
from robusttune.stats.luck.spread import spread, two_groups
from robusttune.stats.luck.verdict import LuckResult


def analyse_configurations(
    names: Sequence[str],
    runs: Sequence[FloatArray],
    failed: Sequence[int],
    means: Sequence[Estimate],
    ranking: RankingResult,
    best: BestSetResult,
    members: Sequence[bool],
    bayes: BestProbability,
    lucks: Mapping[int, LuckResult],
    trials: Collection[int],
    curves: Mapping[str, Sequence[Curve]],
    *,
    level: float,
) -> Mapping[str, ConfigurationAnalysis]:
    """Return the analysis of each configuration from the results on all of them, best estimate first.

    Parameters
    ----------
    names, runs, failed, means : sequences, one entry per configuration
        Names, checked scores, numbers of failed runs, means with the intervals to print.
    ranking, best, bayes
        Results on the same configurations.
    members : sequence of bool, one entry per configuration
        Who may be the best.
    lucks : mapping of position to LuckResult
        For those with a tuning score.
    trials : collection of int
        Positions of those that this search has made.
    curves : mapping of name to sequence of (timesteps, scores)
        Learning curves of the runs.
    level : float
        Confidence level.
    """
    tuning_ranks = _tuning_ranks([i for i in lucks if i in trials], lucks, ranking)
    words = dict(zip(trials, spread([runs[i] for i in trials], level=level), strict=True)) if trials else {}
    found = {}
    for i in ranking.order:
        x, sd = runs[i], _sd(runs[i])
        tuning_rank, rank_lucky, hidden_gem = tuning_ranks.get(i, (None, False, False))
        found[names[i]] = ConfigurationAnalysis(
            n_seeds=x.size,
            mean=means[i],
            iqm=trimmed_interval(x, level=level),
            failure=_share(failed[i], x.size, level),
            median=float(np.median(x)),
            worst=float(x.min()),
            lower_tail=lower_tail_mean(x),
            sd=sd,
            skewness=None if sd is None else skewness(x),
            tolerance_low=None if sd is None else float(x.mean()) - tolerance_bound(n=x.size) * sd,
            rank=ranking.ranks[i],
            rank_low=ranking.rank_low[i],
            rank_high=ranking.rank_high[i],
            marginal_low=ranking.marginal_low[i],
            marginal_high=ranking.marginal_high[i],
            robust_low=None if ranking.robust_low is None else ranking.robust_low[i],
            robust_high=None if ranking.robust_high is None else ranking.robust_high[i],
            in_best_set=members[i],
            regret_high=best.regret_high[i],
            expected_regret=bayes.expected_regret[i],
            p_best=bayes.p_best[i],
            luck=lucks.get(i),
            tuning_rank=tuning_rank,
            rank_lucky=rank_lucky,
            hidden_gem=hidden_gem,
            spread=words.get(i),
            two_groups=two_groups(x),
            training=_training(curves.get(names[i], ())),
        )
    return found


def _share(n_events: int, n: int, level: float) -> Estimate:
    low, high = wilson_bounds(n_events, n, level=level)
    return Estimate(
        statistic="failure share",
        method="Wilson",
        estimate=n_events / n,
        low=low,
        high=high,
        standard_error=math.nan,
        df=math.nan,
        level=level,
        n=n,
    )


def _training(curves: Sequence[Curve]) -> CurveReliability | None:
    """Return the reliability of training; runs that were evaluated at the same timesteps are taken together."""
    long = [(tuple(t), y) for t, y in curves if len(y) >= FEWEST_POINTS]
    found: dict[int, tuple[float, float, float]] = {}
    for timesteps in dict.fromkeys(t for t, _ in long):
        alike = [i for i, (t, _) in enumerate(long) if t == timesteps]
        one = curve_reliability(np.array([long[i][1] for i in alike]), timesteps=timesteps)
        values = zip(one.dispersion, one.short_term_risk, one.long_term_risk, strict=True)
        found.update(zip(alike, values, strict=True))
    if not found:
        return None
    dispersion, short, long_term = zip(*(found[i] for i in range(len(long))), strict=True)
    return CurveReliability(
        dispersion=dispersion, short_term_risk=short, long_term_risk=long_term, tail=one.tail
    )


def _sd(x: FloatArray) -> float | None:
    if x.size < 2:
        return None
    return 0.0 if float(np.ptp(x)) == 0.0 else float(x.std(ddof=1))


def _tuning_ranks(
    at: Sequence[int], lucks: Mapping[int, LuckResult], ranking: RankingResult
) -> dict[int, tuple[int, bool, bool]]:
    """Return (tuning rank, rank-lucky, hidden gem) of each trial.

    Rank intervals are taken among the trials: controls have no tuning rank to compare with. Equal tuning
    scores count as the worst shared rank for luck and as the best for a gem, so that a tie is no evidence.
    """
    better = np.array(ranking.better, dtype=bool)[np.ix_(at, at)]
    low, high = rank_bounds(better) if at else ((), ())
    tuning = np.array([lucks[i].tuning for i in at])
    found = {}
    for row, i in enumerate(at):
        first = 1 + int((tuning > tuning[row]).sum())
        last = int((tuning >= tuning[row]).sum())
        found[i] = (first, last < low[row], first > high[row])
    return found
