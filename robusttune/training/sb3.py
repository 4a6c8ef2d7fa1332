"""The reference trainer: one run with Stable-Baselines3.

Differs from the usual tuning script where that script misleads. Policies are evaluated at update boundaries and once
more after `learn()` has ended, never in the middle of a rollout, where the last update would go unseen. Evaluation
leaves the training's random streams untouched. Training and evaluation environments have streams of their own.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecNormalize, sync_envs_normalization

from robusttune.declaration.run import RunSpec
from robusttune.results.records import CurvePoint, RunResult, RunStatus
from robusttune.results.running import Tell
from robusttune.training.evaluation import (
    DivergedError,
    curve_point,
    due_evaluation,
    evaluate_model,
    n_evaluation_environments,
    vectorised,
)
from robusttune.training.exact import stopping_at
from robusttune.training.hyperparameters import verify
from robusttune.training.interfaces import StopRule, make_result
from robusttune.training.isolation import isolated
from robusttune.training.models import build_model, n_envs_of, normalised_for, training_of
from robusttune.training.saving import keep


class _Pruned(Exception):  # noqa: N818  (an outcome, not an error)
    """The stop rule said so."""


def train(
    specs: Sequence[RunSpec],
    stop_rule: StopRule | None,
    models: Path | None = None,
    tell: Tell | None = None,
) -> list[RunResult]:
    """Train runs one after the other; a stop rule needs a single run. Policies are saved in `models`, if given.

    Raises
    ------
    ValueError
        If a stop rule comes with several runs: one after the other they never reach an evaluation together.
    """
    if stop_rule is not None and len(specs) != 1:
        raise ValueError(f"the sb3 trainer takes a stop rule with one run, but got {len(specs)} runs.")
    return [_train_one(spec, stop_rule, models, tell) for spec in specs]


def _train_one(
    spec: RunSpec, stop_rule: StopRule | None, models: Path | None, tell: Tell | None
) -> RunResult:
    begin = time.perf_counter()
    with isolated(), contextlib.closing(_Run(spec, stop_rule, tell)) as run:
        error: str | None = None
        episode_returns: list[float] = []
        try:
            status, episode_returns = RunStatus.COMPLETED, run.train()
        except DivergedError as diverged:
            status, error = RunStatus.DIVERGED, str(diverged)
        except _Pruned:
            status = RunStatus.PRUNED
        except Exception:
            # torch's distributions raise ValueError on NaN parameters: that is divergence, not a bug.
            status = RunStatus.DIVERGED if run.has_diverged() else RunStatus.FAILED
            error = traceback.format_exc()
        result = make_result(
            spec,
            status,
            episode_returns=episode_returns,
            curve=run.curve,
            timesteps=run.timesteps,
            n_updates=run.n_updates,
            wall_time_s=time.perf_counter() - begin,
            evaluation_time_s=run.evaluation_time_s,
            error=error,
        )
        return result if models is None else keep(models, spec, result, run.policy)


class _Run:
    """A model, its environments and the evaluations made so far."""

    def __init__(self, spec: RunSpec, stop_rule: StopRule | None, tell: Tell | None) -> None:
        self._spec, self._tell = spec, tell
        self._training = training_of(spec)
        self._stop_rule = stop_rule
        self._model: BaseAlgorithm | None = None
        self._environments: list[VecEnv] = []
        self.curve: list[CurvePoint] = []
        self.evaluation_time_s = 0.0

    def train(self) -> list[float]:
        """Train to the end and return the episode returns of the final evaluation."""
        spec = self._spec
        self._training_envs = self._environment(n_envs_of(spec))
        self._model = model = build_model(spec, self._training_envs)
        self._evaluation_envs = self._environment(n_evaluation_environments(spec))
        verify(model, self._training.algorithm.name, spec.hyperparameters)
        watch = _Watch(self._at_step, self._at_boundary)
        is_exact = self._training.algorithm.exact_timesteps
        with stopping_at(spec.total_timesteps, model) if is_exact else contextlib.nullcontext():
            model.learn(spec.total_timesteps, callback=watch, log_interval=None)  # type: ignore[arg-type]
        verify(model, self._training.algorithm.name, spec.hyperparameters)
        self._check_parameters()
        return self._evaluate(spec.evaluation.count(spec.total_timesteps) - 1)

    def close(self) -> None:
        """Close all environments."""
        for environment in self._environments:
            environment.close()

    def policy(self) -> tuple[BaseAlgorithm, VecNormalize | None]:
        """Return the model and the statistics that it was trained with."""
        assert self._model is not None
        return self._model, self._model.get_vec_normalize_env()

    @property
    def timesteps(self) -> int:
        """Environment steps taken."""
        return self._model.num_timesteps if self._model else 0

    @property
    def n_updates(self) -> int:
        """Gradient updates as Stable-Baselines3 counts them."""
        return int(getattr(self._model, "_n_updates", 0))

    def has_diverged(self) -> bool:
        """Whether NaN or infinity is in a parameter, or came from an environment."""
        if self._model is None:
            return False
        return not (_finite_parameters(self._model) and all(map(_finite_step, self._environments)))

    def _environment(self, n_envs: int) -> VecEnv:
        environments = vectorised(self._training.environment, n_envs)
        self._environments.append(environments)
        return normalised_for(self._spec, environments)

    def _at_step(self) -> None:
        if self._tell is not None:
            self._tell(self.timesteps)
        # Before normalisation, which would clip infinity, and before a replay buffer, which may not be drawn from soon.
        if not _finite_step(self._environments[0]):
            raise DivergedError(
                f"a reward or observation is NaN or infinite after {self.timesteps} timesteps."
            )

    def _at_boundary(self) -> None:
        """Evaluate the policy if a multiple of `evaluation.every` has been passed since the last evaluation."""
        index = due_evaluation(self._spec, self.timesteps, self.curve[-1].index if self.curve else -1)
        if index is None:
            return
        self._check_parameters()
        self._evaluate(index)
        if self._stop_rule is not None and self._stop_rule(index, [self.curve[-1].mean_return]):
            raise _Pruned

    def _evaluate(self, index: int) -> list[float]:
        assert self._model is not None
        begin = time.perf_counter()
        if isinstance(self._evaluation_envs, VecNormalize):
            # Not the model's own, which may have been wrapped further (images are transposed).
            sync_envs_normalization(self._training_envs, self._evaluation_envs)
        returns = evaluate_model(self._model, self._evaluation_envs, self._spec)
        self.evaluation_time_s += time.perf_counter() - begin
        self.curve.append(curve_point(index, self.timesteps, self.n_updates, returns))
        if not np.isfinite(returns).all():
            raise DivergedError(f"an episode return after {self.timesteps} timesteps is NaN or infinite.")
        return returns

    def _check_parameters(self) -> None:
        assert self._model is not None
        if not _finite_parameters(self._model):
            raise DivergedError(f"a policy parameter is NaN or infinite after {self.timesteps} timesteps.")


class _Watch(BaseCallback):
    """Calls back after each step, and between updates: when a rollout begins, the update before it is complete."""

    def __init__(self, at_step: Callable[[], None], at_boundary: Callable[[], None]) -> None:
        super().__init__()
        self._at_step, self._at_boundary = at_step, at_boundary

    def _on_rollout_start(self) -> None:
        self._at_boundary()

    def _on_step(self) -> bool:
        self._at_step()
        return True


def _finite_step(environments: VecEnv) -> bool:
    """Whether the last step of all environments gave finite rewards and observations."""
    last: Any = environments.unwrapped
    if not np.isfinite(last.buf_rews).all():
        return False
    # Where an episode has ended, the next one's first observation has taken the place of its last.
    ended = (info["terminal_observation"] for info in last.buf_infos if "terminal_observation" in info)
    return all(
        np.isfinite(array).all()
        for observation in (last.buf_obs, *ended)
        for array in (observation.values() if isinstance(observation, dict) else (observation,))
    )


def _finite_parameters(model: BaseAlgorithm) -> bool:
    # A policy in JAX has no parameters of torch; each of its networks is a state with `params`.
    networks = [state.params for state in vars(model.policy).values() if hasattr(state, "params")]
    if networks:
        import jax

        return all(np.isfinite(leaf).all() for leaf in jax.tree_util.tree_leaves(networks))
    return all(bool(torch.isfinite(parameter).all()) for parameter in model.policy.parameters())
