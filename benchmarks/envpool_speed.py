"""How fast do EnvPool and Stable-Baselines3's DummyVecEnv of Gymnasium's environments step?

    python -m benchmarks.envpool_speed > benchmarks/envpool_speed.txt

Both engines by turns, with random actions, through the same interface; medians of the rounds. EnvPool has one thread.
"""

from __future__ import annotations

import logging
import statistics
import time
import warnings
from importlib.metadata import version
from typing import Any

import numpy as np

from robusttune.declaration.training.environment import Atari, EnvironmentSpec
from robusttune.training.evaluation import vectorised

ROUNDS = 5
# id, its declaration, steps of each environment in a round
CASES: list[tuple[str, dict[str, Any], int]] = [
    ("CartPole-v1", {}, 1000),
    ("Pendulum-v1", {}, 1000),
    ("LunarLander-v3", {}, 300),
    ("HalfCheetah-v5", {}, 200),
    ("BreakoutNoFrameskip-v4", {"atari": Atari()}, 40),
]


def main() -> None:
    """Print one row per environment and number of environments."""
    logging.disable()
    warnings.simplefilter("ignore")
    print(" ".join(f"{name} {version(name)}" for name in ("envpool", "gymnasium", "stable-baselines3")))
    print("CPU µs of one step of one environment, infos and resets included")
    print(f"{'environment':24}{'n_envs':>8}{'gymnasium':>12}{'envpool':>12}{'times':>8}")
    for name, own, n_steps in CASES:
        for n_envs in (1, 8, 64):
            _measure(name, own, max(20, n_steps * 8 // (8 + n_envs)), n_envs)


def _measure(name: str, own: dict[str, Any], n_steps: int, n_envs: int) -> None:
    engines: tuple[Any, ...] = ("gymnasium", "envpool")
    environments = [vectorised(EnvironmentSpec(id=name, engine=engine, **own), n_envs) for engine in engines]
    space = environments[0].action_space
    space.seed(0)
    actions = [np.stack([space.sample() for _ in range(n_envs)]) for _ in range(n_steps)]
    for one in environments:
        one.seed(1)
        one.reset()
        for action in actions[:10]:
            one.step(action)
    times: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for own_times, one in zip(times, environments, strict=True):
            begin = time.process_time()  # of all threads of this process
            for action in actions:
                one.step(action)
            own_times.append((time.process_time() - begin) / (n_steps * n_envs) * 1e6)
    slow, fast = (statistics.median(own_times) for own_times in times)
    print(f"{name:24}{n_envs:8}{slow:12.1f}{fast:12.1f}{slow / fast:8.1f}", flush=True)
    for one in environments:
        one.close()


if __name__ == "__main__":
    main()
