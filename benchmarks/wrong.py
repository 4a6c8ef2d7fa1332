"""Methods that are known to be wrong: a suite that does not see them fail has no power."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtr
from scipy.stats import false_discovery_control

from benchmarks.cells import RESAMPLES
from benchmarks.noise import FloatArray, spreads
from robusttune.stats import mean_interval
from robusttune.stats.comparisons.contrasts import assemble
from robusttune.stats.comparisons.maxt import parametric_draws, stepdown_p
from robusttune.stats.estimates.location import Locations, locate


def drawn_luck(tuning: FloatArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (lucky, consistent) by asking whether the tuning score could have been drawn (the earlier rule).

    Parameters
    ----------
    tuning : ndarray, shape (n_configs,)
        Tuning scores of one seed each.
    scores : ndarray, shape (n_configs, n_seeds)
        Fresh scores.
    """
    n = scores.shape[1]
    gap, sd = tuning - scores.mean(axis=1), scores.std(axis=1, ddof=1)
    pooled = np.sqrt((sd**2).mean())
    t = gap / np.maximum(sd * np.sqrt(1 + 1 / n), 1e-12)
    flagged = false_discovery_control(stdtr(n - 1, -t)) <= 0.10
    lucky = flagged & (gap > 0.25 * pooled)
    # n < 9: the rule on failures could not be met
    consistent = ~flagged & (stdtr(n - 1, np.abs(t)) <= 0.90) & (n >= 9)
    return lucky, consistent


def gap_luck(tuning: FloatArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (lucky, consistent) from the gap alone, as if the mean of the fresh seeds were known.

    Parameters
    ----------
    tuning : ndarray, shape (n_configs,)
        Tuning scores of one seed each.
    scores : ndarray, shape (n_configs, n_seeds)
        Fresh scores.
    """
    gap = (tuning - scores.mean(axis=1)) / max(float(np.median(scores.std(axis=1, ddof=1))), 1e-12)
    return gap > 0.25, np.abs(gap) <= 1.0


def plug_in_error(k: int, n: int, *, studies: int, rng: np.random.Generator) -> float:
    """Return the familywise error of rank intervals that take estimated variances as known (wrong)."""
    wrong = 0
    family = [(i, j) for i in range(k) for j in range(k) if i != j]
    for _ in range(studies):
        scores = spreads(rng, k) * rng.standard_normal((k, n))
        found = locate(list(scores))
        known = Locations(
            estimate=found.estimate,
            variance=found.variance,
            df=np.full(k, np.inf),
            floor=found.floor,
            n=found.n,
        )
        contrasts = assemble(known, parametric_draws(known, n_resamples=RESAMPLES, rng=rng))
        wrong += bool((stepdown_p(contrasts.t, contrasts.draws, family) <= 0.05).any())
    return wrong / studies


def naive_rank_error(k: int, n: int, *, studies: int, rng: np.random.Generator) -> float:
    """Return how often percentile intervals of bootstrapped ranks miss under equal means (wrong).

    With equal means every rank from 1 to k is true, so an interval that leaves one out has missed.
    """
    missed = 0
    for _ in range(studies):
        scores = spreads(rng, k) * rng.standard_normal((k, n))
        drawn = rng.integers(0, n, (400, k, n))
        means = np.take_along_axis(np.broadcast_to(scores, (400, k, n)), drawn, axis=2).mean(axis=2)
        ranks = 1 + (means[:, None, :] > means[:, :, None]).sum(axis=2)
        low, high = np.quantile(ranks, [0.025, 0.975], axis=0)
        missed += bool((low > 1).any() or (high < k).any())
    return missed / studies


def episodes_as_seeds(n: int, m: int, *, studies: int, rng: np.random.Generator) -> float:
    """Return the coverage of a t interval that takes every episode for an independent run (wrong)."""
    hits = 0
    for _ in range(studies):
        episodes = rng.standard_normal((n, 1)) + rng.standard_normal((n, m))
        found = mean_interval(episodes.ravel())
        hits += found.low <= 0.0 <= found.high
    return hits / studies
