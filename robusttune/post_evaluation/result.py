"""What a post-evaluation found: the same whether it has just been run or is read from what is stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import PlannedRuns, confirmation_runs
from robusttune.errors import StudyError
from robusttune.post_evaluation.rounds import Lookup, Rounds, replay
from robusttune.post_evaluation.select import Candidate, select
from robusttune.results.records import RunOutcome, TrialRecord
from robusttune.results.scores import ScoreTable, score_table


@dataclass(frozen=True, slots=True, kw_only=True)
class PostEvaluation:
    """What a post-evaluation found.

    Attributes
    ----------
    candidates : tuple of Candidate
        Who was evaluated: the best trials, best first, and the controls.
    rounds : Rounds
        Their runs, and why there are no more.
    scores : ScoreTable
        Scores by candidate, in the order of `candidates`.
    confirmed : ScoreTable, optional
        Scores of those that were confirmed, the recommended one first, on seeds that no selection has seen. They never
        enter the ranking.
    """

    candidates: tuple[Candidate, ...]
    rounds: Rounds
    scores: ScoreTable
    confirmed: ScoreTable | None = None

    @property
    def confirmation(self) -> dict[str, tuple[float, ...]]:
        """Return config_id → scores of the seeds that confirm, of those that have any."""
        table = self.confirmed
        found = () if table is None else zip(table.config_ids, table.scores, strict=True)
        return {config_id: scores for config_id, scores in found if scores}


Recommend = Callable[[StudySpec, PostEvaluation], Sequence[str]]
"""Returns the config_ids of the best set, the recommended one first."""


def candidates_of(study: StudySpec, trials: Sequence[TrialRecord]) -> tuple[Candidate, ...]:
    """Return the candidates; see `select`.

    Raises
    ------
    StudyError
        If there are none.
    """
    candidates = select(study, trials)
    if not candidates:
        raise StudyError(
            "There is nothing to post-evaluate: no trial is complete and the study names no control. "
            "`tune_study` makes trials."
        )
    return candidates


def stored_post_evaluation(
    study: StudySpec,
    candidates: Sequence[Candidate],
    lookup: Lookup,
    *,
    rounds: Rounds | None = None,
    recommend: Recommend | None = None,
) -> PostEvaluation:
    """Return what stored runs say about some candidates.

    Parameters
    ----------
    study : StudySpec
        Settled.
    candidates : sequence of Candidate
    lookup : callable
        Returns how runs ended by run id, for example `ResultStore.outcomes`.
    rounds : Rounds, optional
        Of an earlier replay, to continue from there.
    recommend : callable, optional
        Which configurations are confirmed, if the study asks for it; None confirms none.

    Raises
    ------
    StudyError
        If runs are missing and the study does not allow that, or no run has a score.
    """
    rounds = replay(study, candidates, lookup, since=rounds)
    post = study.post_evaluation
    scores = score_table(
        rounds.runs, rounds.results, diverged_score=post.diverged_score, allow_missing=post.allow_missing
    )
    found = PostEvaluation(candidates=tuple(candidates), rounds=rounds, scores=scores)
    planned = planned_confirmation(study, found, recommend)
    if not planned:
        return found
    results = lookup([run_id for runs in planned.values() for run_id in runs.run_ids])
    return dataclasses.replace(found, confirmed=_confirmed(study, scores, planned, results))


def planned_confirmation(
    study: StudySpec, found: PostEvaluation, recommend: Recommend | None
) -> dict[str, PlannedRuns]:
    """Return config_id → the runs that confirm it, the recommended configuration first."""
    post = study.post_evaluation
    if recommend is None or not post.confirm:
        return {}
    best = list(recommend(study, found))
    return _confirming(study, found, best if post.confirm_best_set else best[:1])


def confirmed_runs(study: StudySpec, found: PostEvaluation) -> dict[str, PlannedRuns]:
    """Return config_id → the runs that have confirmed it; empty where nothing was confirmed."""
    return {} if found.confirmed is None else _confirming(study, found, found.confirmed.config_ids)


def _confirming(study: StudySpec, found: PostEvaluation, config_ids: Iterable[str]) -> dict[str, PlannedRuns]:
    configurations = {candidate.config_id: candidate.hyperparameters for candidate in found.candidates}
    return confirmation_runs(study, configurations, config_ids)


def _confirmed(
    study: StudySpec,
    scores: ScoreTable,
    planned: Mapping[str, PlannedRuns],
    results: Mapping[str, RunOutcome],
) -> ScoreTable:
    """Return the scores that confirm; a diverged run counts as the worst score of the whole stage."""
    post = study.post_evaluation
    known = [result.score for result in results.values() if result.score is not None]
    known += [score for own in scores.scores for score in own]
    worst = min(known) if post.diverged_score is None else post.diverged_score
    return score_table(
        planned, results, diverged_score=worst, allow_missing=post.allow_missing, may_all_diverge=True
    )
