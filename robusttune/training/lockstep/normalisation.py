"""SB3's VecNormalize for every member, each with its own statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from robusttune.declaration.training.environment import Normalization
from robusttune.training.lockstep.layout import Array

# The defaults of SB3's VecNormalize, which studies leave as they are.
_CLIP_OBS = _CLIP_REWARD = 10.0
_EPSILON = 1e-8
Index = slice | list[int]
_ALL = slice(None)


class _Moments:
    """Running mean and variance, one per member (SB3's RunningMeanStd)."""

    def __init__(self, n_members: int, shape: tuple[int, ...]) -> None:
        self.mean = np.zeros((n_members, *shape))
        self.var = np.ones((n_members, *shape))
        self.count = np.full((n_members, *[1] * len(shape)), 1e-4)

    def update(self, batch: Array, rows: Index) -> None:
        """Take in a batch of shape (n_rows, n_envs, *shape)."""
        n, old_mean, old_var, old_count = batch.shape[1], self.mean[rows], self.var[rows], self.count[rows]
        # One number is its own mean and has no variance: most of the time would go into finding that out.
        mean, var = (batch[:, 0], 0.0) if n == 1 else (batch.mean(axis=1), batch.var(axis=1))
        delta, total = mean - old_mean, old_count + n
        squares = old_var * old_count + var * n + np.square(delta) * old_count * n / total
        self.mean[rows] = old_mean + delta * n / total
        self.var[rows], self.count[rows] = squares / total, total


class Normaliser:
    """Running normalisation of observations and rewards.

    Parameters
    ----------
    options : Normalization
    gammas : sequence of float
        Discount of each member.
    shape : tuple of int
        Shape of one observation.
    n_envs : int
    """

    def __init__(
        self, options: Normalization, gammas: Sequence[float], shape: tuple[int, ...], n_envs: int
    ) -> None:
        self.options = options
        self._gammas = np.array(gammas)[:, None]
        self._observations = _Moments(len(gammas), shape)
        self._rewards = _Moments(len(gammas), ())
        self._returns = np.zeros((len(gammas), n_envs))

    def reset(self, observations: Array) -> Array:
        """Return the first observations, normalised; shape (n_members, n_envs, *shape)."""
        self._returns[:] = 0.0
        if self.options.observations:
            self._observations.update(observations, _ALL)
        return self.observations(observations)

    def step(
        self, observations: Array, rewards: Array, dones: Array, rows: Index = _ALL
    ) -> tuple[Array, Array]:
        """Take in one step of some members; return its observations and rewards, normalised."""
        if self.options.observations:
            self._observations.update(observations, rows)
        normal = self.observations(observations, rows)
        returns = self._returns[rows] * self._gammas[rows] + rewards
        self._rewards.update(returns, rows)
        if self.options.rewards:
            rewards = self.rewards(rewards, rows)
        returns[dones] = 0.0
        self._returns[rows] = returns
        return normal, rewards

    def observations(self, raw: Array, rows: Index = _ALL) -> Array:
        """Return observations of shape (n_rows, n, *shape) with the current statistics."""
        return self._normal(
            raw, self._observations.mean[rows][:, None], self._observations.var[rows][:, None]
        )

    def _normal(self, raw: Array, mean: Array, var: Array) -> Array:
        if not self.options.observations:
            return raw
        clipped: Array = np.clip((raw - mean) / np.sqrt(var + _EPSILON), -_CLIP_OBS, _CLIP_OBS)
        return clipped.astype(np.float32)

    def raw_observations(self, normal: Array) -> Array:
        """Return observations of shape (n_members, n, *shape) as they were before normalisation."""
        if not self.options.observations:
            return normal
        mean, var = self._observations.mean[:, None], self._observations.var[:, None]
        return normal * np.sqrt(var + _EPSILON) + mean

    def rewards(self, raw: Array, rows: Index = _ALL) -> Array:
        """Return rewards of shape (n_rows, ...) with the current statistics."""
        var = self._rewards.var[rows].reshape(-1, *[1] * (raw.ndim - 1))
        return np.clip(raw / np.sqrt(var + _EPSILON), -_CLIP_REWARD, _CLIP_REWARD).astype(np.float32)

    def keep(self, rows: Sequence[int]) -> None:
        """Forget all members but the chosen ones."""
        chosen = list(rows)
        for moments in (self._observations, self._rewards):
            moments.mean, moments.var = moments.mean[chosen], moments.var[chosen]
            moments.count = moments.count[chosen]
        self._gammas, self._returns = self._gammas[chosen], self._returns[chosen]

    def to_sb3(self, row: int, venv: VecEnv) -> VecNormalize:
        """Return SB3's VecNormalize around `venv`, with one member's statistics, no longer training."""
        wrapper = VecNormalize(
            venv,
            training=False,
            norm_obs=self.options.observations,
            norm_reward=self.options.rewards,
            gamma=float(self._gammas[row, 0]),
        )
        pairs: list[tuple[Any, _Moments]] = [(wrapper.ret_rms, self._rewards)]
        if self.options.observations:
            pairs.append((wrapper.obs_rms, self._observations))
        for target, source in pairs:
            target.mean, target.var, target.count = (
                source.mean[row].copy(),
                source.var[row].copy(),
                float(source.count[row].item()),
            )
        return wrapper


def observations_of(
    members: Iterable[tuple[Normaliser | None, int]],
) -> Callable[[Array], Array] | None:
    """Return what normalises observations with the statistics that some members have now.

    Parameters
    ----------
    members : iterable of (Normaliser or None, int)
        Where the statistics of each are, and in which row.

    Returns
    -------
    callable, or None where nothing is normalised
        Takes and returns arrays of shape (n_members, n, *shape).
    """
    found = [(normaliser, row) for normaliser, row in members if normaliser is not None]
    if not found:
        return None
    means = np.stack([normaliser._observations.mean[row] for normaliser, row in found])[:, None]
    variances = np.stack([normaliser._observations.var[row] for normaliser, row in found])[:, None]
    normal = found[0][0]._normal
    return lambda raw: normal(raw, means, variances)
