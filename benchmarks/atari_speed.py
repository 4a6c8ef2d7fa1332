"""PPO on an Atari game, by SB3 and by lockstep training; a case of `lockstep_speed`.

To make and seed a game loads it twice, which takes as long as some hundred steps, whoever trains. What is measured are
therefore iterations, each a rollout and its update, from the second on.
"""

from __future__ import annotations

import itertools
import statistics
import time
from typing import Any

import ale_py
import gymnasium as gym
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.atari_wrappers import AtariWrapper
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import VecFrameStack
from torch import nn

from robusttune.training.lockstep.members import Member
from robusttune.training.lockstep.ppo import LockstepPPO

GAME = "BreakoutNoFrameskip-v4"
N_ENVS, N_STEPS, N_FRAMES = 8, 32, 4
HYPERPARAMETERS: dict[str, Any] = {"n_steps": N_STEPS, "batch_size": 256, "n_epochs": 4}
STEPS = N_ENVS * N_STEPS  # of an iteration
SIZES = (1, 8, 20)
MOST_SEEDS = 24  # whose iterations are measured, where a single one is not more


class Clock(BaseCallback):
    """Notes the CPU time and the wall time at the beginning of each rollout."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[tuple[float, float]] = []

    def note(self) -> None:
        """Note what the time is."""
        self.times.append((time.process_time(), time.perf_counter()))

    def _on_rollout_start(self) -> None:
        self.note()

    def _on_training_end(self) -> None:
        self.note()

    def _on_step(self) -> bool:
        return True

    def iterations(self) -> list[tuple[float, float]]:
        """Return CPU and wall seconds of each iteration that was seen from beginning to end."""
        return [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(self.times)]


def game() -> gym.Env[Any, Any]:
    """Return a game with SB3's preprocessing."""
    return AtariWrapper(gym.make(GAME))


def train_reference(n_iterations: int) -> list[tuple[float, float]]:
    """Train one seed with SB3; return the seconds of each iteration but the first."""
    clock = Clock()
    envs = VecFrameStack(make_atari_env(GAME, n_envs=N_ENVS), N_FRAMES)
    PPO("CnnPolicy", envs, seed=1, device="cpu", **HYPERPARAMETERS).learn(
        n_iterations * STEPS, callback=clock
    )
    envs.close()
    return clock.iterations()[1:]


def train_lockstep(n_members: int, n_iterations: int) -> list[tuple[float, float]]:
    """Train seeds together; return the seconds of each iteration but the first."""
    clock = Clock()
    trainer = LockstepPPO(
        [Member(seed=1000 * i, arguments=HYPERPARAMETERS) for i in range(n_members)],
        make_env=game,
        n_envs=N_ENVS,
        total_timesteps=n_iterations * STEPS,
        n_stack=N_FRAMES,
        policy="CnnPolicy",
    )
    trainer.learn(lambda _: clock.note())
    trainer.environments.close()
    return clock.iterations()


def floor() -> tuple[float, float]:
    """Return the milliseconds per step of a game that nobody learns from, and of the networks' arithmetic.

    The arithmetic is the multiplications of the network's layers at the rate of a large product: forward once to act,
    and in each epoch forward and twice as many backward, except that nobody wants the gradient of the image.
    """
    env, n_steps = game(), 400
    env.reset(seed=1)
    begin = time.process_time()
    for _ in range(n_steps):
        *_, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            env.reset()
    environment = (time.process_time() - begin) / n_steps
    layers: list[nn.Conv2d | nn.Linear] = [
        nn.Conv2d(4, 32, 8, 4),
        nn.Conv2d(32, 64, 4, 2),
        nn.Conv2d(64, 64, 3),
        nn.Linear(3136, 512),
    ]
    places = [20 * 20, 9 * 9, 7 * 7, 1]
    products = [place * layer.weight.numel() for place, layer in zip(places, layers, strict=True)]
    n_products = (
        sum(products) * (1 + 3 * HYPERPARAMETERS["n_epochs"]) - HYPERPARAMETERS["n_epochs"] * products[0]
    )
    left, best = torch.rand(1024, 1024), float("inf")
    for _ in range(20):
        begin = time.process_time()
        torch.mm(left, left)
        best = min(best, time.process_time() - begin)
    return environment * 1e3, n_products * best / 1024**3 * 1e3


def measure(n_repeats: int) -> list[str]:
    """Return the lines of the report.

    SB3 comes first: lockstep training changes how the process keeps freed memory, from which SB3 would gain as well.
    """
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    reference = train_reference(2 * n_repeats + 1)
    # An iteration of twenty seeds is twenty times as much work, and that much steadier.
    ours = {size: train_lockstep(size, 1 + max(1, min(n_repeats, MOST_SEEDS // size))) for size in SIZES}
    (sb3, wall), (environment, products) = medians(reference, 1), floor()
    settings = ", ".join(f"{name} = {value}" for name, value in HYPERPARAMETERS.items())
    lines = [
        f"PPO {GAME}, SB3's AtariWrapper, {N_FRAMES} frames, {N_ENVS} environments, {settings}",
        f"Iterations of {STEPS} steps, without the first; medians of {len(reference)} of SB3, and of "
        + ", ".join(f"{len(own)} at S = {size}" for size, own in ours.items()),
        f"SB3 {sb3:.2f} ms a step, wall {wall:.2f} ms; "
        f"floor {environment:.2f} ms environment + {products:.2f} ms products",
    ]
    for size in SIZES:
        cpu, wall = medians(ours[size], size)
        lines.append(
            f"    S = {size:2d}   {cpu:6.2f} ms a seed's step, wall {wall:6.2f} ms   {sb3 / cpu:5.2f} x SB3"
        )
    return lines


def medians(iterations: list[tuple[float, float]], n_members: int) -> tuple[float, float]:
    """Return the median milliseconds of CPU and wall that a member's step takes."""
    cpu, wall = (statistics.median(one[place] for one in iterations) for place in (0, 1))
    return 1e3 * cpu / STEPS / n_members, 1e3 * wall / STEPS / n_members
