"""Optuna's TPE for many searches at once: equal in distribution, hundreds of times as fast.

What `optuna.samplers.TPESampler()` does for one objective without pruning, in lockstep over searches: all have as many
trials, so that every step is arithmetic on arrays. `tests/unit/test_lockstep_tpe.py` compares the suggestions.

References
----------
Watanabe (2023), Tree-structured Parzen estimator, arXiv 2304.11127; Optuna 5.0, `optuna/samplers/_tpe`.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from experiments.protocols.landscapes import FloatArray, uniform

N_STARTUP = 10
N_CANDIDATES = 24
_N_FLAT = 25
"""So many of the latest trials have full weight, and so many at most are good."""
_LARGEST_SIGMA_SHARE = 100.0


def suggest(
    dimensions: tuple[int, ...], points: FloatArray, values: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return the next point of each search.

    Parameters
    ----------
    dimensions : tuple of int
        See `landscapes.Landscape`.
    points : ndarray, shape (n_searches, n_trials, n_dimensions)
    values : ndarray, shape (n_searches, n_trials)
        Objective values; higher is better.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n_searches, n_dimensions)
    """
    n_searches, n_trials = values.shape
    if n_trials < N_STARTUP:
        return uniform(dimensions, rng.random((n_searches, len(dimensions))))
    n_good = min(math.ceil(0.1 * n_trials), _N_FLAT)
    # A stable sort: of equals the earlier is the better, as in Optuna.
    order = np.argsort(-values, axis=1, kind="stable")
    good, bad = np.sort(order[:, :n_good], axis=1), np.sort(order[:, n_good:], axis=1)
    below = _Parzen(dimensions, np.take_along_axis(points, good[..., None], axis=1))
    above = _Parzen(dimensions, np.take_along_axis(points, bad[..., None], axis=1))
    candidates = below.sample(N_CANDIDATES, rng)
    chosen = np.argmax(below.log_density(candidates) - above.log_density(candidates), axis=1)
    found: FloatArray = np.take_along_axis(candidates, chosen[:, None, None], axis=1)[:, 0]
    return found


class _Parzen:
    """A mixture of products per search: one kernel per trial, and one over the whole range."""

    def __init__(self, dimensions: tuple[int, ...], points: FloatArray) -> None:
        self._dimensions = dimensions
        self._n_searches, n_trials, _ = points.shape
        self._n_kernels = n_trials + 1
        weight = np.append(_weights(n_trials), 1.0)
        self._weight = weight / weight.sum()
        self._numeric = [i for i, m in enumerate(dimensions) if m >= 0]
        # A whole number stands for the unit interval around it.
        self._low = np.array([-0.5 if dimensions[i] else 0.0 for i in self._numeric])
        self._high = np.array([dimensions[i] - 0.5 if dimensions[i] else 1.0 for i in self._numeric])
        self._centre, self._sigma = self._kernels(points[..., self._numeric])
        self._choices = {
            i: self._probabilities(points[..., i], -m) for i, m in enumerate(dimensions) if m < 0
        }
        # Truncated at the range: the mass inside, from the nearer tail.
        self._mass_low = special.ndtr((self._low - self._centre) / self._sigma)
        self._mass = special.ndtr((self._high - self._centre) / self._sigma) - self._mass_low

    def _kernels(self, numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return centres and widths; a width is the larger distance to a neighbour, within limits."""
        width = self._high - self._low
        order = np.argsort(numbers, axis=1)
        ordered = np.take_along_axis(numbers, order, axis=1)
        edge = np.ones_like(ordered[:, :1])
        ends = np.concatenate([edge * self._low, ordered, edge * self._high], axis=1)
        gap = np.diff(ends, axis=1)
        sigma_ordered = np.maximum(gap[:, :-1], gap[:, 1:])
        if numbers.shape[1] >= 2:  # the ends of the range are no neighbours
            sigma_ordered[:, 0], sigma_ordered[:, -1] = gap[:, 1], gap[:, -2]
        sigma = np.empty_like(sigma_ordered)
        np.put_along_axis(sigma, order, sigma_ordered, axis=1)
        sigma = np.clip(sigma, width / min(_LARGEST_SIGMA_SHARE, 1.0 + self._n_kernels), width)
        prior = (
            np.broadcast_to(0.5 * (self._low + self._high), edge.shape),
            np.broadcast_to(width, edge.shape),
        )
        return np.concatenate([numbers, prior[0]], axis=1), np.concatenate([sigma, prior[1]], axis=1)

    def _probabilities(self, places: FloatArray, n_choices: int) -> FloatArray:
        found = np.full((self._n_searches, self._n_kernels, n_choices), 1.0 / self._n_kernels)
        found[:, :-1] += places[..., None] == np.arange(n_choices)
        probabilities: FloatArray = found / found.sum(axis=-1, keepdims=True)
        return probabilities

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return points, shape (n_searches, n, n_dimensions)."""
        kernel = rng.choice(self._n_kernels, p=self._weight, size=(self._n_searches, n))
        quantile = rng.random((self._n_searches, n, len(self._dimensions)))
        points = np.empty_like(quantile)

        def of_kernel(values: FloatArray) -> FloatArray:
            return np.take_along_axis(values, kernel[..., None], axis=1)

        centre, sigma = of_kernel(self._centre), of_kernel(self._sigma)
        inside = of_kernel(self._mass_low) + quantile[..., self._numeric] * of_kernel(self._mass)
        drawn = np.clip(centre + sigma * special.ndtri(inside), self._low, self._high)
        for column, i in enumerate(self._numeric):
            m = self._dimensions[i]
            values = drawn[..., column]
            points[..., i] = np.clip(np.round(values), 0, m - 1) if m else values
        for i, probabilities in self._choices.items():
            cumulated = np.cumsum(of_kernel(probabilities), axis=-1)
            cumulated[..., -1] = 1.0
            points[..., i] = np.sum(cumulated < quantile[..., i, None], axis=-1)
        return points

    def log_density(self, points: FloatArray) -> FloatArray:
        """Return log densities, shape (n_searches, n), of points of shape (n_searches, n, n_dimensions)."""
        total = np.log(self._weight) + self._continuous(points)
        for column, i in enumerate(self._numeric):
            if self._dimensions[i]:
                total += self._of_whole_number(points[..., i], column)
        for i, probabilities in self._choices.items():
            total += _of_places(np.log(probabilities).swapaxes(1, 2), points[..., i])
        peak = total.max(axis=-1)
        density: FloatArray = np.log(np.exp(total - peak[..., None]).sum(axis=-1)) + peak
        return density

    def _continuous(self, points: FloatArray) -> FloatArray:
        """Return summed log densities per kernel: squares multiplied out, so that one matrix product does it."""
        columns = [column for column, i in enumerate(self._numeric) if not self._dimensions[i]]
        x = points[..., [self._numeric[column] for column in columns]]
        centre, sigma = self._centre[..., columns], self._sigma[..., columns]
        precision = 1.0 / sigma**2
        constant = np.sum(
            -0.5 * centre**2 * precision - np.log(sigma * self._mass[..., columns] * math.sqrt(2 * math.pi)),
            axis=-1,
        )
        left = np.concatenate([x**2, x], axis=-1)
        right = np.concatenate([-0.5 * precision, centre * precision], axis=-1)
        found: FloatArray = left @ right.swapaxes(1, 2) + constant[:, None]
        return found

    def _of_whole_number(self, values: FloatArray, column: int) -> FloatArray:
        # Per possible number, not per candidate: there are few.
        m = self._dimensions[self._numeric[column]]
        bounds = np.arange(m + 1)[:, None, None] - 0.5
        reached = special.ndtr((bounds - self._centre[..., column]) / self._sigma[..., column])
        mass = np.log(np.maximum(np.diff(reached, axis=0), 1e-300) / self._mass[..., column])
        return _of_places(mass.swapaxes(0, 1), values)


def _of_places(values: FloatArray, places: FloatArray) -> FloatArray:
    """Return values of shape (n_searches, n_places, n_kernels) at places of shape (n_searches, n)."""
    return np.take_along_axis(values, places[..., None].astype(int), axis=1)


def _weights(n_trials: int) -> FloatArray:
    """Return the weights of trials in order: the last 25 count fully, the older the less."""
    if n_trials < _N_FLAT:
        return np.ones(n_trials)
    return np.concatenate([np.linspace(1.0 / n_trials, 1.0, n_trials - _N_FLAT), np.ones(_N_FLAT)])
