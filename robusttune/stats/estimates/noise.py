"""Where the noise comes from: training seeds or evaluation episodes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from robusttune.stats._checks import FloatArray, as_runs, check_level

WARN_ABOVE = 0.25  # share of a score's variance that comes from evaluation
WANTED_RATIO = 0.10  # evaluation variance of a score over seed variance, once there are enough episodes
MOST_EPISODES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseComponents:
    """Variance components of a score.

    Attributes
    ----------
    sd_seed, sd_episode : float
        SD between training seeds, and between episodes of one policy, in score units.
    n_configs, n_seeds : int
        What they were estimated from; seeds summed over configurations.
    episodes_per_seed : float
        Effective number of episodes per seed (the harmonic-type n0 of unbalanced data).
    evaluation_share : float
        Share of a score's variance that is evaluation noise; 0 where nothing varies.
    icc, icc_low, icc_high : float
        Correlation of two episodes of one policy, with its interval.
    advised_episodes : int or None
        Episodes per seed at which evaluation adds a tenth to the seed variance; None where the seeds show
        no variance of their own.
    level : float
        Confidence level of the interval.
    warning : str or None
        Set if more than a quarter of the variance is evaluation noise.
    """

    sd_seed: float
    sd_episode: float
    n_configs: int
    n_seeds: int
    episodes_per_seed: float
    evaluation_share: float
    icc: float
    icc_low: float
    icc_high: float
    advised_episodes: int | None
    level: float
    warning: str | None


def noise_components(episodes: Iterable[Iterable[npt.ArrayLike]], *, level: float = 0.95) -> NoiseComponents:
    """Return the variance components, pooled over configurations.

    Parameters
    ----------
    episodes : sequence (configurations) of sequences (seeds) of arrays, shape (n_episodes,)
        Episode returns of the final policy of each run. For one configuration pass a list that holds it.
    level : float
        Confidence level of the interval of the intraclass correlation.

    Raises
    ------
    ValueError
        If a return is not finite, or there are too few seeds or episodes to tell the two apart.

    Notes
    -----
    One-way random-effects analysis of variance, within configurations; a negative seed variance is set to 0.
    The interval is exact for balanced normal data. Intervals for a score never need any of this: the
    evaluation noise is inside the spread between seeds.

    References
    ----------
    Searle, Casella and McCulloch (1992), Variance Components, chapter 3. doi:10.1002/9780470316856
    """
    check_level(level)
    nested = [as_runs(list(one), name=f"episodes[{i}]", min_n=1) for i, one in enumerate(episodes)]
    df_between = sum(len(one) - 1 for one in nested)
    df_within = sum(x.size - 1 for one in nested for x in one)
    if df_between < 1 or df_within < 1:
        raise ValueError(
            "`episodes` must hold a configuration with two seeds and a run with two episodes, but got "
            f"{df_between} and {df_within} degrees of freedom. Store the returns of single episodes."
        )
    means = [_means(one) for one in nested]
    within = (
        sum(square for one, own in zip(nested, means, strict=True) for square in _squares(one, own))
        / df_within
    )
    between = sum(_between(one, own) for one, own in zip(nested, means, strict=True)) / df_between
    n0 = sum(_effective(one) * (len(one) - 1) for one in nested) / df_between
    seed = max(0.0, (between - within) / n0)
    score = seed + within / n0
    share = within / n0 / score if score > 0 else 0.0
    low, high = icc_interval(between, within, df_between, df_within, n0, level)
    total = seed + within
    return NoiseComponents(
        sd_seed=math.sqrt(seed),
        sd_episode=math.sqrt(within),
        n_configs=len(nested),
        n_seeds=sum(len(one) for one in nested),
        episodes_per_seed=n0,
        evaluation_share=share,
        icc=seed / total if total > 0 else 0.0,
        icc_low=max(0.0, low),
        icc_high=max(0.0, high),
        advised_episodes=_advised(seed, within),
        level=level,
        warning=_warning(share),
    )


def icc_interval(
    between: float, within: float, df_between: int, df_within: int, n0: float, level: float
) -> tuple[float, float]:
    """Return the F interval of an intraclass correlation.

    Parameters
    ----------
    between, within : float
        Mean squares.
    df_between, df_within : int
        Their degrees of freedom.
    n0 : float
        Values per group.
    level : float
        Confidence level.
    """
    if within <= 0.0:
        return (1.0, 1.0) if between > 0 else (0.0, 0.0)
    ratio, upper = between / within, 0.5 + level / 2
    f_low = ratio / float(special.fdtri(df_between, df_within, upper))
    f_high = ratio * float(special.fdtri(df_within, df_between, upper))
    return (f_low - 1) / (f_low + n0 - 1), (f_high - 1) / (f_high + n0 - 1)


def _means(runs: Sequence[FloatArray]) -> FloatArray:
    """Return the mean of each run; of thousands that have the same number of episodes, in one call."""
    if len({x.size for x in runs}) == 1:
        return np.asarray(np.array(runs).mean(axis=1))
    return np.array([x.mean() for x in runs])


def _squares(runs: Sequence[FloatArray], means: FloatArray) -> list[float]:
    """Return the sum of squared deviations from its mean of each run."""
    if len({x.size for x in runs}) == 1:
        found: list[float] = ((np.array(runs) - means[:, None]) ** 2).sum(axis=1).tolist()
        return found
    return [float(((x - mean) ** 2).sum()) for x, mean in zip(runs, means, strict=True)]


def _between(runs: Sequence[FloatArray], means: FloatArray) -> float:
    sizes = np.array([x.size for x in runs])
    return float((sizes * (means - np.average(means, weights=sizes)) ** 2).sum())


def _effective(runs: Sequence[FloatArray]) -> float:
    if len(runs) < 2:
        return 0.0
    sizes = np.array([x.size for x in runs], dtype=np.float64)
    return float((sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(runs) - 1))


def _advised(seed: float, within: float) -> int | None:
    if within == 0.0:
        return 1
    if seed <= 0.0:
        return None
    return min(MOST_EPISODES, max(1, math.ceil(within / (WANTED_RATIO * seed))))


def _warning(share: float) -> str | None:
    if share <= WARN_ABOVE:
        return None
    return (
        f"{share:.0%} of the variance between runs is evaluation noise: evaluate more episodes per run "
        "before training more seeds"
    )
