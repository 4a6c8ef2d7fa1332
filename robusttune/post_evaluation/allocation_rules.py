"""The two rules that give seeds one by one: OCBA and top-two Thompson sampling."""

from __future__ import annotations

import numpy as np

from robusttune.stats.arrays import FloatArray, IntArray
from robusttune.stats.estimates.location import Locations
from robusttune.stats.estimates.variance import PRIOR_DF, shrink_variances

LEAST_GAP = 1e-3
"""A distance to the best below this many SDs is not believed: it would take all seeds."""
LEADER_SHARE = 0.5
_TRIES = 100


def shrunk_variances(locations: Locations) -> FloatArray:
    """Return the variance between seeds of each configuration, drawn towards their mean.

    Parameters
    ----------
    locations : Locations
        Estimates with their variances.

    Returns
    -------
    ndarray, shape (n_configs,)
        (2 s0² + (n − 1) s²) / (n + 1), with s0² the mean of all s²; in squared score units.
    """
    df = np.where(locations.usable, locations.n - 1, 0)
    return shrink_variances(locations.variance * locations.n, df, otherwise=1.0)


def ocba_weights(mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Return the share of all seeds that each configuration should have.

    Parameters
    ----------
    mean, variance : ndarray, shape (n_configs,)
        Estimated mean, and variance between seeds.

    References
    ----------
    Chen, Lin, Yücesan and Chick (2000), doi:10.1023/A:1008349927281, theorem 1;
    Glynn and Juneja (2004), doi:10.1109/WSC.2004.1371364.
    """
    best = int(np.argmax(mean))
    sd = np.sqrt(variance)
    gap = np.maximum(mean[best] - mean, LEAST_GAP * sd)
    ratio = variance / gap**2
    ratio[best] = 0.0
    ratio[best] = sd[best] * np.sqrt(np.sum(ratio**2 / variance))
    shares: FloatArray = ratio / ratio.sum()
    return shares


def ocba_batch(locations: Locations, given: IntArray, n_more: int) -> IntArray:
    """Return how many of the next seeds each configuration gets: always the one that is furthest below its share.

    Parameters
    ----------
    locations : Locations
        Estimates with their variances.
    given : ndarray of int, shape (n_configs,)
        Seeds so far.
    n_more : int
        Seeds to give.
    """
    share = ocba_weights(locations.estimate, shrunk_variances(locations))
    n = given.copy()
    for _ in range(n_more):
        n[np.argmax(share * (n.sum() + 1) - n)] += 1
    more: IntArray = n - given
    return more


def top_two_batch(locations: Locations, n_more: int, rng: np.random.Generator) -> IntArray:
    """Return how many of the next seeds each configuration gets: half to the one that may be best, half to a rival.

    Parameters
    ----------
    locations : Locations
        Estimates with their variances.
    n_more : int
        Seeds to give.
    rng : numpy.random.Generator
        Source of randomness.

    References
    ----------
    Russo (2020), Simple Bayesian algorithms for best-arm identification, doi:10.1287/opre.2019.1911.
    """
    df = np.where(locations.usable, locations.n - 1, 0) + PRIOR_DF
    error = np.sqrt(shrunk_variances(locations) / locations.n)
    more = np.zeros(error.size, dtype=np.int64)
    for _ in range(n_more):
        draws = locations.estimate + error * rng.standard_t(df, (1 + _TRIES, error.size))
        winners = draws.argmax(axis=1)
        chosen = winners[0]
        if rng.random() >= LEADER_SHARE:
            rivals = winners[winners != chosen]
            # A leader that always wins has no sampled rival; then the runner-up of the first draw is it.
            chosen = rivals[0] if rivals.size else np.argsort(draws[0])[-2]
        more[chosen] += 1
    return more
