"""Simulated studies, one function for each promise: they return how often it was kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.noise import Draw, spreads, substudy
from robusttune.stats import (
    bootstrap_intervals,
    luck,
    mean_interval,
    probability_of_improvement,
    trimmed_interval,
    winner_interval,
)
from robusttune.stats.comparisons.bayes import best_probability
from robusttune.stats.comparisons.best_set import best_set_contrasts
from robusttune.stats.comparisons.contrasts import assemble, make_contrasts
from robusttune.stats.comparisons.maxt import parametric_draws, stepdown_p
from robusttune.stats.comparisons.ranking import rank_bounds
from robusttune.stats.estimates.estimate import Estimate
from robusttune.stats.estimates.location import Locations, locate

FloatArray = npt.NDArray[np.float64]
RESAMPLES = 2000


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


def coverage(
    draw: Draw,
    n: int,
    make: Callable[[FloatArray], Estimate],
    truth: float,
    *,
    studies: int,
    rng: np.random.Generator,
) -> float:
    """Return how often an interval of one configuration holds the truth."""
    hits = 0
    for x in draw(rng, (studies, n)):
        found = make(x)
        hits += found.low <= truth <= found.high
    return hits / studies


def mean_coverage(draw: Draw, n: int, *, studies: int, rng: np.random.Generator) -> float:
    """Return the coverage of the t interval; the noise has mean zero."""
    return coverage(draw, n, mean_interval, 0.0, studies=studies, rng=rng)


def iqm_coverage(draw: Draw, n: int, *, studies: int, rng: np.random.Generator) -> float:
    """Return the coverage of the trimmed-t interval of the population's interquartile mean."""
    many = np.sort(draw(np.random.default_rng(12345), (1, 4_000_000))[0])
    truth = float(many[1_000_000:3_000_000].mean())
    return coverage(draw, n, trimmed_interval, truth, studies=studies, rng=rng)


def bootstrap_coverage(draw: Draw, n: int, method: str, *, studies: int, rng: np.random.Generator) -> float:
    """Return the coverage of a bootstrap interval of the mean."""
    found = bootstrap_intervals(draw(rng, (studies, n)), method=method, n_resamples=RESAMPLES, rng=rng)
    return sum(one.low <= 0.0 <= one.high for one in found) / studies


def ranking(
    make: Callable[[np.random.Generator], tuple[FloatArray, FloatArray]],
    *,
    robust: bool,
    studies: int,
    rng: np.random.Generator,
) -> RankCell:
    """Return the errors and widths of rankings; `make` returns (scores, truth) of one study."""
    total = np.zeros(7)
    for _ in range(studies):
        scores, truth = make(rng)
        k = truth.size
        contrasts = make_contrasts(
            list(scores), statistic="mean", robust=robust, resolution=None, n_resamples=RESAMPLES, rng=rng
        )
        family = [(i, j) for i in range(k) for j in range(k) if i != j]
        better = stepdown_p(contrasts.t, contrasts.draws, family) <= 0.05
        robust_better = better
        if contrasts.robust_draws is not None:
            robust_better = better & (stepdown_p(contrasts.t, contrasts.robust_draws, family) <= 0.05)
        wrong = truth[:, None] <= truth[None, :]
        best = best_set_contrasts(contrasts, level=0.95)
        kept = [best.members[i] for i in np.flatnonzero(truth == truth.max())]
        total += [
            (better & wrong).any(),
            (robust_better & wrong).any(),
            any(kept),
            best.size,
            best.size == 1,
            _width(better),
            _width(robust_better),
        ]
    names = ("error", "robust_error", "best_kept", "best_set_size", "single_winner", "width", "robust_width")
    return RankCell(**dict(zip(names, (total / studies).tolist(), strict=True)))


def synthetic(
    draw: Draw, k: int, n: int, *, step: float = 0.0
) -> Callable[[np.random.Generator], tuple[FloatArray, FloatArray]]:
    """Return a maker of studies with linear means and unequal SDs (log-uniform, .3 to 3)."""

    def make(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        truth = step * np.arange(k, dtype=np.float64)
        return truth[:, None] + spreads(rng, k) * draw(rng, (k, n)), truth

    return make


def real(tables: list[FloatArray], n: int) -> Callable[[np.random.Generator], tuple[FloatArray, FloatArray]]:
    """Return a maker of studies on real landscapes."""

    def make(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        scores, truth, _ = substudy(rng, tables[rng.integers(len(tables))], n=n)
        return scores, truth

    return make


def winner(
    make: Callable[[np.random.Generator], tuple[FloatArray, FloatArray]],
    *,
    studies: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return the coverage of the winner's corrected and of its naive interval."""
    corrected = naive = 0
    for _ in range(studies):
        scores, truth = make(rng)
        top = int(scores.mean(axis=1).argmax())
        found = winner_interval(scores[top], n_configs=truth.size)
        plain = mean_interval(scores[top])
        corrected += found.low <= truth[top] <= found.high
        naive += plain.low <= truth[top] <= plain.high
    return corrected / studies, naive / studies


def luck_size(draw: Draw, n: int, *, studies: int, rng: np.random.Generator) -> float:
    """Return how often the luck test rejects at .05 a number that is exactly the true mean."""
    found = luck([[0.0]] * studies, draw(rng, (studies, n)), indifference=0.0)
    return sum(one.p_lucky is not None and one.p_lucky <= 0.05 for one in found) / studies


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


def plug_in_error(k: int, n: int, *, studies: int, rng: np.random.Generator) -> float:
    """Return the familywise error of rank intervals that take estimated variances as known (wrong)."""
    wrong = 0
    family = [(i, j) for i in range(k) for j in range(k) if i != j]
    for _ in range(studies):
        scores = spreads(rng, k) * rng.standard_normal((k, n))
        found = locate(list(scores))
        known = Locations(
            estimate=found.estimate,
            variance=found.variance,
            df=np.full(k, np.inf),
            floor=found.floor,
            n=found.n,
        )
        contrasts = assemble(known, parametric_draws(known, n_resamples=RESAMPLES, rng=rng))
        wrong += bool((stepdown_p(contrasts.t, contrasts.draws, family) <= 0.05).any())
    return wrong / studies


def naive_rank_error(k: int, n: int, *, studies: int, rng: np.random.Generator) -> float:
    """Return how often percentile intervals of bootstrapped ranks miss under equal means (wrong).

    With equal means every rank from 1 to k is true, so an interval that leaves one out has missed.
    """
    missed = 0
    for _ in range(studies):
        scores = spreads(rng, k) * rng.standard_normal((k, n))
        drawn = rng.integers(0, n, (400, k, n))
        means = np.take_along_axis(np.broadcast_to(scores, (400, k, n)), drawn, axis=2).mean(axis=2)
        ranks = 1 + (means[:, None, :] > means[:, :, None]).sum(axis=2)
        low, high = np.quantile(ranks, [0.025, 0.975], axis=0)
        missed += bool((low > 1).any() or (high < k).any())
    return missed / studies


def episodes_as_seeds(n: int, m: int, *, studies: int, rng: np.random.Generator) -> float:
    """Return the coverage of a t interval that takes every episode for an independent run (wrong)."""
    hits = 0
    for _ in range(studies):
        episodes = rng.standard_normal((n, 1)) + rng.standard_normal((n, m))
        found = mean_interval(episodes.ravel())
        hits += found.low <= 0.0 <= found.high
    return hits / studies


def _width(better: npt.NDArray[np.bool_]) -> float:
    low, high = rank_bounds(better)
    return float(np.mean(np.array(high) - np.array(low) + 1))
