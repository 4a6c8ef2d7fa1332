"""Hyperparameters as studies write them: their names, checked by algorithm, and the values that are words."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic import JsonValue

from robusttune.declaration.algorithms import Algorithm
from robusttune.declaration.algorithms.base import N_ENVS as N_ENVS
from robusttune.declaration.algorithms.base import OWN
from robusttune.declaration.algorithms.base import TOTAL_TIMESTEPS as TOTAL_TIMESTEPS
from robusttune.declaration.messages import did_you_mean
from robusttune.errors import SpecError
from robusttune.seeds import MAX_ENVIRONMENTS

# Name → class in torch.nn. All are elementwise and without parameters, so that lockstep can differentiate any of them.
ACTIVATIONS: Mapping[str, str] = {
    "tanh": "Tanh",
    "relu": "ReLU",
    "elu": "ELU",
    "leaky_relu": "LeakyReLU",
    "silu": "SiLU",
    "gelu": "GELU",
    "mish": "Mish",
    "selu": "SELU",
    "celu": "CELU",
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "hardtanh": "Hardtanh",
    "hardswish": "Hardswish",
    "relu6": "ReLU6",
    "identity": "Identity",
}
# Name → function in jax.nn, where it has another name.
JAX_ACTIVATIONS: Mapping[str, str] = {
    "softsign": "soft_sign",
    "hardtanh": "hard_tanh",
    "hardswish": "hard_swish",
}
# Name → class in stable_baselines3.common.noise.
NOISE_TYPES: Mapping[str, str] = {
    "normal": "NormalActionNoise",
    "ornstein-uhlenbeck": "OrnsteinUhlenbeckActionNoise",
}
SCHEDULED = ("learning_rate", "clip_range", "clip_range_vf", "delta_std")
HER = "her"
# Hyperparameters whose values are words, beside None.
WORDS: Mapping[str, tuple[str, ...]] = {
    "activation_fn": tuple(ACTIVATIONS),
    "noise_type": tuple(NOISE_TYPES),
    "replay_buffer": (HER,),
    "goal_selection_strategy": ("future", "final", "episode"),
}


def check_hyperparameters(
    algorithm: Algorithm, hyperparameters: Mapping[str, JsonValue], *, where: str
) -> None:
    """Raise `SpecError` if a name is not one of the algorithm's, or a named value cannot be read.

    Parameters
    ----------
    algorithm : Algorithm
    hyperparameters : mapping
        Name → value, as written in the study.
    where : str
        The place in the study, for the message.
    """
    check_names(algorithm, hyperparameters, where=where)
    for name in SCHEDULED:
        value = hyperparameters.get(name)
        if isinstance(value, str):
            parse_schedule(name, value)
    _check_net_arch(hyperparameters.get("net_arch", []), where)
    n_envs = hyperparameters.get(N_ENVS, 1)
    if type(n_envs) is not int or not 1 <= n_envs <= MAX_ENVIRONMENTS:
        raise SpecError(
            f"{where}.{N_ENVS} = {n_envs!r}: must be a whole number from 1 to {MAX_ENVIRONMENTS}."
        )
    timesteps = hyperparameters.get(TOTAL_TIMESTEPS, 1)
    if type(timesteps) is not int or timesteps < 1:
        raise SpecError(f"{where}.{TOTAL_TIMESTEPS} = {timesteps!r}: must be a whole number from 1.")
    for name, allowed in WORDS.items():
        value = hyperparameters.get(name)
        if value is not None and value not in allowed:
            raise SpecError(
                f"{where}.{name} = {value!r}: must be one of {', '.join(allowed)}{did_you_mean(value, allowed)}."
            )


def _check_net_arch(value: JsonValue, where: str) -> None:
    layers = list(value.values()) if isinstance(value, Mapping) else [value]
    if not all(
        isinstance(own, list | tuple) and all(type(n) is int and n > 0 for n in own) for own in layers
    ):
        raise SpecError(
            f"{where}.net_arch = {value!r}: must be a list of layer widths such as [64, 64], or one list for "
            "each network: { pi = [64, 64], vf = [64, 64] } (qf instead of vf for off-policy algorithms)."
        )


def check_names(algorithm: Algorithm, names: Mapping[str, object], *, where: str) -> None:
    """Raise `SpecError` at the first name that the algorithm does not have."""
    known = (*algorithm.hyperparameters, *OWN)
    for name in names:
        if name not in known and not algorithm.is_open:
            raise SpecError(
                f"{where}.{name}: {algorithm.name} has no hyperparameter {name!r}{did_you_mean(name, known)}. "
                f"It has: {', '.join(sorted(known))}."
            )


def parse_schedule(name: str, text: str) -> float:
    """Return the start value of a linear schedule written as in RL Zoo: `"lin_2.5e-4"` falls to 0."""
    try:
        start = float(text.removeprefix("lin_")) if text.startswith("lin_") else math.nan
    except ValueError:
        start = math.nan
    if not start > 0 or math.isinf(start):
        raise SpecError(
            f"{name} = {text!r}: a schedule is written 'lin_<start value>', for example 'lin_2.5e-4', "
            "and falls linearly to 0. Write a constant as a number."
        )
    return start


def feasible(
    entry: Algorithm, hyperparameters: Mapping[str, JsonValue], *, n_envs: int
) -> dict[str, JsonValue]:
    """Return the hyperparameters as they can be trained: a minibatch no larger than the rollout it is cut from.

    A sampled `batch_size` may exceed `n_steps * n_envs`. Stable-Baselines3 would then train on one
    truncated minibatch, and the study would show a batch size that was never used. Likewise what must not exceed
    another hyperparameter.
    """
    result = dict(hyperparameters)
    for name, (other, default) in entry.at_most.items():
        value, most = result.get(name), result.get(other, default)
        if isinstance(value, int) and isinstance(most, int):
            result[name] = min(value, most)
    if entry.batch_size is not None:
        batch_size, n_steps = result.get("batch_size"), result.get("n_steps", entry.steps)
        if isinstance(batch_size, int) and isinstance(n_steps, int):
            result["batch_size"] = min(batch_size, n_steps * n_envs)
    return result
