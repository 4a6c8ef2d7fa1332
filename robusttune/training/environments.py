"""Environments from their declaration. Needs gymnasium, but not torch."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import gymnasium as gym

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.training.sb3 import EnvironmentSpec, Wrapper
from robusttune.errors import SpecError

# What the error about a missing package says → what installs it.
_PACKAGES = {
    **{"OpenCV": "opencv-python-headless", "cv2": "opencv-python-headless", "ale_py": "ale-py"},
    **{"Box2D": "gymnasium[box2d]", "box2d": "gymnasium[box2d]", "mujoco": "gymnasium[mujoco]"},
}
_KINDS = {
    "Box": "continuous",
    "Discrete": "discrete",
    "MultiDiscrete": "multi-discrete",
    "MultiBinary": "multi-binary",
}


def make_base(spec: EnvironmentSpec) -> gym.Env[Any, Any]:
    """Return the environment before its wrappers."""
    for module in spec.imports:
        importlib.import_module(module)
    kwargs: dict[str, Any] = dict(spec.kwargs)
    return gym.make(spec.id, **kwargs)


def wrap(environment: gym.Env[Any, Any], spec: EnvironmentSpec) -> gym.Env[Any, Any]:
    """Return the environment within the declared wrappers, the first innermost."""
    for wrapper in spec.wrappers:
        environment = _wrapper_class(wrapper)(environment, **dict(wrapper.kwargs))
    return environment


def check_environment(
    spec: EnvironmentSpec, algorithm: str
) -> tuple[gym.spaces.Space[Any], gym.spaces.Space[Any]]:
    """Return the observation space and the action space of an environment, which is made once for it.

    Raises
    ------
    SpecError
        If the environment cannot be made, or the algorithm cannot act in it.
    """
    for module in spec.imports:
        try:
            importlib.import_module(module)
        except ImportError as error:
            package = _PACKAGES.get(module, module.partition(".")[0])
            raise SpecError(
                f"environment.imports: {module!r} cannot be imported ({error}). "
                f"If it is a package: pip install '{package}'"
            ) from None
    _check_id(spec.id)
    try:
        environment = wrap(make_base(spec), spec)
    except SpecError:
        raise
    except Exception as error:  # whatever a third-party environment raises is the reader's to know
        raise SpecError(why_not_made(spec, error)) from None
    try:
        _check_spaces(environment, spec.id, algorithm)
        return environment.observation_space, environment.action_space
    finally:
        environment.close()


def why_not_made(spec: EnvironmentSpec, error: Exception) -> str:
    """Return what a reader must know of an environment that could not be made or reset."""
    install = next((package for word, package in _PACKAGES.items() if word in str(error)), None)
    way_out = "" if install is None else f" Install it: pip install '{install}'"
    return (
        f"environment.id = {spec.id!r}: could not be made with environment.kwargs = {dict(spec.kwargs)} and "
        f"{len(spec.wrappers)} wrapper(s): {type(error).__name__}: {error}{way_out}"
    )


def _check_id(name: str) -> None:
    if ":" in name or name in gym.registry:
        return
    try:
        gym.spec(name)
    except gym.error.Error:
        raise SpecError(
            f"environment.id = {name!r}: is not registered in gymnasium{did_you_mean(name, gym.registry)}. "
            "If a package registers it, name the package in environment.imports."
        ) from None


def acts_in(algorithm: str, space: gym.Space[Any]) -> bool:
    """Return whether an algorithm can act in an action space."""
    return isinstance(space, tuple(getattr(gym.spaces, kind) for kind in ALGORITHMS[algorithm].actions))


def _check_spaces(environment: gym.Env[Any, Any], name: str, algorithm: str) -> None:
    space, actions = environment.action_space, ALGORITHMS[algorithm].actions
    if acts_in(algorithm, space):
        return
    others = [other for other in ALGORITHMS if acts_in(other, space)]
    way_out = f" Use {' or '.join(others)}." if others else ""
    raise SpecError(
        f"algorithm.name = {algorithm!r}: needs {', '.join(_KINDS[kind] for kind in actions)} actions "
        f"({', '.join(actions)}), but {name} has {type(space).__name__}.{way_out}"
    )


def _wrapper_class(wrapper: Wrapper) -> Callable[..., gym.Env[Any, Any]]:
    try:
        loaded: Callable[..., gym.Env[Any, Any]] = pkgutil.resolve_name(wrapper.entry_point)
    except (ImportError, AttributeError) as error:
        raise SpecError(
            f"environment.wrappers: {wrapper.entry_point!r} cannot be imported ({error})."
        ) from None
    return loaded
