"""Which trained policies a study keeps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.result import PostEvaluation, planned_confirmation
from robusttune.post_evaluation.rounds import Lookup
from robusttune.results.models import discard, is_saved
from robusttune.results.records import RunStatus


def runs_of(
    study: StudySpec, found: PostEvaluation, recommended: Sequence[str]
) -> dict[str, tuple[RunSpec, ...]]:
    """Return config_id → its runs of the post-evaluation and, where there is one, of the confirmation."""
    confirmed = planned_confirmation(study, found, lambda *_: recommended)
    return {one: (*runs, *confirmed.get(one, ())) for one, runs in found.rounds.runs.items()}


def settle_models(
    study: StudySpec, found: PostEvaluation, recommended: Sequence[str], models: Path, lookup: Lookup
) -> str:
    """Remove the policies that the study does not keep, now that all runs are done; return what is there.

    Parameters
    ----------
    study : StudySpec
    found : PostEvaluation
    recommended : sequence of str
        config_ids of the best set, the recommended configuration first.
    models : Path
        Folder of the study's policies.
    lookup : callable
        Returns stored results by run id.
    """
    runs = runs_of(study, found, recommended)
    if study.execution.save_models == "best":
        for config_id, others in runs.items():
            for spec in others if config_id != recommended[0] else ():
                discard(models, spec)
        runs = {recommended[0]: runs[recommended[0]]}
    specs = {spec.run_id: spec for own in runs.values() for spec in own}
    completed = [specs[key] for key, result in lookup(specs).items() if result.status is RunStatus.COMPLETED]
    n_missing = sum(not is_saved(models, spec) for spec in completed)
    text = f"{len(completed) - n_missing} trained policies are in {models}."
    if n_missing:
        text += (
            f" {n_missing} more runs are stored without theirs; `play_study` with `retrain` = True trains those again "
            "that it shows."
        )
    return text
