"""Comparing results that exist: from a table to the report of a study, without a study."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from robusttune.declaration.matrix import BEST, WORST
from robusttune.declaration.post_evaluation import PostEvaluationSpec
from robusttune.errors import SpecError
from robusttune.interop.files import read_results
from robusttune.interop.given_ranking import rank_given, rank_over_tasks
from robusttune.interop.reference import matrix_report
from robusttune.interop.roles import find_roles
from robusttune.interop.runs import to_runs
from robusttune.interop.scored import Scored, known_scores
from robusttune.report.given import Given
from robusttune.report.matrix.result import MatrixReport
from robusttune.report.matrix.write import write_matrix_report
from robusttune.report.model import Ranking
from robusttune.report.write import write_report

if TYPE_CHECKING:
    import pandas as pd


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
    is_told = any(name is not None for name in roles_told.values())
    table = read_results(results, score=score, is_told=is_told)
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
        ranking = rank_given(given, name, post, only, controls)
        if out is not None:
            write_report(ranking, Path(out) / given.name)
        return ranking
    anchors = {"low": low, "high": high}
    _check_controls(
        [name for name in anchors.values() if name not in (None, WORST, BEST)], tasks, "low and high"
    )
    spec = matrix_report(tasks, normalized, reference, low, high, target, minimize)
    report = rank_over_tasks(given, tasks, post, spec, controls)
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
