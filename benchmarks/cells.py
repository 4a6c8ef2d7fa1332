"""Simulated studies, one function for each promise: they return how often it was kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
import numpy.typing as npt

from benchmarks.noise import Draw, normal, sac_like_study, spreads, table_study
from robusttune.stats import (
    aggregate,
    probability_of_improvement,
)
from robusttune.stats.comparisons.bayes import best_probability
from robusttune.stats.comparisons.best_set import best_set_contrasts, unbeaten
from robusttune.stats.comparisons.comparison import compare_contrasts
from robusttune.stats.comparisons.contrasts import make_contrasts
from robusttune.stats.comparisons.ranking import rank_bounds, rank_contrasts

FloatArray = npt.NDArray[np.float64]
RESAMPLES = 2000
Maker = Callable[[np.random.Generator], tuple[FloatArray, FloatArray]]
"""Returns the (scores, truth) of one study: shapes (n_configs, n_seeds) and (n_configs,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankCell:
    """What happened to rankings in simulated studies, as rates or means."""

    error: float  # some claim is wrong
    robust_error: float  # some robust claim is wrong
    best_kept: float
    best_set_size: float
    single_winner: float
    width: float
    robust_width: float
    differences: float  # all difference intervals hold
    regrets: float  # all regret bounds hold
    claimed: float  # share of the pairs
    highest_is_best: float  # the highest mean is that of the best configuration
    gaps_bound_regrets: float  # no regret is larger than the observed gap to the highest mean


def tasks_coverage(metric: str, n: int, *, studies: int, rng: np.random.Generator) -> float:
    """Return the coverage of the percentile interval of a metric over three tasks of unequal means and SDs."""
    means, sds = np.linspace(0.0, 1.0, 3), np.linspace(0.1, 0.4, 3)
    truth = float(means.mean())
    if metric == "iqm":
        many = np.sort(normal(np.random.default_rng(12345), (1_000_000, 3)) * sds + means, axis=None)
        truth = float(many[many.size // 4 : -(many.size // 4)].mean())
    hits = 0
    for _ in range(studies):
        found = aggregate(normal(rng, (n, 3)) * sds + means, metric=metric, n_resamples=500, rng=rng)
        hits += found.low <= truth <= found.high
    return hits / studies


def ranking(
    make: Maker,
    *,
    robust: bool,
    studies: int,
    rng: np.random.Generator,
    statistic: str = "mean",
    borrow: bool = True,
) -> RankCell:
    """Return the errors and widths of rankings; `make` returns (scores, truth) of one study."""
    total = np.zeros(12)
    for _ in range(studies):
        scores, truth = make(rng)
        k = truth.size
        prepare = partial(
            make_contrasts,
            list(scores),
            statistic=statistic,
            resolution=None,
            n_resamples=RESAMPLES,
            rng=rng,
        )
        contrasts = prepare(robust=robust, borrow=borrow)
        found = rank_contrasts(contrasts, level=0.95)
        better = np.array(found.better, dtype=bool)
        robust_better = better if found.robust is None else np.array(found.robust, dtype=bool)
        pairs = compare_contrasts(contrasts, found, margin=None).pairs
        wrong = truth[:, None] <= truth[None, :]
        best = unbeaten(best_set_contrasts(prepare(robust=False), level=0.95), found)
        means = contrasts.locations.estimate
        kept = [best.members[i] for i in np.flatnonzero(truth == truth.max())]
        total += [
            (better & wrong).any(),
            (robust_better & wrong).any(),
            any(kept),
            best.size,
            best.size == 1,
            _width(better),
            _width(robust_better),
            all(p.low <= truth[p.first] - truth[p.second] <= p.high for p in pairs),
            np.all(truth.max() - truth <= best.regret_high),
            better.sum() / (k * (k - 1) / 2),
            truth[means.argmax()] == truth.max(),
            np.all(truth.max() - truth <= means.max() - means),
        ]
    names = [field.name for field in fields(RankCell)]
    return RankCell(**dict(zip(names, (total / studies).tolist(), strict=True)))


def synthetic(draw: Draw, k: int, n: int, *, step: float = 0.0) -> Maker:
    """Return a maker of studies with linear means and unequal SDs (log-uniform, .3 to 3)."""

    def make(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        truth = step * np.arange(k, dtype=np.float64)
        return truth[:, None] + spreads(rng, k) * draw(rng, (k, n)), truth

    return make


def real(
    tables: list[FloatArray], n: int, *, k: int = 10, jitter: float = 0.0, statistic: str = "mean"
) -> Maker:
    """Return a maker of studies on real landscapes, whose truth is that of a statistic."""

    def make(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        study = table_study(rng, tables[rng.integers(len(tables))], n=n, k=k, jitter=jitter)
        if statistic == "iqm" and study.iqm is not None:
            return study.scores, study.iqm
        return study.scores, study.truth

    return make


def sac_like(n: int, *, k: int = 10) -> Maker:
    """Return a maker of studies with the noise of SAC."""

    def make(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        study = sac_like_study(rng, n=n, k=k)
        return study.scores, study.truth

    return make


def equal_means(make: Maker) -> Maker:
    """Return a maker of the same studies with all true means moved to zero."""

    def moved(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        scores, truth = make(rng)
        return scores - truth[:, None], np.zeros_like(truth)

    return moved


def improvement_coverage(n: int, shift: float, sd: float, *, studies: int, rng: np.random.Generator) -> float:
    """Return the coverage of the interval of P(first > second), normal scores with unequal SDs."""
    from scipy.special import ndtr

    truth, hits = float(ndtr(shift / np.sqrt(1 + sd**2))), 0
    for _ in range(studies):
        found = probability_of_improvement(
            shift + rng.standard_normal(n), sd * rng.standard_normal(n), n_resamples=1000, rng=rng
        )
        hits += found.low <= truth <= found.high
    return hits / studies


def best_calibration(n: int, *, studies: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return (mean P(best) of the most probable configuration, how often it is the best); k = 10."""
    said = right = 0.0
    for _ in range(studies):
        truth = rng.standard_normal(10)
        scores = truth[:, None] + spreads(rng, 10) * rng.standard_normal((10, n))
        found = best_probability(scores, n_draws=2000, rng=rng).p_best
        top = int(np.argmax(found))
        said += found[top]
        right += top == int(truth.argmax())
    return said / studies, right / studies


def _width(better: npt.NDArray[np.bool_]) -> float:
    low, high = rank_bounds(better)
    return float(np.mean(np.array(high) - np.array(low) + 1))
