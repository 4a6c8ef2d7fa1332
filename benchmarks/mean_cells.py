"""Simulated studies that ask of single intervals: of one configuration, of all of a study, of its winner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

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
    """Coverage of the winner's intervals, and the corrected one's width over the naive one's."""

    corrected: float
    confirmed: float
    confirmed_t: float  # Student's t on the confirmation seeds alone
    naive: float  # Student's t, as if the winner had been named in advance
    own_spread: float  # the correction with the winner's own spread (wrong under skew)
    width: float  # ratio of the mean widths
    typical_width: float  # median of the ratios


def winner(make: Maker, *, studies: int, rng: np.random.Generator, n_confirm: int = 10) -> WinnerCell:
    """Return what happened to the intervals of the highest mean; `make` returns confirmation seeds too."""
    hits, widths = np.zeros((studies, 5)), np.zeros((studies, 2))
    for study in range(studies):
        everything, truth = make(rng)
        scores, fresh = everything[:, :-n_confirm], everything[:, -n_confirm:]
        top = int(scores.mean(axis=1).argmax())
        runs, mu = list(scores), truth[top]
        plain = mean_interval(scores[top])
        quantile = stdtrit(plain.n - 1, 0.975 ** (1 / truth.size))
        found = (
            winner_interval(runs, winner=top),
            winner_interval(runs, winner=top, confirmation=fresh[top]),
            mean_interval(fresh[top]),
            plain,
            replace(plain, low=plain.estimate - quantile * plain.standard_error),
        )
        hits[study] = [one.low <= mu <= one.high for one in found]
        widths[study] = found[0].width, plain.width
    varied = widths[:, 1] > 1e-9 * widths[:, 0]
    corrected, confirmed, confirmed_t, naive, own = hits.mean(axis=0).tolist()
    return WinnerCell(
        corrected=corrected,
        confirmed=confirmed,
        confirmed_t=confirmed_t,
        naive=naive,
        own_spread=own,
        width=float(widths[:, 0].mean() / widths[:, 1].mean()),
        typical_width=float(np.median(widths[varied, 0] / widths[varied, 1])),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanCell:
    """Coverage of the printed intervals of all means."""

    headline: float
    student: float
    wildest: float  # the printed interval of the configuration with the largest SD of all
    width: float  # ratio of the mean widths, printed over Student's


def means(make: Maker, *, studies: int, rng: np.random.Generator) -> MeanCell:
    """Return how often the intervals of single means hold; the second half of the seeds tells who is wild."""
    hits, widths = np.zeros((studies, 3)), np.zeros((studies, 2))
    for study in range(studies):
        everything, truth = make(rng)
        half = everything.shape[1] // 2
        scores, wild = everything[:, :half], int(everything[:, half:].var(axis=1).argmax())
        printed, plain = headline_intervals(list(scores)), [mean_interval(x) for x in scores]
        covers = [one.low <= mu <= one.high for one, mu in zip(printed, truth, strict=True)]
        naive = [one.low <= mu <= one.high for one, mu in zip(plain, truth, strict=True)]
        hits[study] = np.mean(covers), np.mean(naive), covers[wild]
        widths[study] = [sum(one.width for one in some) for some in (printed, plain)]
    headline, student, wildest = hits.mean(axis=0).tolist()
    return MeanCell(
        headline=headline, student=student, wildest=wildest, width=float(np.divide(*widths.mean(axis=0)))
    )
