"""Which configuration is recommended, and why it is not the one that tuning put first."""

from __future__ import annotations

from collections.abc import Sequence

from robusttune.post_evaluation.select import Candidate
from robusttune.report.columns import interval, number
from robusttune.report.model import Row
from robusttune.stats.analysis.result import StudyAnalysis
from robusttune.stats.luck.verdict import LUCKY


def recommended(rows: Sequence[Row]) -> Row:
    """Return the highest mean of the best set.

    With an adaptive allocation a configuration that was dropped after few lucky seeds can stand above it.
    """
    return next((row for row in rows if row.in_best_set), rows[0])


def passed_over(rows: Sequence[Row], candidates: Sequence[Candidate]) -> Row | None:
    """Return the tuning champion, the trial with the highest objective value, where it is not recommended."""
    champion = _champion(rows, candidates)
    return None if champion is recommended(rows) else champion


def recommendation(
    rows: Sequence[Row], candidates: Sequence[Candidate], analysis: StudyAnalysis
) -> list[str]:
    """Return what tuning's own choice came to on fresh seeds, in a sentence."""
    champion = _champion(rows, candidates)
    if champion is None or champion.tuning_score is None:
        return []
    rested = f"rested on {_seeds(champion.n_tuning_seeds)}"
    if champion is recommended(rows):
        return [
            f"The tuning champion, {champion.name}, also has the highest mean on fresh seeds; its tuning value, "
            f"{number(champion.tuning_score)}, {rested}."
        ]
    verdict = f" ({LUCKY})" if champion.verdict == LUCKY else ""
    return [
        f"The recommended configuration is {recommended(rows).name}, the best on fresh seeds, and not the tuning "
        f"champion {champion.name}{verdict}: the tuning value of that one, {number(champion.tuning_score)}, was chosen "
        f"for being the highest and {rested}, and {champion.n_seeds} fresh seeds give {number(champion.mean)} "
        f"{interval(champion.mean_low, champion.mean_high)}, rank {champion.rank} of {len(rows)}"
        f"{_overstated(champion, analysis)}."
    ]


def _champion(rows: Sequence[Row], candidates: Sequence[Candidate]) -> Row | None:
    """Return the row of the best candidate by tuning; None if there is no trial, or it has not been judged."""
    # Of equal trials the first selected counts, which the rows no longer tell.
    name = next((candidate.name for candidate in candidates if not candidate.is_control), None)
    return next((row for row in rows if row.name == name), None)


def _overstated(champion: Row, analysis: StudyAnalysis) -> str:
    """Return by how much the seeds of tuning were too high, where they were and all of them have a score."""
    known = analysis.champion
    if known is None or known.config_id != champion.name or known.optimism.estimate <= 0:
        return ""
    gap = known.optimism
    in_sd = "" if champion.gap_in_sd is None else f", {number(champion.gap_in_sd)} standard deviations"
    return f": overstated by {number(gap.estimate)} {interval(gap.low, gap.high)}{in_sd}"


def _seeds(n_seeds: int | None) -> str:
    return f"{n_seeds} seed" if n_seeds == 1 else f"{n_seeds} seeds"
