"""From the studies of a matrix to methods on tasks: who represents a method, what counts as 0 and 1, the analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from robusttune.declaration.matrix import BEST, WORST, MatrixReportSpec, ReferenceScores
from robusttune.errors import StudyError
from robusttune.post_evaluation.select import DEFAULT_CONTROL
from robusttune.report.matrix.scores import ConfigurationScores, StudyScores
from robusttune.stats.tasks.aggregate import normalise
from robusttune.stats.tasks.analyse import TasksAnalysis, analyse_tasks

_WAY_OUT = (
    "Name other controls by matrix.report.low and matrix.report.high, or declare the scores of every task: "
    '[matrix.report.reference."{}"] low = …, high = ….'
)
_GIVEN_WAY_OUT = (
    "Name two configurations whose means count as 0 and as 1 by `low` and `high`, say `normalized` if scores are on "
    "one scale already, or give the scores of every task by `reference`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to a configuration, the same on every task: `role` is "tuned" or the name of a control."""

    name: str
    role: str
    on: Mapping[str, ConfigurationScores]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrossTasks:
    """Methods compared over tasks.

    Attributes
    ----------
    methods : mapping of str to Method
        By name, highest interquartile mean first.
    anchors : mapping of task to ReferenceScores
        The raw scores that count as 0 and as 1.
    low, high : str or None
        The controls that they are the means of; None where they were declared.
    left_out : tuple of str
        Controls that are not on every task.
    normalised : mapping of method to mapping of task to tuple of float
    analysis : TasksAnalysis
    """

    methods: Mapping[str, Method]
    anchors: Mapping[str, ReferenceScores]
    low: str | None
    high: str | None
    left_out: tuple[str, ...]
    normalised: Mapping[str, Mapping[str, tuple[float, ...]]]
    analysis: TasksAnalysis


def across_tasks(
    studies: Sequence[StudyScores],
    report: MatrixReportSpec,
    *,
    level: float,
    rng: np.random.Generator,
    is_given: bool = False,
) -> AcrossTasks:
    """Return the comparison of all methods that are on every task.

    Parameters
    ----------
    studies : sequence of StudyScores
        Every method on every task.
    report : MatrixReportSpec
    level : float
        Nominal coverage of all intervals.
    rng : numpy.random.Generator
        For the bootstrap.
    is_given : bool
        Whether no study has made the scores, so that messages name no key of a study file.

    Raises
    ------
    StudyError
        If no method is on every task, a method has one seed on a task, or controls cannot tell what counts as 0 and
        as 1.
    """
    tasks = tuple(dict.fromkeys(one.task for one in studies))
    methods, left_out = _methods(studies, tasks)
    if not methods:
        raise StudyError("Tasks are compared by what is on all of them, and nothing is.")
    _check_seeds(methods)
    low = high = None
    anchors = report.reference
    if not anchors:
        low, high = report.low or DEFAULT_CONTROL, report.high or BEST
        way_out = _GIVEN_WAY_OUT if is_given else _WAY_OUT
        anchors = {task: _anchors(task, studies, methods, low, high, way_out) for task in tasks}
    normalised = {
        method.name: normalise(
            [method.on[task].scores for task in tasks],
            low=[anchors[task].low for task in tasks],
            high=[anchors[task].high for task in tasks],
        )
        for method in methods
    }
    analysis = analyse_tasks(normalised, tasks=tasks, target=report.target, level=level, rng=rng)
    by_name = {method.name: method for method in methods}
    order = [found.method for found in analysis.methods]
    return AcrossTasks(
        methods={name: by_name[name] for name in order},
        anchors=anchors,
        low=low,
        high=high,
        left_out=left_out,
        normalised={
            name: {task: tuple(x.tolist()) for task, x in zip(tasks, normalised[name], strict=True)}
            for name in order
        },
        analysis=analysis,
    )


def _methods(
    studies: Sequence[StudyScores], tasks: Sequence[str]
) -> tuple[tuple[Method, ...], tuple[str, ...]]:
    """Return the methods that are on every task, and the names of those that are not."""
    labels = tuple(dict.fromkeys(one.method for one in studies))
    at = {(one.method, one.task): one for one in studies}
    found: dict[tuple[object, ...], list[tuple[str, Method]]] = {}
    left_out = []
    for label in labels:
        for role in dict.fromkeys(role for task in tasks for role in at[label, task].roles):
            name = f"{label} {role}".strip()
            if not all(role in at[label, task].roles for task in tasks):
                left_out.append(name)
                continue
            on = {task: at[label, task].roles[role] for task in tasks}
            method = Method(name=name, role=role, on=on)
            # A control that no axis touches has the same runs under every method: it is one.
            first_runs = tuple(one.first_run for one in on.values())
            found.setdefault((role, *first_runs), []).append((label, method))
    return tuple(_merged(same, labels) for same in found.values()), tuple(left_out)


def _merged(same: Sequence[tuple[str, Method]], labels: Sequence[str]) -> Method:
    _, first = same[0]
    if len(same) == 1:
        return first
    prefix = "" if len(same) == len(labels) else f"{'+'.join(label for label, _ in same)} "
    on = {
        task: max((method.on[task] for _, method in same), key=lambda one: len(one.scores))
        for task in first.on
    }
    return Method(name=f"{prefix}{first.role}", role=first.role, on=on)


def _check_seeds(methods: Sequence[Method]) -> None:
    for method in methods:
        for task, one in method.on.items():
            if len(one.scores) < 2:
                raise StudyError(
                    f"{method.name} has a single seed on {task}, which shows no noise between seeds. Raise "
                    "post_evaluation.n_seeds."
                )


def _anchors(
    task: str, studies: Sequence[StudyScores], methods: Sequence[Method], low: str, high: str, way_out: str
) -> ReferenceScores:
    """Return the means of the two controls on a task, each the average over the studies that have it."""
    means = [method.on[task].mean for method in methods]
    bottom = min(means) if low == WORST else _mean_of(low, task, studies, way_out)
    top = max(means) if high == BEST else _mean_of(high, task, studies, way_out)
    if not bottom < top:
        raise StudyError(
            f"On {task} the mean of {low!r}, {bottom:.6g}, which counts as 0, is not below that of {high!r}, "
            f"{top:.6g}, which counts as 1. {way_out.format(task)}"
        )
    return ReferenceScores(low=bottom, high=top)


def _mean_of(control: str, task: str, studies: Sequence[StudyScores], way_out: str) -> float:
    means = [one.roles[control].mean for one in studies if one.task == task and control in one.roles]
    if not means:
        raise StudyError(
            f"No study on {task} evaluated the control {control!r}, whose mean score counts as 0 or 1. "
            f"{way_out.format(task)}"
        )
    return sum(means) / len(means)
