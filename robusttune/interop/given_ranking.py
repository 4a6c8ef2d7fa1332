"""From scores that exist to the report of a study: a ranking on one task, or a report across several."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import numpy as np

from robusttune.declaration.matrix import Matrix, MatrixReportSpec, MatrixStudy
from robusttune.declaration.post_evaluation import PostEvaluationSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.tabular import TabularTraining
from robusttune.declaration.tuning import TuningSpec
from robusttune.errors import StudyError
from robusttune.interop.scored import MAX_METHODS, Scored, candidates_of, runs_of
from robusttune.post_evaluation.result import PostEvaluation
from robusttune.post_evaluation.rounds import Rounds
from robusttune.report.build import make_ranking
from robusttune.report.given import Given
from robusttune.report.matrix.result import MatrixReport, make_matrix_report
from robusttune.report.matrix.scores import ConfigurationScores, StudyScores
from robusttune.report.model import Ranking
from robusttune.results.scores import ScoreTable

T = TypeVar("T")


def _study(given: Given, task: str, post: PostEvaluationSpec, n_configurations: int) -> StudySpec:
    """Return the study that says how the results are analysed; it is never run."""
    return StudySpec(
        name=given.name,
        training=TabularTraining(path=given.source),
        tuning=TuningSpec(n_trials=n_configurations),
        post_evaluation=post,
        description=task,
    )


def rank_given(
    given: Given,
    task: str,
    post: PostEvaluationSpec,
    configurations: tuple[Scored, ...],
    controls: Collection[str],
) -> Ranking:
    """Return the ranking of configurations on one task."""
    study = _study(given, task, post, len(configurations))
    candidates = candidates_of(configurations, controls)
    n_diverged = tuple(one.n_diverged for one in configurations)
    found = PostEvaluation(
        candidates=candidates,
        rounds=Rounds(runs={}),
        scores=ScoreTable(
            config_ids=tuple(one.config_id for one in candidates),
            seeds=tuple(one.given.seeds for one in configurations),
            scores=tuple(one.scores for one in configurations),
            n_diverged=n_diverged,
            n_missing=(0,) * len(configurations),
            diverged_score=configurations[0].worst if any(n_diverged) else None,
            given=True,
        ),
    )
    ranking = _computed(lambda: make_ranking(study, (), found, is_reproducible=True, command="", given=given))
    by_name = {one.given.name: one for one in configurations}
    rows = tuple(dataclasses.replace(row, runs=runs_of(by_name[row.name])) for row in ranking.rows)
    return dataclasses.replace(ranking, rows=rows)


def rank_over_tasks(
    given: Given,
    tasks: Mapping[str, tuple[Scored, ...]],
    post: PostEvaluationSpec,
    spec: MatrixReportSpec,
    controls: Collection[str],
) -> MatrixReport:
    """Return the report across several tasks.

    Raises
    ------
    StudyError
        If there are too many configurations.
    """
    n_methods = len({one.given.name for own in tasks.values() for one in own})
    if n_methods > MAX_METHODS:
        raise StudyError(
            f"There are {n_methods:,} configurations on {len(tasks):,} tasks, and every two are compared on all: at "
            f"most {MAX_METHODS}. Compare tasks one by one, or fewer configurations."
        )
    members, studies = [], []
    for task, own in tasks.items():
        study = _study(given, task, post, len(own))
        scored = tuple(
            ConfigurationScores(candidate=candidate, runs=runs_of(one), first_run=f"{task} {one.given.name}")
            for candidate, one in zip(candidates_of(own, controls), own, strict=True)
        )
        # A single seed shows no noise to resample: that configuration has no place in the aggregates.
        roles = {one.name: one for one in scored if len(one.scores) > 1}
        members.append(MatrixStudy(study=study, task=task, method=""))
        studies.append(StudyScores(study=study, task=task, method="", configurations=scored, roles=roles))
    matrix = Matrix(name=given.name, studies=tuple(members), report=spec)
    return _computed(lambda: make_matrix_report(matrix, studies, given=given))


def _computed(make: Callable[[], T]) -> T:
    """Return what the statistics make of scores; numbers that no arithmetic survives are the scores' fault."""
    try:
        with np.errstate(over="raise", invalid="ignore"):
            return make()
    except (FloatingPointError, OverflowError) as error:
        raise StudyError(
            f"These scores cannot be computed with ({error}): divide them by their usual size."
        ) from None
