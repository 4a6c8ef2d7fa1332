"""Which runs are trained together."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.run import RunSpec, canonical_json

MAX_GROUP = 20  # beyond it the cost per run hardly falls, while a crash costs more


def group_runs(specs: Sequence[RunSpec], *, n_workers: int) -> list[tuple[RunSpec, ...]]:
    """Return the runs in groups that a trainer can train at once, in the order of their first runs.

    Parameters
    ----------
    specs : sequence of RunSpec
        Runs to be made.
    n_workers : int
        Groups are made small enough that all workers have one, if there are runs enough.

    Notes
    -----
    A run's result does not depend on its group; only the time does.
    """
    alike: dict[str, list[RunSpec]] = {}
    for spec in specs:
        alike.setdefault(group_key(spec), []).append(spec)
    groups = []
    for members in alike.values():
        largest = 1 if members[0].trainer == "sb3" else min(MAX_GROUP, math.ceil(len(members) / n_workers))
        n_groups = math.ceil(len(members) / largest)
        # Dealt out in turn: if the stage is cut off, every configuration has about as many seeds.
        groups += [tuple(members[place::n_groups]) for place in range(n_groups)]
    place_of = {spec.run_id: place for place, spec in enumerate(specs)}
    return sorted(groups, key=lambda group: place_of[group[0].run_id])


def group_key(spec: RunSpec) -> str:
    """Return a text that is equal for runs which can share a group."""
    document = json.loads(spec.to_json())
    del document["seed"], document["evaluation_seed"]
    lockstep = ALGORITHMS[spec.algorithm].lockstep
    free = lockstep.free if lockstep is not None and spec.trainer == "lockstep" else ()
    fixed = {name: value for name, value in spec.hyperparameters.items() if name not in free}
    return canonical_json({**document, "hyperparameters": fixed})
