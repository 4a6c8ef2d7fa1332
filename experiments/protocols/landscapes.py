"""What is searched: declared shapes whose truth is known exactly, and the interface that tables share with them.

No shape is drawn from the model that the study tests: the truth is written down, not sampled from a Gaussian process.
Configurations are points with one column per hyperparameter, in the units of Optuna's samplers on a unit range.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import optimize
from scipy.stats import qmc

FloatArray: TypeAlias = npt.NDArray[np.float64]
Field: TypeAlias = Callable[[FloatArray], FloatArray]

_N_TYPICAL = 2**13
_N_POLISHED = 6


class Landscape(Protocol):
    """Something to search, of which all is known.

    Attributes
    ----------
    name : str
    dimensions : tuple of int
        Per hyperparameter: 0 for a continuous one on [0, 1], m > 0 for ordered whole numbers 0 … m − 1, and −m for m
        unordered choices.
    best, typical : float
        Highest true mean, and the median of the true means of configurations drawn at random, in score units.
    """

    name: str
    dimensions: tuple[int, ...]
    best: float
    typical: float

    def truth(self, points: FloatArray) -> FloatArray:
        """Return true means, shape (...,), of points of shape (..., n_dimensions)."""

    def draw(self, points: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
        """Return scores of n runs of each point, shape (..., n)."""


def zero(u: FloatArray) -> FloatArray:
    """Return 0 for every point."""
    return np.zeros(u.shape[:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A landscape that is written down.

    Attributes
    ----------
    level : callable
        Mean of the runs that learn, from points whose numeric columns lie in [0, 1].
    spread : callable
        Their SD.
    noise : {"normal", "skewed", "heavy"}
        Shape of their noise, with mean 0 and SD 1: normal, gamma with skewness −1.5, or t with 3 degrees of freedom.
    p_failing : callable
        Probability that a run learns nothing.
    failing : float
        Mean of the runs that learn nothing; their SD is a tenth of the distance from 1.
    """

    name: str
    dimensions: tuple[int, ...]
    level: Field
    spread: Field
    noise: str = "normal"
    p_failing: Field = zero
    failing: float = 0.0

    @property
    def best(self) -> float:
        """Return the highest true mean, which a configuration attains."""
        return reference(self)[0]

    @property
    def typical(self) -> float:
        """Return the median of the true means."""
        return reference(self)[1]

    def unit(self, points: FloatArray) -> FloatArray:
        """Return points with their whole numbers scaled to [0, 1]; choices stay what they are."""
        width = np.array([max(1, m - 1) for m in self.dimensions], dtype=float)
        found: FloatArray = points / width
        return found

    def truth(self, points: FloatArray) -> FloatArray:
        """Return the true means; see `Landscape`."""
        u = self.unit(points)
        p = self.p_failing(u)
        return (1.0 - p) * self.level(u) + p * self.failing

    def draw(self, points: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
        """Return scores of n runs of each point; see `Landscape`."""
        u = self.unit(points)
        shape = (*u.shape[:-1], n)
        learnt = self.level(u)[..., None] + self.spread(u)[..., None] * _noise(self.noise, shape, rng)
        failed = self.failing + 0.1 * abs(1.0 - self.failing) * rng.standard_normal(shape)
        scores: FloatArray = np.where(rng.random(shape) < self.p_failing(u)[..., None], failed, learnt)
        return scores


def uniform(dimensions: tuple[int, ...], quantiles: FloatArray) -> FloatArray:
    """Return the points at quantiles of the uniform distribution over a space."""
    points = quantiles.copy()
    for column, m in enumerate(dimensions):
        if m:
            points[..., column] = np.floor(quantiles[..., column] * abs(m))
    return points


@functools.cache
def reference(landscape: Declared) -> tuple[float, float]:
    """Return the highest and the median true mean: a Sobol sequence, its best points climbed from."""
    sobol = qmc.Sobol(len(landscape.dimensions), rng=np.random.default_rng(0))
    points = uniform(landscape.dimensions, sobol.random(_N_TYPICAL))
    values = landscape.truth(points)
    climbed = [_climb(landscape, points[i]) for i in np.argsort(-values)[:_N_POLISHED]]
    return max(climbed), float(np.median(values))


def _climb(landscape: Declared, start: FloatArray) -> float:
    """Return the highest truth that continuous columns and neighbouring choices lead to from a point."""
    free = [column for column, m in enumerate(landscape.dimensions) if m == 0]
    point, best = start.copy(), -np.inf
    while (value := _climb_free(landscape, point, free)) > best + 1e-12:
        best = value
        for column, m in enumerate(landscape.dimensions):
            if m:
                others = np.repeat(point[None], abs(m), axis=0)
                others[:, column] = np.arange(abs(m))
                point = others[int(np.argmax(landscape.truth(others)))]
    return float(best)


def _climb_free(landscape: Declared, point: FloatArray, free: list[int]) -> float:
    def loss(values: FloatArray) -> float:
        point[free] = values
        return -float(landscape.truth(point))

    found = optimize.minimize(
        loss,
        point[free],
        method="Nelder-Mead",
        bounds=[(0, 1)] * len(free),
        options={"xatol": 1e-6, "fatol": 1e-9},
    )
    point[free] = found.x
    return -float(found.fun)


def _noise(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    if kind == "normal":
        return rng.standard_normal(shape)
    a = 4.0 / 1.5**2
    found: FloatArray = (
        rng.standard_t(3, shape) / np.sqrt(3.0)
        if kind == "heavy"
        else -(rng.gamma(a, size=shape) - a) / np.sqrt(a)
    )
    return found
