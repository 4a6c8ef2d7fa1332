"""Which runs are trained together."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import JsonValue

from robusttune.declaration.algorithms import ALGORITHMS, Lockstep, algorithm_of
from robusttune.declaration.ids import canonical_json
from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.base import TrainerSpec
from robusttune.declaration.training.sb3 import Sb3Training

_STACKABLE_OPTIMISER_ARGUMENTS = {"eps", "betas"}
MAX_GROUP = 20  # beyond it the cost per run hardly falls, while a crash costs more
_MOST_IMAGES = 65_536  # in the rollouts of a group; of Atari's, four frames each, these are 1.8 GB


def group_runs(
    specs: Sequence[RunSpec], *, n_workers: int, trainer: TrainerSpec, largest: int = MAX_GROUP
) -> list[tuple[RunSpec, ...]]:
    """Return the runs in groups that a trainer can train at once, in the order of their first runs.

    Parameters
    ----------
    specs : sequence of RunSpec
        Runs to be made.
    n_workers : int
        Groups are made small enough that all workers have one, if there are runs enough.
    trainer : TrainerSpec
        Who trains them.
    largest : int
        How many of them a group holds at most.

    Notes
    -----
    A run's result does not depend on its group; only the time does.
    """
    alike: dict[str, list[RunSpec]] = {}
    for spec in specs:
        alike.setdefault(group_key(spec, trainer), []).append(spec)
    groups = []
    for members in alike.values():
        fitting = fitting_trainer(members, trainer)
        fitted = min(largest, _most_that_fit(members)) if fitting.together else largest
        size = group_size(len(members), n_workers=n_workers, trainer=fitting, largest=fitted)
        n_groups = math.ceil(len(members) / size)
        # Dealt out in turn: if the stage is cut off, every configuration has about as many seeds.
        groups += [tuple(members[first::n_groups]) for first in range(n_groups)]
    turn = {spec.run_id: i for i, spec in enumerate(specs)}
    return sorted(groups, key=lambda group: turn[group[0].run_id])


def group_size(n_runs: int, *, n_workers: int, trainer: TrainerSpec, largest: int = MAX_GROUP) -> int:
    """Return how many of some runs that can train together do so; see `group_runs`."""
    return min(largest, math.ceil(n_runs / n_workers)) if trainer.together else 1


def _most_that_fit(members: Sequence[RunSpec]) -> int:
    """Return how many of some runs that can train together have room for their rollouts, if these are of images."""
    training = members[0].training
    if not isinstance(training, Sb3Training) or training.algorithm.policy != "CnnPolicy":
        return MAX_GROUP
    entry = algorithm_of(training.algorithm.name)
    lengths: list[Any] = [one.hyperparameters.get(entry.steps_name, entry.steps) for one in members]
    n_images: int = max(
        length * training.n_envs(one.hyperparameters) for length, one in zip(lengths, members, strict=True)
    )
    return max(1, _MOST_IMAGES // n_images)


def fitting_trainer(specs: Sequence[RunSpec], trainer: TrainerSpec) -> TrainerSpec:
    """Return the trainer, or the reference where the configuration of a run is none that it can stack."""
    training = specs[0].training
    if trainer.name != "lockstep" or not isinstance(training, Sb3Training):
        return trainer
    algorithm = training.algorithm
    reasons = (
        why_not_stackable(algorithm.name, algorithm.policy, one.hyperparameters.items()) for one in specs
    )
    return trainer if all(reason is None for reason in reasons) else training.TRAINERS[0]


def group_key(spec: RunSpec, trainer: TrainerSpec) -> str:
    """Return a text that is equal for runs which can share a group."""
    document = json.loads(spec.to_json())
    del document["seed"], document["evaluation_seed"]
    free: tuple[str, ...] = ()
    if trainer.name == "lockstep" and isinstance(spec.training, Sb3Training):
        lockstep = algorithm_of(spec.training.algorithm.name).lockstep
        free = () if lockstep is None else lockstep.free
    fixed = {name: value for name, value in spec.hyperparameters.items() if name not in free}
    return canonical_json({**document, "hyperparameters": fixed})


def why_not_stackable(algorithm: str, policy: str, values: Iterable[tuple[str, JsonValue]]) -> str | None:
    """Return None if runs with these hyperparameters can be stacked, else the reason why not, as a sentence.

    Parameters
    ----------
    algorithm : str
        Its name in study files.
    policy : str
        Stable-Baselines3's policy name.
    values : iterable of (str, JsonValue)
        Hyperparameters; a name may come several times, with each value that it can have.
    """
    lockstep = algorithm_of(algorithm).lockstep
    if lockstep is None:
        known = [name for name, entry in ALGORITHMS.items() if entry.lockstep is not None]
        return f"Lockstep training knows {', '.join(known)}, not {algorithm}."
    if policy not in lockstep.policies:
        return (
            f"Of {algorithm}'s policies only {' and '.join(lockstep.policies)} can be stacked, not {policy}."
        )
    reasons = (_value_reason(algorithm, lockstep, name, value) for name, value in values)
    return next((reason for reason in reasons if reason is not None), None)


def _value_reason(algorithm: str, lockstep: Lockstep, name: str, value: JsonValue) -> str | None:
    if name in lockstep.only and value != lockstep.only[name]:
        return f"{name} = {value!r} cannot be stacked, only {name} = {lockstep.only[name]!r}."
    if name == "optimizer_kwargs" and isinstance(value, dict) and set(value) - _STACKABLE_OPTIMISER_ARGUMENTS:
        return f"The optimiser arguments {', '.join(value)} cannot be stacked."
    if name in algorithm_of(algorithm).policy and name not in lockstep.policy:
        return f"A policy with {name} cannot be stacked."
    if name == "noise_type" and value == "ornstein-uhlenbeck":
        return "Ornstein-Uhlenbeck noise cannot be stacked."
    if name == "train_freq" and isinstance(value, list) and value[1:] == ["episode"]:
        return (
            "Updates per episode (train_freq) cannot be stacked: episodes of members end at different times."
        )
    return None
