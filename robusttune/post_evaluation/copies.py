"""A/A: copies of one configuration, of which none is better, evaluated as a study evaluates its candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from robusttune.declaration.ids import content_id
from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError
from robusttune.post_evaluation.allocate import Question, decide
from robusttune.post_evaluation.select import DEFAULT_CONTROL, Candidate
from robusttune.stats.arrays import FloatArray
from robusttune.stats.comparisons.best_set import best_set


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a setting claims about equal configurations, over simulated studies.

    Attributes
    ----------
    winner : float
        How often one copy alone was named the best.
    excluded : float
        How often some copy was said to be worse than the best.
    dropped : float
        Share of copies that were said to be.
    lead : float
        By how much the highest mean overstates the truth, on average, in score units.
    n_studies : int
    """

    winner: float
    excluded: float
    dropped: float
    lead: float
    n_studies: int


def copies_of(study: StudySpec) -> tuple[str, tuple[Candidate, ...]]:
    """Return the name of the study's first control, or of the default, and `top_k` copies of it.

    Raises
    ------
    SpecError
        If there are fewer than two copies, or they would share their seeds and thereby be the same runs.
    """
    post = study.post_evaluation
    if post.top_k < 2:
        raise SpecError(f"post_evaluation.top_k = {post.top_k}: as many copies are compared, at least 2.")
    if post.seeds == "common":
        raise SpecError(
            "post_evaluation.seeds = 'common': copies of one configuration on the same seeds are the same runs. "
            "Use seeds = 'fresh' to compare copies."
        )
    if not post.controls and not study.training.HAS_DEFAULT:
        raise SpecError(
            f"{study.training.title} has no default configuration to copy. Name one as post_evaluation.controls."
        )
    name, hyperparameters = DEFAULT_CONTROL, dict[str, JsonValue]()
    if post.controls:
        name, hyperparameters = post.controls[0].name, dict(post.controls[0].hyperparameters)
    return name, tuple(
        Candidate(
            name=f"copy {number}",
            # Not the configuration's own id, which all copies share: it decides on the seeds.
            config_id=content_id({"copy": number, "hyperparameters": hyperparameters}),
            hyperparameters=hyperparameters,
            is_control=True,
        )
        for number in range(1, post.top_k + 1)
    )


def false_winner_rates(
    pool: FloatArray,
    n_copies: int,
    question: Question,
    *,
    n_seeds: int,
    n_studies: int,
    rng: np.random.Generator,
) -> Rates:
    """Return what would be claimed about copies, in studies drawn from the scores of one configuration.

    Parameters
    ----------
    pool : ndarray, shape (n_runs,)
        Scores of all copies; they are one configuration, so each is a score of every copy.
    n_copies : int
    question : Question
        How seeds are given and the best set is made.
    n_seeds : int
        Of each copy, for a fixed allocation.
    n_studies : int
    rng : numpy.random.Generator
        Source of randomness.

    Notes
    -----
    Studies are drawn with replacement: rare failures that the pool does not hold are not in them either.
    """
    found = []
    for _ in range(n_studies):
        scores, members = _study(pool, n_copies, question, n_seeds, rng)
        lead = max(float(x.mean()) for x in scores) - float(pool.mean())
        n_members = sum(members)
        found.append((n_members == 1, n_members < n_copies, 1.0 - n_members / n_copies, lead))
    winner, excluded, dropped, lead = np.array(found, dtype=np.float64).mean(axis=0).tolist()
    return Rates(winner=winner, excluded=excluded, dropped=dropped, lead=lead, n_studies=n_studies)


def _study(
    pool: FloatArray, n_copies: int, question: Question, n_seeds: int, rng: np.random.Generator
) -> tuple[Sequence[FloatArray], Sequence[bool]]:
    n_first = question.allocation.n_first(n_copies, n_seeds)
    scores = [rng.choice(pool, n_first) for _ in range(n_copies)]
    kept: Sequence[bool] = (True,) * n_copies
    while question.allocation.is_adaptive:
        decision = decide(scores, [x.size for x in scores], question, rng=rng)
        kept = decision.kept
        if decision.stop is not None:
            break
        scores = [np.append(x, rng.choice(pool, more)) for x, more in zip(scores, decision.more, strict=True)]
    if question.allocation.rule == "elimination":
        return scores, kept
    return scores, best_set(
        scores, level=question.level, statistic=question.statistic, n_resamples=question.n_resamples, rng=rng
    ).members
