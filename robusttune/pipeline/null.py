"""How often a study's own setting names a winner where there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robusttune.declaration.study import StudySpec
from robusttune.execution.choose import Given
from robusttune.execution.progress import Reporter
from robusttune.pipeline.location import DEFAULT_OUT, location_of
from robusttune.pipeline.session import open_session
from robusttune.pipeline.settle import settle
from robusttune.post_evaluation.allocate import question_of
from robusttune.post_evaluation.copies import Rates, copies_of, false_winner_rates
from robusttune.post_evaluation.result import PostEvaluation
from robusttune.seeds import generator
from robusttune.stats.comparisons.best_set import best_set

N_STUDIES = 500
_N_RESAMPLES = 2000  # of each simulated study's best set; the rates average over studies


@dataclass(frozen=True, slots=True, kw_only=True)
class NullResult:
    """The result of post-evaluating copies of one configuration.

    Attributes
    ----------
    configuration : str
        Which one.
    names : tuple of str
        The copies, highest mean first.
    means : tuple of float
    n_seeds : tuple of int
    members : tuple of bool
        Which copies were said to be possibly the best.
    rates : Rates
        Over studies drawn from these runs.
    level : float
        Nominal confidence of the best set.
    """

    configuration: str
    names: tuple[str, ...]
    means: tuple[float, ...]
    n_seeds: tuple[int, ...]
    members: tuple[bool, ...]
    rates: Rates
    level: float

    def sentences(self) -> tuple[str, ...]:
        """Return it in plain words."""
        k, rates = len(self.names), self.rates
        best = ", ".join(name for name, member in zip(self.names, self.members, strict=True) if member)
        return (
            f"{k} copies of one configuration ({self.configuration}) were evaluated on {sum(self.n_seeds)} runs: none "
            "is better than another, and all differences are chance.",
            f"Going by their means alone, {self.names[0]} ({self.means[0]:.4g}) would beat {self.names[-1]} "
            f"({self.means[-1]:.4g}).",
            f"Best set here: {best}."
            + (
                " Correct: any of them may be the best."
                if all(self.members)
                else " The others were wrongly left out."
            ),
            f"In {rates.n_studies} studies drawn from these runs, these settings named a single winner in "
            f"{rates.winner:.1%}, left at least one copy out of the best set in {rates.excluded:.1%}, and any given "
            f"copy in {rates.dropped:.1%}, where at most {1 - self.level:.1%} is promised.",
            f"The highest of {k} equal means overstates the truth by {rates.lead:.4g} on average.",
        )


def null_study(
    study: StudySpec,
    *,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
    workers: int | None = None,
    executor: Given | None = None,
    reporter: Reporter | None = None,
    n_studies: int = N_STUDIES,
) -> NullResult:
    """Evaluate `top_k` copies of the first control, or of the default, as the study would evaluate its candidates.

    Nothing is tuned. The runs are kept in the study's database, and taken up there.

    Raises
    ------
    SpecError
        If the study is faulty, or copies of one configuration cannot be compared in it.
    StudyError
        If runs keep failing, or the database cannot be used.
    """
    configuration, copies = copies_of(study)
    location = location_of(study, out=out, storage=storage)
    with open_session(
        settle(study, location=location), location, workers=workers, executor=executor, reporter=reporter
    ) as session:
        study, found = session.study, session.evaluate_candidates(copies)
    post, table = study.post_evaluation, found.scores
    question = dataclasses.replace(question_of(study, len(copies)), n_resamples=_N_RESAMPLES)
    scored = [i for i, own in enumerate(table.scores) if own]
    scores = [np.array(table.scores[i]) for i in scored]
    rates = false_winner_rates(
        np.concatenate(scores),
        len(copies),
        question,
        n_seeds=post.n_seeds,
        n_studies=n_studies,
        rng=generator(study.root_seed, "null"),
    )
    members = _members(study, found, scored)
    order = sorted(range(len(scored)), key=lambda i: -scores[i].mean())
    return NullResult(
        configuration=configuration,
        names=tuple(copies[scored[i]].name for i in order),
        means=tuple(float(scores[i].mean()) for i in order),
        n_seeds=tuple(scores[i].size for i in order),
        members=tuple(members[i] for i in order),
        rates=rates,
        level=post.confidence_level,
    )


def _members(study: StudySpec, found: PostEvaluation, scored: Sequence[int]) -> tuple[bool, ...]:
    """Return the best set as a report of the study would name it."""
    post, table = study.post_evaluation, found.scores
    if post.allocation.rule == "elimination":
        return tuple(table.config_ids[i] in found.rounds.kept for i in scored)
    return best_set(
        [table.scores[i] for i in scored],
        level=post.confidence_level,
        statistic=post.statistic,
        rng=generator(study.root_seed, "null best set"),
    ).members
