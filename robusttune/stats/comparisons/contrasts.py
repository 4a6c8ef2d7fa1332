"""All pairwise comparisons of one set of configurations, prepared once and read by ranking and best set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robusttune.stats._checks import FloatArray
from robusttune.stats.comparisons.maxt import NullDraws, bootstrap_draws, parametric_draws
from robusttune.stats.estimates.estimate import skewness
from robusttune.stats.estimates.location import Locations, locate, moderate

# Seeds per configuration from which the bootstrap-t check is informative, and the skewness that calls for it.
ROBUST_FROM_N = 10
ROBUST_FROM_SKEW = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrasts:
    """Everything that the comparisons of one set of configurations share.

    Attributes
    ----------
    locations : Locations
        Estimates, variances, degrees of freedom.
    t : ndarray, shape (n_configs, n_configs)
        Studentised difference of row minus column; 0 where one of them has a single seed.
    error : ndarray, shape (n_configs, n_configs)
        Standard error of the difference; infinite where one of them has a single seed.
    draws : NullDraws
        Studentised parametric bootstrap.
    robust_draws : NullDraws or None
        Bootstrap-t draws, which make no assumption on the shape of the noise.
    robust_t : ndarray, shape (n_configs, n_configs)
        Differences studentised by the configurations' own variances, as those of the bootstrap-t are.
    statistic : str
        "mean" or "iqm".
    """

    locations: Locations
    t: FloatArray
    error: FloatArray
    draws: NullDraws
    robust_draws: NullDraws | None
    robust_t: FloatArray
    statistic: str


def wants_robust(runs: Sequence[FloatArray]) -> bool:
    """Return whether the bootstrap-t check is on by default: all have ten seeds and one is skewed.

    Parameters
    ----------
    runs : sequence of arrays, shape (n_seeds_i,)
        Checked scores.
    """
    enough = min(x.size for x in runs) >= ROBUST_FROM_N
    return enough and any(abs(skewness(x)) > ROBUST_FROM_SKEW for x in runs)


def make_contrasts(
    runs: Sequence[FloatArray],
    *,
    statistic: str,
    robust: bool | None,
    resolution: float | None,
    n_resamples: int,
    rng: np.random.Generator,
    borrow: bool = False,
) -> Contrasts:
    """Return the studentised differences of all pairs and their simulated null distribution.

    Parameters
    ----------
    runs : sequence of arrays, shape (n_seeds_i,)
        Checked scores.
    statistic : {"mean", "iqm"}
        What is compared.
    robust : bool or None
        Whether to add bootstrap-t draws; None means where `wants_robust` says so.
    resolution : float or None
        See `location.locate`.
    n_resamples : int
        Number of draws.
    rng : numpy.random.Generator
        Source of randomness.
    borrow : bool
        Whether variances of means borrow from each other, see `location.moderate`: for claims and differences, not
        for the best set, which would grow.
    """
    locations = locate(runs, statistic=statistic, resolution=resolution)
    used = moderate(locations) if borrow and statistic == "mean" else locations
    draws = parametric_draws(used, n_resamples=n_resamples, rng=rng)
    robust_draws = None
    if wants_robust(runs) if robust is None else robust:
        robust_draws = bootstrap_draws(runs, locations, statistic=statistic, n_resamples=n_resamples, rng=rng)
    return assemble(used, draws, robust_draws, own=locations, statistic=statistic)


def assemble(
    locations: Locations,
    draws: NullDraws,
    robust_draws: NullDraws | None = None,
    *,
    own: Locations | None = None,
    statistic: str = "mean",
) -> Contrasts:
    """Return the contrasts of given estimates and null draws.

    Parameters
    ----------
    locations : Locations
        Estimates and their variances.
    draws, robust_draws : NullDraws
        Their null distribution.
    own : Locations, optional
        The same estimates with the variances that the robust draws have; default the same.
    statistic : str
        What the estimates are.
    """
    t, error = _studentised(locations)
    return Contrasts(
        locations=locations,
        t=t,
        error=error,
        draws=draws,
        robust_draws=robust_draws,
        robust_t=t if own is None else _studentised(own)[0],
        statistic=statistic,
    )


def _studentised(locations: Locations) -> tuple[FloatArray, FloatArray]:
    """Return the studentised differences of all pairs, and their standard errors."""
    usable = locations.usable
    both = usable[:, None] & usable[None, :]
    v = np.where(usable, locations.variance, 0.0)
    gap = locations.estimate[:, None] - locations.estimate[None, :]
    error = np.where(both, np.sqrt(v[:, None] + v[None, :]), np.inf)
    return np.where(both, gap / error, 0.0), error
