"""The interfaces of trainers: RunSpecs in, RunResults out."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.base import TrainerSpec
from robusttune.errors import shortened
from robusttune.results.provenance import provenance
from robusttune.results.records import CurvePoint, RunResult, RunStatus

T = TypeVar("T")


class StopRule(Protocol):
    """Decides at each evaluation whether training goes on; sent to worker processes, so it must pickle."""

    def __call__(self, index: int, mean_returns: Sequence[float]) -> bool:
        """Return True to stop.

        Parameters
        ----------
        index : int
            Which evaluation, from 0.
        mean_returns : sequence of float, length n_runs
            Mean episode return of each run that trains together.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRules:
    """The rules of several trials whose runs train together; each decides on its own runs alone.

    Attributes
    ----------
    parts : tuple of (int, StopRule or None)
        Number of runs and rule of each trial, in the order of the runs.
    """

    parts: tuple[tuple[int, StopRule | None], ...]


def by_rule(
    runs: Sequence[T], rules: StopRule | StopRules | None
) -> list[tuple[Sequence[T], StopRule | None]]:
    """Return the runs of each rule with it, in order; a single rule decides on all of them."""
    if not isinstance(rules, StopRules):
        return [(runs, rules)]
    ends = list(itertools.accumulate(n_runs for n_runs, _ in rules.parts))
    return [(runs[end - n_runs : end], rule) for end, (n_runs, rule) in zip(ends, rules.parts, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Who trains a study's runs.

    Attributes
    ----------
    trainer : TrainerSpec
    reason : str, optional
        Why it is not a faster one, as a sentence, where the study leaves the choice open.
    alone : str, optional
        Which configurations the reference trains one by one all the same, and why.
    """

    trainer: TrainerSpec
    reason: str | None = None
    alone: str | None = None


class Check(Protocol):
    """Looks at what a declaration alone cannot show, and chooses the trainer."""

    def __call__(self, study: StudySpec) -> Choice:
        """Raise `SpecError` if the study cannot be trained."""
        ...


class Trainer(Protocol):
    """Trains runs that share all but their seed."""

    def __call__(
        self, specs: Sequence[RunSpec], stop_rule: StopRule | StopRules | None, **options: Any
    ) -> list[RunResult]:
        """Return one result per specification, in order.

        `StopRules` come only to trainers that train many at once. Options are `models`, a folder where policies are
        saved, only for kinds of training that save them; and `tell`, a callable that is told the timesteps of each run
        on the way, only for those that are not drawn in memory.
        """
        ...


def make_result(
    spec: RunSpec,
    status: RunStatus,
    *,
    episode_returns: Sequence[float] = (),
    curve: Sequence[CurvePoint] = (),
    timesteps: int = 0,
    n_updates: int = 0,
    wall_time_s: float = 0.0,
    evaluation_time_s: float = 0.0,
    error: str | None = None,
) -> RunResult:
    """Return the result of a run, identified by its specification and stamped with this process's provenance."""
    return RunResult(
        run_id=spec.run_id,
        config_id=spec.config_id,
        seed=spec.seed,
        stage=spec.stage,
        status=status,
        score_rule=spec.evaluation.score,
        episode_returns=tuple(map(float, episode_returns)),
        curve=tuple(curve),
        timesteps=timesteps,
        n_updates=n_updates,
        wall_time_s=wall_time_s,
        evaluation_time_s=evaluation_time_s,
        error=None if error is None else shortened(error),
        provenance=provenance(),
    )


def scored(
    spec: RunSpec, returns: Sequence[float], *, curve: Sequence[CurvePoint] = (), wall_time_s: float
) -> RunResult:
    """Return the result of a run that has ended with these episode returns; it diverged if one is NaN or infinite."""
    mean = float(np.mean(returns))
    total = spec.total_timesteps
    final = CurvePoint(index=spec.evaluation.count(total) - 1, timesteps=total, n_updates=0, mean_return=mean)
    is_finite = all(map(math.isfinite, (*returns, mean)))
    return make_result(
        spec,
        RunStatus.COMPLETED if is_finite else RunStatus.DIVERGED,
        episode_returns=returns if is_finite else (),
        curve=(*curve, final),
        timesteps=total,
        wall_time_s=wall_time_s,
        error=None if is_finite else f"the run ended with {list(returns)!r:.200}: a score must be finite.",
    )


def trained_by(trainer: TrainerSpec, result: RunResult) -> RunResult:
    """Return a result whose provenance says who trained it."""
    return dataclasses.replace(result, provenance={**result.provenance, "trainer": trainer.name})
