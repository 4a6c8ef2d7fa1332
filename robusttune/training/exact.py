"""Training that ends at a number of timesteps, and not at the end of the rollout in which it is passed."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm


@contextlib.contextmanager
def stopping_at(total_timesteps: int, model: BaseAlgorithm) -> Iterator[None]:
    """Make `learn` shorten the last rollout of a model; the update after it uses what was collected.

    Parameters
    ----------
    total_timesteps : int
        A multiple of the number of environments.
    model : BaseAlgorithm
        Counts steps, not episodes, between updates.
    """
    learner: Any = model
    collect, on_policy = learner.collect_rollouts, isinstance(model, OnPolicyAlgorithm)
    changed = ("rollout_buffer", "normalize_advantage") if on_policy else ()
    before = {name: getattr(learner, name) for name in changed}

    def n_left() -> int:
        return -(-(total_timesteps - model.num_timesteps) // model.n_envs)

    def collect_on_policy(env: Any, callback: Any, buffer: Any, n_rollout_steps: int, *options: Any) -> Any:
        n_steps = min(n_rollout_steps, n_left())
        if n_steps < n_rollout_steps:
            buffer = learner.rollout_buffer = _shortened(learner, n_steps)
            # One number has no deviation; Stable-Baselines3's PPO leaves it as it is, its A2C divides by NaN.
            learner.normalize_advantage &= n_steps * learner.n_envs > 1
        return collect(env, callback, buffer, n_steps, *options)

    def collect_off_policy(env: Any, *, train_freq: Any, **options: Any) -> Any:
        steps = min(train_freq.frequency, n_left())
        return collect(env, train_freq=train_freq._replace(frequency=steps), **options)

    learner.collect_rollouts = collect_on_policy if on_policy else collect_off_policy
    try:
        yield
    finally:
        del learner.collect_rollouts
        for name, value in before.items():
            setattr(learner, name, value)


def _shortened(model: Any, n_steps: int) -> Any:
    """Return an empty rollout buffer like the model's, for fewer steps."""
    buffer = copy.copy(model.rollout_buffer)
    buffer.buffer_size = n_steps
    if hasattr(buffer, "hidden_state_shape"):  # of a recurrent policy, for each step
        buffer.hidden_state_shape = (n_steps, *buffer.hidden_state_shape[1:])
    buffer.reset()
    return buffer
