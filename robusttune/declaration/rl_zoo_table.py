"""RL Zoo's tuned hyperparameters as a control: `controls = ["rl-zoo"]`."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.hyperparameters import N_ENVS, feasible
from robusttune.declaration.messages import did_you_mean
from robusttune.errors import SpecError

RL_ZOO = "rl-zoo"


@functools.cache
def table() -> dict[str, Any]:
    """Return algorithm → environment → what RL Zoo tuned for it; `source` says from which version."""
    text = resources.files("robusttune.declaration").joinpath("rl_zoo_table.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def tuned(algorithm: str, environment: str) -> Mapping[str, Any] | None:
    """Return `hyperparameters`, `n_envs`, `timesteps` and perhaps tables of `environment`; None if there are none."""
    found: Mapping[str, Any] | None = table().get(algorithm, {}).get(environment)
    return found


def tuned_control(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the control of a study's document that is RL Zoo's configuration for its algorithm and environment.

    Raises
    ------
    SpecError
        If there is none, or it was tuned with an environment that is wrapped or normalised otherwise.
    """
    environment, algorithm = document.get("environment"), document.get("algorithm")
    if not isinstance(environment, Mapping) or not isinstance(algorithm, Mapping):
        raise SpecError(f"post_evaluation.controls: {RL_ZOO!r} needs [environment] and [algorithm].")
    name, acted_in = str(algorithm.get("name")), str(environment.get("id"))
    found = tuned(name, acted_in)
    if found is None:
        known = table().get(name, {})
        raise SpecError(
            f"post_evaluation.controls: {RL_ZOO!r} has no hyperparameters of {name} for {acted_in}"
            f"{did_you_mean(acted_in, known)}. It has {', '.join(known) or 'none of that algorithm'}."
        )
    own = found.get("environment", {})
    for key in ("normalization", "wrappers", "frame_stack"):
        wanted, got = own.get(key), environment.get(key)
        defaults = {"observations": True, "rewards": True}
        if key == "normalization" and isinstance(got, Mapping):
            got = {**defaults, **got}
        if wanted != (None if got == [] else got):
            raise SpecError(
                f"post_evaluation.controls: {RL_ZOO!r} was tuned with environment.{key} = {json.dumps(wanted)}, but "
                f"got {json.dumps(got, default=str)}. Set it so, or leave this control out."
            )
    hyperparameters = feasible(ALGORITHMS[name], found["hyperparameters"], n_envs=found["n_envs"])
    if found["n_envs"] != environment.get("n_envs", 1):
        hyperparameters[N_ENVS] = found["n_envs"]
    return {"name": RL_ZOO, "hyperparameters": hyperparameters}
