"""Rules between the hyperparameters of a study and the algorithm of Stable-Baselines3 that is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.hyperparameters import check_hyperparameters, check_names
from robusttune.declaration.post_evaluation import Control
from robusttune.declaration.space import Categorical, SearchSpace, bounds
from robusttune.errors import SpecError

if TYPE_CHECKING:
    from robusttune.declaration.training.sb3 import Sb3Training


def check_sb3(training: Sb3Training, space: SearchSpace, controls: Sequence[Control]) -> None:
    """Raise `SpecError` at the first rule that is broken."""
    _check_known(training.algorithm.name, training, space, controls)
    _check_batches(training, space, controls)
    _check_episodes(training, space, controls)


def _check_known(name: str, training: Sb3Training, space: SearchSpace, controls: Sequence[Control]) -> None:
    """Every hyperparameter and every value must be one of the algorithm's."""
    check_hyperparameters(name, training.hyperparameters, where="algorithm.hyperparameters")
    check_names(name, space.parameters, where="search_space.parameters")
    for key, parameter in space.parameters.items():
        if isinstance(parameter, Categorical):
            for choice in parameter.choices:
                check_hyperparameters(name, {key: choice}, where="search_space.parameters")
    for control in controls:
        check_hyperparameters(name, control.hyperparameters, where=control.where)


def _check_batches(training: Sb3Training, space: SearchSpace, controls: Sequence[Control]) -> None:
    """Where minibatches are cut from a rollout, a batch size that is above every rollout cannot be meant."""
    rollout = ALGORITHMS[training.algorithm.name].rollout
    if rollout is None:
        return
    default_n_steps, default_batch_size = rollout
    n_envs = training.environment.n_envs
    lowest, _ = _range(training, space, "batch_size", default_batch_size)
    _, longest = _range(training, space, "n_steps", default_n_steps)
    if "batch_size" in {*training.hyperparameters, *space.parameters}:
        _check_batch("batch_size", lowest, longest, n_envs)
    for control in controls:
        batch_size = control.hyperparameters.get("batch_size")
        n_steps = control.hyperparameters.get("n_steps", default_n_steps)
        if isinstance(batch_size, int) and isinstance(n_steps, int):
            _check_batch(f"{control.where}.batch_size", batch_size, n_steps, n_envs)


def _check_batch(where: str, batch_size: float, n_steps: float, n_envs: int) -> None:
    if batch_size > n_steps * n_envs:
        raise SpecError(
            f"{where} = {batch_size}: must not exceed the rollout it is cut from, n_steps * n_envs = "
            f"{n_steps} * {n_envs} = {n_steps * n_envs}. Lower batch_size, or raise n_steps."
        )


def _range(training: Sb3Training, space: SearchSpace, name: str, default: float) -> tuple[float, float]:
    """Return the lowest and highest value that a hyperparameter can have in the study."""
    if name in space.parameters:
        return bounds(space.parameters[name]) or (default, default)
    value = training.hyperparameters.get(name, default)
    return (value, value) if isinstance(value, int | float) else (default, default)


def _check_episodes(training: Sb3Training, space: SearchSpace, controls: Sequence[Control]) -> None:
    """Stable-Baselines3 counts episodes in one environment only."""
    n_envs = training.environment.n_envs
    if n_envs == 1:
        return
    searched = space.parameters.get("train_freq")
    choices = searched.choices if isinstance(searched, Categorical) else ()
    values = [
        ("algorithm.hyperparameters", training.hyperparameters.get("train_freq")),
        *(("search_space.parameters", choice) for choice in choices),
        *((control.where, control.hyperparameters.get("train_freq")) for control in controls),
    ]
    for where, value in values:
        if isinstance(value, list) and value[1:] == ["episode"]:
            raise SpecError(
                f"{where}.train_freq = {value}: counting in episodes needs environment.n_envs = 1, but got {n_envs}. "
                "Count in steps, or use one environment."
            )
