"""Where in their ranges the good trials of a search lie: one hyperparameter at a time, the others accounted for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from robusttune.stats._checks import BoolArray, FloatArray

BEST_SHARE = 0.2
"""The best fifth of the trials are called the best."""
_FEWEST_BEST = 4
_LEAST_DF = 5
_SINGULAR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a column adds to the trials' values: p-values of one-sided tests that it raises or lowers them."""

    p_raises: float
    p_lowers: float


def normal_scores(values: FloatArray) -> FloatArray:
    """Return values by rank, as a normal sample of that size would have them: no outlier decides.

    Parameters
    ----------
    values : ndarray, shape (n_trials,)
        Finite; ties share their mean rank.
    """
    scores: FloatArray = special.ndtri((stats.rankdata(values) - 0.5) / values.size)
    return scores


def best_trials(values: FloatArray) -> BoolArray:
    """Return which trials are among the best; of equal ones those that came first."""
    n_best = max(_FEWEST_BEST, math.ceil(BEST_SHARE * values.size))
    best = np.zeros(values.size, dtype=bool)
    best[np.argsort(-values, kind="stable")[:n_best]] = True
    return best


def effect(scores: FloatArray, others: FloatArray, column: FloatArray) -> Effect | None:
    """Return whether a column raises or lowers the trials' values, those of other hyperparameters being equal.

    Parameters
    ----------
    scores : ndarray, shape (n_trials,)
        From `normal_scores`.
    others : ndarray, shape (n_trials, n_columns)
        What the other hyperparameters explain.
    column : ndarray, shape (n_trials,)

    Returns
    -------
    Effect or None
        None where there are too few trials, or the others explain the column.

    Notes
    -----
    The t-test of the column's coefficient in a linear regression. The trials' places are taken as given: a sampler that
    goes where earlier trials were good chooses them before it knows the value. That other hyperparameters are in the
    regression matters with such samplers, whose later trials are better and closer together in all of them.
    """
    design = np.column_stack([np.ones(scores.size), others, column])
    df = scores.size - design.shape[1]
    if df < _LEAST_DF:
        return None
    q, r = np.linalg.qr(design)
    size = np.abs(np.diag(r))
    if size.min() <= _SINGULAR * size.max():
        return None
    coefficients = np.linalg.solve(r, q.T @ scores)
    variance = float(((scores - design @ coefficients) ** 2).sum()) / df
    error = math.sqrt(variance) / size[-1]
    t = float(coefficients[-1]) / error if error > 0 else math.copysign(math.inf, coefficients[-1])
    return Effect(p_raises=float(special.stdtr(df, -t)), p_lowers=float(special.stdtr(df, t)))


def unexplained(scores: FloatArray, others: FloatArray) -> FloatArray:
    """Return what the other hyperparameters leave of the trials' scores; see `effect`."""
    design = np.column_stack([np.ones(scores.size), others])
    rest: FloatArray = scores - design @ np.linalg.lstsq(design, scores, rcond=None)[0]
    return rest


def joint_effect(scores: FloatArray, others: FloatArray, own: FloatArray) -> tuple[float, float] | None:
    """Return the sum of squares that columns explain beside the others, and the p-value of the F-test; see `effect`."""
    whole = np.column_stack([others, own])
    df = scores.size - whole.shape[1] - 1
    if df < _LEAST_DF:
        return None
    left = float((unexplained(scores, whole) ** 2).sum())
    explained = max(0.0, float((unexplained(scores, others) ** 2).sum()) - left)
    f = explained / own.shape[1] * df / left if left else math.inf
    return explained, float(special.fdtrc(own.shape[1], df, f))
