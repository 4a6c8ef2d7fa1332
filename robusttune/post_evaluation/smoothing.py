"""A noisy search read as a whole: a Gaussian process over all its trials.

One seed's score says little about its trial; its neighbours in the search space say more. The model is used to choose
whom to judge and whom to recommend, never to judge: ranking and intervals rest on fresh seeds alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg, optimize

from robusttune.stats._checks import FloatArray, IntArray

LEAST_TRIALS = 8
"""With fewer there is nothing to smooth."""
MAX_FITTED = 200
"""Length scales are found on at most so many trials; all trials then count."""
_LOWER_CLIP = -2.5
_NORMAL_Q90 = 1.28
_SQRT5 = np.sqrt(5.0)
_LEAST_NOISE = 1e-4
# Log-normal priors (median, SD of the log): length scales in ranges of the search space, variances in units of z².
_LENGTH, _SIGNAL, _NOISE = (0.5, 0.8), (1.0, 1.0), (0.3, 1.0)
_STARTS = (0.3, 1.0)
_BOUNDS = (-7.0, 5.0)
_DF = 4.0
_ROUNDS, _SCALE_ROUNDS = 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From scores to z: 0 is the median of the trials, and 1.28 their 90 % quantile."""

    median: float
    unit: float

    def z(self, scores: npt.ArrayLike) -> FloatArray:
        """Return scores on the scale, not clipped."""
        found: FloatArray = (np.asarray(scores, dtype=float) - self.median) / self.unit
        return found


def scale_of(values: npt.ArrayLike) -> Scale | None:
    """Return the scale of a search, or None where at least half of the best 60 % of the trials tie."""
    median, q90 = np.quantile(np.asarray(values, dtype=float), [0.5, 0.9])
    return Scale(median=float(median), unit=float(q90 - median) / _NORMAL_Q90) if q90 > median else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoothed:
    """What the model says of the true means of all trials, on the scale of z.

    Attributes
    ----------
    scale : Scale
    mean : ndarray, shape (n_trials,)
        Posterior mean.
    """

    scale: Scale
    mean: FloatArray
    _prior: FloatArray
    _reduction: FloatArray

    def covariance(self, trials: IntArray) -> FloatArray:
        """Return the posterior covariance of the true means of some trials, shape (n, n)."""
        reduction = self._reduction[:, trials]
        found: FloatArray = self._prior[np.ix_(trials, trials)] - reduction.T @ reduction
        return found


def smooth(columns: FloatArray, groups: IntArray, values: FloatArray) -> Smoothed | None:
    """Return the posterior of the true means of all trials; None where there is nothing to learn from.

    Parameters
    ----------
    columns : ndarray, shape (n_trials, n_columns)
        Configurations on the scales of the search space, [0, 1]; choices one-hot.
    groups : ndarray of int, shape (n_columns,)
        Which hyperparameter a column belongs to, from 0; its columns share a length scale.
    values : ndarray, shape (n_trials,)
        Objective values, higher is better; a diverged trial has the value that the study gives it.

    Notes
    -----
    Constant mean, Matérn kernel of smoothness 5/2 with a length scale per hyperparameter; maximum a posteriori. The noise
    has Student's t distribution with 4 degrees of freedom, fitted by iterated weights (each residual r gets the weight
    5 / (4 + r²/σ²)), and z is clipped from below at −2.5: seeds that fail neither bend the surface around them nor make
    all others look noisy. Of more than 200 trials, 200 spread evenly over the ranks of their values set the length
    scales.

    References
    ----------
    Rasmussen and Williams (2006), Gaussian processes for machine learning, algorithm 2.1 and equation 5.9.
    Lange, Little and Taylor (1989), Robust statistical modeling using the t distribution, doi:10.2307/2290063.
    """
    scale = scale_of(values) if len(values) >= LEAST_TRIALS and columns.shape[1] else None
    if scale is None:
        return None
    z = np.maximum(scale.z(values), _LOWER_CLIP)
    squares = _squares(columns, groups)
    fitted = _spread_over_ranks(z)
    squares_fitted = squares.reshape(-1, z.size, z.size)[:, fitted[:, None], fitted].reshape(-1, fitted.size**2)
    weights = np.ones(z.size)
    theta: FloatArray | None = None
    for _ in range(_ROUNDS):
        if theta is None:
            theta = _fit(squares_fitted, z[fitted], weights[fitted], None)
        weights = _robust_weights(z - _condition(squares, z, weights, theta)[0])
    theta = _fit(squares_fitted, z[fitted], weights[fitted], theta)
    mean, kernel, reduction = _condition(squares, z, weights, theta)
    return Smoothed(scale=scale, mean=mean, _prior=kernel, _reduction=reduction)


def _spread_over_ranks(z: FloatArray) -> IntArray:
    if z.size <= MAX_FITTED:
        return np.arange(z.size)
    ranks = np.linspace(0, z.size - 1, MAX_FITTED).round().astype(int)
    return np.sort(np.argsort(z, kind="stable")[ranks])


def _robust_weights(residuals: FloatArray) -> FloatArray:
    """Return the weights of t noise, its scale found beside them."""
    weights = np.ones(residuals.size)
    for _ in range(_SCALE_ROUNDS):
        variance = max(float(np.mean(weights * residuals**2)), _LEAST_NOISE)
        weights = (_DF + 1.0) / (_DF + residuals**2 / variance)
    return weights


def _condition(
    squares: FloatArray, z: FloatArray, weights: FloatArray, theta: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return posterior means, the kernel, and its reduction: what the trials have told, as a factor."""
    kernel, _ = _matern(squares, theta)
    centre = np.average(z, weights=weights)
    lower = linalg.cholesky(kernel + np.diag(np.exp(theta[-1]) / weights + _LEAST_NOISE), lower=True)
    reduction = linalg.solve_triangular(lower, kernel, lower=True)
    mean = centre + reduction.T @ linalg.solve_triangular(lower, z - centre, lower=True)
    return mean, kernel, reduction


def _squares(columns: FloatArray, groups: IntArray) -> FloatArray:
    """Return squared distances, shape (n_hyperparameters, n_trials²)."""
    n_groups = int(groups.max(initial=-1)) + 1
    found = np.zeros((n_groups, len(columns) ** 2))
    for column, group in zip(columns.T, groups, strict=True):
        found[group] += ((column[:, None] - column[None, :]) ** 2).ravel()
    return found


def _matern(squares: FloatArray, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the kernel, and its derivative by minus half the scaled squared distance."""
    n = round(np.sqrt(squares.shape[1]))
    r = _SQRT5 * np.sqrt(np.exp(-2.0 * theta[:-2]) @ squares).reshape(n, n)
    decay = np.exp(theta[-2] - r)
    return (1.0 + r + r**2 / 3.0) * decay, 5.0 / 3.0 * (1.0 + r) * decay


def _fit(squares: FloatArray, z: FloatArray, weights: FloatArray, start: FloatArray | None) -> FloatArray:
    """Return log length scales, log signal variance and log noise variance at the maximum of the posterior."""
    priors = np.array([_LENGTH] * len(squares) + [_SIGNAL, _NOISE])
    centre, width = np.log(priors[:, 0]), priors[:, 1]
    centred = z - np.average(z, weights=weights)

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = _likelihood(squares, centred, weights, theta)
        t = (theta - centre) / width
        return -value + 0.5 * float(t @ t), -gradient + t / width

    starts = [start] if start is not None else []
    for length in () if starts else _STARTS:
        starts.append(np.append(np.full(len(squares), np.log(length)), centre[-2:]))
    bounds = [_BOUNDS] * centre.size
    found = [optimize.minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds) for begin in starts]
    theta: FloatArray = min(found, key=lambda result: float(result.fun)).x
    return theta


def _likelihood(
    squares: FloatArray, z: FloatArray, weights: FloatArray, theta: FloatArray
) -> tuple[float, FloatArray]:
    """Return the log likelihood without its constant, and its gradient."""
    kernel, slope = _matern(squares, theta)
    noise = np.exp(theta[-1]) / weights
    lower, _ = linalg.lapack.dpotrf(kernel + np.diag(noise + _LEAST_NOISE), lower=1)
    inverse, _ = linalg.lapack.dpotri(lower, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    alpha = inverse @ z
    outer = np.outer(alpha, alpha) - inverse
    lengths = 0.5 * np.exp(-2.0 * theta[:-2]) * (squares @ (outer * slope).ravel())
    value = -0.5 * float(z @ alpha) - float(np.log(np.diag(lower)).sum())
    variances = [0.5 * np.sum(outer * kernel), 0.5 * np.sum(np.diag(outer) * noise)]
    return value, np.append(lengths, variances)
