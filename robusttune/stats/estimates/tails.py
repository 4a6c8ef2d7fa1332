"""One configuration beyond its centre: the lower tail, tolerance bounds."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from robusttune.stats._checks import as_sample, check_count, check_level


def lower_tail_mean(scores: npt.ArrayLike, *, fraction: float = 0.2) -> float:
    """Return the mean of the worst fraction of the seeds (conditional value at risk), fractional weights.

    Parameters
    ----------
    scores : array_like, shape (n_seeds,)
        One score per seed; finite.
    fraction : float
        Share of seeds in the tail.

    Raises
    ------
    ValueError
        If a score is not finite, or the fraction is not in (0, 1].

    Notes
    -----
    Descriptive: below about twenty seeds no honest interval exists. With fraction * n <= 1 it is the worst
    seed.
    """
    x = np.sort(as_sample(scores))
    if fraction != 1.0:
        check_level(fraction, name="fraction")
    weights = np.clip(fraction * x.size - np.arange(x.size), 0.0, 1.0)
    return float(weights @ x / weights.sum())


def tolerance_bound(*, n: int, content: float = 0.9, level: float = 0.95) -> float:
    """Return how many sample SDs below the mean the normal tolerance bound lies.

    Parameters
    ----------
    n : int
        Number of seeds, at least 2.
    content : float
        Share of future seeds that lie above the bound.
    level : float
        Confidence of that.

    Raises
    ------
    ValueError
        If `n < 2`, or `content` or `level` is not between 0 and 1.

    Notes
    -----
    Normal scores only: with failing seeds the true bound lies lower.

    References
    ----------
    Krishnamoorthy and Mathew (2009), Statistical Tolerance Regions. doi:10.1002/9780470473900
    """
    check_count(n, name="n", minimum=2)
    check_level(content, name="content")
    check_level(level)
    root = math.sqrt(n)
    return float(special.nctdtrit(n - 1, float(special.ndtri(content)) * root, level)) / root
