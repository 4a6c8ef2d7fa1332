"""Runs drawn from a known truth. Nothing is trained, so a whole study takes a moment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robusttune.results.records import CurvePoint, RunResult, RunStatus
from robusttune.spec.run import RunSpec
from robusttune.spec.synthetic import SyntheticSpec, synthetic_of, truth_of
from robusttune.training.protocol import StopRule, make_result


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A run before anybody looks at it.

    Attributes
    ----------
    evaluations : tuple of tuple of float
        Episode returns of each evaluation, in order; those of a diverged run end in NaN.
    timesteps : tuple of int
        When they are made.
    """

    spec: RunSpec
    evaluations: tuple[tuple[float, ...], ...]
    timesteps: tuple[int, ...]

    @property
    def means(self) -> list[float]:
        """Return the mean return of each evaluation."""
        return [float(np.mean(returns)) for returns in self.evaluations]


def train(specs: Sequence[RunSpec], stop_rule: StopRule | None) -> list[RunResult]:
    """Return one result per specification; see `protocol.Trainer`.

    Notes
    -----
    The noise is keyed on the run's id, which holds configuration and seed: keyed on the seed alone, all
    configurations would share it, and paired comparisons look perfect.
    """
    runs = [draw(spec) for spec in specs]
    n_made, is_stopped = len(runs[0].evaluations), False
    for index in range(n_made - 1 if stop_rule is not None else 0):
        means = [run.means[index] for run in runs]
        if stop_rule is not None and np.isfinite(means).any() and stop_rule(index, means):
            n_made, is_stopped = index + 1, True
            break
    return [_result(run, n_made, is_stopped=is_stopped) for run in runs]


def draw(spec: RunSpec) -> Drawn:
    """Return what a run would bring if it were trained to its end."""
    synthetic = synthetic_of(spec.environment)
    truth = truth_of(synthetic, spec.hyperparameters)
    rng = np.random.default_rng(int(spec.run_id, 16))
    is_failing, is_diverging = rng.random(2) < (synthetic.p_failing, synthetic.p_diverged)
    mean = synthetic.failing_mean if is_failing else truth.learning_mean
    final = mean + truth.sd * _noise(synthetic.skewness, rng)
    timesteps = _timesteps(spec)
    way = _way(synthetic, np.array(timesteps) / spec.total_timesteps)
    levels = final if synthetic.start is None else synthetic.start + (final - synthetic.start) * way
    shape = (len(timesteps), spec.evaluation.n_episodes)
    returns = np.broadcast_to(np.reshape(levels, (-1, 1)), shape)
    returns = returns + synthetic.episode_sd * rng.standard_normal(shape)
    if is_diverging:
        # Somewhere on the way, and never again finite.
        returns[int(rng.integers(len(timesteps))) :] = np.nan
    return Drawn(spec=spec, evaluations=tuple(map(tuple, returns.tolist())), timesteps=timesteps)


def _noise(skewness: float, rng: np.random.Generator) -> float:
    """Return a number with mean 0, SD 1 and the wanted skewness: a shifted gamma, or a normal."""
    if abs(skewness) < 1e-6:
        return float(rng.standard_normal())
    shape = 4.0 / skewness**2
    return math.copysign(1.0, skewness) * float((rng.gamma(shape) - shape) / math.sqrt(shape))


def _timesteps(spec: RunSpec) -> tuple[int, ...]:
    every = spec.evaluation.every
    between = () if every is None else range(every, spec.total_timesteps, every)
    return (*between, spec.total_timesteps)


def _way(synthetic: SyntheticSpec, fraction: np.ndarray) -> np.ndarray:
    """Return how much of the way is done after a fraction of training: exponential, and all of it at the end."""
    halved = 0.5 ** (fraction / synthetic.half_life)
    way: np.ndarray = (1.0 - halved) / (1.0 - 0.5 ** (1.0 / synthetic.half_life))
    return way


def _result(run: Drawn, n_made: int, *, is_stopped: bool) -> RunResult:
    curve: list[CurvePoint] = []
    status, error = RunStatus.PRUNED if is_stopped else RunStatus.COMPLETED, None
    for index, mean in enumerate(run.means[:n_made]):
        steps = run.timesteps[index]
        curve.append(CurvePoint(index=index, timesteps=steps, n_updates=steps, mean_return=mean))
        if not math.isfinite(mean):
            status, error = (
                RunStatus.DIVERGED,
                f"an episode return after {steps} timesteps is NaN or infinite.",
            )
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
