"""The tables of the report across studies."""

from __future__ import annotations

from robusttune.report.columns import fitting_columns
from robusttune.report.matrix import captions
from robusttune.report.matrix.across import AcrossTasks
from robusttune.report.matrix.result import MatrixReport
from robusttune.report.prose.words import number, share, share_interval
from robusttune.report.table import Table
from robusttune.report.tables import ranking_table

METRIC_NAMES = {"iqm": "IQM", "median": "median", "mean": "mean", "optimality_gap": "optimality gap"}


def tables(report: MatrixReport, *, width: int | None = None) -> tuple[Table, ...]:
    """Return aggregates, pairs, who stands for each method on each task, and the rankings, these within `width`."""
    who = "candidates" if report.given is None else "configurations"
    rankings = [
        ranking_table(
            one.rows,
            None if width is None else fitting_columns(one.rows, width),
            title=f"All {who} on {one.task}" if one.task else f"All {who}",
            note=captions.ranking_note(one.analysis),
        )
        for one in report.rankings
        if one.analysis is not None
    ]
    return (*over_tasks(report), *rankings)


def over_tasks(report: MatrixReport) -> tuple[Table, ...]:
    """Return the tables of the comparison over tasks; none where there is none."""
    across = report.across
    if across is None:
        return ()
    return (
        _aggregates(across),
        _improvements(across),
        _by_task(across, has_search=report.given is None),
    )


def _aggregates(across: AcrossTasks) -> Table:
    analysis = across.analysis
    metrics = list(analysis.methods[0].metrics)
    names = [METRIC_NAMES[metric] for metric in metrics]
    headings = [part for name in names for part in (name, f"{name} interval")]
    rows = []
    for one in analysis.methods:
        cells = [
            text
            for found in one.metrics.values()
            for text in (share(found.estimate), share_interval(found.low, found.high))
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
        text=("method",),
        note=f"Normalised scores; {analysis.level:.0%} intervals. IQM: mean of the middle half of all runs. Median and "
        f"mean are those of the task means.{gap}",
    )


def _improvements(across: AcrossTasks) -> Table:
    rows = tuple(
        (
            one.first,
            one.second,
            share(one.probability.estimate),
            share_interval(one.probability.low, one.probability.high),
        )
        for one in across.analysis.improvements
    )
    return Table(
        title="Probability of improvement",
        headings=("method", "against", "P(improvement)", "interval"),
        rows=rows,
        text=("method", "against"),
        note="How often a run of the first method beats a run of the second on a task, averaged over tasks; ties count "
        "one half. Where all runs of one beat all of the other, the bound is the exact one for independent pairs.",
    )


def _by_task(across: AcrossTasks, *, has_search: bool) -> Table:
    rows = []
    for task in across.analysis.tasks:
        anchors = across.anchors[task]
        for name, method in across.methods.items():
            one = method.on[task]
            mean = sum(across.normalised[name][task]) / len(one.scores)
            configuration = [one.name if method.role != one.name else "–"] if has_search else []
            cells = (number(one.mean), share(mean), str(len(one.scores)))
            rows.append((task, name, *configuration, *cells, number(anchors.low), number(anchors.high)))
    return Table(
        title="Every task",
        headings=(
            "task",
            "method",
            *(["configuration"] if has_search else []),
            "mean score",
            "normalised",
            "seeds",
            "counts as 0",
            "as 1",
        ),
        rows=tuple(rows),
        text=("task", "method", "configuration"),
        note="Mean scores in the units of the task, and the scores that count as 0 and as 1.",
    )
