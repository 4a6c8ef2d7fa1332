"""From a configuration to Stable-Baselines3's arguments, and back from the model for verification."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import JsonValue
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common import noise as noises
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit
from stable_baselines3.common.utils import LinearSchedule
from torch import nn, optim

from robusttune.declaration.algorithms import Algorithm, loaded
from robusttune.declaration.hyperparameters import (
    ACTIVATIONS,
    HER,
    JAX_ACTIVATIONS,
    NOISE_TYPES,
    SCHEDULED,
    TOTAL_TIMESTEPS,
    parse_schedule,
)
from robusttune.training.compiled import keep_compiled

# A search may have drawn a value for what it then left out: name → the hyperparameter that is None then.
_OF_ANOTHER = {
    "noise_std": "noise_type",
    "n_sampled_goal": "replay_buffer",
    "goal_selection_strategy": "replay_buffer",
    "copy_info_dict": "replay_buffer",
}


class HyperparameterMismatchError(RuntimeError):
    """The model does not have what the configuration says."""


def sb3_class(algorithm: str) -> type[BaseAlgorithm]:
    """Return the class of an algorithm, by its name in study files."""
    entry = loaded(algorithm)
    if entry.is_jax:
        keep_compiled()
    found: type[BaseAlgorithm] = pkgutil.resolve_name(entry.sb3)
    return found


def constructor_arguments(
    algorithm: str, hyperparameters: Mapping[str, JsonValue], n_actions: int
) -> dict[str, Any]:
    """Return keyword arguments for the algorithm's class.

    Parameters
    ----------
    algorithm : str
        Its name in study files.
    hyperparameters : mapping
        A configuration.
    n_actions : int
        Dimensions of a continuous action; shapes the action noise.
    """
    names = loaded(algorithm)
    arguments: dict[str, Any] = {}
    policy: dict[str, Any] = {}
    for name, value in hyperparameters.items():
        if names.is_argument(name):
            arguments[name] = _constructor_value(name, value)
        elif name in names.policy:
            policy[name] = _activation(names, str(value)) if name == "activation_fn" else value
    if policy:
        arguments["policy_kwargs"] = policy
    noise = _action_noise(hyperparameters, n_actions)
    if noise is not None:
        arguments["action_noise"] = noise
    if hyperparameters.get("replay_buffer") == HER:
        arguments["replay_buffer_class"] = HerReplayBuffer
        own = {name: value for name, value in hyperparameters.items() if name in names.replay}
        arguments["replay_buffer_kwargs"] = {k: v for k, v in own.items() if k != "replay_buffer"}
    return arguments


def verify(model: BaseAlgorithm, algorithm: str, hyperparameters: Mapping[str, JsonValue]) -> None:
    """Raise `HyperparameterMismatchError` unless the model has every hyperparameter of the configuration.

    Tuners have been seen to drop a sampled hyperparameter on its way to the training (cleanrl issue 533).
    """
    entry = loaded(algorithm)
    for name, value in hyperparameters.items():
        if name == TOTAL_TIMESTEPS or hyperparameters.get(_OF_ANOTHER.get(name, ""), "absent") is None:
            continue  # the length of a run is no part of its model
        actual = _value_in_model(model, entry, name)
        if actual is _NOWHERE and entry.is_open:
            continue
        expected: Any = value
        if name in SCHEDULED and isinstance(value, str):
            expected = parse_schedule(name, value)
        elif name == "target_update_interval" and actual != value:
            expected = max(value // model.n_envs, 1)  # type: ignore[operator]  # SBX counts calls, not timesteps
        elif name == "target_entropy" and value == "auto":
            expected = float(-np.prod(model.action_space.shape))  # type: ignore[arg-type]
        if not _same(actual, expected):
            raise HyperparameterMismatchError(
                f"{algorithm}: the configuration says {name} = {expected!r}, but the model has {actual!r}."
            )


def _constructor_value(name: str, value: JsonValue) -> Any:
    if name in SCHEDULED and isinstance(value, str):
        return LinearSchedule(parse_schedule(name, value), 0.0, 1.0)
    if name == "train_freq" and isinstance(value, list):
        return tuple(value)
    return value


def _action_noise(hyperparameters: Mapping[str, JsonValue], n_actions: int) -> noises.ActionNoise | None:
    kind, std = hyperparameters.get("noise_type"), hyperparameters.get("noise_std", 0.1)
    if kind is None:
        return None
    mean, sigma = np.zeros(n_actions), float(std) * np.ones(n_actions)  # type: ignore[arg-type]
    noise: noises.ActionNoise = getattr(noises, NOISE_TYPES[str(kind)])(mean=mean, sigma=sigma)
    return noise


def _activation(entry: Algorithm, name: str) -> Any:
    if not entry.is_jax:
        return getattr(nn, ACTIVATIONS[name])
    import jax

    return getattr(jax.nn, JAX_ACTIVATIONS.get(name, name))


_NOWHERE = object()


def _value_in_model(model: Any, entry: Algorithm, name: str) -> Any:
    """Return what the model was built with, from where training reads it; `_NOWHERE` if it is not kept."""
    policy = model.policy
    match name:
        case "learning_rate":
            return model.lr_schedule(1.0)
        case "n_envs":
            return model.n_envs
        case "train_freq":
            return _written_train_freq(model.train_freq)
        case "target_entropy":
            return float(model.target_entropy)
        case "use_rms_prop":
            return isinstance(policy.optimizer, optim.RMSprop)
        case "rms_prop_eps":
            return policy.optimizer.defaults["eps"]
        case "activation_fn":
            return next(
                (known for known in ACTIVATIONS if _activation(entry, known) is policy.activation_fn), None
            )
        case "noise_type":
            return _name_of(type(_one_noise(model)), NOISE_TYPES)
        case "noise_std":
            noise = _one_noise(model)
            return None if noise is None else float(noise._sigma[0])
        case "replay_buffer":
            return HER if isinstance(model.replay_buffer, HerReplayBuffer) else None
        case "goal_selection_strategy":
            return model.replay_buffer.goal_selection_strategy.name.lower()
    if name in entry.replay:
        return getattr(model.replay_buffer, name)
    if entry.is_argument(name):
        found = _argument_in_model(model, name)
        if found is not _NOWHERE or name not in (
            model.policy_kwargs or {}
        ):  # SBX hands some on to its policy
            return found
    return getattr(policy, name, model.policy_kwargs.get(name))


def _argument_in_model(model: Any, name: str) -> Any:
    """Return an argument of the model's class, under whichever of its usual names the model keeps it."""
    for written in (f"{name}_schedule", f"initial_{name}", f"{name}_init", name):
        if hasattr(model, written):
            value = getattr(model, written)
            return value(1.0) if callable(value) else value
    return _NOWHERE


def _name_of(kind: type, names: Mapping[str, str]) -> str | None:
    return next((name for name, written in names.items() if written == kind.__name__), None)


def _one_noise(model: Any) -> Any:
    """Return the noise of one environment: with several, training wraps it."""
    noise = model.action_noise
    return noise.noises[0] if isinstance(noise, noises.VectorizedActionNoise) else noise


def _written_train_freq(train_freq: TrainFreq) -> Any:
    if train_freq.unit is TrainFrequencyUnit.STEP:
        return train_freq.frequency
    return [train_freq.frequency, train_freq.unit.value]


def _same(actual: Any, expected: Any) -> bool:
    if isinstance(expected, list | tuple):
        return list(expected) == (list(actual) if isinstance(actual, list | tuple) else [actual, "step"])
    return bool(actual == expected)
