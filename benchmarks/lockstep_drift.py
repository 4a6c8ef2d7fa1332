"""Show how fast rounding parts the two trainers: `python -m benchmarks.lockstep_drift`.

The same seed of PPO on Pendulum-v1 is trained by SB3 and in lockstep; after each iteration the largest
difference of a weight is written to `lockstep_drift.txt`. As a yardstick, so is that of SB3 against itself
with one weight moved by its last bit.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.lockstep_speed import CASES, FAR_APART
from robusttune.training.lockstep.members import Member
from robusttune.training.lockstep.trainer import LockstepTrainer
from robusttune.training.lockstep_runs import learner

REPORT = Path(__file__).with_suffix(".txt")
N_ITERATIONS = 20
SEEDS = [FAR_APART * i for i in range(5)]


def weights(model: Any) -> np.ndarray:
    """Return all weights of a model."""
    return np.concatenate([value.detach().numpy().ravel() for value in model.policy.state_dict().values()])


class _Recorder(BaseCallback):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[np.ndarray] = []

    def _on_rollout_start(self) -> None:
        self.rows.append(weights(self.model))

    def _on_step(self) -> bool:
        return True


def reference(seed: int, nudge: float) -> list[np.ndarray]:
    """Return SB3's weights after each iteration."""
    case = CASES["ppo"]
    model = PPO(
        "MlpPolicy",
        make_vec_env(case.env_id, n_envs=case.n_envs),
        seed=seed,
        device="cpu",
        **case.hyperparameters,
    )
    with torch.no_grad():
        next(iter(model.policy.mlp_extractor.parameters()))[0, 0] *= 1 + nudge
    recorder = _Recorder()
    model.learn(N_ITERATIONS * 256 * case.n_envs, callback=recorder)
    return [*recorder.rows[1:], weights(model)]


def together() -> list[list[np.ndarray]]:
    """Return the lockstep members' weights after each iteration, by seed."""
    case = CASES["ppo"]
    rows: list[list[np.ndarray]] = [[] for _ in SEEDS]

    def remember(trainer: LockstepTrainer) -> None:
        for member, row in enumerate(rows):
            row.append(weights(trainer.to_sb3(member)))

    learner(case.algorithm)(
        [Member(seed=seed, arguments=case.hyperparameters) for seed in SEEDS],
        make_env=lambda: gym.make(case.env_id),
        n_envs=case.n_envs,
        total_timesteps=N_ITERATIONS * 256 * case.n_envs,
    ).learn(remember)
    return rows


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    ours, sb3 = together(), [reference(seed, 0.0) for seed in SEEDS]
    nudged = [reference(seed, 1e-7) for seed in SEEDS]
    lines = [
        f"PPO Pendulum-v1: largest difference of a weight, median of {len(SEEDS)} seeds",
        "iteration   lockstep - SB3   nudged SB3 - SB3",
    ]
    for i in range(N_ITERATIONS):
        a, b = (
            float(np.median([np.abs(x[i] - y[i]).max() for x, y in zip(others, sb3, strict=True)]))
            for others in (ours, nudged)
        )
        lines.append(f"{i + 1:9d}   {a:14.1e}   {b:16.1e}")
    REPORT.write_text("\n".join(lines) + "\n")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
