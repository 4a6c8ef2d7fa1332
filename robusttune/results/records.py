"""Records of runs and trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from robusttune.seeds import Stage

FloatArray = npt.NDArray[np.float64]
ScoreRule = Literal["final", "best", "last-three"]


class RunStatus(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    DIVERGED = "diverged"  # NaN or infinity: an outcome of the configuration, and counts
    PRUNED = "pruned"  # stopped early by the pruner of its trial; has no score
    FAILED = "failed"  # an exception: a bug or a wrong setting
    TIMED_OUT = "timed_out"  # longer than the study allows
    CRASHED = "crashed"  # the process died

    @property
    def is_outcome(self) -> bool:
        """Whether the run is done: doing it again would give the same."""
        return self in (RunStatus.COMPLETED, RunStatus.DIVERGED, RunStatus.PRUNED)


class TrialState(StrEnum):
    """How a trial ended, or that it has not."""

    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


class RunOutcome(NamedTuple):
    """How a run ended, without its evaluations: of hundreds of thousands of runs this is all that decisions need.

    Attributes
    ----------
    score : float, optional
        See `RunResult.score`.
    provenance : dict
        One for all runs that have equal ones.
    """

    run_id: str
    seed: int
    status: RunStatus
    score: float | None
    timesteps: int
    error: str | None
    provenance: dict[str, Any]


class Evaluations(NamedTuple):
    """The evaluations of a completed run: when they were made, their mean returns, and the last one's episodes."""

    timesteps: tuple[int, ...]
    mean_returns: FloatArray
    episode_returns: FloatArray


class Cost(NamedTuple):
    """What some runs have cost, those that ended badly included, and who made them.

    Attributes
    ----------
    n_runs : int
    timesteps : int
        Really trained, all runs together.
    wall_time_s : float
        All runs together, one after the other; runs that trained side by side share their time.
    provenances : tuple of dict
        Machines and versions, each once.
    """

    n_runs: int = 0
    timesteps: int = 0
    wall_time_s: float = 0.0
    provenances: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One evaluation of a run.

    Attributes
    ----------
    index : int
        Counts multiples of `evaluation.every`, from 0; equal for all runs of a study.
    timesteps : int
        Environment steps taken when it was made.
    n_updates : int
        Policy updates made before it.
    mean_return : float
        Mean episode return.
    """

    index: int
    timesteps: int
    n_updates: int
    mean_return: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The result of one run.

    Attributes
    ----------
    episode_returns : tuple of float
        Of the final evaluation, after training has ended; empty if it was not reached.
    curve : tuple of CurvePoint
        Evaluations in order; the last is the final one, if it was reached.
    timesteps, n_updates : int
        Actually done, which may exceed what was asked by up to one rollout.
    wall_time_s, evaluation_time_s : float
        Whole run, and the evaluations in it, in seconds.
    error : str, optional
        Traceback or reason of a run that is not COMPLETED.
    warning : str, optional
        What went wrong beside the run itself; told once and not stored.
    provenance : dict
        Versions, host, processor, torch threads, git revision.
    """

    run_id: str
    config_id: str
    seed: int
    stage: Stage
    status: RunStatus
    score_rule: ScoreRule = "final"
    episode_returns: tuple[float, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    timesteps: int = 0
    n_updates: int = 0
    wall_time_s: float = 0.0
    evaluation_time_s: float = 0.0
    error: str | None = None
    warning: str | None = None
    provenance: dict[str, Any]

    def __post_init__(self) -> None:
        if self.status is RunStatus.COMPLETED:
            if not self.episode_returns or not self.curve:
                raise ValueError("a completed run has episode returns and a curve, but got none.")
            if not all(map(math.isfinite, (*self.episode_returns, *(p.mean_return for p in self.curve)))):
                raise ValueError(
                    "a completed run has finite returns; a run with NaN or infinity is DIVERGED."
                )

    @property
    def outcome(self) -> RunOutcome:
        """What decisions need of it."""
        return RunOutcome(
            self.run_id, self.seed, self.status, self.score, self.timesteps, self.error, self.provenance
        )

    @property
    def evaluations(self) -> Evaluations:
        """What a report shows of it."""
        return Evaluations(
            tuple(point.timesteps for point in self.curve),
            np.array([point.mean_return for point in self.curve]),
            np.array(self.episode_returns),
        )

    @property
    def score(self) -> float | None:
        """The score by the study's rule; None unless the run is completed."""
        if self.status is not RunStatus.COMPLETED:
            return None
        means = [point.mean_return for point in self.curve]
        match self.score_rule:
            case "final":
                return means[-1]
            case "best":
                return max(means)
            case "last-three":
                return float(np.mean(means[-3:]))


def evaluations_together(results: Sequence[RunResult]) -> list[tuple[int, list[float]]]:
    """Return (index, mean return of each run) of the evaluations that runs which train together have reached.

    A run that diverged earlier has NaN there. Evaluations after training are left out for runs that have them:
    nothing is decided on those.
    """
    curves = [
        {p.index: p.mean_return for p in (r.curve[:-1] if r.status is RunStatus.COMPLETED else r.curve)}
        for r in results
    ]
    indices = sorted({index for curve in curves for index, mean in curve.items() if math.isfinite(mean)})
    return [(index, [curve.get(index, math.nan) for curve in curves]) for index in indices]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """One trial of the tuning stage, with real hyperparameters.

    Attributes
    ----------
    objective_value : float, optional
        Aggregated score that the sampler was told; None unless COMPLETE.
    run_ids : tuple of str
        The runs that were asked for, in order; trials may differ in their number.
    scores : tuple of float or None
        One per run; None where the run has no score.
    """

    number: int
    config_id: str
    hyperparameters: dict[str, Any]
    run_ids: tuple[str, ...]
    scores: tuple[float | None, ...]
    objective_value: float | None
    state: TrialState
    n_diverged: int = 0
    error: str | None = None
