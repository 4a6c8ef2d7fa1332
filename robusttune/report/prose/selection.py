"""Who was evaluated and who is recommended, where a model of the whole search has a say in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.declaration.study import StudySpec
from robusttune.report.prose.words import count, listed, number

if TYPE_CHECKING:
    from robusttune.report.model import Ranking

_MODEL = "a Gaussian process over all trials (Matérn 5/2, Student's t noise)"


def candidates_clause(study: StudySpec) -> str:
    """Return which configurations are evaluated as the results of a search."""
    post = study.post_evaluation
    if not study.searches:
        return count(len(post.configurations), "configuration") + " found elsewhere"
    highest = "the highest objective value"
    match post.select:
        case "top":
            return f"the {post.top_k} complete trials with {highest}"
        case "model":
            return f"the {post.top_k} complete trials that {_MODEL} holds best"
    return (
        f"{post.top_k} complete trials, in turn from those that {_MODEL} holds best and those with {highest}"
    )


def winner_clause(study: StudySpec) -> str:
    """Return whom of the best set is recommended."""
    if study.post_evaluation.recommend == "mean":
        return "the highest estimate of the best set"
    return (
        f"the highest posterior mean of the best set, by {_MODEL} and the fresh means; its own numbers are without "
        "the model"
    )


def sentences(ranking: Ranking) -> tuple[str, ...]:
    """Return which list proposed whom, and where mean and posterior disagree; nothing without a model."""
    return (*_proposals(ranking), *_recommendation(ranking))


def _proposals(ranking: Ranking) -> tuple[str, ...]:
    post = ranking.study.post_evaluation
    if post.select == "top":
        return ()
    by_list: dict[tuple[str, ...], list[str]] = {}
    for candidate in ranking.found.candidates:
        if not candidate.is_control:
            by_list.setdefault(candidate.proposed_by, []).append(candidate.name)
    if not any("model" in lists for lists in by_list):
        return (
            "The search was too short or too flat to be modelled: the highest tuning scores alone chose who was "
            "evaluated.",
        )
    heads = {
        ("top", "model"): "by tuning score and model alike",
        ("model",): "by the model alone",
        ("top",): "by tuning score alone",
        (): "further down both lists",
    }
    parts = [f"{head}, {listed(by_list[lists])}" for lists, head in heads.items() if lists in by_list]
    return (f"Proposed for fresh seeds: {'; '.join(parts)}.",)


def _recommendation(ranking: Ranking) -> tuple[str, ...]:
    analysis = ranking.analysis
    highest = next(iter(analysis.best_set), analysis.recommended)
    if ranking.study.post_evaluation.recommend == "mean":
        return ()
    if highest == analysis.recommended:
        return (f"Fresh mean and posterior agree on {highest}.",)
    mine, theirs = (analysis.configurations[name].mean.estimate for name in (analysis.recommended, highest))
    return (
        f"The highest fresh mean of the best set is that of {highest}, {number(theirs)}; {analysis.recommended}, "
        f"{number(mine)}, is recommended because the search, read as a whole, speaks for it. Its number here is "
        "its own.",
    )
