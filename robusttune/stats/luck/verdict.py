"""The four words for luck, and the rule that chooses among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

LUCKY, UNLUCKY, CONSISTENT, INCONCLUSIVE = "LUCKY", "UNLUCKY", "CONSISTENT", "INCONCLUSIVE"

FALSE_DISCOVERY = 0.10  # expected share of false flags among the flagged, for each direction
CONSISTENT_LEVEL = 0.90  # level of the interval of the luck that must lie within one yardstick
INDIFFERENCE = 0.25  # luck that does not count unless the study says otherwise, in yardsticks
MOST_SEEDS = 1000  # beyond this nobody re-runs a configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class LuckResult:
    """The luck of one configuration: its tuning score minus what a fresh seed scores on average.

    Attributes
    ----------
    tuning, mean : float
        The number that tuning (or somebody else) reported, and the mean of the fresh seeds, in score units.
    luck, low, high : float
        Their difference and its interval: positive means that the number overstates the configuration. The
        number is known, so the interval is that of the mean alone; infinite with one seed.
    luck_in_sd : float or None
        The luck in yardsticks, the median SD between the seeds of the trials; None where nothing varies.
    p_lucky, p_unlucky : float or None
        One-sided p-values of "no luck beyond the indifference", not adjusted for the number of trials;
        None with one seed.
    verdict : str
        LUCKY, UNLUCKY, CONSISTENT or INCONCLUSIVE.
    seeds_to_decide : int or None
        Fresh seeds in total that would settle an inconclusive verdict if the estimates stay as they are; None
        if the verdict is settled, or no affordable number settles it.
    n_reached, n_seeds : int
        How many of the fresh seeds score at least the tuning score, and how many there are.
    reached, reached_low, reached_high : float
        Their share with Clopper and Pearson's interval.
    note : str or None
        Why there is no p-value.
    """

    tuning: float
    mean: float
    luck: float
    low: float
    high: float
    luck_in_sd: float | None
    p_lucky: float | None
    p_unlucky: float | None
    verdict: str
    seeds_to_decide: int | None
    n_reached: int
    n_seeds: int
    reached: float
    reached_low: float
    reached_high: float
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the rule needs to know of one configuration, in score units.

    Attributes
    ----------
    luck, error, df : float
        Estimated luck, standard error and degrees of freedom of the mean of the fresh seeds.
    indifference, yardstick : float
        Luck up to the first does not count; consistent is what lies within the second.
    level : float
        Confidence level of the interval that is printed; a flag needs one that excludes 0.
    """

    luck: float
    error: float
    df: float
    indifference: float
    yardstick: float
    level: float

    def p_values(self) -> tuple[float, float]:
        """Return the one-sided p-values of LUCKY and UNLUCKY."""
        lucky, unlucky = (
            float(special.stdtr(self.df, -(sign * self.luck - self.indifference) / self.error))
            for sign in (1.0, -1.0)
        )
        return lucky, unlucky

    def is_consistent(self) -> bool:
        """Return whether the interval of the luck lies within one yardstick of zero."""
        reach = float(special.stdtrit(self.df, 0.5 + CONSISTENT_LEVEL / 2)) * self.error
        return abs(self.luck) + reach <= max(self.yardstick, self.indifference)

    def seeds_to_decide(self, n: int, cut: float) -> int | None:
        """Return the number of seeds in total at which the verdict is settled if the estimates stay.

        Parameters
        ----------
        n : int
            Seeds behind the evidence.
        cut : float
            P-value at which the luck is flagged.
        """
        more = np.arange(n + 1, MOST_SEEDS + 1)
        error, df = self.error * np.sqrt(n / more), self.df + more - n
        flagged = special.stdtr(df, -(abs(self.luck) - self.indifference) / error) <= cut
        flagged &= abs(self.luck) > special.stdtrit(more - 1, 0.5 + self.level / 2) * error
        reach = special.stdtrit(df, 0.5 + CONSISTENT_LEVEL / 2) * error
        settled = flagged | (abs(self.luck) + reach <= max(self.yardstick, self.indifference))
        return int(more[settled.argmax()]) if settled.any() else None


def decide(evidence: Evidence, *, lucky: bool, unlucky: bool) -> str:
    """Return the verdict.

    Parameters
    ----------
    evidence : Evidence
        What was measured.
    lucky, unlucky : bool
        Whether the luck was flagged in each direction, among all configurations of its family.
    """
    if lucky:
        return LUCKY
    if unlucky:
        return UNLUCKY
    return CONSISTENT if evidence.is_consistent() else INCONCLUSIVE


def resolution(mean: float) -> float:
    """Return the smallest difference from a mean that is more than rounding."""
    return 1e-9 * (1.0 + abs(mean))
