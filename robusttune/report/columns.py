"""The columns of the ranking, once for the terminal, Markdown, LaTeX, HTML, CSV and JSON."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from robusttune.report.prose.words import NOT_AVAILABLE, interval, number, share

if TYPE_CHECKING:
    from robusttune.report.model import Row
    from robusttune.stats.luck.curves import CurveReliability
    from robusttune.stats.luck.verdict import LuckResult

Cell = str | int | float | bool | tuple[float | None, float | None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes
    ----------
    key : str
        In CSV and JSON; an interval becomes `<key>_low` and `<key>_high`.
    heading : str
        Short, for people; empty for what stands in CSV and JSON alone.
    value : callable
        Row → value with full precision; a tuple for an interval, None for "not available".
    text : callable
        Row → what people read.
    meaning : str
        One sentence for the page.
    is_text : bool
        Left-aligned.
    is_needed : callable
        Rows → whether tables for people show it.
    """

    key: str
    heading: str = ""
    value: Callable[[Row], Cell]
    text: Callable[[Row], str]
    meaning: str
    is_text: bool = False
    is_needed: Callable[[Sequence[Row]], bool] = lambda rows: True

    def record(self, row: Row) -> dict[str, Any]:
        """Return the column's cells of a CSV or JSON record; a number that is not finite becomes None."""
        value = self.value(row)
        if isinstance(value, tuple):
            return {f"{self.key}_low": _finite(value[0]), f"{self.key}_high": _finite(value[1])}
        return {self.key: _finite(value)}


def shown_columns(rows: Sequence[Row]) -> tuple[Column, ...]:
    """Return the columns of tables for people."""
    return tuple(column for column in COLUMNS if column.heading and column.is_needed(rows))


def fitting_columns(rows: Sequence[Row], width: int, *, padding: int = 3) -> tuple[Column, ...]:
    """Return the most important columns that fit side by side into `width` characters, in their usual order."""
    shown = {column.heading: column for column in shown_columns(rows)}
    chosen = set()
    for heading in (one for one in _PRIORITY if one in shown):
        needed = padding + max(map(len, (heading, *(shown[heading].text(row) for row in rows))))
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


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(
    key: str, heading: str, value: Callable[[Row], float | None], meaning: str, **options: Any
) -> Column:
    signed = options.pop("signed", False)
    return Column(
        key=key,
        heading=heading,
        value=value,
        text=lambda row: number(value(row), signed=signed),
        meaning=meaning,
        **options,
    )


def _interval(
    key: str, heading: str, value: Callable[[Row], tuple[float | None, float | None]], meaning: str
) -> Column:
    return Column(
        key=key, heading=heading, value=value, text=lambda row: interval(*value(row)), meaning=meaning
    )


def _ranks(key: str, heading: str, value: Callable[[Row], Any], meaning: str, **options: Any) -> Column:
    def text(row: Row) -> str:
        low, high = value(row)
        return NOT_AVAILABLE if low is None else f"{low}–{high}"

    return Column(key=key, heading=heading, value=value, text=text, meaning=meaning, **options)


def _plain(key: str, heading: str, value: Callable[[Row], Cell], meaning: str, **options: Any) -> Column:
    def text(row: Row) -> str:
        cell = value(row)
        return NOT_AVAILABLE if cell is None else str(cell)

    return Column(key=key, heading=heading, value=value, text=text, meaning=meaning, **options)


def _of_luck(value: Callable[[LuckResult], Any]) -> Callable[[Row], Any]:
    return lambda row: None if row.analysis.luck is None else value(row.analysis.luck)


def _of_luck_interval(value: Callable[[LuckResult], tuple[float, float]]) -> Callable[[Row], Any]:
    return lambda row: (None, None) if row.analysis.luck is None else value(row.analysis.luck)


def _of_training(key: str, value: Callable[[CurveReliability], tuple[float, ...]], meaning: str) -> Column:
    def median(row: Row) -> float | None:
        found = row.analysis.training
        return None if found is None else statistics.median(value(found))

    return _number(key, "", median, meaning)


def _robust_ranks_differ(rows: Sequence[Row]) -> bool:
    found = [row.analysis for row in rows]
    return any(
        one.robust_low is not None and (one.robust_low, one.robust_high) != (one.rank_low, one.rank_high)
        for one in found
    )


def _reached(row: Row) -> str:
    luck = row.analysis.luck
    if luck is None:
        return NOT_AVAILABLE
    return f"{luck.n_reached} of {luck.n_seeds} ({100 * luck.reached_low:.0f}–{luck.reached_high:.0%})"


def _failures(row: Row) -> str:
    return str(row.runs.n_diverged) + (f" (+{row.runs.n_missing} missing)" if row.runs.n_missing else "")


def _any_failed(rows: Sequence[Row]) -> bool:
    return any(row.runs.n_diverged or row.runs.n_missing for row in rows)


COLUMNS: tuple[Column, ...] = (
    _plain("rank", "rank", lambda row: row.analysis.rank, "Place by the ranked statistic; 1 is best."),
    _ranks(
        "rank",
        "rank interval",
        lambda row: (row.analysis.rank_low, row.analysis.rank_high),
        "The true rank of every configuration lies in its interval, all at once, at the stated level.",
    ),
    _ranks(
        "robust_rank",
        "robust ranks",
        lambda row: (row.analysis.robust_low, row.analysis.robust_high),
        "The rank interval from those claims alone that also hold when the scores are skewed.",
        is_needed=_robust_ranks_differ,
    ),
    _plain(
        "configuration",
        "configuration",
        lambda row: row.name,
        "A trial of the search, or a control.",
        is_text=True,
    ),
    _number(
        "tuning_score",
        "tuning",
        lambda row: row.candidate.tuning_score,
        "Score that the search saw (for a control: the score somebody reported). Chosen for being high, so no estimate "
        "of quality.",
    ),
    _number(
        "mean",
        "mean",
        lambda row: row.analysis.mean.estimate,
        "Mean score over fresh seeds: what it is worth.",
    ),
    _interval(
        "mean",
        "interval",
        lambda row: (row.analysis.mean.low, row.analysis.mean.high),
        "Confidence interval of the mean.",
    ),
    _plain(
        "mean_method",
        "",
        lambda row: row.analysis.mean.method,
        "How the interval of the mean was made: from t, or by bootstrap-t where ten or more seeds are clearly skewed.",
    ),
    _number(
        "luck",
        "luck",
        _of_luck(lambda luck: luck.luck),
        "Tuning score minus mean over fresh seeds: by how much the tuning score overstates the configuration.",
        signed=True,
    ),
    _interval(
        "luck",
        "luck interval",
        _of_luck_interval(lambda luck: (luck.low, luck.high)),
        "Interval of the luck.",
    ),
    _number(
        "luck_in_sd",
        "",
        _of_luck(lambda luck: luck.luck_in_sd),
        "The luck in units of the median SD between seeds of the trials.",
        signed=True,
    ),
    Column(
        key="n_reached",
        heading="reached by",
        value=_of_luck(lambda luck: luck.n_reached),
        text=_reached,
        meaning="How many of the fresh seeds score at least the tuning score, and the exact interval (Clopper and "
        "Pearson) of the share of all seeds that would.",
    ),
    _interval(
        "reached",
        "",
        _of_luck_interval(lambda luck: (luck.reached_low, luck.reached_high)),
        "Exact interval of the share of all seeds that would reach the tuning score.",
    ),
    _plain(
        "verdict",
        "verdict",
        lambda row: row.verdict,
        "LUCKY: the tuning score overstates the configuration. UNLUCKY: understates it. CONSISTENT: the tuning score "
        "tells its worth to within one SD. INCONCLUSIVE: about the tuning score the seeds do not say enough yet; "
        "whether the configuration is good is told by mean and rank.",
        is_text=True,
    ),
    _plain(
        "spread",
        "spread",
        lambda row: row.analysis.spread,
        "STEADY: its seeds scatter less than those of the other trials. ERRATIC: more. A dash: not shown.",
        is_text=True,
        is_needed=lambda rows: any(row.analysis.spread for row in rows),
    ),
    _number("iqm", "IQM", lambda row: row.analysis.iqm.estimate, "Mean of the middle half of the seeds."),
    _interval(
        "iqm",
        "IQM interval",
        lambda row: (row.analysis.iqm.low, row.analysis.iqm.high),
        "Trimmed-t interval of the interquartile mean.",
    ),
    Column(
        key="p_best",
        heading="P(best)",
        value=lambda row: row.analysis.p_best,
        text=lambda row: share(row.analysis.p_best),
        meaning="Posterior probability of being the best, descriptive.",
    ),
    _number(
        "regret_high",
        "regret ≤",
        lambda row: row.analysis.regret_high,
        "No more than this is lost by choosing it instead of the best; holds for all rows at once.",
    ),
    _number("worst_seed", "worst seed", lambda row: row.analysis.worst, "Lowest score of any fresh seed."),
    _plain("n_seeds", "seeds", lambda row: row.analysis.n_seeds, "Fresh seeds behind the row."),
    Column(
        key="n_diverged",
        heading="diverged",
        value=lambda row: row.runs.n_diverged,
        text=_failures,
        meaning="Runs that ended in NaN or infinity; each counts as the score the failure policy gives it.",
        is_needed=_any_failed,
    ),
    _plain("n_missing", "", lambda row: row.runs.n_missing, "Planned runs without an outcome."),
    _plain("config_id", "", lambda row: row.candidate.config_id, "Hash of the configuration."),
    _plain("in_best_set", "", lambda row: row.analysis.in_best_set, "It cannot be told apart from the best."),
    _plain("n_tuning_seeds", "", lambda row: row.candidate.n_tuning_seeds, "Seeds behind the tuning score."),
    _number("p_lucky", "", _of_luck(lambda luck: luck.p_lucky), "One-sided p-value of LUCKY, not adjusted."),
    _plain(
        "seeds_to_decide",
        "",
        _of_luck(lambda luck: luck.seeds_to_decide),
        "Fresh seeds in total that would settle an inconclusive verdict, if the estimates stay.",
    ),
    _ranks(
        "marginal_rank",
        "",
        lambda row: (row.analysis.marginal_low, row.analysis.marginal_high),
        "Rank interval for a configuration that was named before looking.",
    ),
    _number("sd", "", lambda row: row.analysis.sd, "SD between seeds."),
    _number("skewness", "", lambda row: row.analysis.skewness, "Skewness of the scores."),
    _number("median", "", lambda row: row.analysis.median, "Median over seeds."),
    _number("worst_fifth", "", lambda row: row.analysis.lower_tail, "Mean of the worst fifth of the seeds."),
    _number(
        "tolerance_low",
        "",
        lambda row: row.analysis.tolerance_low,
        "Nine in ten future seeds score more, with 95 % confidence, if scores are normal.",
    ),
    _interval(
        "failure",
        "",
        lambda row: (row.analysis.failure.low, row.analysis.failure.high),
        "Wilson's interval of the share of seeds that diverge.",
    ),
    _of_training(
        "training_dispersion",
        lambda found: found.dispersion,
        "Interquartile range of the changes from one evaluation to the next, per timestep; median over runs.",
    ),
    _of_training(
        "training_drop",
        lambda found: found.short_term_risk,
        "Mean of the worst changes from one evaluation to the next, per timestep; median over runs.",
    ),
    _of_training(
        "training_drawdown",
        lambda found: found.long_term_risk,
        "Mean of the deepest falls below the best evaluation so far, in score units; median over runs.",
    ),
    _number(
        "expected_regret",
        "",
        lambda row: row.analysis.expected_regret,
        "Posterior mean of the regret, descriptive.",
    ),
)
# In a narrow terminal the first of these are shown.
_PRIORITY = (
    *(
        "configuration",
        "mean",
        "interval",
        "tuning",
        "luck",
        "reached by",
        "verdict",
        "spread",
        "rank interval",
    ),
    *(
        "diverged",
        "seeds",
        "worst seed",
        "robust ranks",
        "luck interval",
        "rank",
        "IQM",
        "P(best)",
        "regret ≤",
    ),
)
