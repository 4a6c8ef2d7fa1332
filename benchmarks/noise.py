"""Noise with mean zero, shaped like the scores of reinforcement-learning runs, and real landscapes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], FloatArray]

DATA = Path(__file__).resolve().parents[1] / "../shared/data"


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Return standard normal noise."""
    return rng.standard_normal(shape)


def rare_failures(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Return noise where one seed in twenty fails badly (skewness about -3)."""
    return _failing(rng, shape, 0.05)


def failing_fifth(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Return noise where one seed in five fails badly."""
    return _failing(rng, shape, 0.20)


def saturated(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Return noise that is cut off at a maximum which four runs in ten reach."""
    cut = 0.2533  # the .6 quantile of the standard normal
    mean = -(math.exp(-(cut**2) / 2) / math.sqrt(2 * math.pi)) + cut * 0.4
    return np.minimum(rng.standard_normal(shape), cut) - mean


def lognormal(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Return right-skewed noise."""
    return rng.lognormal(0.0, 1.0, shape) - math.exp(0.5)


def heavy(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Return symmetric noise with heavy tails: t with three degrees of freedom, scaled to SD 1."""
    return rng.standard_t(3, shape) / math.sqrt(3)


def left_lognormal(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Return left-skewed noise: most runs near the top, a long tail of bad ones."""
    return -lognormal(rng, shape)


def opposite(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Return lognormal noise that is skewed to the right in even rows and to the left in odd ones."""
    sign = np.where(np.arange(shape[0]) % 2 == 0, 1.0, -1.0)
    return lognormal(rng, shape) * sign.reshape(-1, *[1] * (len(shape) - 1))


NOISES: dict[str, Draw] = {
    "normal": normal,
    "rare failures": rare_failures,
    "failing fifth": failing_fifth,
    "saturated": saturated,
    "lognormal": lognormal,
    "left lognormal": left_lognormal,
    "heavy tails": heavy,
}


def spreads(rng: np.random.Generator, k: int) -> FloatArray:
    """Return SDs, log-uniform between .3 and 3, shape (k, 1)."""
    return np.exp(rng.uniform(math.log(0.3), math.log(3.0), (k, 1)))


def landscapes() -> dict[str, FloatArray]:
    """Return the real landscapes, task to scores of shape (n_configs, 10); empty where they are absent.

    Configurations with a diverged run are left out: what their score is depends on a policy.
    """
    path = DATA / "arlbench_final.parquet"
    if not path.exists():
        return {}
    import pandas as pd

    frame = pd.read_parquet(path)
    found = {}
    for task, part in frame[~frame["task"].str.endswith("_rep2")].groupby("task"):
        matrix = part.pivot_table(index="config_id", columns="seed", values="return", dropna=False)
        bad = part.groupby("config_id")["diverged"].any()
        kept = matrix[~bad.reindex(matrix.index)].dropna().to_numpy(dtype=np.float64)
        if kept.shape[0] >= 64 and kept.shape[1] == 10:
            found[str(task)] = kept
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One study on a landscape: a random pool is tuned with one seed each, and its best are run again.

    Attributes
    ----------
    scores : ndarray, shape (n_configs, n_seeds)
        Fresh scores of those that were chosen.
    truth, sd, tuning : ndarray, shape (n_configs,)
        True mean and SD between seeds, and the tuning score that chose them.
    iqm : ndarray, shape (n_configs,), optional
        True interquartile mean, where it is known.
    """

    scores: FloatArray
    truth: FloatArray
    sd: FloatArray
    tuning: FloatArray
    iqm: FloatArray | None = None


def table_study(
    rng: np.random.Generator,
    landscape: FloatArray,
    *,
    n: int,
    k: int = 10,
    pool: int = 64,
    jitter: float = 0.0,
) -> Study:
    """Return a study on a table of scores, shape (n_configs, 10).

    Runs are drawn with replacement from the ten that exist, so that their mean is the truth. Few values drawn often
    lower the coverage of any method; `jitter` adds normal noise of that many SDs, which keeps the mean.
    """
    table = landscape[rng.choice(landscape.shape[0], pool, replace=False)]
    tuned = table[np.arange(pool), rng.integers(0, table.shape[1], pool)]
    top = np.argsort(-tuned)[:k]
    own = table[top]
    scores = np.take_along_axis(own, rng.integers(0, own.shape[1], (k, n)), axis=1)
    scores = scores + jitter * own.std(axis=1, keepdims=True) * rng.standard_normal((k, n))
    sd = own.std(axis=1) * math.sqrt(1 + jitter**2)
    n_values, at = own.shape[1], np.arange(own.shape[1])
    middle = np.clip(np.minimum(at + 1, 0.75 * n_values) - np.maximum(at, 0.25 * n_values), 0, 1)
    iqm = np.sort(own, axis=1) @ middle / middle.sum()
    return Study(
        scores=scores,
        truth=own.mean(axis=1),
        sd=sd,
        tuning=tuned[top],
        iqm=iqm if jitter == 0.0 else None,
    )


def sac_like_study(rng: np.random.Generator, *, n: int, k: int = 10, pool: int = 64) -> Study:
    """Return a study on a made-up landscape whose noise has the shape of SAC's.

    Four configurations in ten do not learn; the others reach .2 to 1. Runs are skewed to the left, and fail, each
    configuration in its own share of the seeds (mean .15). Made so that a t interval of the mean covers .88, .87 and
    .89 at three, five and ten seeds, as it does on tables of real SAC runs.
    """
    learns = rng.random(pool) < 0.6
    quality = np.where(learns, 1 - 0.8 * rng.beta(1, 1.2, pool), 0.7 * rng.beta(1, 2, pool))
    scale = 0.1 * np.exp(rng.normal(0.0, 0.5, pool))
    failing = np.minimum(0.6, rng.gamma(2.0, 0.15 / 2, pool))
    tuned = _sac_runs(rng, quality, scale, failing, 1)[:, 0]
    top = np.argsort(-tuned)[:k]
    parts = quality[top], scale[top], failing[top]
    share, good, low = failing[top], quality[top], 4 / 6  # a failing run has Beta(4, 2) of the quality
    truth = (1 - share) * good + share * good * low
    square = (1 - share) * (good**2 + scale[top] ** 2) + share * good**2 * (low**2 + 8 / 252)
    return Study(
        scores=_sac_runs(rng, *parts, n), truth=truth, sd=np.sqrt(square - truth**2), tuning=tuned[top]
    )


def _sac_runs(
    rng: np.random.Generator, quality: FloatArray, scale: FloatArray, failing: FloatArray, n: int
) -> FloatArray:
    shape, log_sd = (quality.size, n), 0.6
    variance = math.expm1(log_sd**2) * math.exp(log_sd**2)
    noise = (math.exp(log_sd**2 / 2) - rng.lognormal(0.0, log_sd, shape)) / math.sqrt(variance)
    runs = quality[:, None] + scale[:, None] * noise
    fails = rng.random(shape) < failing[:, None]
    return np.where(fails, quality[:, None] * rng.beta(4, 2, shape), runs)


def _failing(rng: np.random.Generator, shape: tuple[int, ...], share: float) -> FloatArray:
    drop = 6.0
    return rng.standard_normal(shape) - drop * (rng.random(shape) < share) + drop * share
