"""The table of names, which is read without torch, against Stable-Baselines3 itself."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from stable_baselines3.common import noise
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.hyperparameters import ACTIVATIONS, NOISE_TYPES
from robusttune.training.hyperparameters import sb3_class
from robusttune.training.lockstep_runs import learner

STACKED = {name: entry.lockstep for name, entry in ALGORITHMS.items() if entry.lockstep is not None}
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


def test_names_of_classes_are_those_of_the_libraries() -> None:
    assert all(issubclass(getattr(nn, kind), nn.Module) for kind in ACTIVATIONS.values())
    assert all(issubclass(getattr(noise, kind), noise.ActionNoise) for kind in NOISE_TYPES.values())


@pytest.mark.parametrize("name", STACKED)
def test_the_learner_of_an_algorithm_trains_that_algorithm(name: str) -> None:
    assert learner(name).algorithm is sb3_class(name)


@pytest.mark.parametrize("name", STACKED)
def test_what_may_differ_within_a_group_is_what_configurations_hold(name: str) -> None:
    free = set(STACKED[name].free)
    assert free <= set(ALGORITHMS[name].hyperparameters)
    assert not free & set(STACKED[name].only)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_constructor_names_are_those_of_the_class(name: str) -> None:
    assert set(ALGORITHMS[name].constructor) == arguments(sb3_class(name).__init__) - OURS - OBJECTS


@pytest.mark.parametrize("name", ALGORITHMS)
def test_policy_names_are_those_of_the_policy(name: str) -> None:
    cls: type[BaseAlgorithm] = sb3_class(name)
    policy = cls.policy_aliases["MlpPolicy"]
    known = arguments(policy.__init__) - POLICY_OURS - POLICY_OBJECTS
    assert set(ALGORITHMS[name].policy) <= known
    missing = known - set(ALGORITHMS[name].policy)
    # SAC's policy takes use_sde from the algorithm's argument of that name.
    assert missing <= {"use_sde", "dist_kwargs", "squash_output"}, f"{name} lacks {missing}"


@pytest.mark.parametrize("name", ALGORITHMS)
def test_action_noise_is_offered_where_the_class_takes_it(name: str) -> None:
    takes_noise = "action_noise" in arguments(sb3_class(name).__init__)
    # DQN explores by epsilon; noise has no meaning on discrete actions.
    assert bool(ALGORITHMS[name].noise) == takes_noise


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_default_rollout_and_batch_are_those_of_the_class(name: str) -> None:
    entry, defaults = ALGORITHMS[name], inspect.signature(sb3_class(name).__init__).parameters
    assert defaults[entry.steps_name].default == entry.steps
    if entry.on_policy and "batch_size" in defaults:  # minibatches are cut from a rollout
        assert defaults["batch_size"].default == entry.batch_size
    else:
        assert entry.batch_size is None


def test_declaring_and_reading_loads_neither_torch_nor_optuna() -> None:
    modules = "robusttune.declaration.toml, robusttune.results.store, robusttune.post_evaluation.select"
    code = f"import sys, {modules}; print({{'torch', 'optuna', 'stable_baselines3'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
