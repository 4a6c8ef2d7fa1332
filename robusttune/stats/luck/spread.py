"""Steady or erratic: whose seeds scatter less or more than those of the other candidates, and in two groups."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from robusttune.stats._checks import BoolArray, FloatArray, as_runs, as_sample, check_level

STEADY, ERRATIC = "STEADY", "ERRATIC"

GROUPS_FROM = 10  # seeds; with fewer, two groups cannot be told from a gap
SMALLEST_SHARE = 0.2  # of the seeds in the smaller group; fewer are failures, which are counted elsewhere

# The share of the variance between the groups of the best split that noise of one group exceeds in one of twenty
# samples, by number of seeds: the largest of normal, t with 3 degrees of freedom and lognormal noise (always the
# last; 200,000 samples each). `python -m benchmarks.two_groups` measures what follows from it.
SEEDS = (10, 15, 16, 20, 21, 25, 26, 30, 35, 40, 50, 75, 100)
CRITICAL = (0.885, 0.870, 0.846, 0.840, 0.822, 0.820, 0.806, 0.804, 0.791, 0.781, 0.763, 0.736, 0.716)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoGroups:
    """The two groups in which the seeds of one configuration fall.

    Attributes
    ----------
    n_worse, n_better : int
        How many seeds are in each.
    worse_low, worse_high, better_low, better_high : float
        The range of each, in score units.
    share : float
        Share of the variance that lies between the groups.
    """

    n_worse: int
    n_better: int
    worse_low: float
    worse_high: float
    better_low: float
    better_high: float
    share: float


def spread(scores: npt.ArrayLike | Iterable[npt.ArrayLike], *, level: float = 0.95) -> tuple[str | None, ...]:
    """Return for each candidate whether its seeds scatter less, or more, than those of the others.

    Parameters
    ----------
    scores : array_like, shape (n_configs, n_seeds), or sequence of arrays of shape (n_seeds_i,)
        Post-evaluation scores of the candidates; controls are left out, for they may be of another kind.
    level : float
        One minus the chance of any wrong word, half of it for each.

    Returns
    -------
    tuple of "STEADY", "ERRATIC" or None
        None where the data do not tell, or there is nothing to compare with.

    Raises
    ------
    ValueError
        If scores are not finite, have the shape of episodes, or the level is not between 0 and 1.

    Notes
    -----
    Brown and Forsythe's test of each candidate against all others, each centred at its own median, with
    Holm's correction. The test has no side; the side is that of the mean absolute deviation. The error is
    kept where candidates have equal spread and near-normal noise (.03 at ten candidates and 20 seeds); with
    equal spread and strongly skewed noise it is .13 to .17, nearly all of it ERRATIC.

    References
    ----------
    Brown and Forsythe (1974), doi:10.1080/01621459.1974.10482955; Holm (1979), Scand. J. Statist. 6:65.
    """
    runs = as_runs(scores)
    check_level(level)
    deviations = [np.abs(x - np.median(x)) for x in runs]
    usable = [i for i, x in enumerate(runs) if x.size > 1]
    words: list[str | None] = [None] * len(runs)
    if len(usable) < 2:
        return tuple(words)
    sides = np.array(
        [_sides(deviations[i], np.concatenate([deviations[j] for j in usable if j != i])) for i in usable]
    )
    for word, p in ((ERRATIC, sides[:, 0]), (STEADY, sides[:, 1])):
        for i, rejected in zip(usable, holm(p, (1 - level) / 2), strict=True):
            if rejected:
                words[i] = word
    return tuple(words)


def holm(p: FloatArray, alpha: float) -> BoolArray:
    """Return which hypotheses are rejected when the chance of any false rejection is held at alpha.

    Parameters
    ----------
    p : ndarray, shape (n,)
        P-values.
    alpha : float
        Familywise error.
    """
    order = np.argsort(p)
    passes = p[order] <= alpha / np.arange(p.size, 0, -1)
    rejected = np.zeros(p.size, dtype=bool)
    rejected[order] = np.logical_and.accumulate(passes)
    return rejected


def _sides(own: FloatArray, others: FloatArray) -> tuple[float, float]:
    """Return the p-values of "scatters more" and "scatters less", from absolute deviations."""
    if np.ptp(own) == 0.0 and np.ptp(others) == 0.0:
        return 1.0, 1.0  # no noise to judge by
    # The square of this t is Brown and Forsythe's F. From the moments: scipy warns of samples that hardly vary.
    t = stats.ttest_ind_from_stats(
        own.mean(), own.std(ddof=1), own.size, others.mean(), others.std(ddof=1), others.size
    ).statistic
    less = float(stats.t.cdf(t, own.size + others.size - 2))
    return 1.0 - less, less


def two_groups(scores: npt.ArrayLike) -> TwoGroups | None:
    """Return the two groups in which the seeds of one configuration fall, or None if they are one.

    Parameters
    ----------
    scores : array_like, shape (n_seeds,)
        Post-evaluation scores.

    Raises
    ------
    ValueError
        If a score is not finite.

    Notes
    -----
    The split that leaves the least variance within the groups (Otsu 1979), the smaller one holding at least a
    fifth of the seeds, is believed where the share of the variance between them is larger than one-group noise
    gives in one of twenty samples, whether normal, heavy-tailed or lognormal. Evenly spread scores are taken
    for two groups in about one of ten samples. Below ten seeds nothing is said.

    References
    ----------
    Otsu (1979), doi:10.1109/TSMC.1979.4310076
    """
    x = np.sort(as_sample(scores))
    if x.size < GROUPS_FROM:
        return None
    n_worse, share = best_split(x[None, :])
    if share[0] <= np.interp(x.size, SEEDS, CRITICAL):
        return None
    at = int(n_worse[0])
    return TwoGroups(
        n_worse=at,
        n_better=x.size - at,
        worse_low=float(x[0]),
        worse_high=float(x[at - 1]),
        better_low=float(x[at]),
        better_high=float(x[-1]),
        share=float(share[0]),
    )


def best_split(ordered: FloatArray) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Return (size of the lower group, share of the variance between groups) of the best split of each row.

    Parameters
    ----------
    ordered : ndarray, shape (n_samples, n_seeds)
        Scores, sorted along the rows; a share is 0 where a row does not vary.
    """
    n = ordered.shape[1]
    smallest = max(3, math.ceil(SMALLEST_SHARE * n))
    size = np.arange(smallest, n - smallest + 1)
    centred = ordered - ordered.mean(axis=1, keepdims=True)
    total = (centred**2).sum(axis=1)
    between = np.cumsum(centred, axis=1)[:, size - 1] ** 2 * (1 / size + 1 / (n - size))
    best = between.argmax(axis=1)
    with np.errstate(invalid="ignore"):
        share = np.where(np.ptp(ordered, axis=1) > 0, between.max(axis=1) / total, 0.0)
    return size[best], share
