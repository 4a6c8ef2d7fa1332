"""Runs drawn from a known truth. Nothing is trained, so a whole study takes a moment."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.synthetic import SyntheticTraining, truth_of
from robusttune.results.records import RunResult
from robusttune.training.drawn import Drawn, carry_out
from robusttune.training.interfaces import StopRule, StopRules


def train(specs: Sequence[RunSpec], stop_rule: StopRule | StopRules | None) -> list[RunResult]:
    """Return one result per specification; see `interfaces.Trainer`.

    Notes
    -----
    The noise is keyed on the run's id, which holds configuration and seed: keyed on the seed alone, all
    configurations would share it, and paired comparisons look perfect.
    """
    return carry_out([draw(spec) for spec in specs], stop_rule)


def draw(spec: RunSpec) -> Drawn:
    """Return the whole run, as if nothing stopped it."""
    synthetic = spec.training
    assert isinstance(synthetic, SyntheticTraining)
    truth = truth_of(synthetic, spec.hyperparameters)
    rng = np.random.default_rng(int(spec.run_id, 16))
    is_failing, is_diverging = rng.random(2) < (synthetic.p_failing, synthetic.p_diverged)
    mean = synthetic.failing_mean if is_failing else truth.learning_mean
    final = mean + truth.sd * _noise(synthetic.skewness, rng)
    timesteps = spec.evaluation.timesteps(spec.total_timesteps)
    way = _way(synthetic, np.array(timesteps) / spec.total_timesteps)
    levels = final if synthetic.start is None else synthetic.start + (final - synthetic.start) * way
    shape = (len(timesteps), spec.evaluation.n_episodes)
    returns = np.broadcast_to(np.reshape(levels, (-1, 1)), shape)
    returns = returns + synthetic.episode_sd * rng.standard_normal(shape)
    if is_diverging:
        # From a random evaluation on, all returns are NaN.
        returns[int(rng.integers(len(timesteps))) :] = np.nan
    return Drawn(
        spec=spec,
        evaluations=tuple(map(tuple, returns.tolist())),
        timesteps=timesteps,
        indices=tuple(range(len(timesteps))),
    )


def _noise(skewness: float, rng: np.random.Generator) -> float:
    """Return a number with mean 0, SD 1 and the wanted skewness: a shifted gamma, or a normal."""
    if abs(skewness) < 1e-6:
        return float(rng.standard_normal())
    shape = 4.0 / skewness**2
    return math.copysign(1.0, skewness) * float((rng.gamma(shape) - shape) / math.sqrt(shape))


def _way(synthetic: SyntheticTraining, fraction: np.ndarray) -> np.ndarray:
    """Return how much of the way is done after a fraction of training: exponential, and all of it at the end."""
    halved = 0.5 ** (fraction / synthetic.half_life)
    way: np.ndarray = (1.0 - halved) / (1.0 - 0.5 ** (1.0 / synthetic.half_life))
    return way
