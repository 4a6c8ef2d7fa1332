"""A configuration as code that can be pasted into a script for Stable-Baselines3."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import JsonValue

from robusttune.declaration.algorithms import algorithm_of
from robusttune.declaration.hyperparameters import (
    ACTIVATIONS,
    HER,
    JAX_ACTIVATIONS,
    NOISE_TYPES,
    SCHEDULED,
    parse_schedule,
)

if TYPE_CHECKING:
    from robusttune.declaration.training.environment import EnvironmentSpec
    from robusttune.declaration.training.sb3 import Sb3Training


_MAKE = "from stable_baselines3.common.env_util import make_vec_env"


def is_function(name: str, value: JsonValue) -> bool:
    """Return whether an argument of a wrapper is a text that stands for a function."""
    return isinstance(value, str) and (name == "func" or name.endswith("_fn"))


def sb3_snippet(training: Sb3Training, hyperparameters: Mapping[str, JsonValue]) -> str:
    """Return Python code that builds the model of a configuration and trains it.

    Parameters
    ----------
    training : Sb3Training
        Gives environment, policy and timesteps.
    hyperparameters : mapping
        The configuration.
    """
    algorithm = algorithm_of(training.algorithm.name)
    package, _, name = algorithm.sb3.partition(":")
    policy_name = algorithm.policies.get(training.algorithm.policy, training.algorithm.policy)
    imports = {f"from {package} import {name}", _MAKE}
    arguments, policy = [], []
    for key, value in hyperparameters.items():
        if algorithm.is_argument(key):
            arguments.append(f"{key}={_constructor_value(key, value, imports)}")
        elif key == "activation_fn" and algorithm.is_jax:
            imports.add("import jax")
            policy.append(f"activation_fn=jax.nn.{JAX_ACTIVATIONS.get(str(value), value)}")
        elif key == "activation_fn":
            imports.add("from torch import nn")
            policy.append(f"activation_fn=nn.{ACTIVATIONS[str(value)]}")
        elif key in algorithm.policy:
            policy.append(f"{key}={value!r}")
    lines = _environment_lines(training, hyperparameters, imports)
    noise = hyperparameters.get("noise_type")
    if noise is not None:
        kind = NOISE_TYPES[str(noise)]
        imports |= {"import numpy as np", f"from stable_baselines3.common.noise import {kind}"}
        lines.append("n_actions = env.action_space.shape[0]")
        sigma = hyperparameters.get("noise_std", 0.1)
        arguments.append(f"action_noise={kind}(np.zeros(n_actions), {sigma!r} * np.ones(n_actions))")
    if hyperparameters.get("replay_buffer") == HER:
        imports.add("from stable_baselines3 import HerReplayBuffer")
        own = {k: v for k, v in hyperparameters.items() if k in algorithm.replay and k != "replay_buffer"}
        arguments += ["replay_buffer_class=HerReplayBuffer", f"replay_buffer_kwargs={own!r}"]
    if policy:
        arguments.append(f"policy_kwargs=dict({', '.join(policy)})")
    listed = "".join(f"\n    {argument}," for argument in (f'"{policy_name}"', "env", *arguments))
    code = [f"model = {name}({listed}\n)", f"model.learn({training.timesteps(hyperparameters):_})"]
    return "\n".join([*sorted(imports), "", *lines, *code])


def _constructor_value(name: str, value: JsonValue, imports: set[str]) -> str:
    if name in SCHEDULED and isinstance(value, str):
        imports.add("from stable_baselines3.common.utils import LinearSchedule")
        return f"LinearSchedule({parse_schedule(name, value)!r}, 0.0, 1.0)"
    return repr(tuple(value) if name == "train_freq" and isinstance(value, list) else value)


def _environment_lines(
    training: Sb3Training, hyperparameters: Mapping[str, JsonValue], imports: set[str]
) -> list[str]:
    environment, n_envs = training.environment, training.n_envs(hyperparameters)
    if environment.engine == "envpool":
        imports.discard(_MAKE)
        imports |= {"import robusttune as rt", "from robusttune.training.envpool import EnvPoolVecEnv"}
        lines = [f"env = EnvPoolVecEnv(rt.{_written(environment)}, {n_envs})"]
    else:
        lines = [_made(environment, n_envs, imports)]
    if environment.n_to_stack > 1:
        imports.add("from stable_baselines3.common.vec_env import VecFrameStack")
        lines.append(f"env = VecFrameStack(env, n_stack={environment.n_to_stack})")
    if environment.normalization is not None:
        imports.add("from stable_baselines3.common.vec_env import VecNormalize")
        norm = environment.normalization
        gamma = hyperparameters.get("gamma", 0.99)
        lines.append(
            f"env = VecNormalize(env, norm_obs={norm.observations}, norm_reward={norm.rewards}, gamma={gamma!r})"
        )
    return lines


def _written(environment: EnvironmentSpec) -> str:
    """Return the environment's declaration as code, for what EnvPool needs of it."""
    own = [f"id={environment.id!r}", 'engine="envpool"']
    if environment.kwargs:
        own.append(f"kwargs={dict(environment.kwargs)!r}")
    if environment.atari is not None:
        settings = dataclasses.asdict(environment.atari).items()
        own.append(f"atari=rt.Atari({', '.join(f'{key}={value!r}' for key, value in settings)})")
    if environment.frame_stack is not None:
        own.append(f"frame_stack={environment.frame_stack}")
    return f"EnvironmentSpec({', '.join(own)})"


def _made(environment: EnvironmentSpec, n_envs: int, imports: set[str]) -> str:
    """Return the line that makes environments of Gymnasium."""
    imports |= {f"import {module}  # registers the environment" for module in environment.imports}
    if environment.atari is not None:
        imports.add("import ale_py  # registers the environment")
    kwargs = f", env_kwargs={dict(environment.kwargs)!r}" if environment.kwargs else ""
    if environment.vec_env == "subproc":
        imports.add("from stable_baselines3.common.vec_env import SubprocVecEnv")
        kwargs += ", vec_env_cls=SubprocVecEnv"
    if environment.atari is not None and not environment.wrappers:
        imports.discard(_MAKE)
        imports.add("from stable_baselines3.common.env_util import make_atari_env")
        own = dataclasses.asdict(environment.atari)
        return f"env = make_atari_env({environment.id!r}, n_envs={n_envs}{kwargs}, wrapper_kwargs={own!r})"
    return f"env = make_vec_env({environment.id!r}, n_envs={n_envs}{kwargs}{_wrapping(environment, imports)})"


def _wrapping(environment: EnvironmentSpec, imports: set[str]) -> str:
    expression = "e"
    if environment.atari is not None:
        imports.add("from stable_baselines3.common.atari_wrappers import AtariWrapper")
        expression = f"AtariWrapper(e, **{dataclasses.asdict(environment.atari)!r})"
    for wrapper in environment.wrappers:
        module, _, name = wrapper.entry_point.partition(":")
        imports.add(f"from {module} import {name}")
        own = {name: _argument(name, value, imports) for name, value in wrapper.kwargs.items()}
        expression = f"{name}({', '.join([expression, *(f'{key}={text}' for key, text in own.items())])})"
    return f", wrapper_class=lambda e: {expression}" if environment.wrappers else ""


def _argument(name: str, value: JsonValue, imports: set[str]) -> str:
    """Return an argument of a wrapper as code; see `Wrapper.kwargs` for those that are functions."""
    if not is_function(name, value):
        return repr(value)
    module, _, function = str(value).rpartition(":")
    if not module:
        return f"lambda e: e.get_wrapper_attr({value!r})()"
    imports.add(f"from {module} import {function}")
    return function
