"""How many seeds a claim needs: closed forms, and simulation of the procedure that will be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import (
    FloatArray,
    as_sample,
    check_choice,
    check_count,
    check_level,
    check_rng,
)
from robusttune.stats.comparisons.best_set import best_set_contrasts
from robusttune.stats.comparisons.contrasts import Contrasts, assemble
from robusttune.stats.comparisons.maxt import largest_of_all, parametric_draws, stepdown_p, upper_quantile
from robusttune.stats.estimates.location import Locations
from robusttune.stats.planning.power import difference_power, fewest_seeds, inflated_sd, welch_df

CLAIMS = ("separate_top_two", "small_best_set", "full_ranking")
FEWEST_SEEDS = 3  # two give a variance with one degree of freedom: no plan should rest on it


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredSeeds:
    """How many seeds per configuration a claim needs.

    Attributes
    ----------
    claim : str
        "separate_top_two", "small_best_set" or "full_ranking".
    n_seeds : int or None
        Fewest seeds per configuration that reach the power; None if `max_seeds` does not.
    power, achieved : float
        Wanted, and simulated at `n_seeds` (or at `max_seeds`).
    curve : tuple of (int, float)
        Every number of seeds that was tried, with its power.
    level : float
        Confidence level of the claim.
    n_studies : int
        Simulated studies for each number of seeds; the power has standard error below 0.5/sqrt(n_studies).
    note : str
        What was assumed.
    """

    claim: str
    n_seeds: int | None
    power: float
    achieved: float
    curve: tuple[tuple[int, float], ...]
    level: float
    n_studies: int
    note: str


def required_seeds(
    means: npt.ArrayLike,
    sds: npt.ArrayLike,
    *,
    claim: str = "separate_top_two",
    best_set_size: int = 1,
    power: float = 0.8,
    level: float = 0.95,
    pilot_seeds: int | None = None,
    max_seeds: int = 200,
    n_studies: int = 200,
    n_resamples: int = 400,
    rng: np.random.Generator,
) -> RequiredSeeds:
    """Return how many seeds per configuration the claim needs, by simulating whole studies.

    Parameters
    ----------
    means, sds : array_like, shape (n_configs,)
        Assumed true means, and SDs between seeds, in score units: pilot estimates, or figures to plan with.
    claim : {"separate_top_two", "small_best_set", "full_ranking"}
        The first is claimed better than the second; the best set has at most `best_set_size` members; every
        pair is decided.
    best_set_size : int
        For "small_best_set".
    power : float
        Wanted probability that the claim can be made.
    level : float
        Confidence level of the claim.
    pilot_seeds : int, optional
        Seeds that the SDs were estimated from; they are then replaced by their upper 80 % bounds.
    max_seeds : int
        Give up beyond this.
    n_studies, n_resamples : int
        Simulated studies for each number of seeds, and null draws in each.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    ValueError
        If means and SDs do not match, there are fewer than two configurations, or an option breaks its rule.

    Notes
    -----
    Normal noise. Means of a pilot are further apart than the truth, for its best was chosen by the same
    numbers; read the answer as a lower end.
    """
    centre, spread = as_sample(means, name="means", min_n=2), as_sample(sds, name="sds", min_n=2)
    if centre.size != spread.size or (spread < 0).any():
        raise ValueError(
            f"`sds` must hold {centre.size} values >= 0, one per mean, but got {spread.tolist()}."
        )
    check_choice(claim, name="claim", choices=CLAIMS)
    check_level(power, name="power")
    check_level(level)
    check_count(best_set_size, name="best_set_size", minimum=1)
    check_count(max_seeds, name="max_seeds", minimum=2)
    check_count(n_studies, name="n_studies", minimum=20)
    check_count(n_resamples, name="n_resamples", minimum=100)
    check_rng(rng)
    note = "normal noise; the means are taken as true"
    if pilot_seeds is not None:
        spread = np.array([inflated_sd(float(s), n=pilot_seeds) for s in spread])
        note += "; SDs at the upper 80 % bound of the pilot"

    def reached(n: int) -> float:
        made = sum(
            _made(_study(centre, spread, n, n_resamples, rng), claim, centre, best_set_size, level)
            for _ in range(n_studies)
        )
        return made / n_studies

    n_seeds, curve = fewest_seeds(reached, power, min(FEWEST_SEEDS, max_seeds), max_seeds)
    achieved = dict(curve)[n_seeds] if n_seeds is not None else max(curve)[1]
    return RequiredSeeds(
        claim=claim,
        n_seeds=n_seeds,
        power=power,
        achieved=achieved,
        curve=tuple(sorted(curve)),
        level=level,
        n_studies=n_studies,
        note=note,
    )


def seeds_to_separate(
    means: npt.ArrayLike,
    sds: npt.ArrayLike,
    *,
    first: int,
    second: int,
    power: float = 0.8,
    level: float = 0.95,
    max_seeds: int = 1000,
    n_resamples: int = 1000,
    rng: np.random.Generator,
) -> int | None:
    """Return how many seeds each configuration needs until the ranking separates two of them.

    Parameters
    ----------
    means, sds : array_like, shape (n_configs,)
        Assumed truth of all configurations in the ranking, in score units.
    first, second : int
        Positions of the two.
    power, level : float
        Wanted probability of the claim, and its confidence level.
    max_seeds : int
        Give up beyond this.
    n_resamples : int
        Draws for the critical value.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    int or None
        None where the means are equal or `max_seeds` do not suffice.

    Raises
    ------
    ValueError
        If means and SDs do not match, or an option breaks its rule.

    Notes
    -----
    Quick: the single-step critical value at each number of seeds, and the noncentral t. `required_seeds`
    simulates the step-down procedure itself, which needs a little fewer.
    """
    centre, spread = as_sample(means, name="means", min_n=2), as_sample(sds, name="sds", min_n=2)
    if centre.size != spread.size or (spread < 0).any():
        raise ValueError(
            f"`sds` must hold {centre.size} values >= 0, one per mean, but got {spread.tolist()}."
        )
    check_level(power, name="power")
    check_level(level)
    check_rng(rng)
    for name, value in (("first", first), ("second", second)):
        if check_count(value, name=name) >= centre.size:
            raise ValueError(
                f"`{name} < {centre.size}` must hold, but got {value}: there is no such configuration."
            )
    gap, one, two = float(centre[first] - centre[second]), float(spread[first]), float(spread[second])
    if gap == 0.0:
        return None

    def reached(n: int) -> float:
        critical = upper_quantile(largest_of_all(_study(centre, spread, n, n_resamples, rng).draws), level)
        return difference_power(gap, one, two, n, welch_df(one**2, two**2, n), critical)

    return fewest_seeds(reached, power, min(FEWEST_SEEDS, max_seeds), max_seeds)[0]


def _study(
    means: FloatArray, sds: FloatArray, n: int, n_resamples: int, rng: np.random.Generator
) -> Contrasts:
    """Simulate the summary statistics of one study with n seeds per configuration."""
    k = means.size
    variance = sds**2 / n
    floor = (1e-9 * (1 + np.abs(means))) ** 2 / (12 * n)
    locations = Locations(
        estimate=means + rng.standard_normal(k) * np.sqrt(variance),
        variance=np.maximum(variance * rng.chisquare(n - 1, k) / (n - 1), floor),
        df=np.full(k, n - 1.0),
        floor=floor,
        n=np.full(k, n, dtype=np.int64),
    )
    return assemble(locations, parametric_draws(locations, n_resamples=n_resamples, rng=rng))


def _made(study: Contrasts, claim: str, means: FloatArray, size: int, level: float) -> bool:
    if claim == "small_best_set":
        return best_set_contrasts(study, level=level).size <= size
    k = means.size
    p = stepdown_p(study.t, study.draws, [(i, j) for i in range(k) for j in range(k) if i != j])
    claimed = p <= 1 - level
    if claim == "full_ranking":
        return bool(claimed.sum() == k * (k - 1) // 2)
    first, second = np.argsort(-means, kind="stable")[:2]
    return bool(claimed[first, second])
