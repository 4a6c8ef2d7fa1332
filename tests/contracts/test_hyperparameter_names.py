"""The table of names, which is read without torch, against Stable-Baselines3 itself."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from stable_baselines3.common.base_class import BaseAlgorithm

from robusttune.declaration.algorithms import (
    ACTIVATIONS,
    ALGORITHMS,
    NOISE_TYPES,
    PPO_BATCH_SIZE,
    PPO_N_STEPS,
)
from robusttune.training.hyperparameters import _NOISE_CLASSES, ACTIVATION_CLASSES, CLASSES

# Not hyperparameters: ours to set, or Python objects that no study file can hold.
OURS = {"self", "policy", "env", "seed", "device", "verbose", "policy_kwargs", "_init_setup_model"}
OBJECTS = {
    *("tensorboard_log", "stats_window_size", "monitor_wrapper"),
    *("rollout_buffer_class", "rollout_buffer_kwargs", "replay_buffer_class", "replay_buffer_kwargs"),
    "action_noise",
}
POLICY_OURS = {"self", "observation_space", "action_space", "lr_schedule"}
POLICY_OBJECTS = {
    *("features_extractor_class", "features_extractor_kwargs", "optimizer_class"),
}


def arguments(function: object) -> set[str]:
    return {
        p.name
        for p in inspect.signature(function).parameters.values()  # type: ignore[arg-type]
        if p.kind is not inspect.Parameter.VAR_KEYWORD
    }


def test_the_same_algorithms_are_declared_and_trained() -> None:
    assert ALGORITHMS.keys() == CLASSES.keys()
    assert set(ACTIVATIONS) == ACTIVATION_CLASSES.keys()
    assert set(NOISE_TYPES) == _NOISE_CLASSES.keys()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_constructor_names_are_those_of_the_class(name: str) -> None:
    assert set(ALGORITHMS[name].constructor) == arguments(CLASSES[name].__init__) - OURS - OBJECTS


@pytest.mark.parametrize("name", ALGORITHMS)
def test_policy_names_are_those_of_the_policy(name: str) -> None:
    cls: type[BaseAlgorithm] = CLASSES[name]
    policy = cls.policy_aliases["MlpPolicy"]
    known = arguments(policy.__init__) - POLICY_OURS - POLICY_OBJECTS
    assert set(ALGORITHMS[name].policy) <= known
    missing = known - set(ALGORITHMS[name].policy)
    # SAC's policy takes use_sde from the algorithm's argument of that name.
    assert missing <= {"use_sde", "dist_kwargs", "squash_output"}, f"{name} lacks {missing}"


@pytest.mark.parametrize("name", ALGORITHMS)
def test_action_noise_is_offered_where_the_class_takes_it(name: str) -> None:
    takes_noise = "action_noise" in arguments(CLASSES[name].__init__)
    # DQN explores by epsilon; noise has no meaning on discrete actions.
    assert bool(ALGORITHMS[name].noise) == takes_noise


def test_the_default_batch_and_rollout_are_those_of_ppo() -> None:
    defaults = inspect.signature(CLASSES["ppo"].__init__).parameters
    assert (defaults["batch_size"].default, defaults["n_steps"].default) == (PPO_BATCH_SIZE, PPO_N_STEPS)


def test_declaring_and_reading_loads_neither_torch_nor_optuna() -> None:
    modules = "robusttune.declaration.toml, robusttune.results.store, robusttune.post_evaluation.select"
    code = f"import sys, {modules}; print({{'torch', 'optuna', 'stable_baselines3'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
