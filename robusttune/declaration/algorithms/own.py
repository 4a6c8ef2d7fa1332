"""A class of one's own that follows Stable-Baselines3's interface, named by its import path."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable
from typing import Any

from robusttune.declaration.algorithms.base import ANY_ACTIONS, NOISE, REPLAY, Algorithm
from robusttune.errors import SpecError

# Ours to set, or Python objects that no study file can hold.
NOT_SEARCHED = frozenset(
    {
        *("self", "policy", "env", "seed", "device", "verbose", "policy_kwargs", "_init_setup_model"),
        *(
            "tensorboard_log",
            "stats_window_size",
            "monitor_wrapper",
            "action_noise",
            "supported_action_spaces",
        ),
        *("rollout_buffer_class", "rollout_buffer_kwargs", "replay_buffer_class", "replay_buffer_kwargs"),
        *("observation_space", "action_space", "lr_schedule", "optimizer_class"),
        *("features_extractor_class", "features_extractor_kwargs"),
    }
)
_INTERFACE = ("learn", "predict", "get_parameters", "save")


def is_import_path(name: str) -> bool:
    """Return whether the name of an algorithm is the import path of a class, `"my_module:MyPPO"`."""
    return re.fullmatch(r"[\w.]+:\w+", name) is not None


def unread(path: str, policy: tuple[str, ...]) -> Algorithm:
    """Return what can be said of a class that is not imported, for studies are read without their code.

    Parameters
    ----------
    path : str
        Its import path.
    policy : tuple of str
        Hyperparameters that are assumed to be its policy's; all others are its constructor's.
    """
    return Algorithm(
        name=path,
        sb3=path,
        constructor=(),
        policy=policy,
        noise=NOISE,
        replay=REPLAY,
        is_open=True,
        actions=ANY_ACTIONS,
    )


def read(path: str) -> Algorithm:
    """Return the entry of a class, from the signatures of its constructor and of its policy.

    Raises
    ------
    SpecError
        If it cannot be imported, or does not follow Stable-Baselines3's interface.
    """
    cls = imported(path)
    bases = {base.__name__ for base in cls.__mro__}
    parameters = _parameters(cls)
    on_policy, off_policy = "OnPolicyAlgorithm" in bases, "OffPolicyAlgorithm" in bases
    policies = list(cls.policy_aliases.values())
    steps = getattr(parameters.get("n_steps" if on_policy else "train_freq"), "default", 1)
    batch_size = getattr(parameters.get("batch_size"), "default", None)
    constructor = _names(parameters)
    return Algorithm(
        name=path,
        sb3=path,
        constructor=constructor,
        policy=tuple(
            name for of in policies[:1] for name in _names(_parameters(of)) if name not in constructor
        ),
        noise=NOISE if "action_noise" in parameters else (),
        replay=REPLAY if off_policy and "replay_buffer_class" in parameters else (),
        is_open=any(p.kind is p.VAR_KEYWORD for p in parameters.values()),
        actions=ANY_ACTIONS,
        on_policy=on_policy,
        steps=steps if isinstance(steps, int) else 1,
        batch_size=batch_size if on_policy and isinstance(batch_size, int) else None,
    )


def imported(path: str) -> Any:
    """Return a class by its import path.

    Raises
    ------
    SpecError
        If it cannot be imported, or does not follow Stable-Baselines3's interface.
    """
    where = f"algorithm.name = {path!r}"
    module, _, name = path.partition(":")
    try:
        cls = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever a module does when it is imported
        raise SpecError(f"{where}: cannot be imported ({type(error).__name__}: {error}).") from None
    if not (inspect.isclass(cls) and all(hasattr(cls, own) for own in (*_INTERFACE, "policy_aliases"))):
        raise SpecError(
            f"{where}: must be a class with Stable-Baselines3's interface (a subclass of BaseAlgorithm, "
            f"OnPolicyAlgorithm or OffPolicyAlgorithm, with policy_aliases), but got {cls!r}."
        )
    return cls


def _parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of a class's constructor, and where it has **kwargs, of the constructor that it extends."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if "__init__" in vars(base):
            own = inspect.signature(vars(base)["__init__"]).parameters
            found = {**own, **found}
            if not any(p.kind is p.VAR_KEYWORD for p in own.values()):
                break
    return found


def _names(parameters: dict[str, inspect.Parameter]) -> tuple[str, ...]:
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    found: Iterable[str] = (name for name, p in parameters.items() if p.kind not in variable)
    return tuple(name for name in found if name not in NOT_SEARCHED)
