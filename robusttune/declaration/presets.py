"""Named search spaces."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.space import Categorical, Float, Int, Parameter
from robusttune.errors import SpecError

_TUTORIAL_PPO: Mapping[str, Parameter] = {
    # "Automatic Hyperparameter Tuning – In Practice (Part 2)", PPO on Pendulum-v1.
    "n_steps": Int(low=2**5, high=2**12, scale="pow2"),
    "gamma": Float(low=0.97, high=0.9999),
    "learning_rate": Float(low=3e-5, high=3e-3, scale="log"),
    "activation_fn": Categorical(choices=("tanh", "relu")),
}

_ZOO_SHARED: Mapping[str, Parameter] = {
    # rl_zoo3 2.9.2, hyperparams_opt.py; its one_minus_gamma 1e-4 … 0.03 is gamma on the log1m scale.
    "learning_rate": Float(low=1e-5, high=2e-3, scale="log"),
    "gamma": Float(low=0.97, high=0.9999, scale="log1m"),
    "gae_lambda": Float(low=0.9, high=0.9999, scale="log1m"),
    "ent_coef": Float(low=1e-8, high=0.1, scale="log"),
    "max_grad_norm": Float(low=0.3, high=2.0),
    "activation_fn": Categorical(choices=("tanh", "relu")),
}

_ZOO_TINY: JsonValue = {"pi": [64], "vf": [64]}
_ZOO_SMALL: JsonValue = [64, 64]
_ZOO_MEDIUM: JsonValue = [256, 256]

_PRESETS: Mapping[tuple[str, str], Mapping[str, Parameter]] = {
    ("tutorial", "ppo"): _TUTORIAL_PPO,
    ("rl-zoo", "ppo"): {
        **_ZOO_SHARED,
        "batch_size": Int(low=2**2, high=2**10, scale="pow2"),
        "n_steps": Int(low=2**5, high=2**12, scale="pow2"),
        "clip_range": Categorical(choices=(0.1, 0.2, 0.3, 0.4)),
        "n_epochs": Categorical(choices=(1, 5, 10, 20)),
        "net_arch": Categorical(choices=(_ZOO_TINY, _ZOO_SMALL, _ZOO_MEDIUM)),
    },
    ("rl-zoo", "a2c"): {
        **_ZOO_SHARED,
        "n_steps": Categorical(choices=(32, 64, 128, 256, 512, 1024, 2048)),
        "net_arch": Categorical(choices=(_ZOO_SMALL, _ZOO_MEDIUM)),
    },
}

PRESET_NAMES = tuple(dict.fromkeys(name for name, _ in _PRESETS))


def presets_for(algorithm: str) -> tuple[str, ...]:
    """Return the names of the spaces that an algorithm has."""
    return tuple(name for name, of in _PRESETS if of == algorithm)


def preset(name: str, algorithm: str) -> dict[str, Parameter]:
    """Return the parameters of a named search space.

    Raises
    ------
    SpecError
        If there is no such preset, or none of that name for the algorithm.
    """
    if name not in PRESET_NAMES:
        raise SpecError(
            f"search_space.preset = {name!r}: must be one of {', '.join(PRESET_NAMES)}"
            f"{did_you_mean(name, PRESET_NAMES)}."
        )
    if (name, algorithm) not in _PRESETS:
        having = ", ".join(a for n, a in _PRESETS if n == name)
        raise SpecError(
            f"search_space.preset = {name!r}: exists for {having}, not for {algorithm}. "
            "Write the ranges under [search_space.parameters] instead."
        )
    return dict(_PRESETS[name, algorithm])
