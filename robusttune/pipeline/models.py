"""Which trained policies a study keeps."""

from __future__ import annotations

from pathlib import Path

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.result import PostEvaluation, Recommend, confirmed_runs
from robusttune.post_evaluation.rounds import Lookup
from robusttune.results.models import discard, is_saved
from robusttune.results.records import RunStatus


def runs_of(study: StudySpec, found: PostEvaluation) -> dict[str, tuple[RunSpec, ...]]:
    """Return config_id → its runs of the post-evaluation and, where there is one, of the confirmation."""
    confirmed = confirmed_runs(study, found)
    return {one: (*runs, *confirmed.get(one, ())) for one, runs in found.rounds.runs.items()}


def settle_models(
    study: StudySpec, found: PostEvaluation, recommend: Recommend, models: Path, lookup: Lookup
) -> str:
    """Remove the policies that the study does not keep, now that all runs are done; return what is there.

    Parameters
    ----------
    study : StudySpec
    found : PostEvaluation
    recommend : callable
        Asked only where the best alone are kept and nothing was confirmed.
    models : Path
        Folder of the study's policies.
    lookup : callable
        Returns stored results by run id.
    """
    runs = runs_of(study, found)
    if study.execution.save_models == "best":
        best, *_ = recommend(study, found) if found.confirmed is None else found.confirmed.config_ids
        for config_id, others in runs.items():
            for spec in others if config_id != best else ():
                discard(models, spec)
        runs = {best: runs[best]}
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
