"""Simulated studies that ask of luck: how often it is named where it happened, and where it did not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.noise import Draw, FloatArray, Study, sac_like_study, table_study
from robusttune.stats import CONSISTENT, INCONCLUSIVE, LUCKY, luck


@dataclass(frozen=True, slots=True, kw_only=True)
class LuckCell:
    """Rates over trials; sigma is the median true SD between the seeds of the trials of a study.

    Attributes
    ----------
    found : float
        P(LUCKY | the tuning score overstates by more than sigma).
    false, slight : float
        P(LUCKY | it does not overstate at all), and by no more than sigma / 4.
    consistent_wrong : float
        Share of the CONSISTENT that are overstated by more than sigma.
    inconclusive : float
        Share of INCONCLUSIVE.
    covered : float
        Coverage of the interval of the luck.
    """

    found: float
    false: float
    slight: float
    consistent_wrong: float
    inconclusive: float
    covered: float


def luck_size(draw: Draw, n: int, *, studies: int, rng: np.random.Generator) -> float:
    """Return how often the luck test rejects at .05 a number that is exactly the true mean, one trial alone."""
    samples = draw(rng, (studies, n))
    found = [luck([[0.0]], [x], indifference=0.0)[0].p_lucky for x in samples]
    return sum(p is not None and p <= 0.05 for p in found) / studies


def table_luck(tables: list[FloatArray], n: int) -> Callable[[np.random.Generator], Study]:
    """Return a maker of studies on real landscapes."""
    return lambda rng: table_study(rng, tables[rng.integers(len(tables))], n=n)


def sac_luck(n: int) -> Callable[[np.random.Generator], Study]:
    """Return a maker of studies with the noise of SAC."""
    return lambda rng: sac_like_study(rng, n=n)


def luck_rates(
    make: Callable[[np.random.Generator], Study],
    *,
    studies: int,
    rng: np.random.Generator,
    wrong: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]] | None = None,
) -> LuckCell:
    """Return the rates of the verdicts, or of those of a rule that is known to be wrong."""
    rows = []
    for _ in range(studies):
        study = make(rng)
        sigma = float(np.median(study.sd))
        if sigma <= 1e-9 * (1 + np.abs(study.truth).max()):
            continue  # most trials do not vary at all: there is no SD to overstate by
        if wrong is not None:
            lucky, consistent = wrong(study.tuning, study.scores)
            words = np.where(lucky, LUCKY, np.where(consistent, CONSISTENT, INCONCLUSIVE))
            covered = np.zeros(lucky.size, dtype=bool)
        else:
            found = luck(study.tuning[:, None].tolist(), list(study.scores))
            words = np.array([one.verdict for one in found])
            covered = np.array(
                [
                    one.low <= y - mu <= one.high
                    for one, y, mu in zip(found, study.tuning, study.truth, strict=True)
                ]
            )
        rows.append(
            np.stack(
                [
                    (study.tuning - study.truth) / sigma,
                    words == LUCKY,
                    words == CONSISTENT,
                    words == INCONCLUSIVE,
                    covered,
                ]
            )
        )
    luck_in_sd, lucky, consistent, undecided, covered = np.concatenate(rows, axis=1)
    return LuckCell(
        found=float(lucky[luck_in_sd > 1].mean()),
        false=float(lucky[luck_in_sd <= 0].mean()),
        slight=float(lucky[luck_in_sd <= 0.25].mean()),
        consistent_wrong=float((luck_in_sd > 1)[consistent == 1].mean()) if consistent.any() else 0.0,
        inconclusive=float(undecided.mean()),
        covered=float(covered.mean()),
    )
