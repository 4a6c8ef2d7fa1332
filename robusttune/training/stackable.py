"""Which runs the lockstep trainer can train, and which can share a batch. Needs gymnasium, but not torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from gymnasium import spaces
from pydantic import JsonValue

from robusttune.declaration.algorithms import loaded
from robusttune.declaration.space import Categorical, bounds
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.environment import EnvironmentSpec
from robusttune.declaration.training.sb3 import Sb3Training
from robusttune.errors import SpecError
from robusttune.training.environments import acts_in, check_environment
from robusttune.training.groups import why_not_stackable
from robusttune.training.interfaces import Choice


def check(study: StudySpec) -> Choice:
    """Make the environment once, to see that the algorithm can act in it; return who trains.

    Raises
    ------
    SpecError
        If the algorithm's package is missing, its class cannot be imported or has no such hyperparameters, the
        environment cannot be made, the algorithm cannot act in it, or the study asks for lockstep and its runs cannot
        be stacked.
    """
    training, wanted = study.training, study.execution.trainer
    assert isinstance(training, Sb3Training)
    algorithm = loaded(training.algorithm.name)
    training.check(study.search_space, study.post_evaluation.controls, algorithm=algorithm)
    spaces_ = check_environment(training.environment, training.algorithm.name)
    if not study.execution.is_open and training.trainer(wanted).name == "sb3":
        return Choice(trainer=training.trainer("sb3"))
    reason = why_not_lockstep(study, *spaces_)
    if reason is not None and not study.execution.is_open:
        raise SpecError(f"execution.trainer = {wanted!r}: {reason} Use trainer = 'sb3' or 'auto'.")
    if reason is not None:
        return Choice(trainer=training.trainer("sb3"), reason=reason)
    return Choice(trainer=training.trainer("lockstep"), alone=_who_trains_alone(study))


def why_not_lockstep(
    study: StudySpec, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> str | None:
    """Return None if runs of a study can be stacked, else the reason why not, as a sentence.

    Configurations that the study names are not asked: those that cannot be stacked are trained one by one.
    """
    training = study.training
    assert isinstance(training, Sb3Training)
    algorithm = training.algorithm
    return (
        _environment_reason(training.environment)
        or why_not_stackable(algorithm.name, algorithm.policy, _possible_values(study))
        or why_not_in_spaces(training, observation_space, action_space)
    )


def _environment_reason(environment: EnvironmentSpec) -> str | None:
    """Return why environments cannot be stepped by lockstep training, or None."""
    if environment.vec_env != "dummy":
        return f"vec_env = {environment.vec_env!r} is for runs that are trained one by one."
    return None


def why_not_in_spaces(
    training: Sb3Training, observations: spaces.Space[Any], actions: spaces.Space[Any]
) -> str | None:
    """Return None if runs in an environment with these spaces can be stacked, else the reason why not."""
    environment, algorithm = training.environment, training.algorithm
    sees_images = algorithm.policy == "CnnPolicy"
    normalises = environment.normalization is not None and environment.normalization.observations
    if sees_images and normalises:
        return "Images that are normalised cannot be stacked: CnnPolicy divides them by 255 itself."
    return _observations_reason(observations, sees_images=sees_images) or _actions_reason(
        algorithm.name, actions
    )


def _observations_reason(space: spaces.Space[Any], *, sees_images: bool) -> str | None:
    """Return why observations cannot be stacked, or None."""
    is_image = isinstance(space, spaces.Box) and len(space.shape) == 3 and space.dtype == np.uint8
    if sees_images and not (is_image and np.all(space.low == 0) and np.all(space.high == 255)):  # type: ignore[attr-defined]
        return f"CnnPolicy can be stacked on images of uint8 from 0 to 255, not on {space}."
    if not isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        return f"Observations of type {type(space).__name__} cannot be stacked."
    if is_image and not sees_images:
        return "Image observations cannot be stacked with MlpPolicy."
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim > 1:
        return "MultiDiscrete observations of several dimensions cannot be stacked."
    return None


def _actions_reason(algorithm: str, space: spaces.Space[Any]) -> str | None:
    """Return why actions cannot be stacked, or None."""
    if not acts_in(algorithm, space):
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


def _who_trains_alone(study: StudySpec) -> str | None:
    """Say which of the configurations that a study names cannot be stacked."""
    training = study.training
    assert isinstance(training, Sb3Training)
    reasons = {
        one.name: why_not_stackable(
            training.algorithm.name, training.algorithm.policy, one.hyperparameters.items()
        )
        for one in study.post_evaluation.named
    }
    return " ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason is not None) or None


def _possible_values(study: StudySpec) -> Iterable[tuple[str, JsonValue]]:
    """Yield (name, value) of everything that a trial of the study may hold; of a range, its ends."""
    yield from study.training.hyperparameters.items()
    for name, parameter in study.search_space.parameters.items():
        values = parameter.choices if isinstance(parameter, Categorical) else bounds(parameter) or ()
        yield from ((name, value) for value in values)
