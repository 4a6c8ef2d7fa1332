"""Runs of a function of your own."""

from __future__ import annotations

import copy
import inspect
import math
import operator
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.function import FunctionTraining
from robusttune.errors import SpecError
from robusttune.results.records import CurvePoint, RunResult, RunStatus
from robusttune.results.running import Tell
from robusttune.training.imports import load
from robusttune.training.interfaces import Choice, StopRule, make_result, scored


def train(specs: Sequence[RunSpec], stop_rule: StopRule | None, tell: Tell | None = None) -> list[RunResult]:
    """Call the function for one run after the other; see `interfaces.Trainer`."""
    return [_train_one(spec, stop_rule, tell) for spec in specs]


def check(study: StudySpec) -> Choice:
    """Raise `SpecError` if the function cannot be imported or called."""
    training = study.training
    assert isinstance(training, FunctionTraining)
    where = f"function.entry_point = {training.entry_point!r}"
    try:
        function = _function(training)
    except AttributeError as error:
        raise SpecError(f"{where}: {error}{did_you_mean(error.name, dir(error.obj))}.") from None
    except Exception as error:  # whatever a module does when it is imported
        place = "" if training.folder is None else f" Modules are looked for in {training.folder} first."
        raise SpecError(f"{where}: cannot be imported ({type(error).__name__}: {error}).{place}") from None
    try:
        inspect.signature(function).bind({}, 0, None)
    except TypeError as error:
        raise SpecError(
            f"{where}: is called as train(config, seed, report), but got {function!r} ({error})."
        ) from None
    except ValueError:
        pass  # a function written in C may have no signature
    return Choice(trainer=training.TRAINERS[0])


def _train_one(spec: RunSpec, stop_rule: StopRule | None, tell: Tell | None) -> RunResult:
    training = spec.training
    assert isinstance(training, FunctionTraining)
    begin = time.perf_counter()
    report = Report(spec, stop_rule, tell)
    try:
        configuration = copy.deepcopy(dict(spec.hyperparameters))
        returned = _function(training)(configuration, spec.seed, report)
        returns = _returns(returned) if report.ended is None else []
    except Exception:
        report.ended, report.error = RunStatus.FAILED, traceback.format_exc()
    wall_time_s = time.perf_counter() - begin
    if report.ended is None:
        return scored(spec, returns, curve=report.curve, wall_time_s=wall_time_s)
    return make_result(
        spec,
        report.ended,
        curve=report.curve,
        timesteps=report.step,
        wall_time_s=wall_time_s,
        error=report.error,
    )


class Report:
    """What a function is given to report by.

    Attributes
    ----------
    curve : list of CurvePoint
        The reports that were kept.
    step : int
        Of the last report.
    ended : RunStatus, optional
        How the run has ended, if it has.
    error : str, optional
        Why.
    """

    def __init__(self, spec: RunSpec, stop_rule: StopRule | None, tell: Tell | None = None) -> None:
        self._spec, self._stop_rule, self._tell = spec, stop_rule, tell
        self.curve: list[CurvePoint] = []
        self.step = 0
        self.ended: RunStatus | None = None
        self.error: str | None = None

    def __call__(self, step: int, value: float) -> Literal["stop"] | None:
        """Report how good the training is after some steps.

        Parameters
        ----------
        step : int
            Steps done, from 1 on.
        value : float
            What the score would be now. NaN and infinity are the end of the run: it has diverged.

        Returns
        -------
        "stop" or None
            "stop" if the run has ended: what the function returns is no longer used.
        """
        if self.ended is None:
            self._take(operator.index(step), float(value))
        return None if self.ended is None else "stop"

    def _take(self, step: int, value: float) -> None:
        self.step = step
        if self._tell is not None:
            self._tell(step)
        spec, done = self._spec, self.curve[-1].index if self.curve else -1
        index = spec.evaluation.due(step, spec.total_timesteps, done=done)
        if index is not None:
            self.curve.append(CurvePoint(index=index, timesteps=step, n_updates=0, mean_return=value))
        if not math.isfinite(value):
            self.ended, self.error = RunStatus.DIVERGED, f"the function reported {value} after {step} steps."
        elif index is not None and self._stop_rule is not None and self._stop_rule(index, [value]):
            self.ended = RunStatus.PRUNED


def _returns(returned: Any) -> list[float]:
    """Return the episode returns that a function returned; a score stands for one."""
    values = np.asarray(returned)
    if values.dtype.kind not in "iuf" or values.ndim > 1 or values.size == 0:
        raise TypeError(
            "the function must return its score, a number, or the returns of its evaluation episodes, a sequence of "
            f"numbers, but returned {returned!r:.200}."
        )
    return [float(value) for value in values.ravel()]


def _function(training: FunctionTraining) -> Callable[..., Any]:
    if training.function is not None:
        return training.function
    found: Callable[..., Any] = load(training.entry_point, training.folder)
    return found
