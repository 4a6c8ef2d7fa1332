"""Rules that hold between the parts of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.hyperparameters import check_hyperparameters, check_names
from robusttune.declaration.space import Categorical, bounds, n_grid_points
from robusttune.declaration.synthetic import gain, synthetic_of
from robusttune.errors import SpecError
from robusttune.seeds import MAX_RUNS

if TYPE_CHECKING:
    from robusttune.declaration.study import StudySpec


def check_consistency(study: StudySpec) -> None:
    """Raise `SpecError` at the first rule between parts of the study that is broken."""
    _check_configurations(study)
    _check_pruning(study)
    _check_seeds(study)
    _check_batches(study)
    _check_grid(study)
    _check_allocation(study)
    _check_synthetic(study)
    _check_episodes(study)


def _check_configurations(study: StudySpec) -> None:
    if study.algorithm.trainer != "tabular":  # whatever the columns of a table are called
        _check_known(study)
    fixed, space = study.algorithm.hyperparameters, study.search_space.parameters
    for key in space:
        if key in fixed:
            raise SpecError(
                f"{key} is both fixed (algorithm.hyperparameters) and searched (search_space.parameters): "
                "remove one of them."
            )


def _check_known(study: StudySpec) -> None:
    """Every hyperparameter and every value must be one of the algorithm's."""
    name, space = study.algorithm.name, study.search_space.parameters
    check_hyperparameters(name, study.algorithm.hyperparameters, where="algorithm.hyperparameters")
    check_names(name, space, where="search_space.parameters")
    for key, parameter in space.items():
        if isinstance(parameter, Categorical):
            for choice in parameter.choices:
                check_hyperparameters(name, {key: choice}, where="search_space.parameters")
    for control in study.post_evaluation.controls:
        check_hyperparameters(
            name, control.hyperparameters, where=f"post_evaluation.controls[{control.name!r}].hyperparameters"
        )


def _check_pruning(study: StudySpec) -> None:
    tuning, every = study.tuning, study.evaluation.every
    if every is not None and every > study.algorithm.total_timesteps:
        raise SpecError(
            f"evaluation.every = {every}: must not exceed algorithm.total_timesteps = "
            f"{study.algorithm.total_timesteps}; leave it out to evaluate after training only."
        )
    has_steps = tuning.seeds_per_trial > 1 or (every is not None and every < study.algorithm.total_timesteps)
    if tuning.pruner != "none" and not has_steps:
        raise SpecError(
            f"tuning.pruner = {tuning.pruner!r}: a pruner needs intermediate values, but there is one seed per trial "
            f"and evaluation.every = {every} gives none before the end. "
            "Set evaluation.every below algorithm.total_timesteps, or pruner = 'none'."
        )


def _check_seeds(study: StudySpec) -> None:
    """Every trial has seeds of its own, whether it comes to need them or not."""
    tuning, n_trials = study.tuning, study.n_trials
    n_each = tuning.max_seeds_per_trial
    if tuning.seeds == "common" or n_trials is None or n_trials * n_each <= MAX_RUNS:
        return
    key = "seeds_per_trial" if tuning.incumbent_seeds is None else "incumbent_seeds"
    raise SpecError(
        f"tuning.n_trials * tuning.{key} = {n_trials} * {n_each} = {n_trials * n_each}: must not exceed {MAX_RUNS}, "
        "the seeds of a stage. Lower one of them, or set tuning.seeds = 'common'."
    )


def _check_batches(study: StudySpec) -> None:
    """Where minibatches are cut from a rollout, a batch size that is above every rollout cannot be meant."""
    rollout = ALGORITHMS[study.algorithm.name].rollout
    if rollout is None:
        return
    default_n_steps, default_batch_size = rollout
    n_envs = study.environment.n_envs
    lowest, _ = _range(study, "batch_size", default_batch_size)
    _, longest = _range(study, "n_steps", default_n_steps)
    searched_or_fixed = "batch_size" in {*study.algorithm.hyperparameters, *study.search_space.parameters}
    if searched_or_fixed:
        _check_batch("batch_size", lowest, longest, n_envs)
    for control in study.post_evaluation.controls:
        batch_size = control.hyperparameters.get("batch_size")
        n_steps = control.hyperparameters.get("n_steps", default_n_steps)
        if isinstance(batch_size, int) and isinstance(n_steps, int):
            where = f"post_evaluation.controls[{control.name!r}].hyperparameters.batch_size"
            _check_batch(where, batch_size, n_steps, n_envs)


def _check_batch(where: str, batch_size: float, n_steps: float, n_envs: int) -> None:
    if batch_size > n_steps * n_envs:
        raise SpecError(
            f"{where} = {batch_size}: must not exceed the rollout it is cut from, n_steps * n_envs = "
            f"{n_steps} * {n_envs} = {n_steps * n_envs}. Lower batch_size, or raise n_steps."
        )


def _range(study: StudySpec, name: str, default: float) -> tuple[float, float]:
    """Return the lowest and highest value that a hyperparameter can have in the study."""
    if name in study.search_space.parameters:
        return bounds(study.search_space.parameters[name]) or (default, default)
    value = study.algorithm.hyperparameters.get(name, default)
    return (value, value) if isinstance(value, int | float) else (default, default)


def _check_grid(study: StudySpec) -> None:
    if study.tuning.sampler != "grid":
        return
    for name, parameter in study.search_space.parameters.items():
        if n_grid_points(parameter) is None:
            raise SpecError(
                f"tuning.sampler = 'grid': search_space.parameters.{name} is continuous. "
                "Give it a `step`, or list its values as choices of type = 'categorical'."
            )


def _check_allocation(study: StudySpec) -> None:
    post = study.post_evaluation
    post.allocation.check_limits(study.n_candidates, post.n_seeds)


def _check_synthetic(study: StudySpec) -> None:
    """Every effect must be readable off every value that a configuration may hold; of a range, off its ends."""
    if study.algorithm.trainer != "synthetic":
        return
    effects = synthetic_of(study.environment).effects
    check_names(study.algorithm.name, effects, where="synthetic.effects")
    for name, effect in effects.items():
        values = [
            table[name]
            for table in (
                study.algorithm.hyperparameters,
                *(c.hyperparameters for c in study.post_evaluation.controls),
            )
            if name in table
        ]
        if name in study.search_space.parameters:
            parameter = study.search_space.parameters[name]
            values += parameter.choices if isinstance(parameter, Categorical) else bounds(parameter) or ()
        for value in values:
            gain(name, effect, value)


def _check_episodes(study: StudySpec) -> None:
    """Stable-Baselines3 counts episodes in one environment only."""
    if study.environment.n_envs == 1:
        return
    fixed = [("algorithm.hyperparameters", study.algorithm.hyperparameters.get("train_freq"))]
    searched = study.search_space.parameters.get("train_freq")
    choices = searched.choices if isinstance(searched, Categorical) else ()
    fixed += [("search_space.parameters", choice) for choice in choices]
    for control in study.post_evaluation.controls:
        place = f"post_evaluation.controls[{control.name!r}].hyperparameters"
        fixed.append((place, control.hyperparameters.get("train_freq")))
    for where, value in fixed:
        if isinstance(value, list) and value[1:] == ["episode"]:
            raise SpecError(
                f"{where}.train_freq = {value}: counting in episodes needs environment.n_envs = 1, but got "
                f"{study.environment.n_envs}. Count in steps, or use one environment."
            )
