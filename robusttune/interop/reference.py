"""The scores that count as 0 and as 1 on each task."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from robusttune.declaration.matrix import BEST, WORST, MatrixReportSpec, ReferenceScores
from robusttune.errors import SpecError
from robusttune.interop.files import read_results
from robusttune.interop.roles import plain

_ENDS = (("low", "random", "zero", "min"), ("high", "human", "expert", "one", "max"))


def read_reference(
    reference: str | Path | Mapping[str, tuple[float, float]], tasks: Collection[str]
) -> dict[str, tuple[float, float]]:
    """Return task → the scores that count as 0 and as 1, for the tasks that are compared.

    Parameters
    ----------
    reference : path or mapping
        A file is a table: the task in its first column, and columns called low and high, or random and human.
    tasks : collection of str
        Names may differ in case, and in what is neither letter nor digit.

    Raises
    ------
    SpecError
        If a task has none, or a score is no finite number.
    """
    scores = reference if isinstance(reference, Mapping) else _from_file(reference)
    by_name = {plain(task).replace("_", ""): ends for task, ends in scores.items()}
    found = {}
    for task in tasks:
        ends = scores.get(task, by_name.get(plain(task).replace("_", "")))
        if ends is None:
            raise SpecError(
                f"reference: has no scores for the task {task}. It has: {', '.join(map(str, scores))}."
            )
        try:
            low, high = map(float, ends)
        except (TypeError, ValueError):
            low = high = math.nan
        if not math.isfinite(low) or not math.isfinite(high):
            raise SpecError(f"reference: must have two numbers for {task}, but got {ends!r}.")
        found[task] = (low, high)
    return found


def _from_file(path: str | Path) -> dict[str, tuple[float, float]]:
    frame = read_results(path).frame
    columns = {plain(name): name for name in frame.columns}
    ends = [next((columns[name] for name in names if name in columns), None) for names in _ENDS]
    if None in ends or frame.columns[0] in ends:
        raise SpecError(
            f"reference = {str(path)!r}: must have the task in its first column, and columns low and high (or random "
            f"and human), but has: {', '.join(frame.columns)}."
        )
    numbers = [pd.to_numeric(frame[name], errors="coerce") for name in ends]
    return dict(zip(frame.iloc[:, 0].astype(str), zip(*numbers, strict=True), strict=True))


def matrix_report(
    tasks: Collection[str],
    normalized: bool,
    reference: str | Path | Mapping[str, tuple[float, float]] | None,
    low: str | None,
    high: str | None,
    target: float | None,
    minimize: bool,
) -> MatrixReportSpec:
    """Return what counts as 0 and as 1 on each task: see `compare`; by default the lowest and the highest mean.

    Raises
    ------
    SpecError
        If more than one way is told, or one breaks its rule.
    """
    told = {"normalized": normalized, "reference": reference is not None, "low and high": bool(low or high)}
    if sum(told.values()) > 1:
        raise SpecError(
            f"{' and '.join(name for name, is_told in told.items() if is_told)}: only one can be said."
        )
    scores: Mapping[str, tuple[float, float]] = {}
    if normalized:
        scores = dict.fromkeys(tasks, (0.0, 1.0))
    elif reference is not None:
        scores = read_reference(reference, tasks)
        if minimize:
            scores = {task: (-low, -high) for task, (low, high) in scores.items()}
    try:
        ends = {task: ReferenceScores(low=low, high=high) for task, (low, high) in scores.items()}
        if ends:
            return MatrixReportSpec(reference=ends, target=target)
        return MatrixReportSpec(low=low or WORST, high=high or BEST, target=target)
    except ValidationError as error:
        raise SpecError(
            f"reference or target: {error.errors()[0]['msg'].removeprefix('Value error, ')}"
        ) from None
