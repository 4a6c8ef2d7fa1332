"""Shares of seeds: how often a configuration fails or reaches a threshold."""

from __future__ import annotations

import math

from scipy import special

from robusttune.stats._checks import check_count, check_level


def wilson_bounds(n_events: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval for a probability, given how often it happened in n runs.

    Parameters
    ----------
    n_events, n : int
        Events, and runs.
    level : float
        Confidence level, two-sided.

    Raises
    ------
    ValueError
        If `0 <= n_events <= n` and `n >= 1` does not hold, or the level is not between 0 and 1.

    References
    ----------
    Wilson (1927), doi:10.1080/01621459.1927.10502953
    """
    check_count(n, name="n", minimum=1)
    if check_count(n_events, name="n_events") > n:
        raise ValueError(f"`n_events <= n` must hold, but got {n_events} > {n}.")
    z = float(special.ndtri(0.5 + check_level(level) / 2))
    share = n_events / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low = 0.0 if n_events == 0 else centre - half
    return low, (1.0 if n_events == n else centre + half)


def failure_bound(n_failed: int, n: int, *, level: float = 0.95) -> float:
    """Return the exact upper confidence bound of the failure probability (Clopper-Pearson, one-sided).

    Parameters
    ----------
    n_failed, n : int
        Failed runs, and runs.
    level : float
        Confidence level, one-sided.

    Raises
    ------
    ValueError
        If `0 <= n_failed <= n` and `n >= 1` does not hold, or the level is not between 0 and 1.

    References
    ----------
    Clopper and Pearson (1934), doi:10.1093/biomet/26.4.404
    """
    check_count(n, name="n", minimum=1)
    if check_count(n_failed, name="n_failed") > n:
        raise ValueError(f"`n_failed <= n` must hold, but got {n_failed} > {n}.")
    check_level(level)
    return 1.0 if n_failed == n else float(special.betaincinv(n_failed + 1, n - n_failed, level))
