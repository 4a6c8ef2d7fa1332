"""How many seeds the claims of the next study need, from a pilot or from two figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError, StudyError
from robusttune.pipeline import rank_study
from robusttune.pipeline.location import DEFAULT_OUT
from robusttune.seeds import generator
from robusttune.stats.planning.seeds import RequiredSeeds, required_seeds

CLAIMS = {
    "separate_top_two": "the first is better than the second",
    "small_best_set": "one configuration alone may be the best",
    "full_ranking": "every pair is decided",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSeeds:
    """The seeds that each claim needs, and where the means and SDs that say so come from."""

    source: str
    claims: tuple[RequiredSeeds, ...]


def seeds_from_pilot(
    study: StudySpec, *, out: str | Path = DEFAULT_OUT, storage: str | None = None, power: float = 0.8
) -> ClaimSeeds:
    """Return the seeds that claims need if a stored study's means and SDs are the truth.

    Parameters
    ----------
    study : StudySpec
    out, storage
        See `pipeline.run_study`.
    power : float
        Wanted probability that a claim can be made.

    Raises
    ------
    SpecError
        If the power is not between 0 and 1.
    StudyError
        If nothing is stored, or the pilot has fewer than two configurations with two seeds each.
    """
    _check_power(power)
    ranking = rank_study(study, out=out, storage=storage)
    rows = [row.analysis for row in ranking.rows if row.analysis.sd is not None]
    if len(rows) < 2:
        raise StudyError(
            "A pilot needs at least two configurations with two seeds each, but this study has "
            f"{len(rows)}. Start from two figures instead: the SD between seeds and the difference that matters."
        )
    pilot_seeds = min(row.n_seeds for row in rows)
    return ClaimSeeds(
        source=f"pilot: {len(rows)} configurations of {study.name}, {pilot_seeds} seeds or more each",
        claims=_required(
            [row.mean.estimate for row in rows],
            [row.sd or 0.0 for row in rows],
            CLAIMS,
            power=power,
            level=study.post_evaluation.confidence_level,
            pilot_seeds=pilot_seeds,
            rng=generator(study.root_seed, "plan"),
        ),
    )


def seeds_from_figures(
    *, sd: float, difference: float, n_configs: int = 2, level: float = 0.95, power: float = 0.8
) -> ClaimSeeds:
    """Return the seeds that claims need, given the SD between seeds and the difference that matters.

    Parameters
    ----------
    sd, difference : float
        In score units.
    n_configs : int
        One configuration is better than all others by `difference`; the others are equal.
    level, power : float
        Confidence level of the claims, and wanted probability that they can be made.

    Raises
    ------
    SpecError
        If a figure breaks its rule.
    """
    for name, value in (("sd", sd), ("difference", difference)):
        if not value > 0 or math.isinf(value):
            raise SpecError(f"{name} = {value:g}: must be a positive number.")
    if n_configs < 2:
        raise SpecError(f"n_configs = {n_configs}: must be at least 2.")
    _check_power(power)
    # All but the first are equal here: no number of seeds would rank them.
    claims = [claim for claim in CLAIMS if n_configs == 2 or claim != "full_ranking"]
    means, rng = [difference] + [0.0] * (n_configs - 1), generator(0, "plan")
    return ClaimSeeds(
        source=f"figures: SD {sd:g} between seeds, difference {difference:g}",
        claims=_required(
            means, [sd] * n_configs, claims, power=power, level=level, pilot_seeds=None, rng=rng
        ),
    )


def _required(
    means: Sequence[float],
    sds: Sequence[float],
    claims: Iterable[str],
    *,
    power: float,
    level: float,
    pilot_seeds: int | None,
    rng: np.random.Generator,
) -> tuple[RequiredSeeds, ...]:
    return tuple(
        required_seeds(means, sds, claim=claim, power=power, level=level, pilot_seeds=pilot_seeds, rng=rng)
        for claim in claims
    )


def _check_power(power: float) -> None:
    if not 0 < power < 1:
        raise SpecError(f"power = {power:g}: must lie between 0 and 1, for example 0.8.")
