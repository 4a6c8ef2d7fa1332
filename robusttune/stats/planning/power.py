"""Seeds for a comparison of two configurations in closed form, and the search for the fewest seeds."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import special

from robusttune.stats._checks import check_count, check_level, check_number

MOST_SEEDS = 1000


def seeds_for_difference(
    *,
    difference: float,
    sd_first: float,
    sd_second: float,
    power: float = 0.8,
    level: float = 0.95,
    n_comparisons: int = 1,
) -> int | None:
    """Return the seeds per configuration with which Welch's test shows a difference of two configurations.

    Parameters
    ----------
    difference, sd_first, sd_second : float
        True difference of the means, and SD between seeds, in score units.
    power : float
        Wanted probability of showing it.
    level : float
        Confidence level, two-sided.
    n_comparisons : int
        Number of pairs that are tested (Bonferroni).

    Returns
    -------
    int or None
        None where no more than a thousand seeds would do.

    Raises
    ------
    ValueError
        If an SD is negative, or `power` or `level` is not between 0 and 1.

    References
    ----------
    Colas, Sigaud and Oudeyer (2018), How Many Random Seeds? arXiv:1806.08295
    """
    check_number(difference, name="difference")
    check_number(sd_first, name="sd_first", minimum=0.0)
    check_number(sd_second, name="sd_second", minimum=0.0)
    check_level(power, name="power")
    check_level(level)
    check_count(n_comparisons, name="n_comparisons", minimum=1)
    if difference == 0.0:
        return None
    side = (1 - level) / (2 * n_comparisons)

    def reached(n: int) -> float:
        df = welch_df(sd_first**2, sd_second**2, n)
        return difference_power(difference, sd_first, sd_second, n, df, float(special.stdtrit(df, 1 - side)))

    return fewest_seeds(reached, power, 2)[0]


def inflated_sd(sd: float, *, n: int, confidence: float = 0.8) -> float:
    """Return the upper confidence bound of an SD that was estimated from n seeds.

    Parameters
    ----------
    sd : float
        Sample SD, in score units.
    n : int
        Seeds it was estimated from, at least 2.
    confidence : float
        One-sided confidence.

    Raises
    ------
    ValueError
        If `sd` is negative, `n < 2`, or the confidence is not between 0 and 1.

    Notes
    -----
    Plans made with the SD of a small pilot are too small more often than not; this guards against it.
    """
    check_number(sd, name="sd", minimum=0.0)
    check_count(n, name="n", minimum=2)
    check_level(confidence, name="confidence")
    return sd * math.sqrt((n - 1) / float(special.chdtri(n - 1, confidence)))


def welch_df(first: float, second: float, n: int) -> float:
    """Return Welch's degrees of freedom of a difference.

    Parameters
    ----------
    first, second : float
        Variances between seeds.
    n : int
        Seeds of each configuration.
    """
    total = first**2 + second**2
    return (n - 1) * (first + second) ** 2 / total if total > 0 else 2.0 * (n - 1)


def difference_power(
    difference: float, sd_first: float, sd_second: float, n: int, df: float, critical: float
) -> float:
    """Return the probability that the studentised difference exceeds a critical value.

    Parameters
    ----------
    difference, sd_first, sd_second : float
        Truth, in score units.
    n : int
        Seeds of each configuration.
    df, critical : float
        Degrees of freedom and critical value of the test.
    """
    error = math.sqrt((sd_first**2 + sd_second**2) / n)
    if error == 0.0:
        return 1.0
    return 1.0 - float(special.nctdtr(df, abs(difference) / error, critical))


def fewest_seeds(
    reached: Callable[[int], float], power: float, start: int, most: int = MOST_SEEDS
) -> tuple[int | None, list[tuple[int, float]]]:
    """Return the fewest seeds with the wanted power (doubling, then bisection), and all that was tried.

    Parameters
    ----------
    reached : callable
        Power at a number of seeds; increasing, up to simulation noise.
    power : float
        Wanted power.
    start, most : int
        First and last number of seeds to try.
    """
    tried: dict[int, float] = {}
    low, high = start - 1, start
    while True:
        tried[high] = reached(high)
        if tried[high] >= power:
            break
        if high >= most:
            return None, list(tried.items())
        low, high = high, min(most, 2 * high)
    while high - low > 1:
        middle = (low + high) // 2
        tried[middle] = reached(middle)
        low, high = (low, middle) if tried[middle] >= power else (middle, high)
    return high, list(tried.items())
