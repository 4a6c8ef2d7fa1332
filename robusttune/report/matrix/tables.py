"""The tables of the report across studies, once for Markdown, HTML and the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from robusttune.report.matrix.across import AcrossTasks
from robusttune.report.matrix.ranking import TaskRanking
from robusttune.report.matrix.result import MatrixReport
from robusttune.report.prose.words import interval, number
from robusttune.stats.tasks.aggregate import AggregateEstimate

METRIC_NAMES = {"iqm": "IQM", "median": "median", "mean": "mean", "optimality_gap": "optimality gap"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Text cells; the first column is left-aligned, and so is `n_text` of them. Bold rows are marked."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str
    n_text: int = 1
    bold: tuple[bool, ...] = ()


def share(value: float) -> str:
    """Return a normalised score or a probability for people."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def share_interval(found: AggregateEstimate) -> str:
    """Return an interval of normalised scores or probabilities for people."""
    return f"[{share(found.low)}, {share(found.high)}]"


def tables(report: MatrixReport) -> tuple[Table, ...]:
    """Return all tables: aggregates, pairs, who stands for each method on each task, and the rankings."""
    across = report.across
    found = [] if across is None else [_aggregates(across), _improvements(across), _by_task(across)]
    return (*found, *(_ranking(one) for one in report.rankings if one.analysis is not None))


def _aggregates(across: AcrossTasks) -> Table:
    analysis = across.analysis
    metrics = list(analysis.methods[0].metrics)
    headings = [part for name in metrics for part in (METRIC_NAMES[name], "interval")]
    rows = []
    for one in analysis.methods:
        cells = [
            text for found in one.metrics.values() for text in (share(found.estimate), share_interval(found))
        ]
        rows.append((one.method, *cells))
    gap = (
        ""
        if analysis.target is None
        else f" Optimality gap: mean shortfall to {analysis.target:g}; lower is better."
    )
    return Table(
        title=f"Over {len(analysis.tasks)} tasks",
        headings=("method", *headings),
        rows=tuple(rows),
        note=f"Normalised scores; {analysis.level:.0%} intervals. IQM: mean of the middle half of all runs. Median and "
        f"mean are those of the task means.{gap}",
    )


def _improvements(across: AcrossTasks) -> Table:
    rows = tuple(
        (
            one.first,
            one.second,
            share(one.probability.estimate),
            share_interval(one.probability),
        )
        for one in across.analysis.improvements
    )
    return Table(
        title="Probability of improvement",
        headings=("method", "against", "P(improvement)", "interval"),
        rows=rows,
        n_text=2,
        note="How often a run of the first method beats a run of the second on a task, averaged over tasks; ties count "
        "one half. Where all runs of one beat all of the other, the bound is the exact one for independent pairs.",
    )


def _by_task(across: AcrossTasks) -> Table:
    rows = []
    for task in across.analysis.tasks:
        anchors = across.anchors[task]
        for name, method in across.methods.items():
            one = method.on[task]
            mean = sum(across.normalised[name][task]) / len(one.scores)
            configuration = one.name if method.role != one.name else "–"
            cells = (number(one.mean), share(mean), str(len(one.scores)))
            rows.append((task, name, configuration, *cells, number(anchors.low), number(anchors.high)))
    return Table(
        title="Every task",
        headings=(
            "task",
            "method",
            "configuration",
            "mean score",
            "normalised",
            "seeds",
            "counts as 0",
            "as 1",
        ),
        rows=tuple(rows),
        n_text=3,
        note="Mean scores in the units of the task, and the scores that count as 0 and as 1.",
    )


def _ranking(ranking: TaskRanking) -> Table:
    assert ranking.analysis is not None
    rows = []
    for name in ranking.configurations:
        one = ranking.analysis.configurations[name]
        mean = (number(one.mean.estimate), interval(one.mean.low, one.mean.high))
        iqm = (number(one.iqm.estimate), interval(one.iqm.low, one.iqm.high))
        rank = (str(one.rank), f"{one.rank_low}–{one.rank_high}")
        rows.append((name, *rank, *mean, *iqm, f"{one.p_best:.2f}", number(one.worst), str(one.n_seeds)))
    return Table(
        title=f"All candidates on {ranking.task}" if ranking.task else "All candidates",
        headings=(
            "configuration",
            "rank",
            "rank interval",
            "mean",
            "interval",
            "IQM",
            "IQM interval",
            "P(best)",
            "worst seed",
            "seeds",
        ),
        rows=tuple(rows),
        bold=tuple(name in ranking.analysis.best_set for name in ranking.configurations),
        note=f"Bold: cannot be told apart from the best. {ranking.analysis.level:.0%} intervals; those of the ranks "
        "hold all at once.",
    )
