"""Shares of seeds: how often a configuration fails, reaches a score, or lies above a threshold."""

from __future__ import annotations

from scipy import stats

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
    found = stats.binomtest(n_events, n).proportion_ci(check_level(level), method="wilson")
    return float(found.low), float(found.high)
