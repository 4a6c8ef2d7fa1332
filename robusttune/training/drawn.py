"""From a run that was drawn whole, instead of trained, to its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robusttune.declaration.run import RunSpec
from robusttune.results.records import CurvePoint, RunResult, RunStatus
from robusttune.training.interfaces import StopRule, StopRules, by_rule, make_result


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A run that was drawn to its end.

    Attributes
    ----------
    evaluations : tuple of tuple of float
        Episode returns of each evaluation, in order; those of a diverged run end in NaN.
    timesteps : tuple of int
        When they are made.
    indices : tuple of int
        Which evaluations of the run they are, from 0.
    """

    spec: RunSpec
    evaluations: tuple[tuple[float, ...], ...]
    timesteps: tuple[int, ...]
    indices: tuple[int, ...]

    @property
    def means(self) -> list[float]:
        """Return the mean return of each evaluation."""
        return [float(np.mean(returns)) for returns in self.evaluations]


def carry_out(runs: Sequence[Drawn], stop_rule: StopRule | StopRules | None) -> list[RunResult]:
    """Return the results of runs that advance together, evaluation by evaluation, until their rule stops them."""
    return [result for part, rule in by_rule(runs, stop_rule) for result in _advance(part, rule)]


def _advance(runs: Sequence[Drawn], stop_rule: StopRule | None) -> list[RunResult]:
    means = [run.means for run in runs]
    n_made, is_stopped = len(runs[0].evaluations), False
    for i in range(n_made - 1 if stop_rule is not None else 0):
        seen = [own[i] for own in means]
        if stop_rule is not None and np.isfinite(seen).any() and stop_rule(runs[0].indices[i], seen):
            n_made, is_stopped = i + 1, True
            break
    return [_result(run, own[:n_made], is_stopped=is_stopped) for run, own in zip(runs, means, strict=True)]


def _result(run: Drawn, means: Sequence[float], *, is_stopped: bool) -> RunResult:
    curve: list[CurvePoint] = []
    status, error = RunStatus.PRUNED if is_stopped else RunStatus.COMPLETED, None
    for index, steps, mean in zip(run.indices, run.timesteps, means, strict=False):
        curve.append(CurvePoint(index=index, timesteps=steps, n_updates=steps, mean_return=mean))
        if not np.isfinite(mean):
            status = RunStatus.DIVERGED
            error = f"an episode return after {steps} timesteps is NaN or infinite."
            break
    return make_result(
        run.spec,
        status,
        episode_returns=run.evaluations[-1] if status is RunStatus.COMPLETED else (),
        curve=curve,
        timesteps=curve[-1].timesteps,
        n_updates=curve[-1].n_updates,
        error=error,
    )
