"""The frozen analysis of one study: what its table, its JSON and its report are made of."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from robusttune.stats.estimates.estimate import Estimate
from robusttune.stats.estimates.variance import NoiseComponents
from robusttune.stats.luck.reliability import Correlation
from robusttune.stats.luck.verdict import LuckResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its interval; a bound is None where the data give none."""

    estimate: float
    low: float | None
    high: float | None
    method: str
    note: str | None = None

    @staticmethod
    def of(found: Estimate) -> Interval:
        """Return the interval of an estimate, with infinite bounds as None."""
        return Interval(
            estimate=found.estimate,
            low=finite(found.low),
            high=finite(found.high),
            method=found.method,
            note=found.note,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationAnalysis:
    """One configuration.

    Attributes
    ----------
    n_seeds, n_failed : int
        Post-evaluation runs, and those that failed.
    mean, iqm : Interval
        Mean with t (or bootstrap-t) interval; interquartile mean (whole values cut) with trimmed t.
    iqm_fractional, median, worst, lower_tail : float
        Interquartile mean with fractional weights, median, worst seed, mean of the worst fifth.
    sd, skewness : float or None
        Between seeds; None with one seed.
    tolerance_low : float or None
        Nine in ten future seeds lie above it with 95 % confidence, for normal scores.
    failure : Interval
        Fraction, with Wilson's interval.
    rank, rank_low, rank_high : int
        Rank by estimate, and simultaneous rank interval.
    marginal_low, marginal_high : int
        Rank interval for a configuration that was named in advance.
    robust_low, robust_high : int or None
        Simultaneous rank interval from robust claims only; None where they were not checked.
    in_best_set : bool
        Whether it may be the best.
    regret_low, regret_high : float or None
        Simultaneous interval for what is lost by choosing it, in score units.
    expected_regret, p_best : float
        Descriptive, from the hierarchical model.
    luck : LuckResult or None
        None without tuning scores.
    tuning_rank : int or None
        Rank by tuning score among the candidates.
    rank_lucky, hidden_gem : bool
        Whether the tuning rank lies above, or below, everything the rank interval allows.
    """

    config_id: str
    n_seeds: int
    n_failed: int
    mean: Interval
    iqm: Interval
    iqm_fractional: float
    median: float
    worst: float
    lower_tail: float
    sd: float | None
    skewness: float | None
    tolerance_low: float | None
    failure: Interval
    rank: int
    rank_low: int
    rank_high: int
    marginal_low: int
    marginal_high: int
    robust_low: int | None
    robust_high: int | None
    in_best_set: bool
    regret_low: float | None
    regret_high: float | None
    expected_regret: float
    p_best: float
    luck: LuckResult | None
    tuning_rank: int | None
    rank_lucky: bool
    hidden_gem: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAnalysis:
    """One pair; `first` has the higher estimate. See `comparison.PairComparison`.

    `p_improvement`, the probability that a run of the first beats a run of the second, is given for pairs
    with the configuration that is ranked first.
    """

    first: str
    second: str
    difference: float
    low: float | None
    high: float | None
    p_adjusted: float
    verdict: str
    support: str | None
    p_improvement: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChampionAnalysis:
    """The configuration that tuning would have chosen: the highest tuning score among the candidates.

    Attributes
    ----------
    optimism : Interval
        Its tuning score minus its post-evaluation mean, in score units.
    expected_regret, regret_high : float, float or None
        What is lost by trusting tuning: descriptive estimate, and simultaneous upper bound.
    mean_optimism : Interval
        Mean gap over all candidates, with a t interval over them.
    """

    config_id: str
    optimism: Interval
    expected_regret: float
    regret_high: float | None
    in_best_set: bool
    mean_optimism: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """Seeds that would separate two configurations, if the observed difference is the true one.

    `more_seeds`: per configuration, on top of the fewer seeds of the two; None if none affordable would do.
    """

    first: str
    second: str
    more_seeds: int | None
    total_seeds: int | None
    power: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyAnalysis:
    """Everything that was found; `configurations` keeps the order given, `order` is best first.

    Attributes
    ----------
    order, best_set : tuple of str
        Ids by rank; ids that may be the best, by rank.
    pairs : tuple of PairAnalysis
        Each unordered pair once.
    winner_id, winner : str, Interval
        The highest estimate; its mean, corrected for having been chosen.
    winner_is_clear : bool
        Whether it is claimed to be better than each other one. Only this names a winner: of two equal
        configurations one is left alone in the best set in a tenth of studies, for each may be "the" best.
    champion : ChampionAnalysis or None
        None without tuning scores.
    reliability : Correlation
        ICC(1) of a single seed.
    tuning_agreement : Correlation or None
        Kendall's tau-b of tuning scores and post-evaluation means.
    noise : NoiseComponents or None
        None without episode returns.
    plan : tuple of PlanStep
        For pairs that are undecided.
    statistic, method, best_set_method, level, n_resamples
        What was ranked, and how; promised coverage; simulated draws.
    margin : float or None
        Differences within it are practically equal, in score units.
    robust_checked : bool
        Whether claims were checked by bootstrap-t.
    rng_note : str
        Generator and entropy: repeats the analysis to the last digit.
    """

    configurations: tuple[ConfigurationAnalysis, ...]
    order: tuple[str, ...]
    best_set: tuple[str, ...]
    pairs: tuple[PairAnalysis, ...]
    winner_id: str
    winner: Interval
    winner_is_clear: bool
    champion: ChampionAnalysis | None
    reliability: Correlation
    tuning_agreement: Correlation | None
    noise: NoiseComponents | None
    plan: tuple[PlanStep, ...]
    warnings: tuple[str, ...]
    statistic: str
    method: str
    best_set_method: str
    level: float
    margin: float | None
    n_resamples: int
    robust_checked: bool
    rng_note: str

    def by_id(self, config_id: str) -> ConfigurationAnalysis:
        """Return one configuration.

        Raises
        ------
        KeyError
            If no configuration has this id.
        """
        for one in self.configurations:
            if one.config_id == config_id:
                return one
        raise KeyError(f"no configuration {config_id!r}; known: {', '.join(self.order)}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, lists, strings and finite numbers, fit for `json.dumps(allow_nan=False)`."""
        plain: dict[str, Any] = _plain(dataclasses.asdict(self))
        return plain


def finite(value: float) -> float | None:
    """Return the value, or None where it is infinite or nan: "the data give none"."""
    return float(value) if math.isfinite(value) else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return finite(value) if isinstance(value, float) else value
