"""What a post-evaluation has found: all that a ranking is made of."""

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
class Judged:
    """What a post-evaluation has found.

    Attributes
    ----------
    candidates : tuple of Candidate
        Who was judged: the best trials, best first, and the controls.
    rounds : Rounds
        The runs, and why no more were asked for.
    scores : ScoreTable
        By candidate, in the order of `candidates`.
    confirmation : mapping of config_id to tuple of float
        Scores on seeds that no selection has seen; empty where nothing was confirmed.
    """

    candidates: tuple[Candidate, ...]
    rounds: Rounds
    scores: ScoreTable
    confirmation: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def judged_from(study: StudySpec, trials: Sequence[TrialRecord], lookup: Lookup) -> Judged:
    """Return what the stored runs of a post-evaluation say.

    Raises
    ------
    StudyError
        If nothing has been judged, or runs are missing and the study does not allow that.
    """
    candidates = select(study, trials)
    if not candidates:
        raise StudyError("There is nothing to rank: no trial is complete and the study names no control.")
    rounds = replay(study, candidates, lookup)
    post = study.post_evaluation
    scores = score_table(
        rounds.runs, rounds.results, diverged_score=post.diverged_score, allow_missing=post.allow_missing
    )
    return Judged(candidates=candidates, rounds=rounds, scores=scores)
