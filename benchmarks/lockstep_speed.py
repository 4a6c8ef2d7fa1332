"""Time lockstep training against Stable-Baselines3: `python -m benchmarks.lockstep_speed`.

Both sides run in turn in one process on one thread. Times are CPU seconds of this process, so that other work
on the machine counts as little as possible; each number is the median of the repetitions.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.machine import commit, machine
from robusttune.training.hyperparameters import sb3_class
from robusttune.training.lockstep.members import Member
from robusttune.training.lockstep_runs import learner

REPORT = Path(__file__).with_suffix(".txt")
SIZES = (1, 2, 5, 10, 20)
FAR_APART = 1000
"""Distance of the seeds, so that no two members share an environment's stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One training task, for both sides."""

    title: str
    algorithm: str
    env_id: str
    n_envs: int
    timesteps: int
    hyperparameters: dict[str, Any]
    sizes: tuple[int, ...] = SIZES


def off_policy(algorithm: str) -> Case:
    """Return a task of an algorithm whose default networks are large: there is arithmetic to do, not only overhead."""
    return Case(
        title=f"{algorithm.upper()} Pendulum-v1",
        algorithm=algorithm,
        env_id="Pendulum-v1",
        n_envs=1,
        timesteps=1_000,
        hyperparameters={"learning_starts": 100},
        sizes=(1, 2, 5),
    )


CASES = {
    "ppo": Case(
        title="PPO Pendulum-v1",
        algorithm="ppo",
        env_id="Pendulum-v1",
        n_envs=5,
        timesteps=40_000,
        hyperparameters={"n_steps": 256, "batch_size": 64, "n_epochs": 10},
    ),
    "a2c": Case(
        title="A2C CartPole-v1",
        algorithm="a2c",
        env_id="CartPole-v1",
        n_envs=5,
        timesteps=20_000,
        hyperparameters={},
    ),
    "dqn": Case(
        title="DQN CartPole-v1",
        algorithm="dqn",
        env_id="CartPole-v1",
        n_envs=1,
        timesteps=10_000,
        hyperparameters={"target_update_interval": 500, "buffer_size": 100_000},
    ),
    "sac": off_policy("sac"),
    "td3": off_policy("td3"),
    "ddpg": off_policy("ddpg"),
}


def train_reference(case: Case, seed: int) -> None:
    """Train one seed with SB3."""
    envs = make_vec_env(case.env_id, n_envs=case.n_envs)
    model = sb3_class(case.algorithm)("MlpPolicy", envs, seed=seed, device="cpu", **case.hyperparameters)
    model.learn(case.timesteps)


def train_lockstep(case: Case, n_members: int, timesteps: int | None = None) -> None:
    """Train `n_members` seeds together."""
    members = [Member(seed=FAR_APART * i, arguments=case.hyperparameters) for i in range(n_members)]
    learner(case.algorithm)(
        members,
        make_env=lambda: gym.make(case.env_id),
        n_envs=case.n_envs,
        total_timesteps=timesteps or case.timesteps,
    ).learn()


def cpu_seconds(function: Any, *arguments: Any) -> float:
    """Return the CPU time of one call."""
    begin = time.process_time()
    function(*arguments)
    return time.process_time() - begin


def measure(case: Case, n_repeats: int) -> list[str]:
    """Return the lines of the report on one case."""
    train_lockstep(case, 2, min(2 * 256 * case.n_envs, case.timesteps))
    reference: list[float] = []
    ours: dict[int, list[float]] = {size: [] for size in case.sizes}
    for repeat in range(n_repeats):
        reference.append(cpu_seconds(train_reference, case, FAR_APART * repeat))
        for size in case.sizes:
            ours[size].append(cpu_seconds(train_lockstep, case, size) / size)
    sb3 = statistics.median(reference)
    lines = [f"{case.title}, {case.timesteps} steps, {case.n_envs} environments: SB3 {sb3:.2f} s a seed"]
    for size in case.sizes:
        seconds = statistics.median(ours[size])
        lines.append(f"    S = {size:2d}   {seconds:6.2f} s a seed   {sb3 / seconds:5.1f} x SB3")
    return lines


def memory_of(n_members: int) -> float:
    """Return the peak memory in MiB of a fresh process that trains PPO for one iteration."""
    command = [sys.executable, "-m", "benchmarks.lockstep_speed", "--peak", str(n_members)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak(n_members: int) -> None:
    """Print this process's peak memory in MiB after training."""
    if n_members:
        train_lockstep(CASES["ppo"], n_members, 1280)
    # Not getrusage: there a child begins with its parent's peak.
    line = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    sys.stdout.write(f"{int(line.split()[1]) / 1024:.1f}")


def header() -> list[str]:
    """Return when, on what and from which commit the report is."""
    return [
        f"Lockstep training against Stable-Baselines3, {datetime.now(UTC):%Y-%m-%d}, commit {commit()}",
        f"{machine()}, one thread; torch {torch.__version__}; median CPU seconds per seed",
    ]


def main() -> None:
    """Measure, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--report", type=Path, default=REPORT)
    parser.add_argument("--peak", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.peak is not None:
        peak(options.peak)
        return
    lines = header()
    for name in options.cases:
        found = measure(CASES[name], options.repeats)
        lines += ["", *found]
        sys.stdout.write("\n".join(found) + "\n")
    lines += ["", "Peak memory of a process that trains PPO Pendulum-v1 (MiB; S = 0: the imports alone)"]
    lines += [f"    S = {size:2d}   {memory_of(size):7.1f}" for size in (0, *SIZES)]
    options.report.write_text("\n".join(lines) + "\n")
    sys.stdout.write("\n".join(lines[-1 - len(SIZES) - 1 :]) + "\n")


if __name__ == "__main__":
    main()
