"""Environments from their declaration. Needs gymnasium, but not torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import gymnasium as gym

from robusttune.declaration.algorithms import ALGORITHMS, Algorithm, algorithm_of
from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.training.environment import EnvironmentSpec, Wrapper
from robusttune.declaration.training.snippet import is_function
from robusttune.errors import SpecError
from robusttune.training.imports import import_from, load, modules_from

# What the error about a missing package says → what installs it.
_PACKAGES = {
    **dict.fromkeys(("OpenCV", "cv2", "ale_py", "Box2D", "box2d", "mujoco", "MuJoCo"), "robusttune[envs]"),
    **{"sb3_contrib": "robusttune[contrib]", "envpool": "robusttune[envpool]"},
}
_KINDS = {
    "Box": "continuous",
    "Discrete": "discrete",
    "MultiDiscrete": "multi-discrete",
    "MultiBinary": "multi-binary",
}


def make_base(spec: EnvironmentSpec) -> gym.Env[Any, Any]:
    """Return the environment before its wrappers; Gymnasium's, whatever engine steps it in training."""
    for module in _modules(spec):
        import_from(spec.folder, module)
    kwargs: dict[str, Any] = dict(spec.kwargs)
    with modules_from(spec.folder):
        return gym.make(spec.id, **kwargs)


def wrap(environment: gym.Env[Any, Any], spec: EnvironmentSpec) -> gym.Env[Any, Any]:
    """Return the environment within the declared wrappers, the first innermost, but outside Atari's."""
    if spec.atari is not None:
        from stable_baselines3.common.atari_wrappers import AtariWrapper

        environment = AtariWrapper(environment, **dataclasses.asdict(spec.atari))
    for wrapper in spec.wrappers:
        own = {name: _argument(name, value, spec) for name, value in wrapper.kwargs.items()}
        environment = _wrapper_class(wrapper, spec)(environment, **own)
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
    for module in _modules(spec):
        _check_import(spec, module)
    _check_id(spec.id)
    _check_frame_skip(spec)
    try:
        environment = _made(spec)
    except SpecError:
        raise
    except Exception as error:  # whatever a third-party environment raises is the reader's to know
        raise SpecError(why_not_made(spec, error)) from None
    try:
        _check_spaces(environment, spec.id, algorithm)
        return environment.observation_space, environment.action_space
    finally:
        environment.close()


def _made(spec: EnvironmentSpec) -> Any:
    """Return an environment of the engine's, before it is vectorised."""
    if spec.engine == "gymnasium":
        return wrap(make_base(spec), spec)
    from robusttune.training.envpool import EnvPoolBatch

    return EnvPoolBatch(spec, [0])


def _modules(spec: EnvironmentSpec) -> tuple[str, ...]:
    """Return the modules that register an environment."""
    named = (spec.id.partition(":")[0],) if ":" in spec.id else ()
    return (*spec.imports, *named, *(("ale_py",) if spec.atari is not None else ()))


def _check_import(spec: EnvironmentSpec, module: str) -> None:
    try:
        import_from(spec.folder, module)
    except Exception as error:  # whatever a module does when it is imported
        package = _PACKAGES.get(module, module.partition(".")[0])
        place = "" if spec.folder is None else f" Modules are looked for in {spec.folder} first."
        remedy = (
            f" If it is a package: pip install '{package}'" if package else " Name it from its package on."
        )
        raise SpecError(
            f"environment.imports: {module!r} cannot be imported ({error}).{place}{remedy}"
        ) from None


def _check_frame_skip(spec: EnvironmentSpec) -> None:
    """Frames that the environment skips are not skipped once more."""
    if spec.atari is None or spec.engine == "envpool":
        return
    registered = gym.registry[spec.id.rpartition(":")[2]]
    own = {**registered.kwargs, **spec.kwargs}.get("frameskip", 1)
    if own != 1:
        raise SpecError(
            f"environment.atari: skips {spec.atari.frame_skip} frames, but {spec.id} skips frames itself (frameskip = "
            f"{own}). Use its id that ends in NoFrameskip-v4, or environment.kwargs = {{ frameskip = 1 }}."
        )


def why_not_made(spec: EnvironmentSpec, error: Exception) -> str:
    """Return what a reader must know of an environment that could not be made or reset."""
    return (
        f"environment.id = {spec.id!r}: could not be made with environment.kwargs = {dict(spec.kwargs)} and "
        f"{len(spec.wrappers)} wrapper(s): {type(error).__name__}: {error}{_way_out(error)}"
    )


def _way_out(error: Exception) -> str:
    """Return how to install what an error misses, if that is known."""
    install = next((package for word, package in _PACKAGES.items() if word in str(error)), None)
    return "" if install is None else f" Install it: pip install '{install}'"


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
    return _acts_in(algorithm_of(algorithm), space)


def _acts_in(algorithm: Algorithm, space: gym.Space[Any]) -> bool:
    return isinstance(space, tuple(getattr(gym.spaces, kind) for kind in algorithm.actions))


def _check_spaces(environment: Any, name: str, algorithm: str) -> None:
    space, entry = environment.action_space, algorithm_of(algorithm)
    if not _acts_in(entry, space):
        packages = ("stable_baselines3", entry.package)
        others = [one for one in ALGORITHMS.values() if one.package in packages and _acts_in(one, space)]
        way_out = f" Use {' or '.join(one.name for one in others)}." if others else ""
        raise SpecError(
            f"algorithm.name = {algorithm!r}: needs {', '.join(_KINDS[kind] for kind in entry.actions)} actions "
            f"({', '.join(entry.actions)}), but {name} has {type(space).__name__}.{way_out}"
        )
    is_one = isinstance(environment, gym.Env)  # a batch of EnvPool's has no methods of its environments
    missing = [own for own in entry.env_methods if not (is_one and environment.has_wrapper_attr(own))]
    if missing:
        raise SpecError(
            f"algorithm.name = {algorithm!r}: needs an environment with a method {missing[0]}(), which {name} with its "
            "wrappers has not. Give it one, or wrap it: environment.wrappers = [{ entry_point = "
            '"sb3_contrib.common.wrappers:ActionMasker", kwargs = { action_mask_fn = "<its method>" } }]'
        )


def _wrapper_class(wrapper: Wrapper, spec: EnvironmentSpec) -> Callable[..., gym.Env[Any, Any]]:
    try:
        loaded: Callable[..., gym.Env[Any, Any]] = load(wrapper.entry_point, spec.folder)
    except (ImportError, AttributeError) as error:
        raise SpecError(
            f"environment.wrappers: {wrapper.entry_point!r} cannot be imported ({error}).{_way_out(error)}"
        ) from None
    return loaded


def _argument(name: str, value: Any, spec: EnvironmentSpec) -> Any:
    """Return an argument of a wrapper; a text that stands for a function becomes that function."""
    if not is_function(name, value):
        return value
    if ":" in value:
        return load(value, spec.folder)
    return lambda environment: environment.get_wrapper_attr(value)()
