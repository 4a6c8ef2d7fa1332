"""Training and evaluation leave the process as they found it."""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from gymnasium import spaces


@contextlib.contextmanager
def undisturbed(space: spaces.Space[Any]) -> Iterator[None]:
    """Keep the random state of an action space: exploring algorithms draw from it, and so may an evaluated policy."""
    state = copy.deepcopy(space.np_random.bit_generator.state)
    try:
        yield
    finally:
        space.np_random.bit_generator.state = state


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
