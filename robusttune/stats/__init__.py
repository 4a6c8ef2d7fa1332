"""Robust statistics for runs on seeds: arrays in, frozen results out; numpy and scipy only.

Higher scores are better. Scores of several configurations are a matrix of shape (n_configs, n_seeds) or a
sequence of one-dimensional arrays, one per configuration, of any lengths.
"""

from robusttune.stats.analysis.analyse import analyse
from robusttune.stats.analysis.result import (
    ConfigurationAnalysis,
    PairAnalysis,
    PlanStep,
    StudyAnalysis,
)
from robusttune.stats.comparisons.bayes import BestProbability, best_probability
from robusttune.stats.comparisons.best_set import BestSetResult, best_set
from robusttune.stats.comparisons.comparison import ComparisonResult, PairComparison, compare
from robusttune.stats.comparisons.improvement import probability_of_improvement
from robusttune.stats.comparisons.ranking import RankingResult, rank
from robusttune.stats.comparisons.winner import winner_interval
from robusttune.stats.estimates.estimate import (
    Estimate,
    mean_interval,
    skewness,
    trimmed_interval,
)
from robusttune.stats.estimates.headline import headline_intervals
from robusttune.stats.estimates.noise import NoiseComponents, noise_components
from robusttune.stats.estimates.proportions import wilson_bounds
from robusttune.stats.estimates.tails import lower_tail_mean, tolerance_bound
from robusttune.stats.luck.measure import luck
from robusttune.stats.luck.reliability import Correlation, single_seed_reliability, tuning_agreement
from robusttune.stats.luck.verdict import (
    CONSISTENT,
    INCONCLUSIVE,
    LUCKY,
    UNLUCKY,
    LuckResult,
)
from robusttune.stats.planning.power import inflated_sd
from robusttune.stats.planning.seeds import RequiredSeeds, required_seeds, seeds_to_separate
from robusttune.stats.tasks.aggregate import AggregateEstimate, aggregate, normalise
from robusttune.stats.tasks.analyse import Improvement, MethodAnalysis, TasksAnalysis, analyse_tasks
from robusttune.stats.tasks.improvement import improvement_over_tasks
from robusttune.stats.tasks.profiles import TaskProfile, profile_over_tasks

__all__ = [
    "CONSISTENT",
    "INCONCLUSIVE",
    "LUCKY",
    "UNLUCKY",
    "AggregateEstimate",
    "BestProbability",
    "BestSetResult",
    "ComparisonResult",
    "ConfigurationAnalysis",
    "Correlation",
    "Estimate",
    "Improvement",
    "LuckResult",
    "MethodAnalysis",
    "NoiseComponents",
    "PairAnalysis",
    "PairComparison",
    "PlanStep",
    "RankingResult",
    "RequiredSeeds",
    "StudyAnalysis",
    "TaskProfile",
    "TasksAnalysis",
    "aggregate",
    "analyse",
    "analyse_tasks",
    "best_probability",
    "best_set",
    "compare",
    "headline_intervals",
    "improvement_over_tasks",
    "inflated_sd",
    "lower_tail_mean",
    "luck",
    "mean_interval",
    "noise_components",
    "normalise",
    "probability_of_improvement",
    "profile_over_tasks",
    "rank",
    "required_seeds",
    "seeds_to_separate",
    "single_seed_reliability",
    "skewness",
    "tolerance_bound",
    "trimmed_interval",
    "tuning_agreement",
    "wilson_bounds",
    "winner_interval",
]
