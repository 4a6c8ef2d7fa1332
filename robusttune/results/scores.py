"""Scores of the post-evaluation, made from stored runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from robusttune.declaration.study_runs import PlannedRuns
from robusttune.errors import NoResultsError, StudyError
from robusttune.results.records import RunOutcome, RunStatus
from robusttune.seeds import Stage, stage_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """Scores of the post-evaluation, the only ones that may be ranked.

    Attributes
    ----------
    config_ids : tuple of str
    seeds : tuple of tuple of int
        Per configuration; numbers of seeds may differ.
    scores : tuple of tuple of float
        Of the same shape; finite. A diverged run has the score that the failure policy gives it.
    n_diverged, n_missing : tuple of int
        Per configuration.
    diverged_score : float, optional
        What a diverged run counts as; None if there was none.
    given : bool
        Whether the runs are not ours: their seeds are labels then, and no stage is known of them.

    Raises
    ------
    ValueError
        If a seed of ours belongs to the tuning stage: what selects does not rank.
    """

    config_ids: tuple[str, ...]
    seeds: tuple[tuple[int | str, ...], ...]
    scores: tuple[tuple[float, ...], ...]
    n_diverged: tuple[int, ...]
    n_missing: tuple[int, ...]
    diverged_score: float | None
    given: bool = False

    def __post_init__(self) -> None:
        if len(set(self.config_ids)) != len(self.config_ids):
            raise ValueError(f"config_ids must differ, but got {self.config_ids}.")
        for seeds, scores in zip(self.seeds, self.scores, strict=True):
            if len(seeds) != len(scores):
                raise ValueError(
                    f"each score belongs to one seed, but got {len(seeds)} seeds, {len(scores)} scores."
                )
            if not np.isfinite(scores).all():
                raise ValueError(f"scores must be finite, but got {scores}.")
            for seed in seeds:
                if not self.given and stage_of(int(seed)) is not Stage.POST_EVALUATION:
                    raise ValueError(
                        f"seed {seed} belongs to the tuning stage. Tuning scores choose what is evaluated; only "
                        "post-evaluation scores are ranked."
                    )


def counted_runs(
    planned: Mapping[str, PlannedRuns],
    results: Mapping[str, RunOutcome],
    *,
    diverged_score: float | None,
) -> tuple[dict[str, list[tuple[RunOutcome, float]]], float | None]:
    """Return the runs that count, each with its score; this function alone decides what a diverged run counts as.

    Parameters
    ----------
    planned : mapping
        config_id → its runs.
    results : mapping
        run_id → result, as stored.
    diverged_score : float, optional
        Score of a diverged run; None takes the worst score of all these runs.

    Returns
    -------
    counted : dict of str to list of (RunOutcome, float)
        config_id → runs with an outcome, in the order of their planning. Diverged runs are left out while there is no
        score to give them.
    diverged_score : float or None
        What a diverged run counts as.
    """
    found = {
        config_id: [
            result
            for run_id in runs.run_ids
            if (result := results.get(run_id)) and result.status in (RunStatus.COMPLETED, RunStatus.DIVERGED)
        ]
        for config_id, runs in planned.items()
    }
    known = [result.score for own in found.values() for result in own if result.score is not None]
    worst = min(known, default=None) if diverged_score is None else diverged_score
    counted = {
        config_id: [
            (result, score)
            for result in own
            if (score := worst if result.score is None else result.score) is not None
        ]
        for config_id, own in found.items()
    }
    return counted, worst


def score_table(
    planned: Mapping[str, PlannedRuns],
    results: Mapping[str, RunOutcome],
    *,
    diverged_score: float | None,
    allow_missing: bool,
    may_all_diverge: bool = False,
) -> ScoreTable:
    """Return the scores of planned runs.

    Parameters
    ----------
    planned : mapping
        config_id → its post-evaluation runs.
    results : mapping
        run_id → result, as stored.
    diverged_score : float, optional
        Score of a diverged run; None takes the worst score in the table.
    allow_missing : bool
        Leave out runs without an outcome, and count them.
    may_all_diverge : bool
        Allow a table in which every run has diverged.

    Raises
    ------
    StudyError
        If runs are missing and that is not allowed, or no run at all has a score.
    """
    if not allow_missing:
        _require_complete(planned, results)
    counted, worst = counted_runs(planned, results, diverged_score=diverged_score)
    if not may_all_diverge and all(result.score is None for own in counted.values() for result, _ in own):
        raise StudyError(_nothing(planned, results))
    n_diverged = tuple(sum(result.score is None for result, _ in own) for own in counted.values())
    return ScoreTable(
        config_ids=tuple(planned),
        seeds=tuple(tuple(result.seed for result, _ in own) for own in counted.values()),
        scores=tuple(tuple(score for _, score in own) for own in counted.values()),
        n_diverged=n_diverged,
        n_missing=tuple(len(planned[config_id]) - len(own) for config_id, own in counted.items()),
        diverged_score=worst if any(n_diverged) else None,
    )


def _nothing(planned: Mapping[str, PlannedRuns], results: Mapping[str, RunOutcome]) -> str:
    """Return why there is no score, and what would help: a diverged run is an outcome, which is not made again."""
    known = [results[run_id] for runs in planned.values() for run_id in runs.run_ids if run_id in results]
    accidents = [one for one in known if not one.status.is_outcome]
    begin = "There is nothing to rank: "
    if not known:
        return f"{begin}no run of the post-evaluation has been made yet. `evaluate_study` makes them."
    if not accidents:
        return (
            f"{begin}all {len(known)} runs of the post-evaluation that were made diverged. Evaluate other "
            "configurations: raise post_evaluation.top_k, or change the search."
        )
    errors = [one.error for one in accidents if one.error]
    reason = f" The last error was:\n{errors[-1]}" if errors else ""
    return (
        f"{begin}none of the {len(known)} runs of the post-evaluation that were made has a score, and {len(accidents)} "
        f"of them did not end well. `evaluate_study` tries these again.{reason}"
    )


def _require_complete(planned: Mapping[str, PlannedRuns], results: Mapping[str, RunOutcome]) -> None:
    counts: dict[str, int] = {}
    example: str | None = None
    for runs in planned.values():
        for run_id in runs.run_ids:
            result = results.get(run_id)
            if result is None:
                counts["not run yet"] = counts.get("not run yet", 0) + 1
            elif not result.status.is_outcome:
                counts[result.status.value] = counts.get(result.status.value, 0) + 1
                example = result.error or example
    n_open = counts.get("not run yet", 0)
    if n_open and n_open == sum(len(runs.run_ids) for runs in planned.values()):
        raise NoResultsError(
            f"None of the {n_open} runs of the post-evaluation has been made yet. `evaluate_study` makes them."
        )
    if counts:
        listed = ", ".join(f"{count} {what}" for what, count in counts.items())
        reason = f"\nThe last error was:\n{example}" if example else ""
        remedy = "makes them" if n_open else "tries them again"
        raise StudyError(
            f"The post-evaluation lacks runs ({listed}). `evaluate_study` {remedy}; "
            f"post_evaluation.allow_missing = true ranks without them and says so.{reason}"
        )
