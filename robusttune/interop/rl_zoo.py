"""RL Zoo's hyperparameters, from its YAML or from what its searches note, as study files have them."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.messages import did_you_mean
from robusttune.errors import SpecError
from robusttune.interop.configuration_values import finished
from robusttune.interop.plain_values import literal, plain_value
from robusttune.interop.study_file import Setting

# About the training of a run and its logs: they change no configuration.
_IGNORED = ("callback", "eval_env_kwargs", "monitor_kwargs", "verbose", "tensorboard_log")
_FLAGS = {"algo": "algorithm", "env": "environment", "n": "timesteps", "n-timesteps": "timesteps"}


def entry(
    algorithm: str, environment: str, values: Mapping[str, Any]
) -> tuple[Setting, dict[str, JsonValue]]:
    """Return what one entry of RL Zoo's hyperparameters trains, and its configuration.

    Raises
    ------
    SpecError
        If a key or value cannot be understood, or is nothing that we train.
    """
    if algorithm not in ALGORITHMS:
        raise SpecError(
            f"algorithm = {algorithm!r}: must be one of {', '.join(ALGORITHMS)}{did_you_mean(algorithm, ALGORITHMS)}."
        )
    rest = {str(key): value for key, value in values.items() if key not in _IGNORED and value is not None}
    tables = _environment(rest)
    setting = Setting(
        algorithm=algorithm,
        environment=environment,
        timesteps=_whole("n_timesteps", rest.pop("n_timesteps", None)),
        n_envs=_whole("n_envs", rest.pop("n_envs", 1)),
        policy=str(rest.pop("policy", "MlpPolicy")),
        environment_tables=tables,
    )
    policy = rest.pop("policy_kwargs", {})
    policy = literal("policy_kwargs", policy) if isinstance(policy, str) else policy
    if not isinstance(policy, Mapping):
        raise SpecError(f"policy_kwargs = {policy!r}: must be a table of arguments.")
    read = {
        name: plain_value(algorithm, name, _number(value))
        for name, value in {**rest, **{str(key): one for key, one in policy.items()}}.items()
    }
    return setting, finished(algorithm, read)


def noted(attributes: Mapping[str, Any]) -> tuple[Setting, dict[str, Any]]:
    """Return what a search of RL Zoo noted with its study: its command, and the values that it did not search.

    Nothing is returned for a study of anybody else. The values are text, which `entry` can read.
    """
    command = attributes.get("command")
    if not isinstance(command, str) or "rl_zoo3" not in command:
        return Setting(), {}
    try:
        words = [part for word in shlex.split(command) for part in word.split("=", 1)]
    except ValueError:
        return Setting(), {}
    said = {
        _FLAGS[word.lstrip("-")]: value
        for word, value in itertools.pairwise(words)
        if word.startswith("-") and word.lstrip("-") in _FLAGS
    }
    timesteps = _whole("n_timesteps", said.get("timesteps"))
    # Its trials replace `policy_kwargs` as a whole.
    values = {
        key: _noted_value(v) for key, v in attributes.items() if key not in ("command", "policy_kwargs")
    }
    return (
        Setting(
            algorithm=said.get("algorithm"),
            environment=said.get("environment"),
            timesteps=None if timesteps is None or timesteps < 1 else timesteps,
        ),
        values,
    )


def _noted_value(value: Any) -> Any:
    """Return a value that RL Zoo noted as text: a constant, a schedule, or as it was written."""
    found = re.fullmatch(r"(Constant|SimpleLinear)Schedule\((?:\w+=)?([-+.\deE]+)\)", str(value))
    if found is not None:
        return float(found[2]) if found[1] == "Constant" else f"lin_{found[2]}"
    return {"True": True, "False": False, "None": None}.get(value, value)


def _environment(rest: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of `[environment]` that an entry has, taking them out of it."""
    tables: dict[str, Any] = {}
    normalize = rest.pop("normalize", False)
    normalize = literal("normalize", normalize) if isinstance(normalize, str) else normalize
    if isinstance(normalize, Mapping):
        unknown = set(normalize) - {"norm_obs", "norm_reward", "gamma"}
        if unknown:
            raise SpecError(
                f"normalize: {', '.join(sorted(map(str, unknown)))}: cannot be declared in a study."
            )
        tables["normalization"] = {
            "observations": bool(normalize.get("norm_obs", True)),
            "rewards": bool(normalize.get("norm_reward", True)),
        }
    elif normalize:
        tables["normalization"] = {"observations": True, "rewards": True}
    if (stack := rest.pop("frame_stack", None)) is not None:
        tables["frame_stack"] = _whole("frame_stack", stack)
    if (kwargs := rest.pop("env_kwargs", None)) is not None:
        if not isinstance(kwargs, Mapping):
            raise SpecError(f"env_kwargs = {kwargs!r}: must be a table of arguments.")
        tables["kwargs"] = {str(key): plain_value("ppo", str(key), value) for key, value in kwargs.items()}
    wrappers = rest.pop("env_wrapper", None)
    listed = wrappers if isinstance(wrappers, list) else [] if wrappers is None else [wrappers]
    if listed == ["stable_baselines3.common.atari_wrappers.AtariWrapper"]:
        tables["atari"] = {}
    elif listed:
        tables["wrappers"] = [_wrapper(one) for one in listed]
    return tables


def _wrapper(value: Any) -> dict[str, Any]:
    path, kwargs = (
        next(iter(value.items())) if isinstance(value, Mapping) and len(value) == 1 else (value, None)
    )
    module, _, name = str(path).rpartition(".")
    if not isinstance(path, str) or not module or not isinstance(kwargs, Mapping | None):
        raise SpecError(f"env_wrapper = {value!r}: must be an import path, with or without arguments.")
    return {"entry_point": f"{module}:{name}", **({"kwargs": dict(kwargs)} if kwargs else {})}


def _whole(name: str, value: Any) -> int | None:
    if value is None:
        return None
    try:
        number = float(value)
        if number == int(number) and not isinstance(value, bool):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise SpecError(f"{name} = {value!r}: must be a whole number.")


def _number(value: Any) -> Any:
    """Return the number behind a text such as `1e5`, which YAML does not take for one."""
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d[\d_]*(\.\d*)?([eE][-+]?\d+)?", value):
        return int(value) if re.fullmatch(r"[-+]?\d+", value) else float(value)
    return value
