"""The deterministic policies of members, for their evaluation."""

from __future__ import annotations

from collections.abc import Callable

import torch

from robusttune.training.lockstep.layout import Array, round_up, width_of

Modes = Callable[[torch.Tensor], Array]
"""From inputs of shape (width, padded n, n_features) to actions as environments take them."""


class Policies:
    """What some members do, all at once.

    Parameters
    ----------
    n_members : int
    seeing : callable
        From observations that the networks know to what they receive, shape (n_members, n, n_features).
    normalise : callable, optional
        From the environments' observations to those that the networks know.
    modes : callable
    device : torch.device
    """

    def __init__(
        self,
        n_members: int,
        seeing: Callable[[Array], Array],
        normalise: Callable[[Array], Array] | None,
        modes: Modes,
        device: torch.device,
    ) -> None:
        self._n_members, self._seeing = n_members, seeing
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
        with torch.no_grad():
            features = self._seeing(known)
            inputs = torch.zeros(width_of(self._n_members), round_up(n), features.shape[-1])
            inputs.numpy()[: self._n_members, :n] = features
            return self._modes(inputs.to(self._device))[: self._n_members, :n]
