"""Differences of all pairs with simultaneous intervals, and the three words that follow from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import as_runs, check_count, check_level, check_number, check_rng
from robusttune.stats.comparisons.contrasts import Contrasts, make_contrasts
from robusttune.stats.comparisons.maxt import DEFAULT_RESAMPLES, largest_of_all, upper_quantile
from robusttune.stats.comparisons.ranking import RankingResult, rank_contrasts

BETTER, EQUAL, UNDECIDED = "better", "practically equal", "undecided"
ROBUST, SKEW_SENSITIVE = "robust", "skew-sensitive"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairComparison:
    """One pair; `first` is the configuration with the higher estimate.

    Attributes
    ----------
    first, second : int
        Positions in the order given.
    difference, low, high : float
        First minus second, with its simultaneous interval, in score units; infinite bounds where one of the
        two has a single seed. The interval contains 0 exactly where nothing is claimed.
    low_is_open : bool
        Whether `low` itself is left out: the step-down claim "more than 0" is sharper than the single-step interval.
    p_adjusted : float
        Step-down p-value of "first is better".
    verdict : str
        "better" (first is), "practically equal" (the interval lies within the margin) or "undecided".
    support : str or None
        For "better": "robust" if the claim survives the bootstrap-t, else "skew-sensitive"; None if that
        check was not made.
    """

    first: int
    second: int
    difference: float
    low: float
    high: float
    low_is_open: bool
    p_adjusted: float
    verdict: str
    support: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonResult:
    """All pairs.

    Attributes
    ----------
    pairs : tuple of PairComparison
        Each unordered pair once.
    critical : float
        The common critical value of the simultaneous intervals.
    margin : float or None
        Differences within it are practically equal, in score units.
    level : float
        Promised simultaneous coverage.
    """

    pairs: tuple[PairComparison, ...]
    critical: float
    margin: float | None
    level: float


def compare(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike],
    *,
    level: float = 0.95,
    margin: float | None = None,
    statistic: str = "mean",
    robust: bool | None = None,
    resolution: float | None = None,
    n_resamples: int = DEFAULT_RESAMPLES,
    rng: np.random.Generator,
) -> ComparisonResult:
    """Return the differences of all pairs of configurations.

    Parameters
    ----------
    scores : array_like, shape (n_configs, n_seeds), or sequence of arrays of shape (n_seeds_i,)
        Scores on fresh seeds; higher is better.
    level : float
        Simultaneous coverage.
    margin : float, optional
        Differences within plus or minus this are of no practical interest, in score units.
    statistic : {"mean", "iqm"}
        What is compared.
    robust, resolution, n_resamples
        See `ranking.rank`.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    ValueError
        If scores are not finite, have the shape of episodes, or an option breaks its rule.

    Notes
    -----
    "Better" errs for any pair with probability at most 1 - level, and so does "practically equal"; the two
    families of claims are controlled one by one. "Undecided" is never evidence of equality.
    """
    runs = as_runs(scores)
    check_level(level)
    check_count(n_resamples, name="n_resamples", minimum=100)
    contrasts = make_contrasts(
        runs,
        statistic=statistic,
        robust=robust,
        resolution=resolution,
        n_resamples=n_resamples,
        rng=check_rng(rng),
        borrow=True,
    )
    return compare_contrasts(contrasts, rank_contrasts(contrasts, level=level), margin=margin)


def compare_contrasts(
    contrasts: Contrasts, ranking: RankingResult, *, margin: float | None
) -> ComparisonResult:
    """Return the comparisons that belong to a ranking.

    Parameters
    ----------
    contrasts : Contrasts
        From `contrasts.make_contrasts`.
    ranking : RankingResult
        Made from the same contrasts.
    margin : float or None
        In score units.
    """
    if margin is not None:
        check_number(margin, name="margin", minimum=0.0)
    critical = upper_quantile(largest_of_all(contrasts.draws), ranking.level)
    order = ranking.order
    pairs = tuple(
        _pair(contrasts, ranking, first, second, critical, margin)
        for at, first in enumerate(order)
        for second in order[at + 1 :]
    )
    return ComparisonResult(pairs=pairs, critical=critical, margin=margin, level=ranking.level)


def _pair(
    contrasts: Contrasts,
    ranking: RankingResult,
    first: int,
    second: int,
    critical: float,
    margin: float | None,
) -> PairComparison:
    difference = ranking.estimates[first] - ranking.estimates[second]
    error = float(contrasts.error[first, second])
    half = critical * error if np.isfinite(error) else np.inf
    low, high, claimed = difference - half, difference + half, ranking.better[first][second]
    low_is_open = claimed and low <= 0.0
    low = max(low, 0.0) if claimed else min(low, 0.0)
    support = None
    if margin is not None and -margin <= low and high <= margin:
        verdict = EQUAL
    elif claimed:
        verdict = BETTER
        if ranking.robust is not None:
            support = ROBUST if ranking.robust[first][second] else SKEW_SENSITIVE
    else:
        verdict = UNDECIDED
    return PairComparison(
        first=first,
        second=second,
        difference=difference,
        low=low,
        high=high,
        low_is_open=low_is_open,
        p_adjusted=ranking.p_adjusted[first][second],
        verdict=verdict,
        support=support,
    )
