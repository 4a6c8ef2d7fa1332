"""The part of a study's analysis that is about single configurations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from robusttune.stats._checks import FloatArray
from robusttune.stats.analysis.result import ConfigurationAnalysis, Interval, finite
from robusttune.stats.comparisons.bayes import BestProbability
from robusttune.stats.comparisons.best_set import BestSetResult
from robusttune.stats.comparisons.ranking import RankingResult, rank_bounds
from robusttune.stats.estimates.estimate import Estimate, iqm, skewness, trimmed_interval
from robusttune.stats.estimates.proportions import wilson_bounds
from robusttune.stats.estimates.tails import lower_tail_mean, tolerance_bound
from robusttune.stats.luck.verdict import LuckResult


def analyse_configurations(
    ids: Sequence[str],
    runs: Sequence[FloatArray],
    failed: Sequence[int],
    means: Sequence[Estimate],
    ranking: RankingResult,
    best: BestSetResult,
    bayes: BestProbability,
    lucks: Mapping[int, LuckResult],
    trials: Collection[int],
    *,
    level: float,
) -> tuple[ConfigurationAnalysis, ...]:
    """Return the analysis of each configuration from the results on all of them.

    Parameters
    ----------
    ids, runs, failed, means : sequences, one entry per configuration
        Ids, checked scores, numbers of failed runs, means with the intervals to print.
    ranking, best, bayes
        Results on the same configurations.
    lucks : mapping of position to LuckResult
        For the trials, and for controls with a reported number.
    trials : collection of int
        Positions of the trials.
    level : float
        Confidence level.
    """
    tuning_ranks = _tuning_ranks({i: lucks[i] for i in trials}, ranking)
    found = []
    for i, x in enumerate(runs):
        low, high = wilson_bounds(failed[i], x.size, level=level)
        sd = _sd(x)
        tuning_rank, rank_lucky, hidden_gem = tuning_ranks.get(i, (None, False, False))
        found.append(
            ConfigurationAnalysis(
                config_id=ids[i],
                n_seeds=x.size,
                n_failed=failed[i],
                mean=Interval.of(means[i]),
                iqm=Interval.of(trimmed_interval(x, level=level)),
                iqm_fractional=iqm(x),
                median=float(np.median(x)),
                worst=float(x.min()),
                lower_tail=lower_tail_mean(x),
                sd=sd,
                skewness=None if sd is None else skewness(x),
                tolerance_low=None if sd is None else float(x.mean()) - tolerance_bound(n=x.size) * sd,
                failure=Interval(estimate=failed[i] / x.size, low=low, high=high, method="Wilson"),
                rank=ranking.ranks[i],
                rank_low=ranking.rank_low[i],
                rank_high=ranking.rank_high[i],
                marginal_low=ranking.marginal_low[i],
                marginal_high=ranking.marginal_high[i],
                robust_low=None if ranking.robust_low is None else ranking.robust_low[i],
                robust_high=None if ranking.robust_high is None else ranking.robust_high[i],
                in_best_set=best.members[i],
                regret_low=0.0,
                regret_high=finite(best.regret_high[i]),
                expected_regret=bayes.expected_regret[i],
                p_best=bayes.p_best[i],
                luck=lucks.get(i),
                tuning_rank=tuning_rank,
                rank_lucky=rank_lucky,
                hidden_gem=hidden_gem,
            )
        )
    return tuple(found)


def _sd(x: FloatArray) -> float | None:
    if x.size < 2:
        return None
    return 0.0 if float(np.ptp(x)) == 0.0 else float(x.std(ddof=1))


def _tuning_ranks(
    lucks: Mapping[int, LuckResult], ranking: RankingResult
) -> dict[int, tuple[int, bool, bool]]:
    """Return (tuning rank, rank-lucky, hidden gem) of each candidate.

    Rank intervals are taken among the candidates: controls have no tuning rank to compare with. Equal tuning
    scores count as the worst shared rank for luck and as the best for a gem, so that a tie is no evidence.
    """
    at = list(lucks)
    better = np.array(ranking.better, dtype=bool)[np.ix_(at, at)]
    low, high = rank_bounds(better) if at else ((), ())
    tuning = np.array([lucks[i].tuning for i in at])
    found = {}
    for row, i in enumerate(at):
        first = 1 + int((tuning > tuning[row]).sum())
        last = int((tuning >= tuning[row]).sum())
        found[i] = (first, last < low[row], first > high[row])
    return found
