"""Which runs the lockstep trainer can train, and which can share a batch. Needs gymnasium, but not torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from pydantic import JsonValue

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.space import Categorical, bounds
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.sb3 import AlgorithmSpec, Sb3Training
from robusttune.errors import SpecError
from robusttune.training.environments import check_environment
from robusttune.training.protocol import Choice

_ANY_ACTIONS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
ACTIONS: Mapping[str, tuple[type[spaces.Space[Any]], ...]] = {
    "ppo": _ANY_ACTIONS,
    "a2c": _ANY_ACTIONS,
    "dqn": (spaces.Discrete,),
    "sac": (spaces.Box,),
    "td3": (spaces.Box,),
    "ddpg": (spaces.Box,),
}

_INITIAL_ONLY = {"ortho_init", "log_std_init"}
FREE: Mapping[str, set[str]] = {
    "ppo": _INITIAL_ONLY
    | {"learning_rate", "gamma", "gae_lambda", "clip_range", "clip_range_vf", "ent_coef", "vf_coef"}
    | {"max_grad_norm", "target_kl"},
    "a2c": _INITIAL_ONLY | {"learning_rate", "gamma", "gae_lambda", "ent_coef", "vf_coef", "max_grad_norm"},
    "dqn": {"learning_rate", "gamma", "tau", "max_grad_norm"}
    | {"exploration_fraction", "exploration_initial_eps", "exploration_final_eps"},
    "sac": {"learning_rate", "gamma", "tau", "target_entropy"},
    "td3": {
        "learning_rate",
        "gamma",
        "tau",
        "target_policy_noise",
        "target_noise_clip",
        "action_noise",
        "noise_std",
    },
    "ddpg": {"learning_rate", "gamma", "tau", "action_noise", "noise_std"},
}
"""Hyperparameters in which the members of one batch may differ: they change no shape and no loop."""

# Name → the only value with which a run can be stacked.
_ONLY: Mapping[str, JsonValue] = {
    "use_sde": False,
    "sde_sample_freq": -1,
    "use_sde_at_warmup": False,
    "optimize_memory_usage": False,
}
# Measured: a trial of one seed takes half as long again, and many seeds gain little, for arithmetic bounds them anyway.
_SLOW_ALONE_ON_CPU = {
    name: f"On a CPU {name} gains little from seeds that train together; execution.trainer = 'lockstep' insists on it."
    for name in ("td3", "ddpg")
}
_STACKABLE_POLICY = {
    "net_arch",
    "activation_fn",
    "ortho_init",
    "log_std_init",
    "n_critics",
    "optimizer_kwargs",
}
_STACKABLE_OPTIMISER_ARGUMENTS = {"eps", "betas", "alpha"}


def check(study: StudySpec) -> Choice:
    """Make the environment once, to see that the algorithm can act in it; return who trains.

    Raises
    ------
    SpecError
        If the environment cannot be made, the algorithm cannot act in it, or the study insists on lockstep and its
        runs cannot be stacked.
    """
    training, wanted = study.training, study.execution.trainer
    assert isinstance(training, Sb3Training)
    spaces_ = check_environment(training.environment, training.algorithm.name)
    if not study.execution.is_open and training.trainer(wanted).name == "sb3":
        return Choice(trainer=training.trainer("sb3"))
    reason = why_not_lockstep(study, *spaces_)
    if reason is not None and not study.execution.is_open:
        raise SpecError(f"execution.trainer = {wanted!r}: {reason} Use trainer = 'sb3' or 'auto'.")
    # Seeds that are pruned at evaluations which they reach together have no choice.
    tuning = study.tuning
    is_free = not (tuning.prunes_seeds and tuning.pruning_steps == "evaluations")
    if reason is None and study.execution.is_open and is_free and training.algorithm.device == "cpu":
        reason = _SLOW_ALONE_ON_CPU.get(training.algorithm.name)
    return Choice(trainer=training.trainer("lockstep" if reason is None else "sb3"), reason=reason)


def why_not_lockstep(
    study: StudySpec, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> str | None:
    """Return None if every run of a study can be stacked, else the reason why not, as a sentence."""
    training = study.training
    assert isinstance(training, Sb3Training)
    algorithm = training.algorithm
    return (
        _algorithm_reason(algorithm)
        or next(filter(None, (_value_reason(algorithm.name, *one) for one in _possible_values(study))), None)
        or observations_reason(observation_space)
        or actions_reason(algorithm.name, action_space)
    )


def _algorithm_reason(algorithm: AlgorithmSpec) -> str | None:
    if algorithm.name not in ACTIONS:
        return f"Lockstep training knows {', '.join(ACTIONS)}, not {algorithm.name}."
    if algorithm.policy != "MlpPolicy":
        return f"Only MlpPolicy can be stacked, not {algorithm.policy}."
    return None


def observations_reason(space: spaces.Space[Any]) -> str | None:
    """Return why observations cannot be stacked, or None."""
    if not isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        return f"Observations of type {type(space).__name__} cannot be stacked."
    if isinstance(space, spaces.Box) and len(space.shape) == 3 and space.dtype == np.uint8:
        return "Image observations cannot be stacked."
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim > 1:
        return "MultiDiscrete observations of several dimensions cannot be stacked."
    return None


def actions_reason(algorithm: str, space: spaces.Space[Any]) -> str | None:
    """Return why actions cannot be stacked, or None."""
    if not isinstance(space, ACTIONS[algorithm]):
        return f"{algorithm} has no stacked form for actions of type {type(space).__name__}."
    if isinstance(space, spaces.Box) and not np.issubdtype(space.dtype, np.floating):
        return f"Box actions must be floats to be stacked, not {space.dtype}."
    if isinstance(space, spaces.MultiBinary) and not isinstance(space.n, int):
        return "MultiBinary actions of several dimensions cannot be stacked."
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim > 1:
        return "MultiDiscrete actions of several dimensions cannot be stacked."
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete) and np.any(space.start):
        return "Discrete actions that do not start at zero cannot be stacked."
    return None


def _possible_values(study: StudySpec) -> Iterable[tuple[str, JsonValue]]:
    """Yield (name, value) of everything that a configuration of the study may hold; of a range, its ends."""
    yield from study.training.hyperparameters.items()
    for control in study.post_evaluation.controls:
        yield from control.hyperparameters.items()
    for name, parameter in study.search_space.parameters.items():
        values = parameter.choices if isinstance(parameter, Categorical) else bounds(parameter) or ()
        yield from ((name, value) for value in values)


def _value_reason(algorithm: str, name: str, value: JsonValue) -> str | None:
    if name in _ONLY and value != _ONLY[name]:
        return f"{name} = {value!r} cannot be stacked."
    if name == "optimizer_kwargs" and isinstance(value, dict) and set(value) - _STACKABLE_OPTIMISER_ARGUMENTS:
        return f"The optimiser arguments {', '.join(value)} cannot be stacked."
    if name in ALGORITHMS[algorithm].policy and name not in _STACKABLE_POLICY:
        return f"A policy with {name} cannot be stacked."
    if name == "noise_type" and value == "ornstein-uhlenbeck":
        return "Ornstein-Uhlenbeck noise cannot be stacked."
    if not ALGORITHMS[algorithm].on_policy and name == "n_steps" and value != 1:
        return "Off-policy returns over several steps (n_steps) cannot be stacked."
    if name == "train_freq" and isinstance(value, list) and value[1:] == ["episode"]:
        return (
            "Updates per episode (train_freq) cannot be stacked: episodes of members end at different times."
        )
    return None
