"""From what a run declares to its normalised environments and its untrained model."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from robusttune.declaration.algorithms import algorithm_of
from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.environment import Normalization
from robusttune.declaration.training.sb3 import Sb3Training
from robusttune.training.hyperparameters import constructor_arguments, sb3_class

_DEFAULT_GAMMA = 0.99


def normalised(
    environments: VecEnv, normalization: Normalization | None, *, gamma: float = _DEFAULT_GAMMA
) -> VecEnv:
    """Return environments normalised as declared; as they are where nothing is declared."""
    if normalization is None:
        return environments
    observations, rewards = normalization.observations, normalization.rewards
    return VecNormalize(environments, norm_obs=observations, norm_reward=rewards, gamma=gamma)


def normalised_for(spec: RunSpec, environments: VecEnv) -> VecEnv:
    """Return environments normalised as a run has them, with the discount of its configuration."""
    gamma: Any = spec.hyperparameters.get("gamma", _DEFAULT_GAMMA)
    return normalised(environments, training_of(spec).environment.normalization, gamma=float(gamma))


def build_model(spec: RunSpec, environment: VecEnv) -> BaseAlgorithm:
    """Return the untrained model of a run; `seed` goes to Stable-Baselines3, which seeds the environments from it."""
    algorithm = training_of(spec).algorithm
    entry = algorithm_of(algorithm.name)
    space = environment.action_space
    n_actions = int(np.prod(space.shape)) if isinstance(space, spaces.Box) else 0
    model = sb3_class(algorithm.name)(
        entry.policies.get(algorithm.policy, algorithm.policy),
        environment,
        seed=spec.seed,
        device=algorithm.device,
        verbose=0,
        **constructor_arguments(algorithm.name, spec.hyperparameters, n_actions),
    )
    # Left to itself, every model makes a log folder in the temporary directory.
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model


def n_envs_of(spec: RunSpec) -> int:
    """Return how many training environments a run steps together."""
    return training_of(spec).n_envs(spec.hyperparameters)


def training_of(spec: RunSpec) -> Sb3Training:
    """Return what a run of Stable-Baselines3 trains."""
    assert isinstance(spec.training, Sb3Training)
    return spec.training
