"""The columns of the ranking, once for the terminal, Markdown, LaTeX, CSV and HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from robusttune.report.model import Row

_NOT_AVAILABLE = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes
    ----------
    heading : str
        Short, for people.
    text : callable
        Row → what people read.
    meaning : str
        One sentence for the page.
    is_text : bool
        Left-aligned.
    """

    heading: str
    text: Callable[[Row], str]
    meaning: str
    is_text: bool = False


COLUMNS: tuple[Column, ...] = (
    Column(
        heading="rank",
        text=lambda row: str(row.rank),
        meaning="Place by post-evaluation mean; 1 is best.",
    ),
    Column(
        heading="rank interval",
        text=lambda row: f"{row.rank_low}–{row.rank_high}",
        meaning="The true rank of every configuration lies in its interval, all at once, at the stated level.",
    ),
    Column(
        heading="configuration",
        text=lambda row: row.name,
        meaning="A trial of the search, or a control.",
        is_text=True,
    ),
    Column(
        heading="tuning",
        text=lambda row: number(row.tuning_score),
        meaning="Score that the search saw (for a control: the score somebody reported). Chosen for being high, so no "
        "estimate of quality.",
    ),
    Column(
        heading="mean",
        text=lambda row: number(row.mean),
        meaning="Mean score over fresh seeds.",
    ),
    Column(
        heading="interval",
        text=lambda row: interval(row.mean_low, row.mean_high),
        meaning="t interval of the mean; bootstrap-t where ten or more seeds are clearly skewed.",
    ),
    Column(heading="IQM", text=lambda row: number(row.iqm), meaning="Mean of the middle half of the seeds."),
    Column(
        heading="IQM interval",
        text=lambda row: interval(row.iqm_low, row.iqm_high),
        meaning="Trimmed-t interval of the interquartile mean.",
    ),
    Column(
        heading="gap / SD",
        text=lambda row: number(row.gap_in_sd, signed=True),
        meaning="Tuning score minus post-evaluation mean, in standard deviations between seeds: how lucky.",
    ),
    Column(
        heading="verdict",
        text=lambda row: row.verdict or _NOT_AVAILABLE,
        meaning="LUCKY: the tuning score overstates it. UNLUCKY: understates it. CONSISTENT: tuning score and seeds "
        "agree, and the seeds among themselves. INCONCLUSIVE: too few seeds to say.",
        is_text=True,
    ),
    Column(
        heading="P(best)",
        text=lambda row: "–" if row.p_best is None else f"{row.p_best:.2f}",
        meaning="Posterior probability of being the best, descriptive.",
    ),
    Column(
        heading="regret ≤",
        text=lambda row: number(row.regret_high),
        meaning="No more than this is lost by choosing it instead of the best; holds for all rows at once.",
    ),
    Column(
        heading="worst seed", text=lambda row: number(row.worst), meaning="Lowest score of any fresh seed."
    ),
    Column(heading="seeds", text=lambda row: str(row.n_seeds), meaning="Fresh seeds behind the row."),
    Column(
        heading="diverged",
        text=lambda row: str(row.n_diverged) + (f" (+{row.n_missing} missing)" if row.n_missing else ""),
        meaning="Runs that ended in NaN or infinity; each counts as the score the failure policy gives it.",
    ),
)
_PRIORITY = (
    *(
        "configuration",
        "mean",
        "interval",
        "tuning",
        "verdict",
        "rank interval",
        "diverged",
        "seeds",
        "worst seed",
    ),
    *("gap / SD", "rank", "IQM", "P(best)", "regret ≤"),
)


def fitting_columns(rows: Sequence[Row], width: int, *, padding: int = 3) -> tuple[Column, ...]:
    """Return the most important columns that fit side by side into `width` characters, in their usual order."""
    chosen: list[Column] = []
    for column in sorted(
        (c for c in COLUMNS if c.heading in _PRIORITY), key=lambda c: _PRIORITY.index(c.heading)
    ):
        needed = padding + max(len(text) for text in (column.heading, *(column.text(row) for row in rows)))
        if needed > width:
            break
        width -= needed
        chosen.append(column)
    return tuple(column for column in COLUMNS if column in chosen)


def number(value: float | None, *, signed: bool = False) -> str:
    """Return a number with four significant digits and no exponent for everyday sizes."""
    if value is None:
        return _NOT_AVAILABLE
    sign = "+" if signed else ""
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e6):
        return f"{value:{sign}.3g}".replace("-", "−")
    decimals = 0 if size >= 1000 else 1 if size >= 100 else 2
    return f"{value:{sign}.{decimals}f}".replace("-", "−")


def interval(low: float | None, high: float | None) -> str:
    """Return an interval for people."""
    if low is None or high is None:
        return _NOT_AVAILABLE
    return f"[{number(low)}, {number(high)}]"


def cell_values(row: Row) -> dict[str, Any]:
    """Return one flat record with full precision, for CSV and data frames."""
    return {
        "rank": row.rank,
        "rank_low": row.rank_low,
        "rank_high": row.rank_high,
        "configuration": row.name,
        "config_id": row.config_id,
        "in_best_set": row.in_best_set,
        "tuning_score": row.tuning_score,
        "n_tuning_seeds": row.n_tuning_seeds,
        "mean": row.mean,
        "mean_low": row.mean_low,
        "mean_high": row.mean_high,
        "iqm": row.iqm,
        "iqm_low": row.iqm_low,
        "iqm_high": row.iqm_high,
        "sd": row.sd,
        "gap": row.gap,
        "gap_in_sd": row.gap_in_sd,
        "p_lucky": row.p_lucky,
        "verdict": row.verdict,
        "p_best": row.p_best,
        "regret_low": row.regret_low,
        "regret_high": row.regret_high,
        "worst_seed": row.worst,
        "n_seeds": row.n_seeds,
        "n_diverged": row.n_diverged,
        "n_missing": row.n_missing,
        **{f"hyperparameter_{name}": value for name, value in row.hyperparameters.items()},
    }
