"""Which runs are trained together."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from robusttune.declaration.algorithms import algorithm_of
from robusttune.declaration.ids import canonical_json
from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.base import TrainerSpec
from robusttune.declaration.training.sb3 import Sb3Training

MAX_GROUP = 20  # beyond it the cost per run hardly falls, while a crash costs more


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
        size = min(largest, math.ceil(len(members) / n_workers)) if trainer.together else 1
        n_groups = math.ceil(len(members) / size)
        # Dealt out in turn: if the stage is cut off, every configuration has about as many seeds.
        groups += [tuple(members[first::n_groups]) for first in range(n_groups)]
    turn = {spec.run_id: i for i, spec in enumerate(specs)}
    return sorted(groups, key=lambda group: turn[group[0].run_id])


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
