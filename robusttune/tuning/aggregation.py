"""From the scores of a trial's seeds to one objective value."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from robusttune.declaration.tuning import TuningSpec


def aggregate(scores: Sequence[float | None], tuning: TuningSpec, *, worst: float | None) -> float | None:
    """Return the objective value of some seeds' scores.

    Parameters
    ----------
    scores : sequence of float or None
        None for a diverged run, which counts as the worst score known.
    tuning : TuningSpec
        Names the aggregation.
    worst : float or None
        Worst score of the search so far.

    Returns
    -------
    float or None
        None if no score is known at all.
    """
    values = np.sort(counted(scores, worst=worst))
    if not values.size:
        return None
    match tuning.aggregation:
        case "mean":
            return float(values.mean())
        case "median":
            return float(np.median(values))
        case "iqm":
            cut = len(values) // 4
            return float(values[cut : len(values) - cut].mean())
        case "minimum":
            return float(values[0])
        case "lower-tail-mean":
            return _lower_tail_mean(values, tuning.tail_fraction)
        case "mean-minus-sd":
            sd = float(values.std(ddof=1)) if len(values) > 1 else 0.0
            return float(values.mean()) - tuning.sd_penalty * sd


def counted(scores: Sequence[float | None], *, worst: float | None) -> list[float]:
    """Return the scores, with the worst score known for a diverged run; empty if no score is known."""
    known = [score for score in scores if score is not None]
    if worst is not None:
        known.append(worst)
    return [min(known) if score is None else score for score in scores] if known else []


def _lower_tail_mean(ordered: np.ndarray, fraction: float) -> float:
    """Return the mean of the worst `fraction`, where the value at the border counts in part."""
    size = fraction * len(ordered)
    weights = np.clip(size - np.arange(len(ordered)), 0.0, 1.0)
    return float(ordered @ weights / math.fsum(weights))
