"""An environment of your own: order goods for a small shop, day by day. `inventory.toml` is the study beside it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

CAPACITY = 20
LARGEST_ORDER = 10
DAYS = 50


class Inventory(gym.Env[Any, Any]):
    """Each day: order (delivered at once, what does not fit is lost), then sell what customers want."""

    observation_space = spaces.Box(0.0, 1.0, (2,), np.float32)
    action_space = spaces.Discrete(LARGEST_ORDER + 1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        super().reset(seed=seed)
        self._stock, self._day = int(self.np_random.integers(CAPACITY // 2)), 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Live through a day."""
        self._stock = min(self._stock + int(action), CAPACITY)
        sold = min(self._stock, int(self.np_random.poisson(4.0)))
        self._stock -= sold
        self._day += 1
        cost = (2.0 + 0.5 * int(action)) * (action > 0) + 0.1 * self._stock
        return self._observe(), float(2.0 * sold - cost), False, self._day == DAYS, {}

    def action_masks(self) -> Any:
        """Orders that fit into the store; `inventory_masked.toml` lets MaskablePPO see them."""
        return np.arange(LARGEST_ORDER + 1) <= CAPACITY - self._stock

    def _observe(self) -> Any:
        return np.array([self._stock / CAPACITY, self._day / DAYS], dtype=np.float32)


gym.register("Inventory-v0", entry_point=Inventory)
