"""What a post-evaluation found: the same whether it has just been run or is read from what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from robusttune.declaration.study import StudySpec
from robusttune.errors import StudyError
from robusttune.post_evaluation.rounds import Lookup, Rounds, replay
from robusttune.post_evaluation.select import Candidate, select
from robusttune.results.records import TrialRecord
from robusttune.results.tables import ScoreTable, score_table


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
    confirmation : mapping of config_id to tuple of float
        Scores on seeds that no selection has seen; empty where nothing was confirmed.
    """

    candidates: tuple[Candidate, ...]
    rounds: Rounds
    scores: ScoreTable
    confirmation: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def candidates_of(study: StudySpec, trials: Sequence[TrialRecord]) -> tuple[Candidate, ...]:
    """Return who is evaluated; see `select`.

    Raises
    ------
    StudyError
        If there is nobody.
    """
    candidates = select(study, trials)
    if not candidates:
        raise StudyError(
            "There is nothing to post-evaluate: no trial is complete and the study names no control. "
            "`robusttune tune` makes trials."
        )
    return candidates


def stored_post_evaluation(
    study: StudySpec, candidates: Sequence[Candidate], lookup: Lookup, *, rounds: Rounds | None = None
) -> PostEvaluation:
    """Return what stored runs say about some candidates.

    Parameters
    ----------
    study : StudySpec
        Settled.
    candidates : sequence of Candidate
    lookup : callable
        Returns stored results by run id, for example `ResultStore.results`.
    rounds : Rounds, optional
        Of an earlier replay, to go on from there.

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
    return PostEvaluation(candidates=tuple(candidates), rounds=rounds, scores=scores)
