"""Estimate, variance of the estimate and degrees of freedom of every configuration: what comparisons need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from robusttune.stats._checks import FloatArray, IntArray, check_choice, check_number
from robusttune.stats.estimates.estimate import trimmed_parts
from robusttune.stats.estimates.variance import PRIOR_DF, shrink_variances

STATISTICS = ("mean", "iqm")
MODERATE_FROM_K, MODERATE_FROM_DF = (
    5,
    20,
)  # configurations, and degrees of freedom of all their variances together


@dataclass(frozen=True, slots=True, kw_only=True)
class Locations:
    """Estimates of all configurations, as arrays of shape (n_configs,).

    Attributes
    ----------
    estimate : ndarray
        Mean, or interquartile mean (whole values cut).
    variance : ndarray
        Variance of the estimate, not below the resolution's floor; nan with fewer than two seeds.
    df : ndarray
        Degrees of freedom of the variance; 0 with fewer than two seeds.
    floor : ndarray
        The least variance that is believed.
    n : ndarray of int
        Number of seeds.
    usable : ndarray of bool
        Whether the variance is known at all; a configuration with one seed enters no claim.
    """

    estimate: FloatArray
    variance: FloatArray
    df: FloatArray
    floor: FloatArray
    n: IntArray

    @property
    def usable(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Return which configurations have a known variance."""
        return self.df > 0


def locate(
    runs: Sequence[FloatArray], *, statistic: str = "mean", resolution: float | None = None
) -> Locations:
    """Return the estimate and its variance for each configuration.

    Parameters
    ----------
    runs : sequence of arrays, shape (n_seeds_i,)
        Checked scores.
    statistic : {"mean", "iqm"}
        What is estimated.
    resolution : float, optional
        Smallest difference that scores can show, in score units; default 1e-9 (1 + |mean|).

    Raises
    ------
    ValueError
        If the statistic is unknown, or the resolution is not positive.

    Notes
    -----
    Configurations whose runs all gave one value (CartPole at 500) would have variance zero and beat others
    by a rounding error. Their variance is floored at that of a uniform error of one resolution step.
    """
    check_choice(statistic, name="statistic", choices=STATISTICS)
    if resolution is not None:
        check_number(resolution, name="resolution", minimum=0.0, strict=True)
    estimate, variance, df, floor = (np.empty(len(runs)) for _ in range(4))
    for i, x in enumerate(runs):
        estimate[i], variance[i], df[i] = _parts(x, statistic)
        step = 1e-9 * (1.0 + abs(float(x.mean()))) if resolution is None else resolution
        floor[i] = step**2 / (12 * x.size)
    n = np.array([x.size for x in runs], dtype=np.int64)
    return Locations(estimate=estimate, variance=np.maximum(variance, floor), df=df, floor=floor, n=n)


def moderate(locations: Locations) -> Locations:
    """Return estimates of means whose variances borrow from all configurations, where that makes claims safer.

    Parameters
    ----------
    locations : Locations
        Means with their own variances.

    Returns
    -------
    Locations
        With five configurations and twenty degrees of freedom in all, the variance between seeds is
        ((n - 1) s² + 2 mean_j s_j²) / (n + 1) with n + 1 degrees of freedom; with fewer, the own one.

    Notes
    -----
    Configurations with few seeds and a small spread by chance, or because their failures were not seen, make most
    of the wrong claims. With three configurations of three seeds the borrowed spread would itself be too uncertain.
    """
    usable = locations.usable
    if np.count_nonzero(usable) < MODERATE_FROM_K or locations.df[usable].sum() < MODERATE_FROM_DF:
        return locations
    between = np.where(usable, locations.variance * locations.n, 0.0)
    own_df = np.where(usable, locations.n - 1, 0)
    drawn = shrink_variances(between, own_df, otherwise=0.0) / locations.n
    return replace(
        locations,
        variance=np.where(usable, np.maximum(drawn, locations.floor), np.nan),
        df=np.where(usable, locations.df + PRIOR_DF, 0.0),
    )


def _parts(x: FloatArray, statistic: str) -> tuple[float, float, float]:
    if x.size < 2:
        return float(x.mean()), math.nan, 0.0
    if statistic == "mean":
        spread = 0.0 if float(np.ptp(x)) == 0.0 else float(x.var(ddof=1))
        return float(x.mean()), spread / x.size, x.size - 1.0
    centre, error, df = trimmed_parts(x)
    return centre, error**2, df
