"""Rules between the hyperparameters of a study and the algorithm of Stable-Baselines3 that is trained."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from robusttune.declaration.algorithms import Algorithm, algorithm_of, is_import_path, loaded
from robusttune.declaration.algorithms.base import REPLAY
from robusttune.declaration.hyperparameters import N_ENVS, TOTAL_TIMESTEPS, check_hyperparameters, check_names
from robusttune.declaration.post_evaluation import Control
from robusttune.declaration.space import Categorical, SearchSpace, bounds, points
from robusttune.errors import SpecError

if TYPE_CHECKING:
    from robusttune.declaration.training.sb3 import Sb3Training


def check_sb3(
    algorithm: Algorithm, training: Sb3Training, space: SearchSpace, controls: Sequence[Control]
) -> None:
    """Raise `SpecError` at the first rule that is broken."""
    _check_known(algorithm, training, space, controls)
    _check_goals(training, space, controls)
    _check_batches(algorithm, training, space, controls)
    _check_episodes(training, space, controls)
    _check_exact(training, space, controls)
    _check_environment(training)
    _check_whole_episodes(algorithm, training, space, controls)


def _check_known(
    algorithm: Algorithm, training: Sb3Training, space: SearchSpace, controls: Sequence[Control]
) -> None:
    """Every hyperparameter and every value must be one of the algorithm's."""
    check_hyperparameters(algorithm, training.hyperparameters, where="algorithm.hyperparameters")
    check_names(algorithm, space.parameters, where="search_space.parameters")
    for where, names in (
        ("algorithm.hyperparameters", training.hyperparameters),
        ("search_space", space.parameters),
    ):
        if TOTAL_TIMESTEPS in names:
            raise SpecError(
                f"{where}.{TOTAL_TIMESTEPS}: only a control or a configuration found elsewhere may have a length of "
                "its own. Set algorithm.total_timesteps."
            )
    for key, parameter in space.parameters.items():
        if isinstance(parameter, Categorical):
            for choice in parameter.choices:
                check_hyperparameters(algorithm, {key: choice}, where="search_space.parameters")
    for control in controls:
        check_hyperparameters(algorithm, control.hyperparameters, where=control.where)


def _check_goals(training: Sb3Training, space: SearchSpace, controls: Sequence[Control]) -> None:
    """What describes a replay buffer for goals needs one."""
    studys = {**training.hyperparameters, **space.parameters}
    for where, names in (("algorithm", studys), *((one.where, one.hyperparameters) for one in controls)):
        own = [name for name in REPLAY if name in names]
        if own and REPLAY[0] not in own:
            raise SpecError(
                f"{where}: {own[0]} describes the replay buffer of hindsight experience replay, which is not asked "
                'for. Add replay_buffer = "her", with policy = "MultiInputPolicy".'
            )


def _check_batches(
    algorithm: Algorithm, training: Sb3Training, space: SearchSpace, controls: Sequence[Control]
) -> None:
    """Where minibatches are cut from a rollout, a batch size that is above every rollout cannot be meant."""
    default_n_steps, default_batch_size = algorithm.steps, algorithm.batch_size
    if default_batch_size is None:
        return
    _, most = _range(training, space, N_ENVS, training.environment.n_envs)
    lowest, _ = _range(training, space, "batch_size", default_batch_size)
    _, longest = _range(training, space, "n_steps", default_n_steps)
    if "batch_size" in {*training.hyperparameters, *space.parameters}:
        _check_batch("batch_size", lowest, longest, int(most))
    for control in controls:
        batch_size = control.hyperparameters.get("batch_size")
        n_steps = control.hyperparameters.get("n_steps", default_n_steps)
        if isinstance(batch_size, int) and isinstance(n_steps, int):
            own = training.n_envs(control.hyperparameters)
            _check_batch(f"{control.where}.batch_size", batch_size, n_steps, own)


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
    """Stable-Baselines3 counts episodes in one environment only, and then ends where an episode does."""
    n_envs, exact = max(_all_n_envs(training, space, controls)), training.algorithm.exact_timesteps
    if n_envs == 1 and not exact:
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
            if exact:
                raise SpecError(
                    f"{where}.train_freq = {value}: counting in episodes ends training where an episode ends, which "
                    "algorithm.exact_timesteps = true does not allow. Count in steps, or leave exact_timesteps out."
                )
            raise SpecError(
                f"{where}.train_freq = {value}: counting in episodes needs environment.n_envs = 1, but got {n_envs}. "
                "Count in steps, or use one environment."
            )


def _check_exact(training: Sb3Training, space: SearchSpace, controls: Sequence[Control]) -> None:
    """All environments step together, so that only their multiples can be reached."""
    total = training.algorithm.total_timesteps
    wanted = [(total, n_envs) for n_envs in _all_n_envs(training, space, controls)]
    wanted += [(training.timesteps(c.hyperparameters), training.n_envs(c.hyperparameters)) for c in controls]
    for total, n_envs in wanted:
        if training.algorithm.exact_timesteps and total % n_envs:
            raise SpecError(
                f"algorithm.exact_timesteps = true: total_timesteps = {total} must be a multiple of n_envs = "
                f"{n_envs}. Write {-(-total // n_envs) * n_envs}."
            )


def _all_n_envs(training: Sb3Training, space: SearchSpace, controls: Sequence[Control]) -> set[int]:
    """Return the numbers of environments that configurations of the study can have."""
    searched = space.parameters.get(N_ENVS)
    values = [training.hyperparameters.get(N_ENVS)] if searched is None else list(points(searched))
    found = [training.n_envs({N_ENVS: value}) for value in values]
    return {*found, *(training.n_envs(control.hyperparameters) for control in controls)}


def _check_environment(training: Sb3Training) -> None:
    """Raise if what is declared of the environment does not go together."""
    environment, policy = training.environment, training.algorithm.policy
    if environment.atari is not None and policy == "MlpPolicy":
        raise SpecError(
            "environment.atari: the agent sees images, but got algorithm.policy = 'MlpPolicy'. "
            "Use policy = 'CnnPolicy'."
        )
    if environment.engine == "gymnasium":
        return
    where = f"environment.engine = {environment.engine!r}"
    if environment.wrappers:
        raise SpecError(
            f"{where}: a batch cannot be wrapped one by one, but got environment.wrappers. Use engine = 'gymnasium'."
        )
    if environment.vec_env != "dummy":
        raise SpecError(
            f"{where}: steps all environments at once, but got environment.vec_env = {environment.vec_env!r}. "
            "Remove one of the two."
        )


def _check_whole_episodes(
    algorithm: Algorithm, training: Sb3Training, space: SearchSpace, controls: Sequence[Control]
) -> None:
    """What trains whole episodes counts their steps right in one environment, and ends where an episode does."""
    if not algorithm.in_episodes:
        return
    n_envs = max(_all_n_envs(training, space, controls))
    if n_envs != 1:
        raise SpecError(
            f"environment.n_envs = {n_envs}: {algorithm.name} tries its policies in whole "
            "episodes, and with several environments it counts steps that it has not taken. Use n_envs = 1."
        )
    if training.algorithm.exact_timesteps:
        raise SpecError(
            f"algorithm.exact_timesteps = true: {algorithm.name} trains whole episodes, so that no number of timesteps "
            "can be met exactly. Leave exact_timesteps out."
        )


def budgets(
    training: Sb3Training, space: SearchSpace, others: Sequence[Mapping[str, JsonValue]]
) -> tuple[int, int]:
    """Return the fewest and the most timesteps that a run of the study trains.

    Whole rollouts are collected, of `n_steps` (or `train_freq`) steps in each environment; what is counted in episodes
    is taken as asked for.
    """
    wanted = training.algorithm
    algorithm = loaded(wanted.name) if is_import_path(wanted.name) else algorithm_of(wanted.name)
    total, name = wanted.total_timesteps, algorithm.steps_name
    if algorithm.in_episodes or wanted.exact_timesteps:
        return total, total
    parameter = space.parameters.get(name)
    values = [training.hyperparameters.get(name, algorithm.steps)] if parameter is None else points(parameter)
    found = {
        _budget(total, value, n_envs)
        for value, n_envs in itertools.product(values, _all_n_envs(training, space, ()))
    }
    found |= {_budget(total, other.get(name, algorithm.steps), training.n_envs(other)) for other in others}
    return min(found), max(found)


def _budget(total: int, steps: object, n_envs: int) -> int:
    """Return the timesteps of whole rollouts that reach `total`; `steps` may be written `[4, "step"]`."""
    if isinstance(steps, list) and steps[1:] == ["step"]:
        steps = steps[0]
    rollout = steps * n_envs if isinstance(steps, int) and steps > 0 else 1
    return -(-total // rollout) * rollout
