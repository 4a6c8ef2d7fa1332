"""Games that last several lives: `Lives-v0`, and `LivesDict-v0` with Dict observations.

The reward of a step depends on the action, so that whoever plays otherwise gets another return.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

N_LIVES = 3


class Lives(gym.Env[Any, int]):
    """A life is lost after 3 to 8 steps, the game after three lives; `ale.lives()` counts them, as Atari's does."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012  (as gymnasium has it)

    def __init__(self, as_dict: bool = False) -> None:
        box = spaces.Box(-1.0, 1.0, (3,), np.float32)
        self._as_dict = as_dict
        self.observation_space = spaces.Dict({"seen": box, "lives": spaces.Discrete(4)}) if as_dict else box
        self.action_space = spaces.Discrete(3)
        self._n_lives = N_LIVES
        self.ale = SimpleNamespace(lives=lambda: self._n_lives)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._n_lives, self._left = N_LIVES, self._length()
        return self._observation(), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = float(self._seen[action]) + 1.0
        self._left -= 1
        if self._left == 0:
            self._n_lives, self._left = self._n_lives - 1, self._length()
        return self._observation(), reward, self._n_lives == 0, False, {}

    def _length(self) -> int:
        return int(self.np_random.integers(3, 9))

    def _observation(self) -> Any:
        self._seen = self.np_random.uniform(-1.0, 1.0, 3).astype(np.float32)
        return {"seen": self._seen, "lives": self._n_lives} if self._as_dict else self._seen


class Frames(gym.Env[np.ndarray, int]):
    """Images of a given shape, by default as Atari has them."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(self, shape: tuple[int, ...] = (210, 160, 3), broken: bool | str = False) -> None:
        self.observation_space = spaces.Box(0, 255, tuple(shape), np.uint8)
        self.action_space = spaces.Discrete(2)
        self._broken = broken
        self.ale = SimpleNamespace(lives=lambda: 1)

    def get_action_meanings(self) -> list[str]:
        return ["NOOP", "UP"]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        if self._broken == "exit":
            sys.exit("no licence")
        if self._broken:
            raise LookupError("the simulator fell over")
        return self.observation_space.sample(), 1.0, False, False, {}


if "Frames-v0" not in gym.registry:
    gym.register("Frames-v0", entry_point=Frames)
for _name, _as_dict in (("Lives-v0", False), ("LivesDict-v0", True)):
    if _name not in gym.registry:
        gym.register(_name, entry_point=Lives, kwargs={"as_dict": _as_dict})
