"""`Flips-v0`, whose observations have goals (Stable-Baselines3's BitFlippingEnv); `Masked-v0`, with illegal actions.

`MyPPO` and `Closed` are algorithms of a user's own, `NoAlgorithm` is none.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.envs import BitFlippingEnv


class Masked(gym.Env[Any, int]):
    """Half of the actions are illegal in each state, and end the game with a loss."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-1.0, 1.0, (3,), np.float32)
        self.action_space = spaces.Discrete(4)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._clock = 0
        return self._observation(), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if not self.legal()[action]:
            return self._observation(), -1000.0, True, False, {}
        self._clock += 1
        reward = float(self._seen[action % 3]) + action
        return self._observation(), reward, self._clock >= 12, False, {}

    def legal(self) -> np.ndarray:
        return np.arange(4) % 2 == int(self._seen[0] > 0)

    def _observation(self) -> np.ndarray:
        self._seen = self.np_random.uniform(-1.0, 1.0, 3).astype(np.float32)
        return self._seen


class MyPPO(PPO):
    """Takes one hyperparameter of its own, and no others than those that it names."""

    def __init__(
        self,
        policy: Any,
        env: Any,
        *,
        bonus: float = 0.5,
        n_steps: int = 64,
        batch_size: int = 32,
        **ours: Any,
    ) -> None:
        assert set(ours) <= {"seed", "device", "verbose", "policy_kwargs"}
        super().__init__(policy, env, n_steps=n_steps, batch_size=batch_size, **ours)
        self.bonus = bonus


class Closed(PPO):
    """As `MyPPO`, without **kwargs: names that it does not list are mistakes."""

    def __init__(
        self,
        policy: Any,
        env: Any,
        learning_rate: float = 3e-4,
        n_steps: int = 64,
        seed: int | None = None,
        device: str = "cpu",
        verbose: int = 0,
        policy_kwargs: Any = None,
    ) -> None:
        super().__init__(
            policy, env, learning_rate, n_steps, seed=seed, device=device, policy_kwargs=policy_kwargs
        )


class NoAlgorithm:
    """Has not the interface."""


gym.register("Flips-v0", BitFlippingEnv)
gym.register("Masked-v0", Masked)
