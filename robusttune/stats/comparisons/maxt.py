"""The null distribution of all pairwise studentised differences, and the step-down p-values made from it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robusttune.stats._checks import BoolArray, FloatArray
from robusttune.stats.estimates.location import Locations
from robusttune.stats.estimates.resample import resample_counts, resampled_moments

DEFAULT_RESAMPLES = 10_000
_KEPT = 1000  # claims of a family up to which the draws of a pair are kept for its reverse: 40 MB at most
# Numbers that are worked on at once: fewer cost more calls, more leave the processor's cache.
_AT_ONCE = 2**15


@dataclass(frozen=True, kw_only=True)
class NullDraws:
    """Simulated deviations of the estimates from the truth, and the variances estimated along with them.

    Attributes
    ----------
    deviation, variance : ndarray, shape (n_configs, n_resamples)
        In score units, and their square.
    usable : ndarray of bool, shape (n_configs,)
        Configurations with a known variance; the others enter no pair.
    """

    deviation: FloatArray
    variance: FloatArray
    usable: BoolArray

    @property
    def n_resamples(self) -> int:
        """Return the number of draws."""
        return int(self.deviation.shape[1])

    def of_usable(self) -> NullDraws:
        """Return the draws of the configurations with a known variance."""
        if self.usable.all():
            return self
        own = self.usable
        return NullDraws(deviation=self.deviation[own], variance=self.variance[own], usable=own[own])

    @functools.cached_property
    def always_varies(self) -> BoolArray:
        """Return which configurations have some variance in every draw."""
        return np.asarray((self.variance > 0).all(axis=1))

    def ratio(self, i: int, j: int | slice) -> FloatArray:
        """Return the studentised difference of configuration i and j (or a range of them) in every draw."""
        t: FloatArray = self.deviation[i] - self.deviation[j]
        error = self.variance[i] + self.variance[j]
        np.sqrt(error, out=error)
        if self.always_varies[i]:
            t /= error
            return t
        with np.errstate(divide="ignore", invalid="ignore"):
            t /= error
        # 0/0: a resample without any spread and without any deviation says nothing against equality
        t[np.isnan(t)] = 0.0
        return t


def parametric_draws(locations: Locations, *, n_resamples: int, rng: np.random.Generator) -> NullDraws:
    """Return normal deviations with chi-square variances, each configuration with its own spread.

    Parameters
    ----------
    locations : Locations
        Estimates; infinite `df` means a known variance.
    n_resamples : int
        Number of draws.
    rng : numpy.random.Generator
        Source of randomness.

    References
    ----------
    Krishnamoorthy, Lu and Mathew (2007), A parametric bootstrap approach for ANOVA with unequal variances.
    doi:10.1016/j.csda.2006.09.039
    """
    k = locations.estimate.size
    usable = locations.usable
    variance = np.where(usable, locations.variance, 0.0)[:, None]
    deviation = rng.standard_normal((k, n_resamples)) * np.sqrt(variance)
    drawn = np.repeat(variance, n_resamples, axis=1)
    for i in np.flatnonzero(usable & np.isfinite(locations.df)):
        drawn[i] *= rng.chisquare(locations.df[i], n_resamples) / locations.df[i]
    return NullDraws(deviation=deviation, variance=drawn, usable=usable)


def bootstrap_draws(
    runs: Sequence[FloatArray],
    locations: Locations,
    *,
    statistic: str,
    n_resamples: int,
    rng: np.random.Generator,
) -> NullDraws:
    """Return deviations and variances under resampling of seeds within each configuration.

    Parameters
    ----------
    runs : sequence of arrays, shape (n_seeds_i,)
        Checked scores.
    locations : Locations
        Their estimates.
    statistic : {"mean", "iqm"}
        What is compared.
    n_resamples : int
        Number of draws.
    rng : numpy.random.Generator
        Source of randomness.

    Notes
    -----
    Configurations with equally many seeds share one set of resamples, each in its own random order: every
    configuration then has exactly bootstrap draws, and two of them are paired at random.
    """
    k = len(runs)
    deviation, variance = np.zeros((k, n_resamples)), np.zeros((k, n_resamples))
    for n in np.unique(locations.n[locations.usable]):
        members = np.flatnonzero(locations.n == n).tolist()
        counts = resample_counts(int(n), n_resamples, rng)
        moments = resampled_moments(np.stack([runs[i] for i in members]), counts, statistic=statistic)
        for row, i in enumerate(members):
            order = rng.permutation(n_resamples)
            deviation[i] = moments.estimate[row, order]
            variance[i] = np.maximum(moments.variance[row, order], locations.floor[i])
    return NullDraws(deviation=deviation, variance=variance, usable=locations.usable)


def largest_of_all(draws: NullDraws) -> FloatArray:
    """Return the largest studentised difference over all ordered pairs, shape (n_resamples,)."""
    largest = np.zeros(draws.n_resamples)
    draws, together = draws.of_usable(), max(1, _AT_ONCE // draws.n_resamples)
    for i in range(len(draws.usable)):
        for first in range(i + 1, len(draws.usable), together):
            t = draws.ratio(i, slice(first, first + together))
            np.maximum(largest, np.abs(t, out=t).max(axis=0), out=largest)
    return largest


def largest_against(draws: NullDraws, i: int) -> FloatArray:
    """Return the largest studentised difference of any other configuration over i, shape (n_resamples,)."""
    largest = np.full(draws.n_resamples, -np.inf)
    if draws.usable[i]:
        for j in np.flatnonzero(draws.usable).tolist():
            if j != i:
                np.maximum(largest, draws.ratio(j, i), out=largest)
    return largest


def upper_quantile(values: FloatArray, level: float) -> float:
    """Return the smallest value that is reached with at least the given frequency."""
    return float(np.quantile(values, level, method="higher"))


def stepdown_p(t: FloatArray, draws: NullDraws, pairs: Sequence[tuple[int, int]]) -> FloatArray:
    """Return adjusted p-values of the claims "i is better than j", shape (n_configs, n_configs).

    Parameters
    ----------
    t : ndarray, shape (n_configs, n_configs)
        Observed studentised differences, row minus column.
    draws : NullDraws
        Their null distribution.
    pairs : sequence of (i, j)
        The family: ordered pairs over which the error is controlled. Others get p = 1.

    Notes
    -----
    Claims are ordered by t; each is compared with the maximum over itself and all claims after it, and no
    claim gets a smaller p-value than one before it. Rejecting p <= alpha is the step-down procedure.

    References
    ----------
    Romano and Wolf (2005), doi:10.1198/016214504000000539;
    Mogstad, Romano, Shaikh and Wilhelm (2024), doi:10.1093/restud/rdad006.
    """
    p = np.ones_like(t)
    family = sorted(
        (pair for pair in pairs if draws.usable[pair[0]] and draws.usable[pair[1]]), key=lambda q: t[q]
    )
    running = np.full(draws.n_resamples, -np.inf)
    raw: list[float] = []
    kept: dict[tuple[int, int], FloatArray] = {}
    for i, j in family:
        own = kept.pop((j, i), None)
        if own is None:
            own = draws.ratio(i, j)
            if len(family) <= _KEPT:
                kept[i, j] = own
        else:
            np.negative(own, out=own)
        np.maximum(running, own, out=running)
        exceed = np.count_nonzero(running >= t[i, j]) if t[i, j] > 0 else draws.n_resamples
        raw.append((1 + exceed) / (1 + draws.n_resamples))
    largest = 0.0
    for (i, j), value in zip(reversed(family), reversed(raw), strict=True):
        largest = max(largest, value)
        p[i, j] = largest
    return p
