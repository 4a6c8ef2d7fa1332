"""From the axes of a `[matrix]` to one document per combination of values, and what each is called."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from robusttune.declaration.matrix import MatrixReportSpec
from robusttune.declaration.messages import did_you_mean, explain
from robusttune.errors import SpecError

METHOD = "method"
WHOLE_STUDY = ("study", METHOD)
"""Axes whose values are tables that may set anything; those of the second always make methods."""
# Axes of these make methods; every other axis changes what is acted in, and so makes tasks.
_METHODS = (
    *("algorithm", "search_space", "tuning", "evaluation", "post_evaluation", "execution", "cluster"),
    *("root_seed", "description"),
    *(
        f"environment.{key}"
        for key in ("n_envs", "normalization", "frame_stack", "engine", "vec_env", "imports")
    ),
)
_OF_METHODS = {"hyperparameters", "total_timesteps"}  # wherever they stand


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """One study as a document, and its task and method."""

    document: dict[str, Any]
    task: str
    method: str


def expand(document: dict[str, Any]) -> tuple[list[Combination], MatrixReportSpec]:
    """Return the documents of all combinations of a matrix, and how they are reported.

    Raises
    ------
    SpecError
        If an axis, a name or a key of `[matrix.report]` breaks a rule.
    """
    matrix = document.pop("matrix", None)
    if matrix is None:
        return [Combination(document=document, task="", method="")], MatrixReportSpec()
    if not isinstance(matrix, Mapping):
        raise SpecError(f"matrix = {matrix!r}: must be a table of key = [values].")
    report = _report({**matrix}.pop("report", {}))
    axes = dict(_axes({key: value for key, value in matrix.items() if key != "report"}))
    if not axes:
        raise SpecError('matrix: has no axis. Write for example "algorithm.name" = ["ppo", "a2c"].')
    task_axes = _task_axes(axes, report)
    found: dict[str, Combination] = {}
    for values in itertools.product(*axes.values()):
        combination = copy.deepcopy(document)
        for key, value in zip(axes, values, strict=True):
            _put(combination, key, copy.deepcopy(value))
        name = "-".join([str(document.get("name", "")), *map(_slug, values)])
        if name in found:
            raise SpecError(f"matrix: two combinations get the same name {name!r}; values must differ.")
        labels = {key: _label(key, value) for key, value in zip(axes, values, strict=True)}
        found[name] = Combination(
            document={**combination, "name": name},
            task=", ".join(label for key, label in labels.items() if key in task_axes),
            method=", ".join(label for key, label in labels.items() if key not in task_axes),
        )
    _check_reference(report, {one.task: None for one in found.values()})
    return list(found.values()), report


def set_value(document: dict[str, Any], dotted: str, value: Any) -> None:
    """Set a value by its dotted key, making the tables that it needs.

    Raises
    ------
    SpecError
        If one of these tables is a value.
    """
    *parents, last = dotted.split(".")
    for part in parents:
        document = document.setdefault(part, {})
        if not isinstance(document, dict):
            raise SpecError(f"{dotted}: {part!r} is a value, not a table.")
    document[last] = value


_REPORT = TypeAdapter(MatrixReportSpec)


def _report(table: Any) -> MatrixReportSpec:
    try:
        return _REPORT.validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        lines = explain(error, MatrixReportSpec).splitlines()
        raise SpecError(
            "\n".join(f"matrix.report.{line.removeprefix('study: ')}" for line in lines)
        ) from None


def _axes(matrix: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Yield dotted key → values; `"a.b" = […]` and `a.b = […]` mean the same."""
    for key, value in matrix.items():
        if isinstance(value, Mapping):
            yield from _axes(value, f"{prefix}{key}.")
        elif isinstance(value, list) and value:
            yield f"{prefix}{key}", value
        else:
            raise SpecError(f"matrix.{prefix}{key} = {value!r}: must be a list with at least one value.")


def _task_axes(axes: Mapping[str, list[Any]], report: MatrixReportSpec) -> set[str]:
    if report.tasks is None:
        return {key for key, values in axes.items() if any(map(_makes_task, _keys(key, values)))}
    for key in report.tasks:
        if key not in axes:
            raise SpecError(
                f"matrix.report.tasks: {key!r} is no axis of the matrix{did_you_mean(key, axes)}. "
                f"Axes: {', '.join(axes)}."
            )
    return set(report.tasks)


def _keys(axis: str, values: list[Any]) -> list[str]:
    """Return the dotted keys that an axis sets and that may make tasks."""
    if axis == METHOD:
        return []
    if axis not in WHOLE_STUDY:
        return [axis]
    tables = [value for value in values if isinstance(value, dict)]
    return [dotted for table in tables for dotted in _leaves(table)]


def _makes_task(dotted: str) -> bool:
    if dotted == "name" or _OF_METHODS & set(dotted.split(".")):
        return False
    return not any(dotted == key or dotted.startswith(f"{key}.") for key in _METHODS)


def _put(document: dict[str, Any], axis: str, value: Any) -> None:
    """Set the value of an axis. A table may have a `name`; those of `study` and `method` are merged into the study."""
    if isinstance(value, dict):
        value.pop("name", None)
    if axis not in WHOLE_STUDY:
        set_value(document, axis, value)
    elif not isinstance(value, dict):
        raise SpecError(f"matrix.{axis}: its values must be tables of a study file, but got {value!r}.")
    else:
        _merge(document, value)


def _merge(document: dict[str, Any], table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        if isinstance(value, Mapping) and isinstance(document.get(key), dict):
            _merge(document[key], value)
        else:
            document[key] = value


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _label(key: str, value: Any) -> str:
    """Return what a value is called in the report."""
    if isinstance(value, dict):
        return str(value.get("name") or value.get("id") or json.dumps(value, default=str))
    return value if isinstance(value, str) else f"{key.rpartition('.')[2]}={json.dumps(value, default=str)}"


def _slug(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("name") or value.get("id") or value
    text = "".join(c if c.isalnum() or c in "._-" else "-" for c in str(value))
    return text.strip("-") or "x"


def _check_reference(report: MatrixReportSpec, tasks: Mapping[str, None]) -> None:
    if not report.reference:
        return
    for task in report.reference:
        if task not in tasks:
            raise SpecError(
                f"matrix.report.reference.{task}: no task has this name{did_you_mean(task, tasks)}. "
                f"Tasks: {', '.join(tasks)}."
            )
    missing = [task for task in tasks if task not in report.reference]
    if missing:
        raise SpecError(
            f'matrix.report.reference: lacks {", ".join(missing)}. Add "{missing[0]}" = {{ low = …, high = … }}.'
        )
