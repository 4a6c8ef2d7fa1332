"""Training and evaluation leave the process as they found it."""

from __future__ import annotations

import contextlib
import copy
import inspect
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

_KEYS = ("key", "noise_key")  # a policy in JAX has its random state in these


@contextlib.contextmanager
def undisturbed(space: spaces.Space[Any], policy: Any, *, seed: int) -> Iterator[None]:
    """Keep the random states of an action space and of a policy, from which exploring and evaluated policies draw.

    Parameters
    ----------
    space : Space
    policy : object
        If its random state is its own, as in JAX, it draws from `seed` meanwhile.
    seed : int
    """
    state = copy.deepcopy(space.np_random.bit_generator.state)
    keys = {name: vars(policy)[name] for name in _KEYS if name in vars(policy)}
    if keys:
        import jax

        vars(policy).update(dict.fromkeys(keys, jax.random.PRNGKey(seed)))
    try:
        yield
    finally:
        space.np_random.bit_generator.state = state
        vars(policy).update(keys)


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """Keep global random states and torch's thread count as they were, whatever happens inside.

    One torch thread: on networks of this size a second buys nothing, and beside other busy processes it makes a
    run several times slower.
    """
    python_state, numpy_state, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    cuda_states = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.set_rng_state(torch_state)
        if cuda_states:
            torch.cuda.set_rng_state_all(cuda_states)
        torch.set_num_threads(n_threads)


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """Make optimisers without loading torch's compiler, which takes a second and is of no use here."""
    function = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    known = "__dynamo_disable" in vars(function)
    if not known:
        function.__dict__["__dynamo_disable"] = function  # what torch asks for before it imports the compiler
    try:
        yield
    finally:
        if not known:
            del function.__dict__["__dynamo_disable"]
