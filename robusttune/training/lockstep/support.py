"""Which runs can be stacked, and which can share a batch."""

from __future__ import annotations

import inspect
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike

from robusttune.training.lockstep.activations import activation_class
from robusttune.training.lockstep.members import POLICY_KEYS, sb3_arguments
from robusttune.training.stackable import FREE, actions_reason, observations_reason

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {
    "ppo": PPO,
    "a2c": A2C,
    "dqn": DQN,
    "sac": SAC,
    "td3": TD3,
    "ddpg": DDPG,
}

_IGNORED = {"verbose", "stats_window_size", "device", "seed", "policy", "env", "_init_setup_model"}

_ONLY_DEFAULT = {
    "use_sde": "Generalised state-dependent exploration (use_sde) cannot be stacked.",
    "use_sde_at_warmup": "Generalised state-dependent exploration (use_sde_at_warmup) cannot be stacked.",
    "sde_sample_freq": "Generalised state-dependent exploration (sde_sample_freq) cannot be stacked.",
    "rollout_buffer_class": "A custom rollout_buffer_class cannot be stacked.",
    "rollout_buffer_kwargs": "A custom rollout buffer (rollout_buffer_kwargs) cannot be stacked.",
    "replay_buffer_class": "A custom replay_buffer_class cannot be stacked.",
    "replay_buffer_kwargs": "A custom replay buffer (replay_buffer_kwargs) cannot be stacked.",
    "optimize_memory_usage": "The memory-saving replay buffer (optimize_memory_usage) cannot be stacked.",
    "tensorboard_log": "Lockstep training writes no TensorBoard logs (tensorboard_log).",
}


def _defaults(algorithm: str) -> dict[str, Any]:
    parameters = inspect.signature(ALGORITHMS[algorithm].__init__).parameters
    return {name: p.default for name, p in parameters.items() if name != "self" and name not in _IGNORED}


def group_key(algorithm: str, hyperparameters: Mapping[str, Any]) -> Hashable:
    """Return a key that is equal for hyperparameters that can train in one batch.

    Parameters
    ----------
    algorithm : str
        SB3's name in lower case, such as "ppo".
    hyperparameters : mapping
        As in `Member`. Learning rates, discounts, coefficients and the like may differ.
    """
    arguments = {**_defaults(algorithm), **sb3_arguments(hyperparameters)}
    policy = {**dict.fromkeys(POLICY_KEYS), **(arguments.pop("policy_kwargs", None) or {})}
    merged = {**arguments, **policy}
    free = FREE[algorithm] | _IGNORED
    return (algorithm, *sorted((name, repr(value)) for name, value in merged.items() if name not in free))


def supports(
    algorithm: str,
    policy: str,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
    hyperparameters: Mapping[str, Any],
) -> str | None:
    """Return None if such a run can be stacked, else the reason why not, as a sentence."""
    if algorithm not in ALGORITHMS:
        return f"Lockstep training knows {', '.join(ALGORITHMS)}, not {algorithm}."
    if policy != "MlpPolicy":
        return f"Only MlpPolicy can be stacked, not {policy}."
    return (
        observations_reason(observation_space)
        or actions_reason(algorithm, action_space)
        or _arguments_reason(algorithm, hyperparameters)
        or _policy_reason(hyperparameters)
        or _replay_reason(hyperparameters)
    )


def _arguments_reason(algorithm: str, hyperparameters: Mapping[str, Any]) -> str | None:
    defaults = _defaults(algorithm)
    for name, value in sb3_arguments(hyperparameters).items():
        if name != "policy_kwargs" and name not in defaults and name not in _IGNORED:
            return f"{algorithm} has no hyperparameter {name}."
        if name in _ONLY_DEFAULT and value and value != defaults.get(name):
            return _ONLY_DEFAULT[name]
        if name == "action_noise" and value is not None and type(value) is not NormalActionNoise:
            return f"Action noise of type {type(value).__name__} cannot be stacked."
        if name == "n_steps" and defaults[name] == 1 and value != 1:
            return "Off-policy returns over several steps (n_steps) cannot be stacked."
    return None


def _policy_reason(hyperparameters: Mapping[str, Any]) -> str | None:
    if "activation_fn" in hyperparameters and activation_class(hyperparameters["activation_fn"]) is None:
        return f"The activation {hyperparameters['activation_fn']!r} cannot be stacked."
    policy = sb3_arguments(hyperparameters).get("policy_kwargs", {})
    unknown = sorted(set(policy) - set(POLICY_KEYS))
    if unknown:
        return f"The policy arguments {', '.join(unknown)} cannot be stacked."
    optimiser = policy.get("optimizer_class", torch.optim.Adam)
    if optimiser not in (torch.optim.Adam, torch.optim.RMSprop, RMSpropTFLike):
        return f"The optimiser {optimiser!r} cannot be stacked."
    allowed = {"eps", "betas"} if optimiser is torch.optim.Adam else {"eps", "alpha"}
    extra = {
        name
        for name, value in (policy.get("optimizer_kwargs") or {}).items()
        if value and name not in allowed
    }
    return f"The optimiser arguments {', '.join(sorted(extra))} cannot be stacked." if extra else None


def _replay_reason(hyperparameters: Mapping[str, Any]) -> str | None:
    frequency = hyperparameters.get("train_freq")
    if isinstance(frequency, (tuple, list)) and frequency[1] != "step":
        return (
            "Updates per episode (train_freq) cannot be stacked: episodes of members end at different times."
        )
    return None
