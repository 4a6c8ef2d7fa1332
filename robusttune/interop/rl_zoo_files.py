"""RL Zoo's files: its YAML and the folders of its trainings are read, and YAML that it trains is written."""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import JsonValue

from robusttune.declaration.algorithms import ALGORITHMS, algorithm_of
from robusttune.declaration.files import regular
from robusttune.declaration.hyperparameters import ACTIVATIONS, TOTAL_TIMESTEPS
from robusttune.declaration.ids import canonical_json
from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.training.environment import EnvironmentSpec
from robusttune.declaration.training.sb3 import Sb3Training
from robusttune.errors import SpecError, reason
from robusttune.interop.rl_zoo import entry
from robusttune.interop.study_file import Found, Setting

_MAX_VALUES = 100_000  # RL Zoo's longest file has a few thousand
_ATARI_WRAPPER = "stable_baselines3.common.atari_wrappers.AtariWrapper"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads what RL Zoo's dumps hold, without executing anything: other tags of Python are an error."""


def _pairs(loader: _Loader, node: yaml.Node) -> dict[Any, Any]:
    assert isinstance(node, yaml.SequenceNode)
    ((pairs),) = loader.construct_sequence(node, deep=True) or [[]]
    return dict(pairs)


def _sequence(loader: _Loader, node: yaml.Node) -> list[Any]:
    assert isinstance(node, yaml.SequenceNode)
    return list(loader.construct_sequence(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:python/object/apply:collections.OrderedDict", _pairs)
_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _sequence)
_Loader.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda _loader, name, _node: name)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the table that a YAML file of RL Zoo's holds.

    Raises
    ------
    SpecError
        If it cannot be read, holds anything else, or a tag that would execute code.
    """
    try:
        document = _loaded(regular(path).read_text(encoding="utf-8"))
    except SpecError:
        raise
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror}).") from None
    except Exception as error:  # PyYAML's own, and whatever its constructors run into
        raise SpecError(
            f"{path}: is no YAML that can be read without executing it ({reason(error)})."
        ) from None
    if not isinstance(document, dict):
        raise SpecError(f"{path}: must hold a table, not a {type(document).__name__}.")
    return {str(key): value for key, value in document.items()}


def _loaded(text: str) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_size(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _check_size(root: yaml.Node) -> None:
    """Refuse a document whose aliases repeat each other until no memory holds what they say."""
    n_values, left = 0, [root]
    while left:
        node = left.pop()
        n_values += 1
        if n_values > _MAX_VALUES:
            raise ValueError(f"its aliases repeat more than {_MAX_VALUES:,} values")
        inner = node.value if isinstance(node, yaml.CollectionNode) else []
        left += itertools.chain(*inner) if isinstance(node, yaml.MappingNode) else inner


def find(source: Path, algorithm: str | None, environment: str | None) -> tuple[Setting, list[Found]]:
    """Return what is trained, and the configurations in a hyperparameter file or in a folder of trainings.

    Raises
    ------
    SpecError
        If there are none, they cannot be understood, or they train different things.
    """
    try:
        is_there = source.exists()
    except OSError as error:  # a name that no file can have
        raise SpecError(f"{source!s:.300}: names no file ({error.strerror}).") from None
    if not is_there:
        raise SpecError(f"{source}: there is no such file or folder.")
    if source.is_file():
        return _from_file(source, algorithm, environment)
    return _from_folder(source, algorithm, environment)


def _from_file(path: Path, algorithm: str | None, environment: str | None) -> tuple[Setting, list[Found]]:
    entries = read_yaml(path)
    name = algorithm or (path.stem if path.stem in ALGORITHMS else None)
    if name is None:
        raise SpecError(f"{path}: does not say whose hyperparameters these are: give `algorithm`.")
    if environment not in entries:
        listed = ", ".join(sorted(entries)[:40])
        raise SpecError(
            f"environment = {environment!r}: {path} has no entry for it{did_you_mean(environment, entries)}. It has "
            f"{listed}."
        )
    own = entries[environment]
    if not isinstance(own, Mapping):
        raise SpecError(f"{path}: {environment} must be a table of hyperparameters, but got {own!r:.60}.")
    setting, hyperparameters = entry(name, str(environment), own)
    return setting, [Found(name="rl-zoo", hyperparameters=hyperparameters)]


def _from_folder(folder: Path, algorithm: str | None, environment: str | None) -> tuple[Setting, list[Found]]:
    runs = [
        run
        for path in sorted(folder.rglob("config.yml"))
        if (run := _run(path)) is not None
        and run[1].algorithm in (algorithm, run[1].algorithm if algorithm is None else None)
        and run[1].environment in (environment, run[1].environment if environment is None else None)
    ]
    if not runs:
        wanted = " ".join(filter(None, (algorithm, environment)))
        raise SpecError(f"{folder}: holds no config.yml of a training of RL Zoo{wanted and f' of {wanted}'}.")
    first = runs[0][1]
    for name, setting, _, _ in runs[1:]:
        if setting != dataclasses.replace(first, n_envs=setting.n_envs):
            raise SpecError(
                f"{folder}: {runs[0][0]} and {name} train different things. Name one `algorithm` and `environment`, or "
                "a folder of runs whose timesteps, policy and environment are the same."
            )
    groups: dict[str, list[tuple[str, dict[str, JsonValue], float | None]]] = {}
    for name, setting, hyperparameters, score in runs:
        own = {} if setting.n_envs == first.n_envs else {"n_envs": setting.n_envs}
        whole: dict[str, JsonValue] = {**hyperparameters, **own}
        groups.setdefault(canonical_json(whole), []).append((name, whole, score))
    return first, [_group(group) for group in groups.values()]


def _group(runs: Sequence[tuple[str, dict[str, JsonValue], float | None]]) -> Found:
    scores = [score for _, _, score in runs if score is not None]
    name, hyperparameters, _ = runs[0]
    return Found(
        name=name, hyperparameters=hyperparameters, score=statistics.fmean(scores) if scores else None
    )


def _run(path: Path) -> tuple[str, Setting, dict[str, JsonValue], float | None] | None:
    """Return name, setting, configuration and last score of a training, given its `config.yml`."""
    arguments = path.with_name("args.yml")
    if not arguments.is_file():
        return None
    said = read_yaml(arguments)
    setting, hyperparameters = entry(str(said.get("algo")), str(said.get("env")), read_yaml(path))
    timesteps = said.get("n_timesteps")
    if isinstance(timesteps, int) and timesteps > 0:
        setting = dataclasses.replace(setting, timesteps=timesteps)
    folder = path.parent.parent
    return folder.name, setting, hyperparameters, _last_score(folder / "evaluations.npz")


def _last_score(path: Path) -> float | None:
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            score = float(np.mean(file["results"][-1]))
    except Exception as error:  # zip, NumPy and the header of an array each have their own
        raise SpecError(f"{path}: is no evaluations.npz of Stable-Baselines3 ({reason(error)}).") from None
    return score if np.isfinite(score) else None


def to_yaml(training: Sb3Training, hyperparameters: Mapping[str, JsonValue]) -> str:
    """Return a configuration as YAML that RL Zoo trains: `python -m rl_zoo3.train -conf file.yml`.

    Raises
    ------
    SpecError
        If RL Zoo cannot do what the study does.
    """
    environment, algorithm = training.environment, algorithm_of(training.algorithm.name)
    if environment.engine != "gymnasium":
        raise SpecError(f"environment.engine = {environment.engine!r}: RL Zoo trains with gymnasium only.")
    values = dict(hyperparameters)
    document: dict[str, Any] = {
        "n_envs": values.pop("n_envs", environment.n_envs),
        "n_timesteps": float(training.timesteps(values)),
        "policy": training.algorithm.policy,
        **_environment(environment),
    }
    policy = {name: values.pop(name) for name in list(values) if name in algorithm.policy}
    if policy:
        document["policy_kwargs"] = f"dict({', '.join(f'{k}={_python(k, v)}' for k, v in policy.items())})"
    values.pop(TOTAL_TIMESTEPS, None)
    document |= values
    return str(yaml.safe_dump({environment.id: document}, sort_keys=False))


def _python(name: str, value: JsonValue) -> str:
    return f"nn.{ACTIVATIONS[str(value)]}" if name == "activation_fn" else repr(value)


def _environment(environment: EnvironmentSpec) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if (norm := environment.normalization) is not None:
        document["normalize"] = f"dict(norm_obs={norm.observations}, norm_reward={norm.rewards})"
    if environment.n_stack > 1:
        document["frame_stack"] = environment.n_stack
    if environment.kwargs:
        document["env_kwargs"] = dict(environment.kwargs)
    wrappers = [{w.entry_point.replace(":", "."): dict(w.kwargs)} for w in environment.wrappers]
    if environment.atari is not None:
        wrappers = [{_ATARI_WRAPPER: dataclasses.asdict(environment.atari)}, *wrappers]
    if wrappers:
        document["env_wrapper"] = [one if next(iter(one.values())) else next(iter(one)) for one in wrappers]
    return document
