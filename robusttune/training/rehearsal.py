"""Building what a run will build, once, so that mistakes are refused before anything is trained."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from gymnasium import spaces
from pydantic import JsonValue
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.vec_env import VecEnv

from robusttune.declaration.algorithms import Algorithm, algorithm_of, loaded
from robusttune.declaration.hyperparameters import HER
from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.run import RunSpec
from robusttune.declaration.space import Categorical, points
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import configuration, tuning_runs
from robusttune.declaration.training.sb3 import Sb3Training
from robusttune.errors import SpecError
from robusttune.training.environments import why_not_made
from robusttune.training.evaluation import vectorised
from robusttune.training.exact import stopping_at
from robusttune.training.groups import fitting_trainer
from robusttune.training.hyperparameters import sb3_class
from robusttune.training.isolation import isolated, uncompiled
from robusttune.training.lockstep_runs import first_update
from robusttune.training.models import build_model, normalised
from robusttune.training.saving import n_bytes

_STEPS = 16  # of each environment in the rehearsed update
_MOST_STARTS = 5000  # timesteps before learning that a rehearsal waits for
_BRIEF: Mapping[str, JsonValue] = {
    **{"n_epochs": 1, "learning_starts": 0, "train_freq": 1, "gradient_steps": 1},
    **{"n_delta": 1, "n_top": 1, "n_eval_episodes": 1},
}


def rehearse(study: StudySpec) -> int | None:
    """Build the model of each kind of configuration, and take one short update with the first.

    Returns
    -------
    int or None
        Size of the largest saved model in bytes, if the study saves any.

    Raises
    ------
    SpecError
        If a run of the study would fail at its beginning; the message has the value that is at fault.
    """
    training = study.training
    assert isinstance(training, Sb3Training)
    _check_device(training.algorithm.device)
    with isolated(), warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore")
        try:
            plain = vectorised(training.environment, training.environment.n_envs)
            stack.callback(plain.close)
            plain.reset()
            environment = normalised(plain, training.environment.normalization)
        except Exception as error:
            raise SpecError(why_not_made(training.environment, error)) from None
        _check_policy(training, plain.observation_space)
        saves, sizes = study.execution.save_models != "none", [0]
        for where, searched in _variants(study):
            model = _build(study, where, searched, environment)
            sizes += [n_bytes(model)] if saves else []
        updated = _update(study, loaded(training.algorithm.name), environment)
        # With the first update come the states of the optimiser.
        return round(n_bytes(updated) * max(sizes) / sizes[1]) if saves else None


def _variants(study: StudySpec) -> Iterator[tuple[str, dict[str, JsonValue]]]:
    """Yield the first configuration, those that differ from it by one choice, and those that the study names."""
    for named in study.post_evaluation.named:
        yield named.where, study.training.feasible(named.hyperparameters)
    if not study.searches:
        return
    parameters = study.search_space.parameters
    first = {name: next(iter(points(parameter))) for name, parameter in parameters.items()}
    yield "the first values of the search space", configuration(study, first)
    for name, parameter in parameters.items():
        for choice in parameter.choices[1:] if isinstance(parameter, Categorical) else ():
            where = f"search_space.parameters.{name}, choice {choice!r}"
            yield where, configuration(study, {**first, name: choice})


def _build(
    study: StudySpec, where: str, hyperparameters: Mapping[str, JsonValue], environment: VecEnv
) -> BaseAlgorithm:
    try:
        with uncompiled():
            return build_model(_run(study, hyperparameters), environment)
    except Exception as error:
        raise SpecError(
            f"algorithm: the model cannot be built with {where} ({dict(hyperparameters)!r}): "
            f"{type(error).__name__}: {str(error).rstrip('. ')}. Mend that value, or the environment that it does not "
            "suit."
        ) from None


def _run(study: StudySpec, hyperparameters: Mapping[str, JsonValue]) -> RunSpec:
    return tuning_runs(study, hyperparameters, 0)[0]


def _update(study: StudySpec, algorithm: Algorithm, environment: VecEnv) -> BaseAlgorithm:
    where, hyperparameters = next(_variants(study))
    # A class that takes names which it does not list may refuse these.
    names = () if algorithm.is_open else algorithm.constructor
    brief = {name: value for name, value in _BRIEF.items() if name in names}
    n_steps = _STEPS
    if hyperparameters.get("replay_buffer") == HER:
        # Goals are sampled from episodes that have ended: one must, before learning starts.
        starts: Any = hyperparameters.get("learning_starts", 100)
        brief["learning_starts"] = starts = min(starts, _MOST_STARTS)
        n_steps += starts // environment.num_envs
    short = {**hyperparameters, **brief}
    total = n_steps * environment.num_envs
    try:
        run = _run(study, short)
        if study.execution.trainer == "lockstep" and fitting_trainer([run], study.trainer).together:
            return first_update(run, environment.action_space, total)
        model = _build(study, where, short, environment)
        with contextlib.nullcontext() if algorithm.in_episodes else stopping_at(total, model):
            model.learn(total, log_interval=None)  # type: ignore[arg-type]
    except Exception as error:
        raise SpecError(
            f"algorithm: a first update of {total} timesteps fails with {where}: {type(error).__name__}: {error}"
        ) from None
    return model


def _check_device(device: str) -> None:
    if device == "auto":
        return
    try:
        torch.zeros(1, device=torch.device(device))
    except Exception as error:  # torch has a different one for each way in which a device can be missing
        reason = str(error).partition("\n")[0]
        raise SpecError(
            f"algorithm.device = {device!r}: torch cannot use it on this machine ({reason}). "
            "Use 'cpu', or install a build of torch that supports it."
        ) from None


def _check_policy(training: Sb3Training, observations: spaces.Space[Any]) -> None:
    algorithm = training.algorithm
    known = {**algorithm_of(algorithm.name).policies, **sb3_class(algorithm.name).policy_aliases}
    said = f"algorithm.policy = {algorithm.policy!r}"
    if algorithm.policy not in known:
        raise SpecError(f"{said}: must be one of {', '.join(known)}{did_you_mean(algorithm.policy, known)}.")
    what = f"{training.environment.id} with its wrappers has observations {observations}"
    is_dict = isinstance(observations, spaces.Dict)
    if is_dict != algorithm.policy.startswith("MultiInput"):
        others = "MultiInputPolicy" if is_dict else "MlpPolicy"
        raise SpecError(
            f"{said}: Dict observations need MultiInputPolicy and no others do, but {what}. Use policy = '{others}'."
        )
    if algorithm.policy.startswith("Cnn") and not is_image_space(observations):
        raise SpecError(
            f"{said}: needs images, uint8 from 0 to 255 of shape (channels, height, width) or (height, width, "
            f"channels), but {what}. Remove axes of length 1 by a wrapper (GrayscaleObservation with keep_dim = false "
            "before FrameStackObservation gives (4, 84, 84)), or use policy = 'MlpPolicy'."
        )
