"""Cross-check against rliable: the same numbers from the library that papers expect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from robusttune.errors import MissingDependencyError
from robusttune.stats._checks import check_choice, check_count, check_level
from robusttune.stats.tasks.aggregate import METRICS, as_tasks


def rliable_aggregate(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike], *, metric: str, target: float = 1.0
) -> float:
    """Return rliable's value of an aggregate metric.

    Parameters
    ----------
    scores : ndarray, shape (n_seeds, n_tasks), or sequence of arrays of equal length
        Normalised scores.
    metric : {"mean", "median", "iqm", "optimality_gap"}
        Which metric.
    target : float
        For the optimality gap.

    Raises
    ------
    MissingDependencyError
        If rliable cannot be imported.
    ValueError
        If the metric is unknown, or tasks have unequal numbers of seeds.
    """
    options = {"gamma": target} if metric == "optimality_gap" else {}
    return float(_function(metric)(_matrix(scores), **options))


def rliable_interval(
    scores: npt.ArrayLike | Iterable[npt.ArrayLike],
    *,
    metric: str,
    level: float = 0.95,
    n_resamples: int = 50_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return rliable's stratified percentile interval.

    Parameters
    ----------
    scores : ndarray, shape (n_seeds, n_tasks), or sequence of arrays of equal length
        Normalised scores.
    metric : {"mean", "median", "iqm", "optimality_gap"}
        Which metric.
    level : float
        Nominal coverage.
    n_resamples : int
        Number of resamples.
    seed : int
        For numpy's global generator, which is what rliable draws from whatever it is told; the state is
        restored afterwards.

    Raises
    ------
    MissingDependencyError
        If rliable cannot be imported.
    ValueError
        If the metric is unknown, or tasks have unequal numbers of seeds.
    """
    library = _load("library")
    check_level(level)
    check_count(n_resamples, name="n_resamples", minimum=100)
    function = _function(metric)
    state = np.random.get_state()  # noqa: NPY002 - rliable ignores every other source
    try:
        np.random.seed(seed)  # noqa: NPY002
        _, bounds = library.get_interval_estimates(
            {"scores": _matrix(scores)},
            lambda x: np.array([function(x)]),
            reps=n_resamples,
            confidence_interval_size=level,
        )
    finally:
        np.random.set_state(state)  # noqa: NPY002
    low, high = bounds["scores"][:, 0]
    return float(low), float(high)


def _load(name: str) -> Any:
    try:
        from rliable import library, metrics
    except ImportError as error:
        raise MissingDependencyError(
            f"The cross-check needs rliable ({error}). Install it with: pip install rliable 'pandas<3'"
        ) from error
    return {"library": library, "metrics": metrics}[name]


def _function(metric: str) -> Callable[..., float]:
    check_choice(metric, name="metric", choices=METRICS)
    found: Callable[..., float] = getattr(_load("metrics"), f"aggregate_{metric}")
    return found


def _matrix(scores: npt.ArrayLike | Iterable[npt.ArrayLike]) -> npt.NDArray[np.float64]:
    tasks = as_tasks(scores)
    if len({x.size for x in tasks}) > 1:
        raise ValueError(
            f"`scores` must have equally many seeds for each task, but got {[x.size for x in tasks]}. "
            "rliable takes a matrix; use `aggregate` for unequal numbers."
        )
    return np.stack(tasks, axis=1)
