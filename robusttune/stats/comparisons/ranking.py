"""Ranks with confidence: which places of the ranking the data can exclude."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import BoolArray, FloatArray, as_runs, check_count, check_level, check_rng
from robusttune.stats.comparisons.contrasts import Contrasts, make_contrasts
from robusttune.stats.comparisons.maxt import DEFAULT_RESAMPLES, NullDraws, stepdown_p

METHOD = "studentised parametric-bootstrap max-T, step-down"


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingResult:
    """A ranking with rank intervals; every tuple has one entry per configuration, in the order given.

    Attributes
    ----------
    estimates, standard_errors : tuple of float
        In score units; the standard error is nan with one seed.
    ranks : tuple of int
        1 = highest estimate; equal estimates share the better rank.
    rank_low, rank_high : tuple of int
        Simultaneous rank interval: all of them hold together with probability `level`.
    marginal_low, marginal_high : tuple of int
        Rank interval for one configuration that was named before looking at the scores.
    better : tuple of tuple of bool
        `better[i][j]`: i is claimed to be better than j.
    p_adjusted : tuple of tuple of float
        Step-down p-value of that claim.
    robust : tuple of tuple of bool, or None
        `robust[i][j]`: the claim also survives the bootstrap-t, which does not assume normal noise. A claim
        in `better` but not here is skew-sensitive. None where that check was not made.
    robust_low, robust_high : tuple of int, or None
        Simultaneous rank intervals from robust claims only.
    statistic, method : str
        What was ranked, and how.
    level : float
        Promised simultaneous coverage.
    n_seeds : tuple of int
        Number of seeds.
    n_resamples : int
        Number of simulated draws.
    """

    estimates: tuple[float, ...]
    standard_errors: tuple[float, ...]
    ranks: tuple[int, ...]
    rank_low: tuple[int, ...]
    rank_high: tuple[int, ...]
    marginal_low: tuple[int, ...]
    marginal_high: tuple[int, ...]
    better: tuple[tuple[bool, ...], ...]
    p_adjusted: tuple[tuple[float, ...], ...]
    robust: tuple[tuple[bool, ...], ...] | None
    robust_low: tuple[int, ...] | None
    robust_high: tuple[int, ...] | None
    statistic: str
    method: str
    level: float
    n_seeds: tuple[int, ...]
    n_resamples: int

    @property
    def order(self) -> tuple[int, ...]:
        """Return the configurations' positions, best estimate first."""
        return tuple(int(i) for i in np.argsort(-np.asarray(self.estimates), kind="stable"))


def rank(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike],
    *,
    level: float = 0.95,
    statistic: str = "mean",
    robust: bool | None = None,
    resolution: float | None = None,
    n_resamples: int = DEFAULT_RESAMPLES,
    rng: np.random.Generator,
) -> RankingResult:
    """Return ranks with simultaneous and marginal rank intervals.

    Parameters
    ----------
    scores : array_like, shape (n_configs, n_seeds), or sequence of arrays of shape (n_seeds_i,)
        Scores on fresh seeds; higher is better.
    level : float
        Simultaneous coverage.
    statistic : {"mean", "iqm"}
        What is ranked.
    robust : bool, optional
        Whether claims are checked by bootstrap-t too. Default: where every configuration has ten seeds and
        the scores of one are skewed.
    resolution : float, optional
        Smallest difference that scores can show, in score units.
    n_resamples : int
        Number of simulated draws.
    rng : numpy.random.Generator
        Source of randomness; equal generators give equal intervals.

    Raises
    ------
    ValueError
        If scores are not finite, have the shape of episodes, or an option breaks its rule.

    Notes
    -----
    Assumes that runs are independent, also between configurations, and near-normal means. Variances of means
    borrow from each other (`location.moderate`). Under strong opposite skews the normal-theory claims err too
    often all the same; then believe `robust` claims only. The tuning
    scores must not be among `scores`: they were selected for being high.

    References
    ----------
    Mogstad, Romano, Shaikh and Wilhelm (2024), Inference for Ranks. doi:10.1093/restud/rdad006
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
    return rank_contrasts(contrasts, level=level)


def rank_contrasts(contrasts: Contrasts, *, level: float) -> RankingResult:
    """Return the ranking of prepared contrasts.

    Parameters
    ----------
    contrasts : Contrasts
        From `contrasts.make_contrasts`.
    level : float
        Simultaneous coverage.
    """
    t, locations = contrasts.t, contrasts.locations
    k = locations.estimate.size
    p = stepdown_p(t, contrasts.draws, _all_pairs(k))
    better = p <= 1 - level
    low, high = rank_bounds(better)
    marginal = [_marginal(t, contrasts.draws, i, level) for i in range(k)]
    robust = robust_low = robust_high = None
    if contrasts.robust_draws is not None:
        survives = better & (
            stepdown_p(contrasts.robust_t, contrasts.robust_draws, _all_pairs(k)) <= 1 - level
        )
        robust = _as_rows(survives)
        robust_low, robust_high = rank_bounds(survives)
    estimate = locations.estimate
    return RankingResult(
        estimates=tuple(estimate.tolist()),
        standard_errors=tuple(np.sqrt(locations.variance).tolist()),
        ranks=tuple((1 + (estimate[None, :] > estimate[:, None]).sum(axis=1)).tolist()),
        rank_low=low,
        rank_high=high,
        marginal_low=tuple(one[0] for one in marginal),
        marginal_high=tuple(one[1] for one in marginal),
        better=_as_rows(better),
        p_adjusted=tuple(tuple(row) for row in p.tolist()),
        robust=robust,
        robust_low=robust_low,
        robust_high=robust_high,
        statistic=contrasts.statistic,
        method=METHOD,
        level=level,
        n_seeds=tuple(locations.n.tolist()),
        n_resamples=contrasts.draws.n_resamples,
    )


def rank_bounds(better: BoolArray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the lowest and highest rank that the claims leave open for each configuration.

    Parameters
    ----------
    better : ndarray of bool, shape (n_configs, n_configs)
        `better[i, j]`: i is claimed to be better than j.
    """
    k = better.shape[0]
    return tuple((1 + better.sum(axis=0)).tolist()), tuple((k - better.sum(axis=1)).tolist())


def _all_pairs(k: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(k) for j in range(k) if i != j]


def _marginal(t: FloatArray, draws: NullDraws, i: int, level: float) -> tuple[int, int]:
    pairs = [pair for j in range(t.shape[0]) if j != i for pair in ((i, j), (j, i))]
    better = stepdown_p(t, draws, pairs) <= 1 - level
    low, high = rank_bounds(better)
    return low[i], high[i]


def _as_rows(matrix: BoolArray) -> tuple[tuple[bool, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
