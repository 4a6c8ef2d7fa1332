"""The table of names, which is read without torch, against Stable-Baselines3 itself."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pytest
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common import noise
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.her.goal_selection_strategy import KEY_TO_GOAL_STRATEGY
from torch import nn

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.algorithms.base import REPLAY
from robusttune.declaration.algorithms.own import NOT_SEARCHED, read
from robusttune.declaration.hyperparameters import ACTIVATIONS, JAX_ACTIVATIONS, NOISE_TYPES, WORDS
from robusttune.training.hyperparameters import sb3_class
from robusttune.training.lockstep_runs import learner

STACKED = {name: entry.lockstep for name, entry in ALGORITHMS.items() if entry.lockstep is not None}
# What a class takes and then ignores, so that tuning it would tune nothing: found by reading SBX 0.28.
IGNORED = {"sbx-ppo": {"clip_range_vf"}}
# What policies ignore, or have from the algorithm's argument of that name, or what is a Python object.
IGNORED_BY_POLICIES = {
    "stable_baselines3": {"use_sde", "dist_kwargs", "squash_output"},
    "sb3_contrib": {"use_sde", "squash_output"},
    "sbx": {
        *(
            "use_sde",
            "use_expln",
            "clip_mean",
            "log_std_init",
            "normalize_images",
            "share_features_extractor",
        ),
        *("top_quantiles_to_drop_per_net", "actor_class", "critic_class", "vector_critic_class"),
    },
}


def each(names: Iterable[str] = ALGORITHMS) -> list[Any]:
    """Return parameters of a test for each algorithm; JAX takes seconds to be imported."""
    return [pytest.param(n, marks=pytest.mark.thorough) if ALGORITHMS[n].is_jax else n for n in names]


@pytest.fixture
def cls(name: str) -> type[BaseAlgorithm]:
    pytest.importorskip(ALGORITHMS[name].package)
    return sb3_class(name)


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


@pytest.mark.parametrize("name", each())
def test_constructor_names_are_those_of_the_class(name: str, cls: type[BaseAlgorithm]) -> None:
    known = arguments(cls.__init__) - NOT_SEARCHED - IGNORED.get(name, set())
    assert set(ALGORITHMS[name].constructor) == known


@pytest.mark.parametrize("name", each())
def test_policy_names_are_those_of_the_policy(name: str, cls: type[BaseAlgorithm]) -> None:
    known = arguments(next(iter(cls.policy_aliases.values())).__init__) - NOT_SEARCHED
    assert set(ALGORITHMS[name].policy) <= known
    assert known - set(ALGORITHMS[name].policy) <= IGNORED_BY_POLICIES[ALGORITHMS[name].package]


@pytest.mark.parametrize("name", each())
def test_action_noise_and_goals_are_offered_where_the_class_takes_them(
    name: str, cls: type[BaseAlgorithm]
) -> None:
    # DQN explores by epsilon; noise has no meaning on discrete actions.
    assert bool(ALGORITHMS[name].noise) == ("action_noise" in arguments(cls.__init__))
    takes_goals = (
        "replay_buffer_class" in arguments(cls.__init__) and "MultiInputPolicy" in cls.policy_aliases
    )
    assert bool(ALGORITHMS[name].replay) == takes_goals


def test_goals_are_described_as_the_replay_buffer_does() -> None:
    assert set(REPLAY[1:]) <= arguments(HerReplayBuffer.__init__)
    assert set(WORDS["goal_selection_strategy"]) == set(KEY_TO_GOAL_STRATEGY)


@pytest.mark.parametrize("name", each())
def test_the_default_rollout_and_batch_are_those_of_the_class(name: str, cls: type[BaseAlgorithm]) -> None:
    entry, defaults = ALGORITHMS[name], inspect.signature(cls.__init__).parameters
    assert entry.on_policy == issubclass(cls, OnPolicyAlgorithm)
    assert entry.in_episodes == (entry.steps_name not in defaults)
    assert entry.in_episodes or defaults[entry.steps_name].default == entry.steps
    assert all(defaults[other].default == default for other, default in entry.at_most.values())
    if entry.on_policy and "batch_size" in defaults:  # minibatches are cut from a rollout
        assert defaults["batch_size"].default == entry.batch_size
    else:
        assert entry.batch_size is None


@pytest.mark.parametrize("name", each())
def test_policies_are_called_as_the_class_calls_them(name: str, cls: type[BaseAlgorithm]) -> None:
    own = ALGORITHMS[name].policies
    assert set(own.values()) <= set(cls.policy_aliases)
    assert "MlpPolicy" in {**own, **cls.policy_aliases}


@pytest.mark.parametrize("name", each())
def test_the_registry_agrees_with_what_is_read_of_a_class(name: str, cls: type[BaseAlgorithm]) -> None:
    entry, found = ALGORITHMS[name], read(ALGORITHMS[name].sb3)
    assert set(entry.constructor) == set(found.constructor) - IGNORED.get(name, set())
    assert (entry.on_policy, entry.batch_size, entry.noise) == (
        found.on_policy,
        found.batch_size,
        found.noise,
    )
    assert entry.in_episodes or entry.steps == found.steps


@pytest.mark.thorough
def test_activations_exist_in_jax() -> None:
    nn_of_jax = pytest.importorskip("jax").nn
    assert all(callable(getattr(nn_of_jax, JAX_ACTIVATIONS.get(name, name))) for name in ACTIVATIONS)


def test_declaring_and_reading_loads_neither_torch_nor_optuna() -> None:
    modules = "robusttune.declaration.toml, robusttune.results.store, robusttune.post_evaluation.select"
    code = f"import sys, {modules}; print({{'torch', 'optuna', 'stable_baselines3'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
