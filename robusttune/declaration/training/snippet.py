"""A configuration as code that can be pasted into a script for Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import JsonValue

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.hyperparameters import ACTIVATIONS, NOISE_TYPES, SCHEDULED, parse_schedule

if TYPE_CHECKING:
    from robusttune.declaration.training.sb3 import EnvironmentSpec, Sb3Training


def sb3_snippet(training: Sb3Training, hyperparameters: Mapping[str, JsonValue]) -> str:
    """Return Python code that builds the model of a configuration and trains it.

    Parameters
    ----------
    training : Sb3Training
        Gives environment, policy and timesteps.
    hyperparameters : mapping
        The configuration.
    """
    algorithm = ALGORITHMS[training.algorithm.name]
    package, _, name = algorithm.sb3.partition(":")
    imports = {f"from {package} import {name}", "from stable_baselines3.common.env_util import make_vec_env"}
    arguments, policy = [], []
    for key, value in hyperparameters.items():
        if key in algorithm.constructor:
            arguments.append(f"{key}={_constructor_value(key, value, imports)}")
        elif key == "activation_fn":
            imports.add("from torch import nn")
            policy.append(f"activation_fn=nn.{ACTIVATIONS[str(value)]}")
        elif key in algorithm.policy:
            policy.append(f"{key}={value!r}")
    lines = _environment_lines(training.environment, hyperparameters, imports)
    noise = hyperparameters.get("noise_type")
    if noise is not None:
        kind = NOISE_TYPES[str(noise)]
        imports |= {"import numpy as np", f"from stable_baselines3.common.noise import {kind}"}
        lines.append("n_actions = env.action_space.shape[0]")
        sigma = hyperparameters.get("noise_std", 0.1)
        arguments.append(f"action_noise={kind}(np.zeros(n_actions), {sigma!r} * np.ones(n_actions))")
    if policy:
        arguments.append(f"policy_kwargs=dict({', '.join(policy)})")
    listed = "".join(
        f"\n    {argument}," for argument in (f'"{training.algorithm.policy}"', "env", *arguments)
    )
    code = [f"model = {name}({listed}\n)", f"model.learn({training.algorithm.total_timesteps:_})"]
    return "\n".join([*sorted(imports), "", *lines, *code])


def _constructor_value(name: str, value: JsonValue, imports: set[str]) -> str:
    if name in SCHEDULED and isinstance(value, str):
        imports.add("from stable_baselines3.common.utils import LinearSchedule")
        return f"LinearSchedule({parse_schedule(name, value)!r}, 0.0, 1.0)"
    return repr(tuple(value) if name == "train_freq" and isinstance(value, list) else value)


def _environment_lines(
    environment: EnvironmentSpec, hyperparameters: Mapping[str, JsonValue], imports: set[str]
) -> list[str]:
    imports |= {f"import {module}  # registers the environment" for module in environment.imports}
    kwargs = f", env_kwargs={dict(environment.kwargs)!r}" if environment.kwargs else ""
    lines = [
        f"env = make_vec_env({environment.id!r}, n_envs={environment.n_envs}{kwargs}{_wrapping(environment, imports)})"
    ]
    if environment.normalization is not None:
        imports.add("from stable_baselines3.common.vec_env import VecNormalize")
        norm = environment.normalization
        gamma = hyperparameters.get("gamma", 0.99)
        lines.append(
            f"env = VecNormalize(env, norm_obs={norm.observations}, norm_reward={norm.rewards}, gamma={gamma!r})"
        )
    return lines


def _wrapping(environment: EnvironmentSpec, imports: set[str]) -> str:
    expression = "e"
    for wrapper in environment.wrappers:
        module, _, name = wrapper.entry_point.partition(":")
        imports.add(f"from {module} import {name}")
        expression = (
            f"{name}({expression}, **{dict(wrapper.kwargs)!r})" if wrapper.kwargs else f"{name}({expression})"
        )
    return f", wrapper_class=lambda e: {expression}" if environment.wrappers else ""
