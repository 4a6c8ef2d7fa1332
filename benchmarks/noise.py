"""Noise with mean zero, shaped like the scores of reinforcement-learning runs, and real landscapes."""

from __future__ import annotations

import math
from collections.abc import Callable
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


def substudy(
    rng: np.random.Generator, landscape: FloatArray, *, n: int, k: int = 10, pool: int = 64
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (scores, truth, tuning scores) of one study on a landscape.

    A random pool is tuned with one seed each; its best k are re-run n times. Runs are drawn with replacement
    from the ten that exist, so that their mean is the truth.
    """
    table = landscape[rng.choice(landscape.shape[0], pool, replace=False)]
    tuned = table[np.arange(pool), rng.integers(0, table.shape[1], pool)]
    top = np.argsort(-tuned)[:k]
    drawn = rng.integers(0, table.shape[1], (k, n))
    scores = np.take_along_axis(table[top], drawn, axis=1)
    return scores, table[top].mean(axis=1), tuned[top]


def _failing(rng: np.random.Generator, shape: tuple[int, ...], share: float) -> FloatArray:
    drop = 6.0
    return rng.standard_normal(shape) - drop * (rng.random(shape) < share) + drop * share
