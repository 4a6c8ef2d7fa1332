"""The reference trainer: one run with Stable-Baselines3.

Differs from the usual tuning script where that script misleads. Policies are judged at update boundaries and once
more after `learn()` has ended, never in the middle of a rollout, where the last update would go unseen. Judging
leaves the training's random streams untouched. Training and evaluation environments have streams of their own.
"""

from __future__ import annotations

import contextlib
import copy
import math
import random
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecNormalize, sync_envs_normalization

from robusttune.results.records import CurvePoint, RunResult, RunStatus
from robusttune.spec.run import EnvironmentSpec, RunSpec
from robusttune.training.environments import make_base, wrap
from robusttune.training.hyperparameters import CLASSES, constructor_arguments, verify
from robusttune.training.protocol import StopRule, make_result

_DEFAULT_GAMMA = 0.99


class _Diverged(Exception):  # noqa: N818  (an outcome, not an error)
    """A parameter or a return is NaN or infinite."""


class _Pruned(Exception):  # noqa: N818
    """The stop rule said so."""


def train(specs: Sequence[RunSpec], stop_rule: StopRule | None) -> list[RunResult]:
    """Train runs one after the other; a stop rule needs a single run.

    Raises
    ------
    ValueError
        If a stop rule comes with several runs: one after the other they never reach an evaluation together.
    """
    if stop_rule is not None and len(specs) != 1:
        raise ValueError(f"the sb3 trainer takes a stop rule with one run, but got {len(specs)} runs.")
    return [_train_one(spec, stop_rule) for spec in specs]


def _train_one(spec: RunSpec, stop_rule: StopRule | None) -> RunResult:
    begin = time.perf_counter()
    with _isolated(), contextlib.closing(_Run(spec, stop_rule)) as run:
        error: str | None = None
        try:
            status, episode_returns = RunStatus.COMPLETED, run.train()
        except _Diverged as diverged:
            status, episode_returns, error = RunStatus.DIVERGED, [], str(diverged)
        except _Pruned:
            status, episode_returns = RunStatus.PRUNED, []
        except Exception:
            # torch's distributions raise ValueError on NaN parameters: that is divergence, not a bug.
            status = RunStatus.DIVERGED if run.has_diverged() else RunStatus.FAILED
            episode_returns, error = [], traceback.format_exc()
        return make_result(
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


class _Run:
    """A model, its environments and the evaluations made so far."""

    def __init__(self, spec: RunSpec, stop_rule: StopRule | None) -> None:
        self._spec = spec
        self._stop_rule = stop_rule
        self._model: BaseAlgorithm | None = None
        self._environments: list[DummyVecEnv] = []
        self.curve: list[CurvePoint] = []
        self.evaluation_time_s = 0.0

    def train(self) -> list[float]:
        """Train to the end and return the episode returns of the final evaluation."""
        spec = self._spec
        self._model = model = build_model(spec, self._environment(spec.environment.n_envs))
        self._judge = self._environment(min(spec.evaluation.n_envs, spec.evaluation.n_episodes), judge=True)
        verify(model, spec.algorithm, spec.hyperparameters)
        watch = _Watch(self._at_step, self._at_boundary)
        model.learn(spec.total_timesteps, callback=watch, log_interval=None)  # type: ignore[arg-type]
        verify(model, spec.algorithm, spec.hyperparameters)
        self._check_parameters()
        return self._evaluate(self._n_evaluations - 1)

    def close(self) -> None:
        """Close all environments."""
        for environment in self._environments:
            environment.close()

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

    @property
    def _n_evaluations(self) -> int:
        every = self._spec.evaluation.every
        return 1 if every is None else math.ceil(self._spec.total_timesteps / every)

    def _environment(self, n_envs: int, *, judge: bool = False) -> VecEnv:
        spec = self._spec.environment
        vectorised = DummyVecEnv([lambda: _monitored(spec)] * n_envs)
        self._environments.append(vectorised)
        environment: VecEnv = vectorised
        if spec.normalization is not None:
            gamma = self._spec.hyperparameters.get("gamma", _DEFAULT_GAMMA)
            environment = VecNormalize(
                environment,
                training=not judge,
                norm_obs=spec.normalization.observations,
                norm_reward=spec.normalization.rewards and not judge,
                gamma=float(gamma),  # type: ignore[arg-type]
            )
        return environment

    def _at_step(self) -> None:
        # Before normalisation, which would clip infinity, and before a replay buffer, which may not be drawn from soon.
        if not _finite_step(self._environments[0]):
            raise _Diverged(f"a reward or observation is NaN or infinite after {self.timesteps} timesteps.")

    def _at_boundary(self) -> None:
        """Judge the policy if a multiple of `evaluation.every` has been passed since it was last judged."""
        every = self._spec.evaluation.every
        if every is None:
            return
        # One rollout may pass several multiples; the evaluation then counts for the last of them. The very last
        # multiple belongs to the evaluation after training.
        index = min(self.timesteps // every, self._n_evaluations - 1) - 1
        done = self.curve[-1].index if self.curve else -1
        if index > done:
            self._check_parameters()
            self._evaluate(index)
            if self._stop_rule is not None and self._stop_rule(index, [self.curve[-1].mean_return]):
                raise _Pruned

    def _evaluate(self, index: int) -> list[float]:
        assert self._model is not None
        begin = time.perf_counter()
        evaluation = self._spec.evaluation
        with _isolated(), _undisturbed(self._model.action_space):
            torch.manual_seed(self._spec.evaluation_seed)  # for stochastic policies
            np.random.seed(self._spec.evaluation_seed)  # noqa: NPY002  (DQN's ε-greedy policy draws from it)
            # Seeded anew each time: the final evaluation does not depend on how many came before.
            self._judge.seed(self._spec.evaluation_seed)
            if isinstance(self._judge, VecNormalize):
                sync_envs_normalization(self._model.get_env(), self._judge)  # type: ignore[arg-type]
            returns, _ = evaluate_policy(
                self._model,
                self._judge,
                n_eval_episodes=evaluation.n_episodes,
                deterministic=evaluation.deterministic,
                return_episode_rewards=True,
            )
        self.evaluation_time_s += time.perf_counter() - begin
        mean = float(np.mean(returns))
        point = CurvePoint(index=index, timesteps=self.timesteps, n_updates=self.n_updates, mean_return=mean)
        self.curve.append(point)
        if not math.isfinite(mean):
            raise _Diverged(f"the mean episode return after {self.timesteps} timesteps is {mean}.")
        return [float(value) for value in returns]  # type: ignore[union-attr]

    def _check_parameters(self) -> None:
        assert self._model is not None
        if not _finite_parameters(self._model):
            raise _Diverged(f"a policy parameter is NaN or infinite after {self.timesteps} timesteps.")


class _Episodes(gym.Wrapper[Any, Any, Any, Any]):
    """Reports the return of every episode that ends, also of those that a wrapper ends earlier.

    Parameters
    ----------
    environment : gymnasium.Env
        Within all its wrappers.
    monitor : Monitor
        Stands inside the wrappers, so that returns are the environment's own; it does not see what they cut off.
    """

    def __init__(self, environment: gym.Env[Any, Any], monitor: Monitor) -> None:
        super().__init__(environment)
        self._monitor = monitor

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take a step."""
        observation, reward, terminated, truncated, info = super().step(action)
        if terminated or truncated:
            rewards = self._monitor.rewards
            info.setdefault("episode", {"r": sum(rewards), "l": len(rewards)})
        return observation, reward, terminated, truncated, info


def _monitored(spec: EnvironmentSpec) -> gym.Env[Any, Any]:
    monitor = Monitor(make_base(spec))
    return _Episodes(wrap(monitor, spec), monitor)


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


def build_model(spec: RunSpec, environment: VecEnv) -> BaseAlgorithm:
    """Return the untrained model of a run; `seed` goes to Stable-Baselines3, which seeds the environments from it."""
    # A minibatch size that does not divide the rollout is the search's choice, not a mistake to warn of each time.
    warnings.filterwarnings("ignore", message="You have specified a mini-batch size of", category=UserWarning)
    space = environment.action_space
    n_actions = int(np.prod(space.shape)) if isinstance(space, spaces.Box) else 0
    return CLASSES[spec.algorithm](
        spec.policy,
        environment,
        seed=spec.seed,
        device=spec.device,
        verbose=0,
        **constructor_arguments(spec.algorithm, spec.hyperparameters, n_actions),
    )


def _finite_step(environments: DummyVecEnv) -> bool:
    """Whether the last step of all environments gave finite rewards and observations."""
    if not np.isfinite(environments.buf_rews).all():
        return False
    # Where an episode has ended, the next one's first observation has taken the place of its last.
    ended = (
        info["terminal_observation"] for info in environments.buf_infos if "terminal_observation" in info
    )
    return all(
        np.isfinite(array).all()
        for observation in (environments.buf_obs, *ended)
        for array in (observation.values() if isinstance(observation, dict) else (observation,))
    )


def _finite_parameters(model: BaseAlgorithm) -> bool:
    return all(bool(torch.isfinite(parameter).all()) for parameter in model.policy.parameters())


@contextlib.contextmanager
def _undisturbed(space: spaces.Space[Any]) -> Iterator[None]:
    """Keep the random state of an action space: exploring algorithms draw from it, and so may a policy when judged."""
    state = copy.deepcopy(space.np_random.bit_generator.state)
    try:
        yield
    finally:
        space.np_random.bit_generator.state = state


@contextlib.contextmanager
def _isolated() -> Iterator[None]:
    """Keep global random states and torch's thread count as they were, whatever happens inside.

    One torch thread: on networks of this size a second buys nothing, and beside other busy processes it makes a
    run several times slower.
    """
    python_state, numpy_state, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    cuda_states = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.set_rng_state(torch_state)
        if cuda_states:
            torch.cuda.set_rng_state_all(cuda_states)
        torch.set_num_threads(n_threads)
