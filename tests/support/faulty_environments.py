"""An environment that goes wrong as told: `Faulty-v0`, or `FaultyDiscrete-v0` with discrete actions.

It counts its steps over all episodes, so that a fault can be put anywhere in training. `only_training` spares the
environments of the evaluation, whose seeds tell them apart.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from robusttune.seeds import evaluation_seed

EPISODE_LENGTH = 10


class Faulty(gym.Env[np.ndarray, Any]):
    """Reward 1 per step, episodes of ten steps; at `fault_at` steps the fault happens, once per environment."""

    def __init__(
        self,
        fault: str | None = None,
        fault_at: int = 0,
        only_training: bool = True,
        discrete: bool = False,
        once_file: str | None = None,
        sleep_s: float = 60.0,
    ) -> None:
        self.observation_space = gym.spaces.Box(-10.0, 10.0, (2,), np.float64)
        self.action_space = (
            gym.spaces.Discrete(2) if discrete else gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
        )
        self._fault, self._fault_at, self._only_training = fault, fault_at, only_training
        self._once_file, self._sleep_s = once_file, sleep_s
        self._n_steps = self._n_in_episode = 0
        self._spared = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        if seed is not None and self._only_training:
            self._spared = evaluation_seed(seed) == seed
        self._n_in_episode = 0
        return self._observation(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        self._n_steps += 1
        self._n_in_episode += 1
        observation, reward = self._observation(), 1.0
        if (
            self._fault is not None
            and not self._spared
            and self._n_steps == self._fault_at
            and self._first_time()
        ):
            match self._fault:
                case "nan-reward":
                    reward = math.nan
                case "inf-reward":
                    reward = math.inf
                case "nan-observation":
                    observation = np.full(2, math.nan)
                case "raise":
                    raise LookupError("the simulator fell over")
                case "sleep":
                    time.sleep(self._sleep_s)
                case "exit":
                    os._exit(7)
        return observation, reward, False, self._n_in_episode >= EPISODE_LENGTH, {}

    def _observation(self) -> np.ndarray:
        return self.np_random.uniform(-1.0, 1.0, 2)

    def _first_time(self) -> bool:
        """Whether the fault is to happen: with `once_file` only until the file is there."""
        if self._once_file is None:
            return True
        path = Path(self._once_file)
        if path.exists():
            return False
        path.touch()
        return True


class DoubledReward(gym.RewardWrapper):
    """Doubles rewards: what is trained on, not what is reported."""

    def reward(self, reward: Any) -> float:
        return 2.0 * float(reward)


for _name, _discrete in (("Faulty-v0", False), ("FaultyDiscrete-v0", True)):
    if _name not in gym.registry:
        gym.register(_name, entry_point=Faulty, kwargs={"discrete": _discrete})
