"""Comparing results that exist: from a table to the report of a study, without a study."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from robusttune.declaration.matrix import BEST, WORST, Matrix, MatrixReportSpec, MatrixStudy
from robusttune.declaration.post_evaluation import PostEvaluationSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.tabular import TabularTraining
from robusttune.declaration.tuning import TuningSpec
from robusttune.errors import SpecError, StudyError
from robusttune.interop.files import read_results
from robusttune.interop.reference import matrix_report
from robusttune.interop.roles import find_roles
from robusttune.interop.runs import to_runs
from robusttune.interop.scored import MAX_METHODS, Scored, candidates_of, known_scores, runs_of
from robusttune.post_evaluation.result import PostEvaluation
from robusttune.post_evaluation.rounds import Rounds
from robusttune.report.build import make_ranking
from robusttune.report.given import Given
from robusttune.report.matrix.result import MatrixReport, make_matrix_report
from robusttune.report.matrix.scores import ConfigurationScores, StudyScores
from robusttune.report.matrix.write import write_matrix_report
from robusttune.report.model import Ranking
from robusttune.report.write import write_report
from robusttune.results.scores import ScoreTable

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


def compare(
    results: str | Path | pd.DataFrame | Mapping[str, Any],
    *,
    configuration: str | None = None,
    seed: str | None = None,
    score: str | None = None,
    task: str | None = None,
    episode: str | None = None,
    step: str | None = None,
    tuning_score: str | None = None,
    minimize: bool = False,
    controls: Collection[str] = (),
    statistic: Literal["mean", "iqm"] = "mean",
    level: float = 0.95,
    indifference: float | None = None,
    diverged_score: float | None = None,
    normalized: bool = False,
    reference: str | Path | Mapping[str, tuple[float, float]] | None = None,
    low: str | None = None,
    high: str | None = None,
    target: float | None = None,
    out: str | Path | None = None,
) -> Ranking | MatrixReport:
    """Rank configurations by scores that exist; nothing is trained.

    Parameters
    ----------
    results : path, DataFrame or mapping
        A table with a row per run (or per episode or step of it): CSV, TSV, parquet, JSON, marl-eval JSON, exports of
        W&B; a folder of `evaluations.npz`, `monitor.csv` or TensorBoard events; or a mapping of columns, or of
        configuration → scores, one per seed (with several tasks an array (n_seeds, n_tasks), as rliable has it).
    configuration, seed, score, task, episode, step, tuning_score : str, optional
        Names of columns, where the guess from their names is wrong. Several columns, with commas between, may name a
        configuration; `seed = "row"` makes every row a run. In a folder, `score` is a scalar of TensorBoard.
    minimize : bool
        Lower scores are better.
    controls : collection of str
        Configurations that the search has not made, such as the default. Where some have a tuning score, those without
        are controls anyway.
    statistic : {"mean", "iqm"}
        What is ranked on one task.
    level : float
        Confidence level.
    indifference : float, optional
        Differences of at most this size, in score units, are practically equal.
    diverged_score : float, optional
        Score of a run that has none; None takes the worst score on its task.
    normalized : bool
        For several tasks: scores are on one scale already, where 0 and 1 mean the same on every task.
    reference : path or mapping, optional
        For several tasks: task → the scores that count as 0 and as 1; as a file, a table with a row per task.
    low, high : str, optional
        For several tasks: configurations whose mean scores count as 0 and as 1; by default the lowest and the highest.
    target : float, optional
        Normalised score that is wanted; gives the optimality gap.
    out : path, optional
        Where `<name>/report.html` and its tables and figures are written; None writes nothing.

    Returns
    -------
    Ranking or MatrixReport
        On one task, or on several. Both have `answer` and `to_frame()`.

    Raises
    ------
    SpecError
        If the results cannot be read or understood, or an option breaks its rule.
    StudyError
        If they cannot be compared: too few or too many of something, or no finite score.
    """
    roles_told = {
        "configuration": configuration,
        "seed": seed,
        "score": score,
        "task": task,
        "episode": episode,
        "step": step,
        "tuning_score": tuning_score,
    }
    table = read_results(results, score=score)
    if table.is_folder:
        roles_told["score"] = None
    roles = find_roles(table.frame, roles_told, table.source)
    runs = to_runs(table.frame, roles, minimize=minimize, source=table.source)
    tasks = {name: known_scores(name, own, diverged_score, minimize) for name, own in runs.tasks.items()}
    columns = ", ".join(f"{role} = {', '.join(names) if names else 'row'!r}" for role, names in roles.items())
    given = Given(
        name=f"compare-{_slug(table.source)}",
        source=table.source,
        columns=columns,
        notes=(*table.notes, *runs.notes),
    )
    post = _post_evaluation(level, statistic, indifference, diverged_score)
    _check_controls(controls, tasks, "controls")
    if len(tasks) == 1:
        ((name, only),) = tasks.items()
        ranking = _rank(_study(given, name, post, len(only)), only, controls, given)
        if out is not None:
            write_report(ranking, Path(out) / given.name)
        return ranking
    anchors = {"low": low, "high": high}
    _check_controls(
        [name for name in anchors.values() if name not in (None, WORST, BEST)], tasks, "low and high"
    )
    spec = matrix_report(tasks, normalized, reference, low, high, target, minimize)
    report = _across(tasks, controls, post, spec, given)
    if out is not None:
        write_matrix_report(report, Path(out) / given.name)
    return report


def _check_controls(names: Collection[str], tasks: Mapping[str, tuple[Scored, ...]], option: str) -> None:
    known = {one.given.name for own in tasks.values() for one in own}
    for name in names:
        if name not in known:
            raise SpecError(
                f"{option}: there is no configuration {name!r}. There are: {', '.join(sorted(known))}."
            )


def _post_evaluation(
    level: float, statistic: Literal["mean", "iqm"], indifference: float | None, diverged_score: float | None
) -> PostEvaluationSpec:
    numbers = {"level": level, "indifference": indifference, "diverged_score": diverged_score}
    for name, value in numbers.items():
        if value is not None and not math.isfinite(value):
            raise SpecError(f"`{name}` = {value}: must be a finite number.")
    if not 0 < level < 1:
        raise SpecError(f"`level` = {level:g}: must lie between 0 and 1, for example 0.95.")
    if indifference is not None and indifference < 0:
        raise SpecError(f"`indifference` = {indifference:g}: must not be negative.")
    if statistic not in ("mean", "iqm"):
        raise SpecError(f"`statistic` = {statistic!r}: must be 'mean' or 'iqm'.")
    return PostEvaluationSpec(
        confidence_level=level,
        statistic=statistic,
        indifference=indifference,
        diverged_score=diverged_score,
        default_control=False,
    )


def _slug(source: str) -> str:
    return (
        re.sub(r"[^A-Za-z0-9._-]+", "-", source.removesuffix(".gz").rsplit(".", 1)[0]).strip("-.")[:80]
        or "results"
    )


def _study(given: Given, task: str, post: PostEvaluationSpec, n_configurations: int) -> StudySpec:
    """Return the study that says how the results are analysed; it is never run."""
    return StudySpec(
        name=given.name,
        training=TabularTraining(path=given.source),
        tuning=TuningSpec(n_trials=n_configurations),
        post_evaluation=post,
        description=task,
    )


def _rank(
    study: StudySpec, configurations: tuple[Scored, ...], controls: Collection[str], given: Given
) -> Ranking:
    candidates = candidates_of(configurations, controls)
    n_diverged = tuple(one.n_diverged for one in configurations)
    found = PostEvaluation(
        candidates=candidates,
        rounds=Rounds(runs={one.config_id: () for one in candidates}),
        scores=ScoreTable(
            config_ids=tuple(one.config_id for one in candidates),
            seeds=tuple(one.given.seeds for one in configurations),
            scores=tuple(one.scores for one in configurations),
            episode_returns=tuple(tuple(() for _ in one.scores) for one in configurations),
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


def _across(
    tasks: Mapping[str, tuple[Scored, ...]],
    controls: Collection[str],
    post: PostEvaluationSpec,
    spec: MatrixReportSpec,
    given: Given,
) -> MatrixReport:
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
