"""One ranking of all candidates of several studies on one task."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from robusttune.declaration.study import StudySpec
from robusttune.report.matrix.scores import ConfigurationScores, StudyScores
from robusttune.report.model import Row
from robusttune.stats.analysis.analyse import analyse
from robusttune.stats.analysis.result import StudyAnalysis

# What makes scores different quantities, and what makes them unequal conditions of one quantity.
_QUANTITY: Mapping[str, Callable[[StudySpec], object]] = {
    "evaluation.score": lambda study: study.evaluation.score,
    "evaluation.deterministic": lambda study: study.evaluation.deterministic,
}
_CONDITIONS: Mapping[str, Callable[[StudySpec], object]] = {
    "total_timesteps": lambda study: study.training.total_timesteps,
    "evaluation episodes": lambda study: study.n_post_evaluation_episodes,
    "evaluation.starts": lambda study: study.evaluation.starts,
    "post_evaluation.confidence_level": lambda study: study.post_evaluation.confidence_level,
    "post_evaluation.statistic": lambda study: study.post_evaluation.statistic,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRanking:
    """All candidates of all studies on one task.

    Attributes
    ----------
    task : str
    rows : tuple of Row
        Candidates of all methods, best first; empty where there is no analysis.
    analysis : StudyAnalysis or None
        None where the scores of the studies are not the same quantity.
    different : mapping of str to tuple of str
        Settings in which the studies differ although scores depend on them → the values.
    """

    task: str
    rows: tuple[Row, ...]
    analysis: StudyAnalysis | None
    different: Mapping[str, tuple[str, ...]]


def rank_task(studies: Sequence[StudyScores], *, rng: np.random.Generator) -> TaskRanking:
    """Return the ranking of all candidates of studies on one task; level and statistic are those of the first."""
    task, post = studies[0].task, studies[0].study.post_evaluation
    configurations = _named(studies)
    different = _different(studies, _QUANTITY)
    if different:
        return TaskRanking(task=task, rows=(), analysis=None, different=different)
    candidates = {name: one.candidate for name, one in configurations.items()}
    analysis = analyse(
        {name: one.scores for name, one in configurations.items()},
        tuning_scores={name: one.tuning_scores for name, one in candidates.items() if one.tuning_scores},
        controls=[name for name, one in candidates.items() if len(studies) == 1 and one.is_control],
        n_failed={name: one.runs.n_diverged for name, one in configurations.items()},
        level=post.confidence_level,
        indifference=post.indifference,
        statistic=post.statistic,
        rng=rng,
    )
    return TaskRanking(
        task=task,
        rows=tuple(
            Row(candidate=configurations[name].candidate, analysis=found, runs=configurations[name].runs)
            for name, found in analysis.configurations.items()
        ),
        analysis=analysis,
        different=_different(studies, _CONDITIONS),
    )


def _named(studies: Sequence[StudyScores]) -> dict[str, ConfigurationScores]:
    """Return all configurations by method and name; the same runs under several methods are one configuration."""
    same: dict[str, list[tuple[str, ConfigurationScores]]] = {}
    for study in studies:
        for one in study.configurations:
            same.setdefault(one.first_run, []).append((study.method, one))
    named = {}
    for members in same.values():
        names = dict.fromkeys(one.name for _, one in members)
        prefix = "+".join(method for method, _ in members) + ": " if len(members) < len(studies) else ""
        name = f"{prefix}{' = '.join(names)}"
        longest = max((one for _, one in members), key=lambda one: len(one.scores))
        candidate = dataclasses.replace(longest.candidate, name=name)
        if len(studies) > 1:  # tuning scores of different searches are told in the reports of their studies
            candidate = dataclasses.replace(
                candidate, tuning_score=None, tuning_scores=(), n_tuning_seeds=None
            )
        named[name] = dataclasses.replace(longest, candidate=candidate)
    return named


def _different(
    studies: Sequence[StudyScores], settings: Mapping[str, Callable[[StudySpec], object]]
) -> dict[str, tuple[str, ...]]:
    found = {
        name: tuple(dict.fromkeys(str(value(one.study)) for one in studies))
        for name, value in settings.items()
    }
    return {name: values for name, values in found.items() if len(values) > 1}
