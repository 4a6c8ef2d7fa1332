"""How reliable training itself is, from learning curves: dispersion within runs, and the risk of drops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from robusttune.stats._checks import FloatArray, check_level
from robusttune.stats.estimates.estimate import Estimate, mean_interval

TAIL = 0.05
FEWEST_POINTS = 3  # evaluations along training; two give one change, and no spread of changes
_FEWEST_RUNS = 3

Curve = tuple[Sequence[float], Sequence[float] | FloatArray]
"""Timesteps and scores of the evaluations of one run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveReliability:
    """Reliability of the training of one configuration; each array has shape (n_runs,).

    Attributes
    ----------
    dispersion : tuple of float
        Interquartile range of the changes from one evaluation to the next, per unit of time: the change takes
        out the trend. Smaller is steadier.
    short_term_risk : tuple of float
        Mean of the worst changes, per unit of time: below 0 are drops, and lower is worse.
    long_term_risk : tuple of float
        Mean of the largest drawdowns, the falls below the best evaluation so far, in score units. Larger is
        worse.
    tail : float
        Share of the worst that the risks are means of.
    """

    dispersion: tuple[float, ...]
    short_term_risk: tuple[float, ...]
    long_term_risk: tuple[float, ...]
    tail: float


def curve_reliability(
    curves: npt.ArrayLike, *, timesteps: npt.ArrayLike | None = None, tail: float = TAIL
) -> CurveReliability:
    """Return the reliability of training of each run.

    Parameters
    ----------
    curves : array_like, shape (n_runs, n_points)
        Scores of the evaluations along training; at least three.
    timesteps : array_like, shape (n_points,), optional
        When they were made, increasing; default one unit of time from one to the next.
    tail : float
        Share of the worst changes and drawdowns that count as risk.

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not finite, the timesteps do not increase, or the tail is not
        between 0 and 1.

    Notes
    -----
    The definitions are those of the package rl-reliability-metrics: `IqrWithinRuns` over the whole run,
    `LowerCVaROnDiffs` and `UpperCVaROnDrawdown`, without normalisation. The risk is the mean of the values
    up to the tail's quantile (linear interpolation), so with fewer than twenty points it is the worst one.

    References
    ----------
    Chan, Fishman, Canny, Korattikara and Guadarrama (2020), Measuring the Reliability of Reinforcement
    Learning Algorithms. ICLR; arXiv:1912.05663
    """
    values = np.array(curves, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 3:
        raise ValueError(
            f"`curves` must have shape (n_runs, n_points) with at least 3 points, but got {values.shape}."
        )
    check_level(tail, name="tail")
    time = np.arange(values.shape[1]) if timesteps is None else np.array(timesteps, dtype=np.float64)
    if time.shape != values.shape[1:] or not (np.diff(time) > 0).all():
        raise ValueError(f"`timesteps` must be {values.shape[1]} increasing numbers, but got {timesteps!r}.")
    if not np.isfinite(values).all():
        raise ValueError("`curves` must be finite. Leave out the runs that diverged.")
    changes = np.diff(values, axis=1) / np.diff(time)
    drawdowns = np.maximum.accumulate(values, axis=1) - values
    return CurveReliability(
        dispersion=tuple(stats.iqr(changes, axis=1).tolist()),
        short_term_risk=lower_tails(changes, tail),
        long_term_risk=tuple(-value for value in lower_tails(-drawdowns, tail)),
        tail=tail,
    )


def late_rise(curves: Sequence[Curve], *, left_out: int = 1, level: float) -> Estimate | None:
    """Return by how much the runs of a configuration rose over the second half of their training.

    Parameters
    ----------
    curves : sequence (n_runs,) of (timesteps, scores)
        Their evaluations, the last one at the end of training.
    left_out : int
        Evaluations at the end that chose the configuration: it was taken because they are high.
    level : float
        Confidence level.

    Returns
    -------
    Estimate or None
        Mean over the runs, with the t interval. None with fewer than three runs that have three other evaluations in
        their second half.

    Notes
    -----
    The rise of a run is the slope of a straight line through its evaluations, times half of its timesteps.
    """
    rises = []
    for timesteps, scores in curves:
        time = np.array(timesteps, dtype=np.float64) / max([1.0, *timesteps])
        late = np.arange(time.size)[time >= 0.5]
        late = late[late < time.size - left_out]
        if late.size >= FEWEST_POINTS:
            rises.append(0.5 * float(np.polyfit(time[late], np.array(scores)[late], 1)[0]))
    return mean_interval(rises, level=level) if len(rises) >= _FEWEST_RUNS else None


def lower_tails(values: FloatArray, tail: float) -> tuple[float, ...]:
    """Return, for each run, the mean of its values up to their `tail` quantile (conditional value at risk).

    Parameters
    ----------
    values : ndarray, shape (n_runs, n_points)
        Finite values.
    tail : float
        Share in the tail.
    """
    within = values <= np.quantile(values, tail, axis=1, keepdims=True)
    worst, alone = values.min(axis=1).tolist(), within.sum(axis=1) == 1
    return tuple(worst[i] if alone[i] else float(row[within[i]].mean()) for i, row in enumerate(values))
