"""Atari's skipped frames, of which SB3's MaxAndSkipEnv shows the last two, played without drawing the others."""

from __future__ import annotations

import functools
import sys
from typing import Any

import gymnasium as gym
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker

from robusttune.training.lockstep.sources import is_known

# What is done here in their place, by the SHA-256 of their sources: other versions step by themselves.
_KNOWN_GAME = frozenset({"fd54496ae13a62fdaee7679563c78ec319c2f36a34b3b7035ccefb6b3090a07d"})
_KNOWN_OBSERVATION = frozenset({"0336c520ad74791f24f67e22698f88145f20f35644ef0c6291bddcb90282a3c4"})
_KNOWN_SKIP = frozenset({"52699308bf0412d67b5e996e2ce062cfe0571a536fb666c0cea4367360b0a38a"})


def draw_no_skipped_frame(env: gym.Env[Any, Any]) -> None:
    """Let `env` skip frames without drawing those that nobody sees, if it is an Atari game within SB3's wrappers."""
    wrappers = sys.modules.get("stable_baselines3.common.atari_wrappers")
    games = sys.modules.get("ale_py.env")
    skip: Any = env
    if wrappers is None or games is None:
        return
    while isinstance(skip, gym.Wrapper) and type(skip) is not wrappers.MaxAndSkipEnv:
        skip = skip.env
    if not isinstance(skip, gym.Wrapper):
        return
    game: Any = skip.env
    while type(game) in (wrappers.NoopResetEnv, OrderEnforcing, PassiveEnvChecker):
        game = game.env
    if type(game) is games.AtariEnv and _is_plain(game, skip):
        vars(skip)["step"] = functools.partial(_step, game, skip)


def _is_plain(game: Any, skip: Any) -> bool:
    """Return whether a game does nothing but what `_step` does."""
    return (
        is_known(type(game).step, _KNOWN_GAME)
        and is_known(type(game)._get_obs, _KNOWN_OBSERVATION)
        and is_known(type(skip).step, _KNOWN_SKIP)
        and (game._frameskip, game._obs_type, game.continuous) == (1, "rgb", False)
        and not game.sound_obs
        and game.render_mode is None
    )


def _step(game: Any, skip: Any, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
    """Repeat an action; return the brighter of the last two frames, pixel by pixel, and the sum of the rewards."""
    ale, move, shown = game.ale, game._action_set[action], skip._obs_buffer
    n_frames, total = skip._skip, 0.0
    terminated = truncated = False
    for frame in range(n_frames):
        total += float(ale.act(move, 1.0))
        terminated, truncated = ale.game_over(with_truncation=False), ale.game_truncated()
        if frame >= n_frames - 2:
            shown[frame - n_frames + 2] = ale.getScreenRGB()
        if terminated or truncated:
            break
    return shown.max(axis=0), total, terminated, truncated, {}
