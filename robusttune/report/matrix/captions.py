"""Captions of the ranking of all candidates on one task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.report.matrix.ranking import TaskRanking
from robusttune.report.prose.methods import failures, mean_intervals
from robusttune.report.prose.paper import marks, ranked_by
from robusttune.report.prose.words import count

if TYPE_CHECKING:
    from robusttune.report.matrix.result import MatrixReport
    from robusttune.stats.analysis.result import StudyAnalysis


def ranking_note(analysis: StudyAnalysis) -> str:
    """Return what a reader of the ranking on one task must know."""
    return (
        f"Bold: cannot be told apart from the best. {analysis.level:.0%} intervals; those of the ranks hold all at "
        "once."
    )


def ranking_caption(report: MatrixReport, ranking: TaskRanking) -> str:
    """Return the caption of the ranking on one task for a paper: statistic, n, level, method, marks, failure policy."""
    who = "candidates" if report.given is None else "configurations"
    analysis, rows = ranking.analysis, ranking.rows
    assert analysis is not None
    counts = sorted({row.analysis.n_seeds for row in rows})
    seeds = f"{counts[0]} to {counts[-1]} seeds" if len(counts) > 1 else count(counts[0], "seed")
    policies = dict.fromkeys(
        failures(one.study.post_evaluation, is_given=report.given is not None)
        for one in report.studies
        if one.task == ranking.task
    )
    return " ".join(
        [
            f"{report.name}: all {who}{f' on {ranking.task}' if ranking.task else ''}, {seeds} each.",
            ranking_note(analysis),
            *marks(analysis, has_controls=any(row.candidate.is_control for row in rows)),
            ranked_by(analysis, analysis.best_set_method),
            f"Intervals of the mean: {mean_intervals(rows)}.",
            f"Failures: {', or '.join(policies)}.",
        ]
    )
