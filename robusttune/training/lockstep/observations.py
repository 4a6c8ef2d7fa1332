"""Raw observations to network inputs, as SB3's preprocessing and FlattenExtractor make them."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.preprocessing import get_flattened_obs_dim, get_obs_shape

from robusttune.training.lockstep.layout import Array


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
