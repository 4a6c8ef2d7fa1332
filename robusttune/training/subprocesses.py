"""Environments each in a process of its own."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, SupportsFloat

import gymnasium as gym
from loky.backend import get_context
from stable_baselines3.common.vec_env import SubprocVecEnv

_ERROR = "robusttune.error"
Make = Callable[[], gym.Env[Any, Any]]


class ProcessVecEnv(SubprocVecEnv):
    """Stable-Baselines3's `SubprocVecEnv`, in which errors of an environment reach the caller.

    Parameters
    ----------
    make : callable
        Makes one environment.
    n_envs : int

    Raises
    ------
    RuntimeError
        With the environment's traceback, here or at any step, if it raises; or if its process dies.
    """

    def __init__(self, make: Make, n_envs: int) -> None:
        get_context(
            "loky"
        )  # registers itself: a way to start a process without importing the caller's script again
        own: Any = multiprocessing.current_process()
        is_daemon = own._config.get("daemon", False)
        own._config["daemon"] = False  # a worker of a pool may have children here: they end with it
        try:
            super().__init__([partial(_Guarded, make)] * n_envs, start_method="loky")
        except (EOFError, ConnectionError):
            raise _died() from None
        finally:
            own._config["daemon"] = is_daemon
        for error in self.get_attr("error"):
            if error is not None:
                self.close()
                raise RuntimeError(error)

    def reset(self) -> Any:
        """Begin an episode in each environment."""
        try:
            self.buf_obs = super().reset()
        except (EOFError, ConnectionError):
            raise _died() from None
        self._check(self.reset_infos)
        return self.buf_obs

    def step_wait(self) -> Any:
        """Return what the step that `step_async` began has given."""
        try:
            self.buf_obs, self.buf_rews, dones, infos = super().step_wait()
        except (EOFError, ConnectionError):
            raise _died() from None
        self.buf_infos = list(infos)
        self._check(self.buf_infos)
        self._check(self.reset_infos)
        return self.buf_obs, self.buf_rews, dones, infos

    def step_async(self, actions: Any) -> None:
        """Begin a step in each environment."""
        try:
            super().step_async(actions)
        except ConnectionError:
            raise _died() from None

    def close(self) -> None:
        """End the processes, also those that still work at a step or are dead."""
        try:
            super().close()
        except (EOFError, ConnectionError):
            for process in self.processes:
                process.terminate()
                process.join()

    def _check(self, infos: Any) -> None:
        for info in infos:
            if info is not None and _ERROR in info:
                raise RuntimeError(info[_ERROR])


def _died() -> RuntimeError:
    return RuntimeError(
        "the process of an environment has ended (environment.vec_env = 'subproc'): out of memory, or the environment "
        "ended it. With vec_env = 'dummy' the reason may show."
    )


class _Guarded(gym.Wrapper[Any, Any, Any, Any]):
    """Hands errors on as infos: an exception would end the process without a word to its parent."""

    def __init__(self, make: Make) -> None:
        self.error: str | None = None
        try:
            environment = make()
        except Exception:
            self.error, environment = traceback.format_exc(), gym.Env()
            environment.observation_space = environment.action_space = gym.spaces.Discrete(1)
        super().__init__(environment)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take a step."""
        try:
            return super().step(action)
        except Exception:
            return self.observation_space.sample(), 0.0, False, False, {_ERROR: traceback.format_exc()}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        try:
            return super().reset(seed=seed, options=options)
        except Exception:
            return self.observation_space.sample(), {_ERROR: traceback.format_exc()}
