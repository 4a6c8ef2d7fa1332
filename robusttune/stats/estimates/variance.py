"""How much the seeds of a configuration differ, and what the others tell of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import FloatArray, IntArray

PRIOR_DF = 2
"""Weight of the mean variance in each configuration's own: three seeds alone say too little of their spread."""


def variances(runs: Sequence[FloatArray]) -> FloatArray:
    """Return the variance between the seeds of each configuration; nan with one seed, exactly 0 if all are equal.

    Parameters
    ----------
    runs : sequence of arrays, shape (n_seeds_i,)
        Checked scores.
    """
    return np.array(
        [math.nan if x.size < 2 else 0.0 if np.ptp(x) == 0.0 else float(x.var(ddof=1)) for x in runs]
    )


def typical_sd(runs: Sequence[FloatArray]) -> float | None:
    """Return the median SD between the seeds of a configuration.

    Parameters
    ----------
    runs : sequence of arrays, shape (n_seeds_i,)
        Checked scores.

    Returns
    -------
    float or None
        In score units. Where half of the configurations do not vary, the median of those that do; None where
        nothing varies, or each has one seed.
    """
    sds = np.sqrt(variances(runs))
    for among in (sds[np.isfinite(sds)], sds[sds > 0]):
        if among.size and np.median(among) > 0:
            return float(np.median(among))
    return None


def drawn_towards(
    common: npt.ArrayLike, variance: npt.ArrayLike, df: npt.ArrayLike, *, weight: int = PRIOR_DF
) -> FloatArray:
    """Return variances drawn towards a common one: (weight · common + df · s²) / (weight + df).

    Parameters
    ----------
    common, variance, df : array_like
        The variance that is borrowed, the own ones, and their degrees of freedom; shapes that broadcast.
    weight : int
        Degrees of freedom that the common variance counts for.

    References
    ----------
    Smyth (2004), Linear Models and Empirical Bayes Methods, eq. 4 of section 3. doi:10.2202/1544-6115.1027
    """
    df = np.asarray(df)
    found: FloatArray = (weight * np.asarray(common) + df * np.asarray(variance)) / (weight + df)
    return found


def shrink_variances(variance: FloatArray, df: IntArray, *, otherwise: float) -> FloatArray:
    """Return variances drawn towards their mean, the more so the less each is known.

    Parameters
    ----------
    variance : ndarray, shape (n_configs,)
        s² between the seeds of each configuration, in squared score units; not looked at where `df` is 0.
    df : ndarray of int, shape (n_configs,)
        Seeds less one.
    otherwise : float
        The mean where no variance is known.

    Returns
    -------
    ndarray, shape (n_configs,)
        (2 s0² + df s²) / (2 + df), with s0² the mean of all known s²; s0² itself where there is one seed.
    """
    known = df > 0
    common = float(variance[known].mean()) if known.any() else otherwise
    return drawn_towards(common, np.where(known, variance, 0.0), df)
