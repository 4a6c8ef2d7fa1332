"""Compare what both trainers end up with, over many seeds: `python -m benchmarks.lockstep_distributions`.

Every run is one row of `lockstep_distributions.csv`; running again does the missing ones, then writes the
two-sample tests to `lockstep_distributions.txt`. The score of a run is the mean return of the final
deterministic policy over fixed evaluation episodes. The seeds of the two trainers differ, so the samples are
independent; a second sample of lockstep has SB3's own seeds, to be compared seed by seed.

The first comparison of PPO on Pendulum-v1 found a difference at its 40 + 40 seeds. It is repeated with 200 + 200 new
ones, chosen before any was run: a repetition decides what one test among several cannot.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from scipy import stats
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

from benchmarks.lockstep_speed import CASES, FAR_APART, Case
from benchmarks.machine import commit, machine
from robusttune.training.hyperparameters import sb3_class
from robusttune.training.lockstep.members import Member
from robusttune.training.lockstep_runs import learner

TABLE = Path(__file__).with_suffix(".csv")
REPORT = Path(__file__).with_suffix(".txt")
N_EPISODES = 20
EVALUATION_SEED = 123_456_789
BATCH = 20

SB3, LOCKSTEP, PAIRED = "sb3", "lockstep", "lockstep-same-seeds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is trained, and on which seeds: SB3's begin at `first`, those of lockstep follow."""

    case: Case
    n_seeds: int = 40
    first: int = 0

    def seeds_of(self, sample: str) -> list[int]:
        """Return the seeds of one sample."""
        first = self.first + (self.n_seeds if sample == LOCKSTEP else 0)
        return [FAR_APART * (first + i) for i in range(self.n_seeds)]


RUNS: dict[str, Comparison] = {
    "PPO Pendulum-v1": Comparison(case=CASES["ppo"]),
    "PPO Pendulum-v1, repeated": Comparison(case=CASES["ppo"], n_seeds=200, first=1000),
    "PPO CartPole-v1": Comparison(
        case=replace(CASES["ppo"], title="PPO CartPole-v1", env_id="CartPole-v1", timesteps=10_000)
    ),
    "A2C CartPole-v1": Comparison(case=CASES["a2c"]),
    "DQN CartPole-v1": Comparison(
        case=replace(
            CASES["dqn"],
            timesteps=20_000,
            hyperparameters={**CASES["dqn"].hyperparameters, "learning_rate": 1e-3, "batch_size": 64},
        )
    ),
}


def score(model: Any, case: Case) -> float:
    """Return the mean return of the final policy."""
    envs = make_vec_env(case.env_id, n_envs=N_EPISODES, seed=EVALUATION_SEED)
    return float(evaluate_policy(model, envs, n_eval_episodes=N_EPISODES)[0])  # type: ignore[arg-type]


def train(sample: str, case: Case, seeds: list[int]) -> list[float]:
    """Return the scores of some seeds."""
    if sample == SB3:
        envs = make_vec_env(case.env_id, n_envs=case.n_envs)
        model = sb3_class(case.algorithm)(
            "MlpPolicy", envs, seed=seeds[0], device="cpu", **case.hyperparameters
        )
        return [score(model.learn(case.timesteps), case)]
    members = [Member(seed=seed, arguments=case.hyperparameters) for seed in seeds]
    together = learner(case.algorithm)(
        members,
        make_env=lambda: gym.make(case.env_id),
        n_envs=case.n_envs,
        total_timesteps=case.timesteps,
    ).learn()
    return [score(together.to_sb3(member), case) for member in range(len(seeds))]


def read() -> dict[tuple[str, str, int], float]:
    """Return the stored scores by case, trainer and seed."""
    if not TABLE.exists():
        return {}
    with TABLE.open() as file:
        return {
            (row["case"], row["trainer"], int(row["seed"])): float(row["score"])
            for row in csv.DictReader(file)
        }


def run_missing(name: str, sample: str) -> None:
    """Train the seeds that have no row yet, and append theirs."""
    done = read()
    missing = [seed for seed in RUNS[name].seeds_of(sample) if (name, sample, seed) not in done]
    size = 1 if sample == SB3 else BATCH
    for begin in range(0, len(missing), size):
        seeds = missing[begin : begin + size]
        scores = train(sample, RUNS[name].case, seeds)
        is_new = not TABLE.exists()
        with TABLE.open("a", newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(["case", "trainer", "seed", "score"])
            writer.writerows((name, sample, seed, value) for seed, value in zip(seeds, scores, strict=True))


def scores_of(name: str, sample: str) -> np.ndarray:
    """Return the stored scores of one sample, in the order of its seeds."""
    done = read()
    return np.array([done[name, sample, s] for s in RUNS[name].seeds_of(sample) if (name, sample, s) in done])


def energy_p_value(a: np.ndarray, b: np.ndarray, rng: np.random.Generator, n_resamples: int = 9_999) -> float:
    """Return the permutation p-value of the energy distance between two samples."""
    pooled = np.concatenate([a, b])
    observed = stats.energy_distance(a, b)
    count = 0
    for _ in range(n_resamples):
        shuffled = rng.permutation(pooled)
        count += stats.energy_distance(shuffled[: len(a)], shuffled[len(a) :]) >= observed
    return (count + 1) / (n_resamples + 1)


def compare(name: str) -> str:
    """Return one comparison's line of the report."""
    sb3, ours = scores_of(name, SB3), scores_of(name, LOCKSTEP)
    if min(len(sb3), len(ours)) < RUNS[name].n_seeds:
        return f"{name}: not yet run"
    interval = stats.ttest_ind(ours, sb3, equal_var=False).confidence_interval(0.95)
    return (
        f"{name}: n = {len(sb3)} + {len(ours)}; mean SB3 {sb3.mean():.1f} (SD {sb3.std(ddof=1):.1f}), "
        f"lockstep {ours.mean():.1f} (SD {ours.std(ddof=1):.1f}); "
        f"difference {ours.mean() - sb3.mean():+.1f}, "
        f"95 % Welch interval [{interval.low:+.1f}, {interval.high:+.1f}]; "
        f"KS p = {stats.ks_2samp(sb3, ours).pvalue:.3f}; "
        f"energy distance p = {energy_p_value(sb3, ours, np.random.default_rng(0)):.3f}"
    )


def same_seeds(name: str) -> str:
    """Return the line of a closer look: lockstep on SB3's own seeds, compared seed by seed."""
    theirs, ours = scores_of(name, SB3), scores_of(name, PAIRED)
    if min(len(theirs), len(ours)) < RUNS[name].n_seeds:
        return f"{name}, the same seeds: not yet run"
    interval = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    return (
        f"{name}, the same {len(ours)} seeds: mean SB3 {theirs.mean():.1f}, lockstep {ours.mean():.1f}; "
        f"paired difference {(ours - theirs).mean():+.1f}, 95 % interval [{interval.low:+.1f}, {interval.high:+.1f}]; "
        f"correlation {np.corrcoef(ours, theirs)[0, 1]:.2f}; KS p = {stats.ks_2samp(ours, theirs).pvalue:.3f}"
    )


def main() -> None:
    """Do what is missing, then test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=list(RUNS), default=list(RUNS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.cases:
        for sample in (LOCKSTEP, PAIRED, SB3):
            run_missing(name, sample)
    head = f"Lockstep and SB3 in distribution, {datetime.now(UTC):%Y-%m-%d}, commit {commit()}"
    lines = [
        f"{head}\n{machine()}\n",
        *(compare(name) for name in RUNS),
        *(same_seeds(name) for name in RUNS),
    ]
    REPORT.write_text("\n".join(lines) + "\n")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
