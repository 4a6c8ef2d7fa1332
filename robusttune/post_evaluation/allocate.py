"""How many further seeds each configuration gets: pure decisions, from scores to numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robusttune.declaration.allocation import MAX_SEEDS, AllocationSpec
from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.allocation_rules import ocba_batch, top_two_batch
from robusttune.stats.arrays import BoolArray, FloatArray, IntArray
from robusttune.stats.comparisons.best_set import best_set_contrasts
from robusttune.stats.comparisons.contrasts import Contrasts, make_contrasts
from robusttune.stats.comparisons.maxt import DEFAULT_RESAMPLES, largest_of_all, upper_quantile
from robusttune.stats.estimates.location import locate


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a decision is about; equal for all rounds of a stage.

    Attributes
    ----------
    allocation : AllocationSpec
    budget : int
        Runs of all configurations together, at most.
    level : float
        Confidence that the best configuration is kept.
    indifference : float, optional
        Differences within it are practically equal, in score units.
    statistic : {"mean", "iqm"}
        What "best" refers to.
    n_resamples : int
        Simulated draws of the best set.
    """

    allocation: AllocationSpec
    budget: int
    level: float = 0.95
    indifference: float | None = None
    statistic: str = "mean"
    n_resamples: int = DEFAULT_RESAMPLES


def question_of(study: StudySpec, n_configs: int) -> Question:
    """Return the question that a study asks about this many configurations."""
    post = study.post_evaluation
    return Question(
        allocation=post.allocation,
        budget=post.allocation.max_runs(n_configs, post.n_seeds),
        level=post.confidence_level,
        indifference=post.indifference,
        statistic=post.statistic,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one round decides.

    Attributes
    ----------
    more : tuple of int
        Further seeds per configuration.
    kept : tuple of bool
        Which configurations are still in the race.
    stop : str, optional
        Why no more seeds are given, as a sentence; None while there are.
    """

    more: tuple[int, ...]
    kept: tuple[bool, ...]
    stop: str | None = None


def decide(
    scores: Sequence[FloatArray], given: Sequence[int], question: Question, *, rng: np.random.Generator
) -> Decision:
    """Return how many further seeds each configuration gets, or why none does.

    Parameters
    ----------
    scores : sequence of arrays, shape (n_seeds_i,)
        Scores so far, diverged runs included at the score of their policy; higher is better. A configuration
        without any score leaves the race.
    given : sequence of int
        Seeds that each configuration was given so far, those without a score included.
    question : Question
    rng : numpy.random.Generator
        Source of randomness; keyed on the round, the decision can be repeated.
    """
    present = [i for i, x in enumerate(scores) if x.size]
    if len(present) < 2:
        return Decision(
            more=(0,) * len(scores),
            kept=tuple(bool(x.size) for x in scores),
            stop="There is nothing to choose: fewer than two configurations have a score.",
        )
    found = _decide([scores[i] for i in present], np.array([given[i] for i in present]), question, rng)
    more, kept = [0] * len(scores), [False] * len(scores)
    for j, i in enumerate(present):
        more[i] = min(found.more[j], MAX_SEEDS - given[i])
        kept[i] = found.kept[j]
    stop = found.stop
    if stop is None and not any(more):
        stop = f"No configuration can have more than {MAX_SEEDS} seeds."
    return Decision(more=tuple(more), kept=tuple(kept), stop=stop)


def _decide(
    scores: Sequence[FloatArray], given: IntArray, question: Question, rng: np.random.Generator
) -> Decision:
    rule = question.allocation.rule
    if rule == "elimination":
        return _eliminate(scores, given, question, rng)
    left = question.budget - int(given.sum())
    everybody = (True,) * len(scores)
    if rule == "fixed":
        return Decision(more=(0,) * len(scores), kept=everybody, stop="Every configuration has its seeds.")
    if rule == "halving":
        return _halve(scores, given, question, left)
    if left <= 0:
        return Decision(more=(0,) * len(scores), kept=everybody, stop=_spent(question))
    n_more = min(left, question.allocation.batch_size or len(scores))
    locations = locate(scores, statistic=question.statistic)
    batch = ocba_batch(locations, given, n_more) if rule == "ocba" else top_two_batch(locations, n_more, rng)
    return Decision(more=tuple(batch.tolist()), kept=everybody)


def _spent(question: Question) -> str:
    return f"The budget of {question.budget} runs is spent."


def _halve(scores: Sequence[FloatArray], given: IntArray, question: Question, left: int) -> Decision:
    """Keep the better half of those who got seeds in the last round; share what is left among the rounds to come.

    References
    ----------
    Karnin, Koren and Somekh (2013), Almost optimal exploration in multi-armed bandits, algorithm 1.
    """
    estimate = locate(scores, statistic=question.statistic).estimate
    in_race = np.flatnonzero(given == given.max())
    n_kept = math.ceil(in_race.size / 2)
    # A stable sort: of equals the earlier stays, so that the decision repeats itself.
    best = in_race[np.argsort(-estimate[in_race], kind="stable")[:n_kept]]
    kept = np.zeros(len(scores), dtype=bool)
    kept[best] = True
    more = np.zeros(len(scores), dtype=np.int64)
    stop = None
    if n_kept == 1:
        stop = "One configuration is left."
    else:
        more[best] = left // (n_kept * math.ceil(math.log2(n_kept)))
        if not more.any():
            stop = _spent(question)
    return Decision(more=tuple(more.tolist()), kept=tuple(kept.tolist()), stop=stop)


def _eliminate(
    scores: Sequence[FloatArray], given: IntArray, question: Question, rng: np.random.Generator
) -> Decision:
    """Drop what can no longer be the best.

    The level is split evenly over the stages, so the set of those kept holds the best configuration with at
    least `level`, whenever one stops.
    """
    stages = question.allocation.stage_seeds
    in_race = np.flatnonzero(given == given.max())
    stage = stages.index(int(given.max()))
    level = 1.0 - (1.0 - question.level) / len(stages)
    contrasts = make_contrasts(
        [scores[i] for i in in_race.tolist()],
        statistic=question.statistic,
        robust=False,
        resolution=None,
        n_resamples=question.n_resamples,
        rng=rng,
    )
    members = np.array(best_set_contrasts(contrasts, level=level).members)
    kept = np.zeros(len(scores), dtype=bool)
    kept[in_race[members]] = True
    stop = _why_stop(contrasts, members, level, question.indifference)
    if stop is None and stage + 1 == len(stages):
        stop = f"All {len(stages)} stages are done; {int(kept.sum())} configurations may still be the best."
    more = np.zeros(len(scores), dtype=np.int64)
    if stop is None:
        more[kept] = stages[stage + 1] - stages[stage]
    return Decision(more=tuple(more.tolist()), kept=tuple(kept.tolist()), stop=stop)


def _why_stop(
    contrasts: Contrasts, members: BoolArray, level: float, indifference: float | None
) -> str | None:
    if np.count_nonzero(members) == 1:
        return "One configuration is left."
    if not indifference:
        return None
    estimate = contrasts.locations.estimate
    # One critical value for all pairs that were in the race: the survivors are among them.
    half = upper_quantile(largest_of_all(contrasts.draws), level) * contrasts.error
    reach = np.abs(estimate[:, None] - estimate[None, :]) + half
    if (reach[np.ix_(members, members)][~np.eye(int(members.sum()), dtype=bool)] <= indifference).all():
        return f"All that are left differ by at most {indifference:g}, the indifference of the study."
    return None
