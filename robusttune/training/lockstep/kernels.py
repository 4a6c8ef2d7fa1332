"""Pendulum and CartPole for many environments at once, bit for bit gymnasium's own.

Each formula is gymnasium's, operation by operation and in the same floating-point types, so that results are
equal to the last bit. Episodes still begin by the real environment's `reset`, on its own random generator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from gymnasium.envs.classic_control.pendulum import PendulumEnv
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit
from stable_baselines3.common.monitor import Monitor

from robusttune.training.lockstep.layout import Array

Env = gym.Env[Any, Any]

_TRANSPARENT = (Monitor, TimeLimit, OrderEnforcing, PassiveEnvChecker)
"""Wrappers that leave observations, rewards and actions as they are."""


class Kernel(Protocol):
    """The dynamics of many environments of one kind; states have shape (n, state_dim)."""

    def step(self, states: Array, actions: Array) -> tuple[Array, Array, Array, Array]:
        """Return next states, observations, rewards (64 bit) and whether the episode terminated."""


def _scalar_square(values: Array) -> Array:
    # NumPy squares scalars by the C library's pow, which now and then rounds otherwise than x * x.
    return np.array([value**2 for value in values], dtype=values.dtype)


class _Pendulum:
    state_attributes = ("max_speed", "max_torque", "dt", "g", "m", "l")

    def __init__(self, env: PendulumEnv) -> None:
        self._env = env

    def step(self, states: Array, actions: Array) -> tuple[Array, Array, Array, Array]:
        env = self._env
        g, m, length, dt = env.g, env.m, env.l, env.dt
        th, thdot = states[:, 0], states[:, 1]
        u = np.clip(actions.reshape(-1), -env.max_torque, env.max_torque)
        angle = ((th + np.pi) % (2 * np.pi)) - np.pi
        costs = _scalar_square(angle) + 0.1 * _scalar_square(thdot) + 0.001 * _scalar_square(u)
        newthdot = thdot + (3 * g / (2 * length) * np.sin(th) + 3.0 / (m * length**2) * u) * dt
        newthdot = np.clip(newthdot, -env.max_speed, env.max_speed)
        newth = th + newthdot * dt
        observations = np.stack([np.cos(newth), np.sin(newth), newthdot], axis=1).astype(np.float32)
        return np.stack([newth, newthdot], axis=1), observations, -costs, np.zeros(len(th), dtype=bool)


class _CartPole:
    state_attributes = (
        "gravity",
        "masspole",
        "total_mass",
        "length",
        "polemass_length",
        "force_mag",
        "tau",
        "kinematics_integrator",
        "theta_threshold_radians",
        "x_threshold",
        "_sutton_barto_reward",
    )

    def __init__(self, env: CartPoleEnv) -> None:
        self._env = env

    def step(self, states: Array, actions: Array) -> tuple[Array, Array, Array, Array]:
        env = self._env
        x, x_dot, theta, theta_dot = states.T
        force = np.where(actions.reshape(-1) == 1, env.force_mag, -env.force_mag)
        costheta, sintheta = np.cos(theta), np.sin(theta)
        temp = (force + env.polemass_length * np.square(theta_dot) * sintheta) / env.total_mass
        thetaacc = (env.gravity * sintheta - costheta * temp) / (
            env.length * (4.0 / 3.0 - env.masspole * np.square(costheta) / env.total_mass)
        )
        xacc = temp - env.polemass_length * thetaacc * costheta / env.total_mass
        if env.kinematics_integrator == "euler":
            x, theta = x + env.tau * x_dot, theta + env.tau * theta_dot
            x_dot, theta_dot = x_dot + env.tau * xacc, theta_dot + env.tau * thetaacc
        else:
            x_dot, theta_dot = x_dot + env.tau * xacc, theta_dot + env.tau * thetaacc
            x, theta = x + env.tau * x_dot, theta + env.tau * theta_dot
        terminated = (np.abs(x) > env.x_threshold) | (np.abs(theta) > env.theta_threshold_radians)
        rewards = np.where(terminated, -1.0, 0.0) if env._sutton_barto_reward else np.ones(len(x))
        nexts = np.stack([x, x_dot, theta, theta_dot], axis=1)
        return nexts, nexts.astype(np.float32), rewards, terminated


_KERNELS: tuple[tuple[type[Any], Callable[[Any], Kernel], tuple[str, ...]], ...] = (
    (PendulumEnv, _Pendulum, _Pendulum.state_attributes),
    (CartPoleEnv, _CartPole, _CartPole.state_attributes),
)


def time_limit(env: Env) -> int | None:
    """Return the number of steps after which `env` truncates; None without a limit."""
    limits = []
    while isinstance(env, gym.Wrapper):
        if isinstance(env, TimeLimit):
            limits.append(int(env._max_episode_steps))
        env = env.env
    return min(limits, default=None)


def find_kernel(envs: Sequence[Env]) -> Kernel | None:
    """Return the dynamics that all of `envs` share, or None where they must be stepped one by one.

    They share them if they are of exactly one known class, with equal constants, and no wrapper changes what
    goes in or comes out.
    """
    first = envs[0].unwrapped
    for kind, make, attributes in _KERNELS:
        if type(first) is not kind:
            continue
        constants = [getattr(first, name) for name in attributes]
        for env in envs:
            same = (
                type(env.unwrapped) is kind
                and [getattr(env.unwrapped, name) for name in attributes] == constants
            )
            if not same or env.unwrapped.render_mode == "human" or time_limit(env) != time_limit(envs[0]):
                return None
            while isinstance(env, gym.Wrapper):
                if type(env) not in _TRANSPARENT:
                    return None
                env = env.env
        return make(first)
    return None
