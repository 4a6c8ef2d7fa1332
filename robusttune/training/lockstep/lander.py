"""LunarLander's step, bit for bit gymnasium's, without the calls that cost half of it.

The world is Box2D's and steps as ever. Around it gymnasium checks the action, draws two numbers by a slow path and
computes with NumPy's scalars; here the same numbers come from the same formulas in Python's floats, the same doubles.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from math import cos, sin, sqrt
from typing import Any

import gymnasium as gym
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit

from robusttune.training.lockstep.sources import is_known

Step = Callable[[Any], tuple[Any, Any, bool, bool, Any]]
"""As `gymnasium.Env.step`."""

_MODULE = "gymnasium.envs.box2d.lunar_lander"
_KNOWN = frozenset({"e1a329583839695cb13f58d65446fcbc2b7c9185dabeb2dccc2de98e47d39920"})
"""The versions of `LunarLander.step` whose formulas these are (SHA-256 of the source): another steps by itself."""
_TRANSPARENT = (OrderEnforcing, PassiveEnvChecker)
_SPAN = (1.0 / 50, 6 * 30, 2 * 30)


def lander_step(env: gym.Env[Any, Any]) -> Step | None:
    """Return what steps `env` as its own `step` would; None if it is no plain LunarLander."""
    limit: Any = None
    wrapper: Any = env
    while isinstance(wrapper, gym.Wrapper):
        if type(wrapper) is TimeLimit and limit is None:
            limit = wrapper
        elif type(wrapper) not in _TRANSPARENT:
            return None
        wrapper = wrapper.env
    module = sys.modules.get(_MODULE)
    if module is None or type(wrapper) is not module.LunarLander:
        return None
    if not is_known(module.LunarLander.step, _KNOWN):
        return None
    if wrapper.continuous or wrapper.enable_wind or wrapper.render_mode is not None:
        return None
    return functools.partial(_step, wrapper, limit)


def _step(env: Any, limit: Any, action: Any) -> tuple[list[float], float, bool, bool, None]:
    """Take a step; the numbers are 600 by 400 points at 30 to a metre, 50 frames a second, as in gymnasium."""
    action, lander, draw = int(action), env.lander, env.np_random.random
    angle = lander.angle
    tip_x, tip_y = sin(angle), cos(angle)
    first, second = (-1.0 + 2.0 * draw()) / 30.0, (-1.0 + 2.0 * draw()) / 30.0
    fuel = 0.0
    if action == 2:
        fuel = 0.3
        along = 4 / 30.0 + 2 * first
        x, y = tip_x * along + -tip_y * second, -tip_y * along - tip_x * second
        position = lander.position
        lander.ApplyLinearImpulse((-x * 13.0, -y * 13.0), (position.x + x, position.y + y), True)
    elif action:
        fuel = 0.03
        across = 3 * second + (action - 2) * 12 / 30.0
        x, y = tip_x * first + -tip_y * across, -tip_y * first - tip_x * across
        position = lander.position
        at = (position.x + x - tip_x * 17 / 30.0, position.y + y + tip_y * 14 / 30.0)
        lander.ApplyLinearImpulse((-x * 0.6, -y * 0.6), at, True)
    env.world.Step(*_SPAN)
    state = _state(env)
    reward = _shaped(env, state) - fuel
    terminated = False
    if env.game_over or abs(state[0]) >= 1.0:
        terminated, reward = True, -100.0
    if not lander.awake:
        terminated, reward = True, 100.0
    if limit is None:
        return state, reward, terminated, False, None
    limit._elapsed_steps += 1
    return state, reward, terminated, limit._elapsed_steps >= limit._max_episode_steps, None


def _state(env: Any) -> list[float]:
    lander, (left, right) = env.lander, env.legs
    position, velocity = lander.position, lander.linearVelocity
    return [
        (position.x - 10.0) / 10.0,
        (position.y - (env.helipad_y + 18 / 30.0)) / (400 / 30.0 / 2),
        velocity.x * 10.0 / 50,
        velocity.y * (400 / 30.0 / 2) / 50,
        lander.angle,
        20.0 * lander.angularVelocity / 50,
        1.0 if left.ground_contact else 0.0,
        1.0 if right.ground_contact else 0.0,
    ]


def _shaped(env: Any, state: list[float]) -> float:
    """Return by how much the state is better than the last one."""
    x, y, speed_x, speed_y, angle, _, left, right = state
    shaping = (
        -100 * sqrt(x * x + y * y)
        - 100 * sqrt(speed_x * speed_x + speed_y * speed_y)
        - 100 * abs(angle)
        + 10 * left
        + 10 * right
    )
    change: float = shaping - env.prev_shaping
    env.prev_shaping = shaping
    return change
