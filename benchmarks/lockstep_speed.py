"""Time lockstep training against Stable-Baselines3: `python -m benchmarks.lockstep_speed`.

Both sides run in turn in one process on one thread. Times are CPU seconds of this process, so that other work
on the machine counts as little as possible, and wall seconds beside them; each number is the median of the
repetitions. The floor is what a seed would take if nothing but its environment's steps (random actions, one environment
stepped alone) and its matrix products (at the rate of a large product) took any time. Whole commands are processes of
their own, imports, evaluations and storing included.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import atari_speed
from benchmarks.machine import commit, machine
from robusttune.declaration.training.environment import EnvironmentSpec, Normalization
from robusttune.training.envpool import EnvPoolBatch
from robusttune.training.hyperparameters import sb3_class
from robusttune.training.lockstep.lander import lander_step
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
    normalised: bool = False
    pooled: bool = False


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


def real(algorithm: str, env_id: str, timesteps: int, **hyperparameters: Any) -> Case:
    """Return a task in a real environment with the algorithm's default hyperparameters."""
    return Case(
        title=f"{algorithm.upper()} {env_id}",
        algorithm=algorithm,
        env_id=env_id,
        n_envs=1,
        timesteps=timesteps,
        hyperparameters=hyperparameters,
        sizes=(1, 8, 20),
        normalised=algorithm == "ppo" and env_id == "HalfCheetah-v5",
    )


def pooled(case: Case) -> Case:
    """Return a task that lockstep training steps by EnvPool, and SB3 by gymnasium."""
    return dataclasses.replace(case, title=f"{case.title} by EnvPool", pooled=True, sizes=(8, 20))


COMMAND = """
name = "speed"
[environment]
id = "LunarLander-v3"
[algorithm]
name = "ppo"
total_timesteps = {timesteps}
[search_space.parameters]
learning_rate = {{ type = "float", low = 1e-4, high = 1e-3 }}
[tuning]
n_trials = 1
[evaluation]
n_episodes = 10
[post_evaluation]
n_seeds = 8
confirm = 0
top_k = 1
default_control = false
"""
CASES = {
    "ppo-lunarlander": real("ppo", "LunarLander-v3", 4096),
    "ppo-halfcheetah": real("ppo", "HalfCheetah-v5", 4096),
    "dqn-lunarlander": real("dqn", "LunarLander-v3", 4000),
    "sac-halfcheetah": real("sac", "HalfCheetah-v5", 400),
    "ppo-lunarlander-envpool": pooled(real("ppo", "LunarLander-v3", 4096)),
    "ppo-halfcheetah-envpool": pooled(real("ppo", "HalfCheetah-v5", 4096)),
    "dqn-lunarlander-envpool": pooled(real("dqn", "LunarLander-v3", 4000)),
    "ppo-cartpole": real("ppo", "CartPole-v1", 4096),
    "ppo-acrobot": real("ppo", "Acrobot-v1", 4096),
    "ppo-mountaincar": real("ppo", "MountainCar-v0", 4096),
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
    envs: Any = make_vec_env(case.env_id, n_envs=case.n_envs)
    if case.normalised:
        envs = VecNormalize(envs)
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
        normalization=Normalization() if case.normalised else None,
        make_pool=partial(EnvPoolBatch, EnvironmentSpec(id=case.env_id, engine="envpool"))
        if case.pooled
        else None,
    ).learn()


def seconds(function: Any, *arguments: Any) -> tuple[float, float]:
    """Return the CPU time and the wall time of one call."""
    begin, wall = time.process_time(), time.perf_counter()
    function(*arguments)
    return time.process_time() - begin, time.perf_counter() - wall


def step_environment(env: Any, n_steps: int) -> None:
    """Take random steps."""
    env.reset(seed=1)
    step = lander_step(env) or env.step
    for _ in range(n_steps):
        *_, terminated, truncated, _ = step(env.action_space.sample())
        if terminated or truncated:
            env.reset()


def floor(case: Case) -> tuple[float, float]:
    """Return the CPU seconds of a seed's environment steps, and of its matrix products."""
    n_steps = min(case.timesteps, 4000)
    environment = seconds(step_environment, gym.make(case.env_id), n_steps)[0] * case.timesteps / n_steps
    with FlopCounterMode(display=False) as counter:
        train_lockstep(case, 2)
    left = torch.rand(20, 256, 256)
    out = torch.bmm(left, left)
    best = min(seconds(lambda: torch.bmm(left, left, out=out))[0] for _ in range(50))
    return environment, counter.get_total_flops() / 2 * best / (2 * 20 * 256**3)


def measure(case: Case, n_repeats: int) -> list[str]:
    """Return the lines of the report on one case."""
    train_lockstep(case, 2, min(2 * 256 * case.n_envs, case.timesteps))
    train_reference(case, 1)
    reference: list[tuple[float, float]] = []
    ours: dict[int, list[tuple[float, float]]] = {size: [] for size in case.sizes}
    for repeat in range(n_repeats):
        reference.append(seconds(train_reference, case, FAR_APART * repeat))
        for size in case.sizes:
            ours[size].append(seconds(train_lockstep, case, size))
    (sb3, wall), (environment, products) = medians(reference), floor(case)
    norm = ", VecNormalize" if case.normalised else ""
    lines = [
        f"{case.title}, {case.timesteps} steps, {case.n_envs} environments{norm}: "
        f"SB3 {sb3:.2f} s a seed, wall {wall:.2f} s; floor {environment:.3f} s environment + {products:.3f} s products"
    ]
    for size in case.sizes:
        cpu, wall = (total / size for total in medians(ours[size]))
        lines.append(f"    S = {size:2d}   {cpu:6.3f} s a seed, wall {wall:6.3f} s   {sb3 / cpu:5.1f} x SB3")
    return lines


def medians(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the median of each place."""
    return statistics.median(cpu for cpu, _ in pairs), statistics.median(wall for _, wall in pairs)


def measure_command(n_repeats: int) -> list[str]:
    """Return the lines of the report on a whole `robusttune evaluate` with 8 seeds."""
    lines = [
        "`robusttune evaluate`, PPO LunarLander-v3, one configuration, 8 seeds, 10 episodes, -j 0, imports included"
    ]
    for timesteps in (4096, 8192):
        times: dict[str, list[tuple[float, float]]] = {"sb3": [], "lockstep": []}
        for _ in range(n_repeats):
            for trainer, found in times.items():
                found.append(command_seconds(trainer, timesteps))
        (sb3, sb3_wall), (cpu, wall) = medians(times["sb3"]), medians(times["lockstep"])
        lines += [
            f"{timesteps} steps: sb3      {sb3:6.1f} s, wall {sb3_wall:6.1f} s",
            f"{timesteps} steps: lockstep {cpu:6.1f} s, wall {wall:6.1f} s   {sb3 / cpu:5.1f} x SB3",
        ]
    return lines


def measure_lander(n_steps: int = 4000) -> list[str]:
    """Return the line of the report on single steps of LunarLander, by gymnasium and by us in turn."""
    theirs, ours = gym.make("LunarLander-v3"), gym.make("LunarLander-v3")
    own_step = lander_step(ours)
    if own_step is None:
        raise ValueError("This version of LunarLander steps by itself; there is nothing to compare.")
    theirs.reset(seed=1)
    ours.reset(seed=1)
    found: dict[str, list[float]] = {"gymnasium": [], "here": []}
    for _ in range(n_steps):
        action = theirs.action_space.sample()
        begin = time.process_time_ns()
        *_, terminated, truncated, _ = theirs.step(action)
        between = time.process_time_ns()
        own_step(action)
        end = time.process_time_ns()
        found["gymnasium"].append((between - begin) / 1e3)
        found["here"].append((end - between) / 1e3)
        if terminated or truncated:
            theirs.reset()
            ours.reset()
    sides = ", ".join(f"{side} {statistics.median(own):.1f}" for side, own in found.items())
    return [f"A step of LunarLander-v3, median CPU microseconds of {n_steps} steps in turn: {sides}"]


def command_seconds(trainer: str, timesteps: int) -> tuple[float, float]:
    """Return the CPU time and the wall time of one command, a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "study.toml"
        study.write_text(COMMAND.format(timesteps=timesteps) + f'[execution]\ntrainer = "{trainer}"\n')

        def command(name: str) -> None:
            words = [sys.executable, "-m", "robusttune", name, str(study), "-o", folder, "-j", "0"]
            subprocess.run(words, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})

        command("tune")
        before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command("evaluate")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return spent, time.perf_counter() - wall


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
        f"{machine()}, one thread; torch {torch.__version__}; median CPU seconds, and wall seconds, per seed",
    ]


def main() -> None:
    """Measure, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    own: dict[str, Callable[[int], list[str]]] = {
        "command": measure_command,
        "lander-step": lambda _: measure_lander(),
        "ppo-atari": atari_speed.measure,
    }
    choices = [*CASES, *own]
    parser.add_argument("--cases", nargs="+", choices=choices, default=choices)
    parser.add_argument("--report", type=Path, default=REPORT)
    parser.add_argument("--peak", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.peak is not None:
        peak(options.peak)
        return
    lines = header()
    for name in options.cases:
        found = own[name](options.repeats) if name in own else measure(CASES[name], options.repeats)
        lines += ["", *found]
        sys.stdout.write("\n".join(found) + "\n")
    lines += ["", "Peak memory of a process that trains PPO Pendulum-v1 (MiB; S = 0: the imports alone)"]
    lines += [f"    S = {size:2d}   {memory_of(size):7.1f}" for size in (0, *SIZES)]
    options.report.write_text("\n".join(lines) + "\n")
    sys.stdout.write("\n".join(lines[-1 - len(SIZES) - 1 :]) + "\n")


if __name__ == "__main__":
    main()
