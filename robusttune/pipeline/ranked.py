"""From what a post-evaluation found to its ranking and report, whoever has run or read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.pipeline.location import Location
from robusttune.pipeline.reading import Results
from robusttune.post_evaluation.result import PostEvaluation

if TYPE_CHECKING:
    from robusttune.pipeline.session import Session
    from robusttune.report.model import Ranking


def rank(source: Session | Results, found: PostEvaluation, command: str) -> Ranking:
    """Return the ranking; `command` is what runs the study, for commands to paste."""
    from robusttune.report.build import make_ranking  # scipy and pandas: not for those who only check or tune

    return make_ranking(
        source.study, source.trials(), found, is_reproducible=source.is_reproducible(), command=command
    )


def written(ranking: Ranking, location: Location) -> Ranking:
    """Write the report to the folder of the study, and return the ranking."""
    from robusttune.report.write import write_report

    write_report(ranking, location.folder)
    return ranking
