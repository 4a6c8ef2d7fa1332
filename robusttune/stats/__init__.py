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
from robusttune.stats.estimates.bootstrap import bootstrap_intervals, headline_intervals
from robusttune.stats.estimates.estimate import (
    Estimate,
    iqm,
    iqm_rliable,
    mean_interval,
    skewness,
    trimmed_interval,
)
from robusttune.stats.estimates.proportions import failure_bound, probability_of_reaching, wilson_bounds
from robusttune.stats.estimates.tails import lower_tail_mean, quantile_interval, tolerance_bound
from robusttune.stats.estimates.variance import NoiseComponents, best_episodes, noise_components
from robusttune.stats.luck.measure import luck
from robusttune.stats.luck.reliability import Correlation, single_seed_reliability, tuning_agreement
from robusttune.stats.luck.verdict import (
    CONSISTENT,
    INCONCLUSIVE,
    LUCKY,
    UNLUCKY,
    LuckResult,
)
from robusttune.stats.planning.budget import BudgetSplit, split_budget
from robusttune.stats.planning.power import inflated_sd, seeds_for_difference
from robusttune.stats.planning.seeds import SeedPlan, plan_seeds, seeds_to_separate
from robusttune.stats.tasks.aggregate import AggregateEstimate, aggregate, improvement_over_tasks, normalise
from robusttune.stats.tasks.profiles import Profile, TaskProfile, performance_profile, profile_over_tasks

__all__ = [
    "CONSISTENT",
    "INCONCLUSIVE",
    "LUCKY",
    "UNLUCKY",
    "AggregateEstimate",
    "BestProbability",
    "BestSetResult",
    "BudgetSplit",
    "ComparisonResult",
    "ConfigurationAnalysis",
    "Correlation",
    "Estimate",
    "LuckResult",
    "NoiseComponents",
    "PairAnalysis",
    "PairComparison",
    "PlanStep",
    "Profile",
    "RankingResult",
    "SeedPlan",
    "StudyAnalysis",
    "TaskProfile",
    "aggregate",
    "analyse",
    "best_episodes",
    "best_probability",
    "best_set",
    "bootstrap_intervals",
    "compare",
    "failure_bound",
    "headline_intervals",
    "improvement_over_tasks",
    "inflated_sd",
    "iqm",
    "iqm_rliable",
    "lower_tail_mean",
    "luck",
    "mean_interval",
    "noise_components",
    "normalise",
    "performance_profile",
    "plan_seeds",
    "probability_of_improvement",
    "probability_of_reaching",
    "profile_over_tasks",
    "quantile_interval",
    "rank",
    "seeds_for_difference",
    "seeds_to_separate",
    "single_seed_reliability",
    "skewness",
    "split_budget",
    "tolerance_bound",
    "trimmed_interval",
    "tuning_agreement",
    "wilson_bounds",
    "winner_interval",
]
