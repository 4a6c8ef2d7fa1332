"""Seeds for a comparison of two configurations in closed form, and the search for the fewest seeds."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import special

from robusttune.stats._checks import check_count, check_level, check_number

MOST_SEEDS = 1000


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
    ratio = abs(difference) / error
    missed = float(special.nctdtr(df, ratio, critical))
    if math.isnan(
        missed
    ):  # scipy has no value for large ratios; there the error of the estimate alone decides
        missed = float(special.chdtrc(df, df * (ratio / critical) ** 2))
    return 1.0 - missed


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
