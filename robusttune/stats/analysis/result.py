"""The frozen analysis of one study, keyed by the names of its configurations."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from robusttune.stats.comparisons.comparison import PairComparison
from robusttune.stats.estimates.estimate import Estimate
from robusttune.stats.estimates.noise import NoiseComponents
from robusttune.stats.luck.curves import CurveReliability
from robusttune.stats.luck.reliability import Correlation
from robusttune.stats.luck.spread import TwoGroups
from robusttune.stats.luck.verdict import LuckResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationAnalysis:
    """One configuration.

    Attributes
    ----------
    n_seeds : int
        Post-evaluation runs.
    mean, iqm, failure : Estimate
        Mean with the interval of `headline_intervals`; interquartile mean (whole values cut) with trimmed t; share of
        failed runs with Wilson's interval.
    median, worst, lower_tail : float
        Median, worst seed, mean of the worst fifth.
    sd, skewness : float or None
        Between seeds; None with one seed.
    tolerance_low : float or None
        Nine in ten future seeds lie above it with 95 % confidence, for normal scores.
    rank, rank_low, rank_high : int
        Rank by estimate, and simultaneous rank interval.
    marginal_low, marginal_high : int
        Rank interval for a configuration that was named in advance.
    robust_low, robust_high : int or None
        Simultaneous rank interval from robust claims only; None where they were not checked.
    in_best_set : bool
        Whether it may be the best.
    regret_high : float
        The most that is lost by choosing it, simultaneously for all, in score units; infinite where the data give no
        bound.
    expected_regret, p_best : float
        Descriptive, from the hierarchical model.
    luck : LuckResult or None
        None without a tuning score.
    tuning_rank : int or None
        Rank by tuning score among the trials.
    rank_lucky, hidden_gem : bool
        Whether the tuning rank lies above, or below, everything the rank interval allows.
    spread : {"STEADY", "ERRATIC"} or None
        Whether its seeds scatter less, or more, than those of the other trials; None where the data do not tell.
    two_groups : TwoGroups or None
        The groups in which its seeds fall; None if they are one.
    training : CurveReliability or None
        Dispersion within runs and risk of drops; None without learning curves of three points.
    """

    n_seeds: int
    mean: Estimate
    iqm: Estimate
    failure: Estimate
    median: float
    worst: float
    lower_tail: float
    sd: float | None
    skewness: float | None
    tolerance_low: float | None
    rank: int
    rank_low: int
    rank_high: int
    marginal_low: int
    marginal_high: int
    robust_low: int | None
    robust_high: int | None
    in_best_set: bool
    regret_high: float
    expected_regret: float
    p_best: float
    luck: LuckResult | None
    tuning_rank: int | None
    rank_lucky: bool
    hidden_gem: bool
    spread: str | None
    two_groups: TwoGroups | None
    training: CurveReliability | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAnalysis:
    """Two configurations, the first with the higher estimate.

    Attributes
    ----------
    comparison : PairComparison
        Their difference, and what is claimed about it.
    improvement : Estimate or None
        Probability that a fresh run of the first beats one of the second; None where one has a single seed.
    """

    comparison: PairComparison
    improvement: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """Seeds that would separate two configurations, if the observed difference is the true one.

    `more_seeds`: per configuration, on top of the fewer seeds of the two; None if none affordable would do.
    """

    first: str
    second: str
    more_seeds: int | None
    power: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyAnalysis:
    """Everything that was found.

    Attributes
    ----------
    configurations : mapping of name to ConfigurationAnalysis
        Best estimate first.
    pairs : mapping of (first, second) to PairAnalysis
        Each unordered pair once.
    recommended : str
        The highest estimate of the best set, or whom the caller prefers there. With an adaptive allocation a
        configuration that was dropped after few lucky seeds can stand above it.
    winner : Estimate
        Mean of the recommended configuration, corrected for having been chosen.
    confirmed : mapping of name to Estimate
        Means over confirmation seeds alone, which no selection has seen.
    winner_is_clear : bool
        Whether the recommended one is claimed to be better than each other one. Only this names a winner: of two equal
        configurations one is left alone in the best set in a tenth of studies, for each may be "the" best.
    champion : str or None
        The trial with the highest tuning score: what tuning would have chosen.
    mean_luck : Estimate or None
        By how much the tuning scores of the trials overstate them on average, with a t interval over trials.
    reliability, best_set_reliability : Correlation or None
        ICC(1) of a single seed, among the trials and among those in the best set; None for fewer than two of them.
    tuning_agreement : Correlation or None
        Kendall's tau-b of the trials' tuning scores and post-evaluation means.
    noise : NoiseComponents or None
        None without episode returns.
    plan : tuple of PlanStep
        For undecided pairs with the recommended one.
    statistic, method, best_set_method, level, n_resamples
        What was ranked, and how; nominal coverage; simulated draws.
    indifference : float or None
        Differences within it are practically equal, in score units.
    rng_note : str
        Generator and entropy: repeats the analysis to the last digit.
    """

    configurations: Mapping[str, ConfigurationAnalysis]
    pairs: Mapping[tuple[str, str], PairAnalysis]
    recommended: str
    winner: Estimate
    confirmed: Mapping[str, Estimate]
    winner_is_clear: bool
    champion: str | None
    mean_luck: Estimate | None
    reliability: Correlation | None
    best_set_reliability: Correlation | None
    tuning_agreement: Correlation | None
    noise: NoiseComponents | None
    plan: tuple[PlanStep, ...]
    statistic: str
    method: str
    best_set_method: str
    level: float
    indifference: float | None
    n_resamples: int
    rng_note: str

    @property
    def best_set(self) -> tuple[str, ...]:
        """Return the names of those that may be the best, best estimate first."""
        return tuple(name for name, one in self.configurations.items() if one.in_best_set)

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, lists, strings and finite numbers, fit for `json.dumps(allow_nan=False)`."""
        pairs = [
            {"first": first, "second": second, **_plain(pair)} for (first, second), pair in self.pairs.items()
        ]
        found = {
            field.name: pairs if field.name == "pairs" else _plain(getattr(self, field.name))
            for field in dataclasses.fields(self)
        }
        return {**found, "best_set": list(self.best_set)}


def _plain(value: Any) -> Any:
    """Return plain values; a number that is infinite or nan, "the data give none", becomes None."""
    if isinstance(value, float):  # most of a large study
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


@functools.cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))
