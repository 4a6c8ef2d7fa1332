"""The columns of the ranking, once for the terminal, Markdown, LaTeX, HTML, CSV and JSON."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from robusttune.report.column import Column, between, numeric, of_training, plain, value_at, written
from robusttune.report.prose.words import NOT_AVAILABLE, share

if TYPE_CHECKING:
    from robusttune.report.model import Row

_PADDING = 3  # of a column in the terminal


def shown_columns(rows: Sequence[Row]) -> tuple[Column, ...]:
    """Return the columns of tables for people: those that say something of a row."""
    return tuple(
        column
        for column in COLUMNS
        if column.heading
        and column.is_needed(rows)
        and any(column.text(row) != NOT_AVAILABLE for row in rows)
    )


def fitting_columns(rows: Sequence[Row], width: int) -> tuple[Column, ...]:
    """Return the most important columns that fit side by side into `width` characters, in their usual order."""
    shown = {column.heading: column for column in shown_columns(rows)}
    chosen = set()
    for heading in (one for one in _PRIORITY if one in shown):
        needed = _PADDING + max(map(len, (heading, *(shown[heading].text(row) for row in rows))))
        if needed > width:
            break
        width -= needed
        chosen.add(heading)
    return tuple(column for heading, column in shown.items() if heading in chosen)


def record(row: Row) -> dict[str, Any]:
    """Return one flat record with full precision, for CSV, JSON and data frames."""
    cells: dict[str, Any] = {}
    for column in COLUMNS:
        cells |= column.record(row)
    return cells | {f"hyperparameter_{name}": value for name, value in row.candidate.hyperparameters.items()}


def _ranks(low: int, high: int) -> str:
    return f"{low}–{high}"


def _robust_ranks_differ(rows: Sequence[Row]) -> bool:
    found = [row.analysis for row in rows if row.analysis.robust_low is not None]
    return any((one.robust_low, one.robust_high) != (one.rank_low, one.rank_high) for one in found)


def _reached(row: Row) -> str:
    luck = row.analysis.luck
    if luck is None:
        return NOT_AVAILABLE
    return f"{luck.n_reached} of {luck.n_seeds} ({100 * luck.reached_low:.0f}–{luck.reached_high:.0%})"


def _diverged(row: Row) -> str:
    return f"{row.runs.n_diverged}" + (f" (+{row.runs.n_missing} missing)" if row.runs.n_missing else "")


COLUMNS: tuple[Column, ...] = (
    plain("rank", "rank", "analysis.rank", "Rank by the ranked statistic; 1 is best."),
    between(
        "rank",
        "rank interval",
        "analysis.rank_{}",
        "The true rank of every configuration lies in its interval, all at once, at the stated level.",
        _ranks,
    ),
    between(
        "robust_rank",
        "robust ranks",
        "analysis.robust_{}",
        "The rank interval from those claims alone that also hold when the scores are skewed.",
        _ranks,
        is_needed=_robust_ranks_differ,
    ),
    plain("configuration", "configuration", "name", "A trial of the search, or a control.", is_text=True),
    plain(
        "proposed_by",
        "proposed by",
        "proposed_by",
        "The lists that proposed the trial: top, by tuning score; model, by a model of all trials.",
        is_text=True,
        is_needed=lambda rows: any("model" in row.candidate.proposed_by for row in rows),
    ),
    numeric(
        "tuning_score",
        "tuning",
        "candidate.tuning_score",
        "Score that the search saw (for a control: the score reported for it). Chosen for being high, so no estimate "
        "of quality.",
    ),
    numeric("mean", "mean", "analysis.mean.estimate", "Mean score over fresh seeds: what it is worth."),
    between("mean", "interval", "analysis.mean.{}", "Confidence interval of the mean."),
    plain(
        "mean_method",
        "",
        "analysis.mean.method",
        "How the interval of the mean was made: Student's t, for trials with the typical spread borrowed.",
    ),
    numeric(
        "luck",
        "luck",
        "analysis.luck.luck",
        "Tuning score minus mean over fresh seeds: by how much the tuning score overstates the configuration.",
        signed=True,
    ),
    between("luck", "luck interval", "analysis.luck.{}", "Interval of the luck."),
    numeric(
        "luck_in_sd", "", "analysis.luck.luck_in_sd", "The luck in units of the median SD between seeds."
    ),
    Column(
        key="n_reached",
        heading="reached by",
        value=functools.partial(value_at, "analysis.luck.n_reached"),
        text=_reached,
        meaning="How many of the fresh seeds score at least the tuning score, and the exact interval (Clopper and "
        "Pearson) of the share of all seeds that would.",
    ),
    between("reached", "", "analysis.luck.reached_{}", "Exact interval of the share that reaches it."),
    plain(
        "verdict",
        "verdict",
        "verdict",
        "LUCKY: the tuning score overstates the configuration. UNLUCKY: understates it. CONSISTENT: the tuning score "
        "is right to within one SD. INCONCLUSIVE: the seeds do not tell yet how lucky the tuning score was; how good "
        "the configuration is, mean and rank tell.",
        is_text=True,
    ),
    plain(
        "spread",
        "spread",
        "analysis.spread",
        "STEADY: its seeds scatter less than those of the other trials. ERRATIC: more. A dash: neither is shown.",
        is_text=True,
    ),
    numeric("iqm", "IQM", "analysis.iqm.estimate", "Mean of the middle half of the seeds."),
    between("iqm", "IQM interval", "analysis.iqm.{}", "Trimmed-t interval of the interquartile mean."),
    written(
        "p_best", "P(best)", "analysis.p_best", "Posterior probability of being the best, descriptive.", share
    ),
    numeric(
        "regret_high",
        "regret ≤",
        "analysis.regret_high",
        "No more than this is lost by choosing it instead of the best; holds for all rows at once.",
    ),
    numeric("worst_seed", "worst seed", "analysis.worst", "Lowest score of any fresh seed."),
    plain("n_seeds", "seeds", "analysis.n_seeds", "Fresh seeds behind the row."),
    written(
        "timesteps",
        "timesteps",
        "runs.timesteps",
        "Timesteps that its runs really trained: whole rollouts may exceed those asked for.",
        "{:,}".format,
        is_needed=lambda rows: len({row.runs.timesteps for row in rows} - {None}) > 1,
    ),
    Column(
        key="n_diverged",
        heading="diverged",
        value=functools.partial(value_at, "runs.n_diverged"),
        text=_diverged,
        meaning="Runs that ended in NaN or infinity; each counts as the score the failure policy gives it.",
        is_needed=lambda rows: any(row.runs.n_diverged or row.runs.n_missing for row in rows),
    ),
    plain("n_missing", "", "runs.n_missing", "Planned runs without an outcome."),
    plain("config_id", "", "candidate.config_id", "Hash of the configuration."),
    plain("in_best_set", "", "analysis.in_best_set", "It cannot be told apart from the best."),
    plain("n_tuning_seeds", "", "candidate.n_tuning_seeds", "Seeds behind the tuning score."),
    numeric("p_lucky", "", "analysis.luck.p_lucky", "One-sided p-value of LUCKY, not adjusted."),
    plain(
        "seeds_to_decide",
        "",
        "analysis.luck.seeds_to_decide",
        "Fresh seeds in total that would settle an inconclusive verdict, if the estimates stay.",
    ),
    between(
        "marginal_rank", "", "analysis.marginal_{}", "Rank interval if it had been named in advance.", _ranks
    ),
    numeric("sd", "", "analysis.sd", "SD between seeds."),
    numeric("skewness", "", "analysis.skewness", "Skewness of the scores."),
    numeric("median", "", "analysis.median", "Median over seeds."),
    numeric("worst_fifth", "", "analysis.lower_tail", "Mean of the worst fifth of the seeds."),
    numeric(
        "tolerance_low",
        "",
        "analysis.tolerance_low",
        "Nine in ten future seeds score more, with 95% confidence, if scores are normal.",
    ),
    between("failure", "", "analysis.failure.{}", "Wilson's interval of the share of seeds that diverge."),
    numeric("expected_regret", "", "analysis.expected_regret", "Posterior mean of the regret, descriptive."),
    of_training("training_dispersion", "dispersion", "Interquartile range of the changes per timestep"),
    of_training("training_drop", "short_term_risk", "Mean of the worst changes per timestep"),
    of_training("training_drawdown", "long_term_risk", "Mean of the deepest falls below the best so far"),
)
# In a narrow terminal the first of these are shown.
_BY_IMPORTANCE = (
    "configuration, mean, interval, tuning, luck, reached by, verdict, spread, rank interval, diverged, seeds, "
    "timesteps, worst seed, robust ranks, luck interval, rank, IQM, P(best), regret ≤"
)
_PRIORITY = tuple(_BY_IMPORTANCE.split(", "))
# What the page shows unasked, on a wide screen and on a telephone.
_WIDE = (
    "rank, rank interval, configuration, tuning, mean, interval, luck, reached by, verdict, spread, worst seed, seeds, "
    "timesteps, diverged"
)
_NARROW = "rank, configuration, tuning, mean, interval, luck, verdict, diverged"
ON_THE_PAGE, ON_A_TELEPHONE = tuple(_WIDE.split(", ")), tuple(_NARROW.split(", "))
