"""Simulated studies that ask of single intervals: of one configuration, of all of a study, of its winner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit
from scipy.stats import bootstrap

from benchmarks.cells import Maker
from benchmarks.noise import Draw, FloatArray
from robusttune.stats import headline_intervals, mean_interval, trimmed_interval, winner_interval
from robusttune.stats.estimates.estimate import Estimate


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
    """Return the coverage of scipy's bootstrap interval of the mean."""
    found = bootstrap(
        (draw(rng, (studies, n)),), np.mean, axis=1, method=method, n_resamples=999, vectorized=True, rng=rng
    ).confidence_interval
    return float(((found.low <= 0.0) & (found.high >= 0.0)).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class WinnerCell:
    """Coverage of intervals of the highest mean, and mean widths over that of the naive one.

    `median2` and `mean2` are two other ways to borrow a spread: (2 m + (n - 1) s²) / (n + 1) with n - 1 degrees of
    freedom, m being the median or the mean of all s_j².
    """

    corrected: float
    corrected_median2: float
    corrected_mean2: float
    own_spread: float  # the correction with the winner's own spread (wrong under skew)
    naive: float  # Student's t, as if the winner had been named in advance
    confirmed: float
    confirmed_median2: float
    confirmed_mean2: float
    confirmed_t: float  # Student's t on the confirmation seeds alone
    width: float
    width_median2: float
    width_mean2: float
    typical_width: float  # median of the ratios instead of the ratio of the means
    confirmed_width: float  # over Student's t on the confirmation seeds
    confirmed_width_median2: float
    confirmed_width_mean2: float


def winner(make: Maker, *, studies: int, rng: np.random.Generator, n_confirm: int = 10) -> WinnerCell:
    """Return what happened to the intervals of the highest mean; `make` returns confirmation seeds too."""
    hits, widths = np.zeros((studies, 9)), np.zeros((studies, 8))
    for study in range(studies):
        everything, truth = make(rng)
        scores, fresh = everything[:, :-n_confirm], everything[:, -n_confirm:]
        top = int(scores.mean(axis=1).argmax())
        runs, mu, upper = list(scores), truth[top], 0.975 ** (1 / truth.size)
        plain, student = mean_interval(scores[top]), mean_interval(fresh[top])
        own = plain.estimate - stdtrit(plain.n - 1, upper) * plain.standard_error
        found = [
            winner_interval(runs, winner=top),
            *_others(scores[top], scores, upper),
            plain,
            winner_interval(runs, winner=top, confirmation=fresh[top]),
            *_others(fresh[top], scores, 0.975),
            student,
        ]
        bounds = [(one.low, one.high) if isinstance(one, Estimate) else one for one in found]
        hits[study, :8] = [low <= mu <= high for low, high in bounds]
        hits[study, 8] = own <= mu <= plain.high
        widths[study] = [high - low for low, high in bounds]
    rates, sizes = hits.mean(axis=0).tolist(), widths.mean(axis=0)
    varied = widths[:, 3] > 1e-9 * widths[:, 0]
    return WinnerCell(
        **dict(zip(("corrected", "corrected_median2", "corrected_mean2", "naive"), rates[:4], strict=True)),
        **dict(zip(("confirmed", "confirmed_median2", "confirmed_mean2"), rates[4:7], strict=True)),
        confirmed_t=rates[7],
        own_spread=rates[8],
        **dict(zip(("width", "width_median2", "width_mean2"), (sizes[:3] / sizes[3]).tolist(), strict=True)),
        **{
            f"confirmed_{name}": float(size / sizes[7])
            for name, size in zip(("width", "width_median2", "width_mean2"), sizes[4:7], strict=True)
        },
        typical_width=float(np.median(widths[varied, 0] / widths[varied, 3])),
    )


def _others(x: FloatArray, lenders: FloatArray, upper: float) -> list[tuple[float, float]]:
    """Return the bounds of the two other ways to borrow; the lower one has the quantile `upper`."""
    n, own, lent = x.size, x.var(ddof=1), lenders.var(axis=1, ddof=1)
    found = []
    for common in (np.median(lent), lent.mean()):
        error = np.sqrt((2 * common + (n - 1) * own) / (n + 1) / n)
        found.append((x.mean() - stdtrit(n - 1, upper) * error, x.mean() + stdtrit(n - 1, 0.975) * error))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanCell:
    """Coverage of the intervals of all means; "wildest" is that of the configuration with the largest SD."""

    printed: float
    floored: float  # borrowing upwards only: max(s², v)
    student: float
    printed_wildest: float
    floored_wildest: float
    student_wildest: float
    printed_width: float  # ratio of the mean widths, over Student's
    floored_width: float


def means(make: Maker, *, studies: int, rng: np.random.Generator) -> MeanCell:
    """Return how often the intervals of single means hold; the second half of the seeds tells who is wild."""
    hits, widths = np.zeros((studies, 6)), np.zeros((studies, 3))
    for study in range(studies):
        everything, truth = make(rng)
        half = everything.shape[1] // 2
        scores, wild = everything[:, :half], int(everything[:, half:].var(axis=1).argmax())
        centre, quantile = scores.mean(axis=1), stdtrit(half - 1, 0.975)
        own = scores.var(axis=1, ddof=1)
        drawn = (2 * np.median(own) + (half - 1) * own) / (half + 1)
        printed = headline_intervals(list(scores))
        reaches = (
            np.array([one.width / 2 for one in printed]),
            quantile * np.sqrt(np.maximum(own, drawn) / half),
            quantile * np.sqrt(own / half),
        )
        covers = [np.abs(centre - truth) <= reach for reach in reaches]
        hits[study] = [one.mean() for one in covers] + [one[wild] for one in covers]
        widths[study] = [reach.mean() for reach in reaches]
    sizes = widths.mean(axis=0)
    names = ("printed", "floored", "student", "printed_wildest", "floored_wildest", "student_wildest")
    return MeanCell(
        **dict(zip(names, hits.mean(axis=0).tolist(), strict=True)),
        printed_width=float(sizes[0] / sizes[2]),
        floored_width=float(sizes[1] / sizes[2]),
    )
