"""The best set: configurations that cannot be excluded from being the best, and the regret of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import FloatArray, as_runs, check_count, check_level, check_number, check_rng
from robusttune.stats.comparisons.contrasts import Contrasts, make_contrasts
from robusttune.stats.comparisons.maxt import DEFAULT_RESAMPLES, largest_against, upper_quantile
from robusttune.stats.comparisons.ranking import RankingResult

METHOD = "multiple comparisons with the best, unequal variances, studentised parametric bootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class BestSetResult:
    """The best set; every tuple has one entry per configuration, in the order given.

    Attributes
    ----------
    members : tuple of bool
        Whether the configuration may be the best (or, with `indifference`, within it of the best).
    gap_low, gap_high : tuple of float
        Simultaneous interval for its mean minus the best of the others, constrained to contain 0 or touch
        it, in score units: a positive upper bound means "may be the best by this much".
    regret_high : tuple of float
        The most that is lost by choosing it, in score units; infinite if some member has one seed.
    critical : tuple of float
        Critical values; nan where the configuration has one seed.
    indifference, level : float
        Losses up to this do not count; promised coverage.
    method : str
        How the set was made.
    """

    members: tuple[bool, ...]
    gap_low: tuple[float, ...]
    gap_high: tuple[float, ...]
    regret_high: tuple[float, ...]
    critical: tuple[float, ...]
    indifference: float
    level: float
    method: str = METHOD

    @property
    def size(self) -> int:
        """Return how many configurations may be the best."""
        return sum(self.members)


def best_set(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike],
    *,
    level: float = 0.95,
    indifference: float = 0.0,
    statistic: str = "mean",
    resolution: float | None = None,
    n_resamples: int = DEFAULT_RESAMPLES,
    rng: np.random.Generator,
) -> BestSetResult:
    """Return the configurations that may be the best.

    Parameters
    ----------
    scores : array_like, shape (n_configs, n_seeds), or sequence of arrays of shape (n_seeds_i,)
        Scores on fresh seeds; higher is better.
    level : float
        Probability that the best configuration is in the set.
    indifference : float
        Keep whatever is not shown to be worse than the best by more than this, in score units.
    statistic : {"mean", "iqm"}
        What "best" refers to.
    resolution : float, optional
        Smallest difference that scores can show, in score units.
    n_resamples : int
        Number of simulated draws.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    ValueError
        If scores are not finite, have the shape of episodes, or an option breaks its rule.

    Notes
    -----
    Being in the set is no evidence of being good: with few seeds nearly all configurations are. Assumes
    independent runs. A configuration with one seed can never be excluded.

    References
    ----------
    Hsu (1984), doi:10.1214/aos/1176346732; Hsu (1996), Multiple Comparisons, chapter 4.
    """
    runs = as_runs(scores)
    check_level(level)
    check_number(indifference, name="indifference", minimum=0.0)
    check_count(n_resamples, name="n_resamples", minimum=100)
    contrasts = make_contrasts(
        runs,
        statistic=statistic,
        robust=False,
        resolution=resolution,
        n_resamples=n_resamples,
        rng=check_rng(rng),
    )
    return best_set_contrasts(contrasts, level=level, indifference=indifference)


def best_set_contrasts(contrasts: Contrasts, *, level: float, indifference: float = 0.0) -> BestSetResult:
    """Return the best set of prepared contrasts.

    Parameters
    ----------
    contrasts : Contrasts
        From `contrasts.make_contrasts`.
    level : float
        Probability that the best configuration is in the set.
    indifference : float
        In score units.
    """
    k = contrasts.locations.estimate.size
    usable = contrasts.locations.usable
    critical = np.full(k, np.nan)
    if np.count_nonzero(usable) > 1:
        for i in np.flatnonzero(usable).tolist():
            critical[i] = upper_quantile(largest_against(contrasts.draws, i), level)
    return _constrained(contrasts.locations.estimate, contrasts.error, critical, level, indifference)


def unbeaten(best: BestSetResult, ranking: RankingResult) -> BestSetResult:
    """Return the best set without those that are claimed to be worse than another: nobody may be both.

    Parameters
    ----------
    best : BestSetResult
        From the configurations' own variances.
    ranking : RankingResult
        Claims on the same configurations, whose variances may borrow from each other.
    """
    beaten = np.array(ranking.better, dtype=bool).any(axis=0)
    return replace(best, members=tuple((np.array(best.members) & ~beaten).tolist()))


def _constrained(
    estimate: FloatArray, error: FloatArray, critical: FloatArray, level: float, indifference: float
) -> BestSetResult:
    """Apply Hsu's construction (1996, eq. 4.2-4.4) with a critical value and an error for each pair."""
    k = estimate.size
    gap = estimate[:, None] - estimate[None, :]
    known = np.isfinite(error)
    reach = np.where(known, np.nan_to_num(critical, nan=0.0)[:, None] * np.where(known, error, 0.0), np.inf)
    others = ~np.eye(k, dtype=bool)
    optimistic = np.where(others, gap + reach, np.inf).min(axis=1)
    high = np.maximum(0.0, optimistic)
    may_be_best = high > 0.0
    if not may_be_best.any():  # exact ties of constant configurations
        may_be_best = estimate == estimate.max()
    pessimistic = gap - reach.T  # [i, j] uses the critical value of j, the possible best
    rivals = others & may_be_best[None, :]
    low = np.where(rivals, pessimistic, np.inf).min(axis=1)
    low = np.where(np.isinf(low) & (low > 0), 0.0, np.minimum(low, 0.0))
    members = np.where(others, gap + reach + indifference, np.inf).min(axis=1) >= 0.0
    members |= may_be_best
    return BestSetResult(
        members=tuple(members.tolist()),
        gap_low=tuple(low.tolist()),
        gap_high=tuple(high.tolist()),
        regret_high=tuple(np.abs(low).tolist()),
        critical=tuple(critical.tolist()),
        indifference=indifference,
        level=level,
    )
