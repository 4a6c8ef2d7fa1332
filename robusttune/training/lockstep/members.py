"""One member of a batch, and the SB3 model that its constructor arguments make."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from robusttune.training.isolation import isolated, uncompiled


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One seed of one configuration.

    Parameters
    ----------
    seed : int
        SB3's `seed` argument.
    arguments : mapping
        Further arguments of SB3's constructor.
    """

    seed: int
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """The random streams of one member, each where SB3's constructor leaves the global one.

    Parameters
    ----------
    torch : torch.Generator
        Draws actions.
    numpy : numpy.random.RandomState
        Draws minibatches and exploration.
    """

    torch: torch.Generator
    numpy: np.random.RandomState


class _SpacesOnly(VecEnv):
    """Tells SB3's constructor the spaces and the number of environments; it is never stepped."""

    def reset(self) -> Any:
        raise NotImplementedError

    def step_async(self, actions: np.ndarray) -> None:
        raise NotImplementedError

    def step_wait(self) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        return

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        raise NotImplementedError

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: Any = None
    ) -> list[bool]:
        return [False] * self.num_envs


def build_model(
    algorithm: type[BaseAlgorithm],
    member: Member,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
    *,
    n_envs: int,
    device: torch.device,
    policy: str = "MlpPolicy",
) -> tuple[BaseAlgorithm, Streams]:
    """Return the member's SB3 model as constructed, and its random streams."""
    stub = _SpacesOnly(n_envs, observation_space, copy.deepcopy(action_space))
    defaults = inspect.signature(algorithm).parameters
    # Experience lives in a shared store: a buffer of full size would only cost time, and memory twenty times over.
    buffer = {"buffer_size": n_envs} if "buffer_size" in defaults else {}
    with isolated(), uncompiled():
        model = algorithm(policy, stub, seed=member.seed, device=device, **{**member.arguments, **buffer})
        generator = torch.Generator(device)
        generator.set_state(
            torch.get_rng_state() if device.type == "cpu" else torch.cuda.get_rng_state(device)
        )
        state = np.random.RandomState()
        state.set_state(np.random.get_state())  # noqa: NPY002
    model.env = None
    if buffer:
        model.replay_buffer = None  # type: ignore[attr-defined]
        model.buffer_size = member.arguments.get("buffer_size", defaults["buffer_size"].default)  # type: ignore[attr-defined]
    return model, Streams(torch=generator, numpy=state)
