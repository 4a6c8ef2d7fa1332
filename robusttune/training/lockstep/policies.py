"""The deterministic policies of members, for their evaluation."""

from __future__ import annotations

from collections.abc import Callable

import torch

from robusttune.training.lockstep.layout import Array, round_up, width_of
from robusttune.training.lockstep.observations import ObservationCodec

Modes = Callable[[torch.Tensor], Array]
"""From inputs of shape (width, padded n, n_features) to actions as environments take them."""


class Policies:
    """What some members do, all at once.

    Parameters
    ----------
    n_members : int
    codec : ObservationCodec
    normalise : callable, optional
        From the environments' observations to those that the networks know.
    modes : callable
    device : torch.device
    """

    def __init__(
        self,
        n_members: int,
        codec: ObservationCodec,
        normalise: Callable[[Array], Array] | None,
        modes: Modes,
        device: torch.device,
    ) -> None:
        self._n_members, self._codec = n_members, codec
        self._normalise, self._modes, self._device = normalise, modes, device

    def __call__(self, observations: Array) -> Array:
        """Return deterministic actions.

        Parameters
        ----------
        observations : ndarray, shape (n_members, n, *observation_shape)
            As environments give them.

        Returns
        -------
        ndarray, shape (n_members, n, *action_shape)
        """
        n = observations.shape[1]
        known = observations if self._normalise is None else self._normalise(observations)
        inputs = torch.zeros(width_of(self._n_members), round_up(n), self._codec.n_features)
        inputs.numpy()[: self._n_members, :n] = self._codec.features(known)
        with torch.no_grad():
            return self._modes(inputs.to(self._device))[: self._n_members, :n]
