"""Do EnvPool's environments give the returns that Gymnasium's give?

    python -m benchmarks.envpool_compare > benchmarks/envpool_compare.txt

A policy before training and the same policy after it, trained in Gymnasium's environment alone, play the same number of
episodes with either engine, with actions drawn. Kolmogorov and Smirnov's test compares the returns and the lengths.
"""

from __future__ import annotations

import logging
import sys
import warnings
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from scipy.stats import ks_2samp
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy

from robusttune.declaration.training.environment import Atari, EnvironmentSpec
from robusttune.training.evaluation import vectorised

LEVEL = 0.01 / 20  # 1 % for all comparisons of this page together
N_ENVS = 10
PPO_ARGUMENTS: dict[str, Any] = {"n_steps": 256, "batch_size": 256, "n_epochs": 10}
# id, its declaration, episodes, timesteps of training
CASES: list[tuple[str, dict[str, Any], int, int]] = [
    ("CartPole-v1", {}, 400, 30_000),
    ("Pendulum-v1", {}, 400, 30_000),
    ("LunarLander-v3", {}, 400, 60_000),
    ("HalfCheetah-v5", {}, 200, 40_000),
    ("BreakoutNoFrameskip-v4", {"atari": Atari()}, 200, 20_000),
]


def main() -> None:
    """Print one row per environment and policy."""
    logging.disable()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print(
        " ".join(f"{name} {version(name)}" for name in ("envpool", "gymnasium", "mujoco", "ale-py", "box2d"))
    )
    power = {n: _power(n) for n in sorted({n for _, _, n, _ in CASES})}
    for n, shift in power.items():
        print(f"{n} episodes each: a shift by {shift:.2f} SD is found with a power of 0.9 (level {LEVEL:g})")
    print(
        f"{'environment':24}{'policy':11}{'gymnasium':>18}{'envpool':>18}{'p returns':>11}{'p lengths':>11}"
    )
    only = sys.argv[1:]
    for name, own, n_episodes, total in CASES:
        if not only or name in only:
            _compare(name, own, n_episodes, total)


def _compare(name: str, own: dict[str, Any], n_episodes: int, total: int) -> None:
    engines = ("gymnasium", "envpool")
    specs = [EnvironmentSpec(id=name, engine=engine, **own) for engine in engines]  # type: ignore[arg-type]
    training = vectorised(specs[0], N_ENVS)
    model = PPO("CnnPolicy" if own else "MlpPolicy", training, seed=1, device="cpu", **PPO_ARGUMENTS)
    for policy in ("untrained", "trained"):
        if policy == "trained":
            model.learn(total)
        found = []
        for spec in specs:
            environments = vectorised(spec, N_ENVS)
            environments.seed(2**31 + 11)
            torch.manual_seed(3)
            played = evaluate_policy(
                model, environments, n_episodes, deterministic=False, return_episode_rewards=True
            )
            found.append([np.asarray(values) for values in played])
            environments.close()
        (returns, lengths), (others, other_lengths) = found
        p_returns, p_lengths = ks_2samp(returns, others).pvalue, ks_2samp(lengths, other_lengths).pvalue
        differs = "  differs" if min(p_returns, p_lengths) < LEVEL else ""
        print(
            f"{name:24}{policy:11}{_said(returns):>18}{_said(others):>18}{p_returns:11.4f}{p_lengths:11.4f}{differs}",
            flush=True,
        )


def _said(values: np.ndarray[Any, Any]) -> str:
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"


def _power(n: int) -> float:
    """Return the least shift of a normal distribution, in SDs, that the test finds nine times in ten."""
    rng = np.random.default_rng(0)
    for shift in np.arange(0.1, 1.0, 0.05):
        found = [
            ks_2samp(rng.normal(size=n), rng.normal(shift, size=n), method="asymp").pvalue < LEVEL
            for _ in range(200)
        ]
        if np.mean(found) >= 0.9:
            return float(shift)
    return float("nan")


if __name__ == "__main__":
    main()
