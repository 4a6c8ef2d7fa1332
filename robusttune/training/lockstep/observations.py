"""Raw observations to network inputs, as SB3's preprocessing and FlattenExtractor make them."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import get_flattened_obs_dim, get_obs_shape

from robusttune.training.lockstep.images import is_convolutional
from robusttune.training.lockstep.layout import ALIGNMENT, Array, round_up, width_of


class ObservationCodec:
    """Knows how an observation is stored and how a network sees it.

    Parameters
    ----------
    space : gymnasium.spaces.Space
        Box, Discrete, MultiDiscrete or MultiBinary.
    normalised : bool
        Whether observations arrive normalised, hence as 32-bit floats.
    """

    def __init__(self, space: spaces.Space[Any], *, normalised: bool) -> None:
        self.space = space
        shape = get_obs_shape(space)
        if isinstance(shape, dict):
            raise ValueError(f"Dict observations cannot be stacked, but got {space}; use trainer='sb3'.")
        self.shape: tuple[int, ...] = shape
        self.dtype = np.dtype(np.float32) if normalised else np.dtype(space.dtype)
        self.n_features = int(get_flattened_obs_dim(space))
        self._sizes: list[int] | None = None
        if isinstance(space, spaces.Discrete):
            self._sizes = [int(space.n)]
        elif isinstance(space, spaces.MultiDiscrete):
            self._sizes = [int(n) for n in space.nvec]

    def features(self, raw: Array) -> Array:
        """Return the network's inputs.

        Parameters
        ----------
        raw : ndarray, shape (..., *shape)

        Returns
        -------
        ndarray of float32, shape (..., n_features)
        """
        leading = raw.shape[: raw.ndim - len(self.shape)]
        flat = raw.reshape(*leading, -1)
        if self._sizes is None:
            return flat.astype(np.float32, copy=False)
        parts = [
            np.eye(size, dtype=np.float32)[flat[..., i].astype(np.int64)]
            for i, size in enumerate(self._sizes)
        ]
        return np.concatenate(parts, axis=-1)


class NetworkInputs:
    """What the networks of all rows receive, in one matrix that is filled anew for each step.

    Parameters
    ----------
    codec : ObservationCodec
    n_rows, n_envs : int
    policy : BasePolicy
        SB3's, of any member.
    device : torch.device
    """

    def __init__(
        self, codec: ObservationCodec, n_rows: int, n_envs: int, *, policy: Any, device: torch.device
    ) -> None:
        self._codec, self._device, net_arch = codec, device, policy.net_arch
        self.n_features = int(policy.features_dim) if is_convolutional(policy) else codec.n_features
        self._matrix = torch.zeros(width_of(n_rows), round_up(n_envs), self.n_features)
        self._array = self._matrix.numpy()  # the same numbers
        # A single environment needs no others beside it where all layers begin on a cache line anyway.
        widths = chain(*net_arch.values()) if isinstance(net_arch, dict) else net_arch
        is_alone = n_envs == 1 and not any(width % ALIGNMENT for width in widths)
        self._n_filled = 1 if is_alone else round_up(n_envs)

    def __call__(self, observations: Array) -> torch.Tensor:
        """Return the inputs of the first rows, given (normalised) observations of shape (n_rows, n_envs, *shape)."""
        return self.of_features(self._codec.features(observations))

    def of_features(self, features: Array) -> torch.Tensor:
        """Return the inputs of the first rows, given features of shape (n_rows, n_envs, n_features)."""
        n_rows = features.shape[0]
        self._array[:n_rows, : features.shape[1]] = features
        return self._matrix[: width_of(n_rows), : self._n_filled].to(self._device)

    def keep(self, n_rows: int) -> None:
        """Make room for so many rows."""
        self._matrix = torch.zeros(width_of(n_rows), *self._matrix.shape[1:])
        self._array = self._matrix.numpy()
