"""How many seeds the next study needs, from this one or from two figures."""

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
from robusttune.report.model import Ranking
from robusttune.seeds import generator
from robusttune.stats.planning.budget import BudgetSplit, split_budget
from robusttune.stats.planning.seeds import SeedPlan, plan_seeds

CLAIMS = {
    "separate_top_two": "the first is better than the second",
    "small_best_set": "one configuration alone may be the best",
    "full_ranking": "every pair is decided",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """Seeds for each claim, and ways to split a budget, best first (empty if none was asked for)."""

    seeds: tuple[SeedPlan, ...]
    splits: tuple[BudgetSplit, ...]
    source: str


def plan_from_study(
    study: StudySpec,
    *,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
    power: float = 0.8,
    budget: float | None = None,
) -> StudyPlan:
    """Return a plan that takes a stored study as its pilot.

    Parameters
    ----------
    study : StudySpec
    power : float
        Wanted probability that a claim can be made.
    budget : float, optional
        Training runs to be split between trials, seeds and candidates.

    Raises
    ------
    StudyError
        If nothing is stored, or the pilot has fewer than two configurations with two seeds each.
    """
    ranking = rank_study(study, out=out, storage=storage)
    rows = [row.analysis for row in ranking.rows if row.analysis.sd is not None]
    if len(rows) < 2:
        raise StudyError(
            "A plan needs a pilot of at least two configurations with two seeds each, but this study has "
            f"{len(rows)}. Give figures instead: robusttune plan --sd 100 --difference 50."
        )
    rng = generator(study.root_seed, "plan")
    level = study.post_evaluation.confidence_level
    means, sds = [row.mean.estimate for row in rows], [row.sd or 0.0 for row in rows]
    pilot_seeds = min(row.n_seeds for row in rows)
    return StudyPlan(
        seeds=_seed_plans(means, sds, CLAIMS, power=power, level=level, pilot_seeds=pilot_seeds, rng=rng),
        splits=() if budget is None else _splits(ranking, sds, budget, rng),
        source=f"pilot: {len(rows)} configurations of {study.name}, {pilot_seeds} seeds or more each",
    )


def plan_from_figures(
    *,
    sd: float,
    difference: float,
    n_configs: int = 2,
    level: float = 0.95,
    power: float = 0.8,
    budget: float | None = None,
    sd_between: float | None = None,
    root_seed: int = 0,
) -> StudyPlan:
    """Return a plan from the SD between seeds and the difference that matters, both in score units.

    Parameters
    ----------
    sd, difference : float
    n_configs : int
        One configuration is better than all others by `difference`; the others are equal.
    budget, sd_between : float, optional
        Training runs to split, and the SD between the true means of configurations (default: `difference`).

    Raises
    ------
    SpecError
        If a figure breaks its rule.
    """
    for name, value in (("--sd", sd), ("--difference", difference)):
        if not value > 0 or math.isinf(value):
            raise SpecError(f"{name} {value:g}: must be a positive number.")
    if n_configs < 2:
        raise SpecError(f"--configurations {n_configs}: must be at least 2.")
    rng = generator(root_seed, "plan")
    means = [difference] + [0.0] * (n_configs - 1)
    try:
        splits = (
            ()
            if budget is None
            else split_budget(budget=budget, sd_seed=sd, sd_between=sd_between or difference, rng=rng)
        )
        # All but the first are equal here: no number of seeds would rank them.
        claims = [claim for claim in CLAIMS if n_configs == 2 or claim != "full_ranking"]
        sds = [sd] * n_configs
        seeds = _seed_plans(means, sds, claims, power=power, level=level, pilot_seeds=None, rng=rng)
    except ValueError as error:
        raise SpecError(str(error)) from None
    return StudyPlan(
        seeds=seeds, splits=splits, source=f"figures: SD {sd:g} between seeds, difference {difference:g}"
    )


def _seed_plans(
    means: Sequence[float],
    sds: Sequence[float],
    claims: Iterable[str],
    *,
    power: float,
    level: float,
    pilot_seeds: int | None,
    rng: np.random.Generator,
) -> tuple[SeedPlan, ...]:
    return tuple(
        plan_seeds(means, sds, claim=claim, power=power, level=level, pilot_seeds=pilot_seeds, rng=rng)
        for claim in claims
    )


def _splits(
    ranking: Ranking, sds: Sequence[float], budget: float, rng: np.random.Generator
) -> tuple[BudgetSplit, ...]:
    complete = [
        (trial.objective_value, len(trial.scores))
        for trial in ranking.trials
        if trial.objective_value is not None
    ]
    values = [value for value, _ in complete]
    if len(values) < 3:
        raise StudyError(
            f"--budget needs at least 3 complete trials to see how much configurations differ, but got {len(values)}."
        )
    sd_seed = float(np.sqrt(np.mean(np.square(sds))))
    # What trials differ by is noise too, less of it where a trial has more seeds; the rest is what configurations
    # differ by.
    noise = float(np.mean([sd_seed**2 / n_seeds for _, n_seeds in complete]))
    between = float(np.var(values, ddof=1)) - noise
    sd_between = math.sqrt(max(between, (0.1 * sd_seed) ** 2))
    try:
        return split_budget(budget=budget, sd_seed=sd_seed, sd_between=sd_between, rng=rng)
    except ValueError as error:
        raise SpecError(f"--budget {budget:g}: {error}") from None
