"""Who is recommended: one decision, for the stage that confirms it and for the report that says so."""

from __future__ import annotations

from collections.abc import Sequence

from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.result import PostEvaluation, Recommend
from robusttune.results.records import TrialRecord


def recommend_from(trials: Sequence[TrialRecord]) -> Recommend:
    """Return who is recommended after a search, from a study and what its post-evaluation found.

    The config_ids are those of the best set as the report names it, the recommended configuration first.
    """

    def recommend(study: StudySpec, found: PostEvaluation) -> Sequence[str]:
        # It brings scipy and pandas: only where something is confirmed.
        from robusttune.report.build import best_set_first

        return best_set_first(study, trials, found)

    return recommend
