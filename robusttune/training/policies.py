"""Saved policies, with the environments that they act in: to go on with, or to watch."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecNormalize, unwrap_vec_normalize

from robusttune.declaration.run import RunSpec
from robusttune.errors import SpecError
from robusttune.results.models import MODEL, STATISTICS, model_folder
from robusttune.training.evaluation import evaluate_model, vectorised
from robusttune.training.hyperparameters import sb3_class
from robusttune.training.imports import modules_from
from robusttune.training.models import normalised_for, training_of

Policy: TypeAlias = tuple[BaseAlgorithm, VecEnv]
_JPEG_QUALITY = 95
_FPS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What a policy did.

    Attributes
    ----------
    episode_returns : tuple of float
    frames : tuple of tuple of bytes
        A JPEG per step, by episode; empty where it was shown in a window.
    fps : int
        Frames per second at which the environment wants to be seen.
    """

    episode_returns: tuple[float, ...]
    frames: tuple[tuple[bytes, ...], ...]
    fps: int


def load(
    models: Path,
    spec: RunSpec,
    *,
    n_envs: int = 1,
    render_mode: str | None = None,
    around: Callable[[VecEnv], VecEnv] = lambda environments: environments,
) -> Policy:
    """Return the saved policy of a run, and environments as its evaluation has them, not seeded.

    Parameters
    ----------
    models : Path
        Folder of the study's policies.
    spec : RunSpec
    n_envs : int
    render_mode : str, optional
        Gymnasium's.
    around : callable, optional
        Wraps the environments before they are normalised.
    """
    folder, training = model_folder(models, spec), training_of(spec)
    environment = training.environment
    if render_mode is not None:
        kwargs = {**environment.kwargs, "render_mode": render_mode}
        # EnvPool draws no pictures.
        environment = dataclasses.replace(environment, kwargs=kwargs, engine="gymnasium")
    with modules_from(training.module_folder):
        environments = normalised_for(spec, around(vectorised(environment, n_envs)))
        try:
            return _loaded(folder, spec, environments), environments
        except BaseException:
            environments.close()
            raise


def _loaded(folder: Path, spec: RunSpec, environments: VecEnv) -> BaseAlgorithm:
    normalised = unwrap_vec_normalize(environments)
    if normalised is not None:
        saved = VecNormalize.load(str(folder / STATISTICS), normalised.venv)
        normalised.obs_rms, normalised.ret_rms = saved.obs_rms, saved.ret_rms
        normalised.training = normalised.norm_reward = False
    algorithm = training_of(spec).algorithm
    return sb3_class(algorithm.name).load(folder / MODEL, env=environments, device=algorithm.device)


def watch(models: Path, spec: RunSpec, *, n_episodes: int, render_mode: str) -> Film:
    """Play a saved policy as it is evaluated, and return what was to be seen.

    Parameters
    ----------
    models : Path
        Folder of the study's policies.
    spec : RunSpec
        Of which the evaluation seed chooses the start states.
    n_episodes : int
    render_mode : {"rgb_array", "human"}
        Keep frames, or show them in a window.

    Raises
    ------
    SpecError
        If the environment cannot be shown so.
    """
    identifier = training_of(spec).environment.id
    cameras: list[_Camera] = []

    def around(environments: VecEnv) -> VecEnv:
        cameras.append(_Camera(environments, films=render_mode == "rgb_array"))
        return cameras[0]

    evaluation = dataclasses.replace(spec.evaluation, n_episodes=n_episodes, n_envs=1)
    with _without_windows() if render_mode == "rgb_array" else contextlib.nullcontext():
        try:
            model, environments = load(models, spec, render_mode=render_mode, around=around)
        except Exception as error:
            raise SpecError(
                f"{identifier} cannot be played with render_mode = {render_mode!r}: {type(error).__name__}: {error}"
            ) from None
        try:
            with modules_from(training_of(spec).module_folder):
                returns = evaluate_model(
                    model, environments, dataclasses.replace(spec, evaluation=evaluation)
                )
        finally:
            environments.close()
    (camera,) = cameras
    return Film(episode_returns=tuple(returns), frames=tuple(camera.episodes[:n_episodes]), fps=camera.fps)


@contextlib.contextmanager
def _without_windows() -> Iterator[None]:
    """Keep pygame from looking for a screen: where there is none, it prints an error that is none."""
    name = "SDL_VIDEODRIVER"
    is_set = name in os.environ
    os.environ.setdefault(name, "dummy")
    try:
        yield
    finally:
        if not is_set:
            del os.environ[name]


class _Camera(VecEnvWrapper):
    """Takes a picture before each step: after the last one of an episode the next has already begun."""

    def __init__(self, environments: VecEnv, *, films: bool) -> None:
        super().__init__(environments)
        self._films = films
        self._frames: list[bytes] = []
        self.episodes: list[tuple[bytes, ...]] = []
        metadata = self.get_attr("metadata")[0] or {}
        self.fps = int(metadata.get("render_fps") or _FPS)

    def reset(self) -> Any:
        """Begin anew."""
        self._frames = []
        return self.venv.reset()

    def step_async(self, actions: np.ndarray[Any, Any]) -> None:
        """Take a picture, then step."""
        if self._films:
            self._frames.append(_jpeg(self.venv.get_images()[0]))
        self.venv.step_async(actions)

    def step_wait(self) -> Any:
        """Return the step; close the episode where the game is over."""
        step = self.venv.step_wait()
        if "episode" in step[3][0]:
            self.episodes.append(tuple(self._frames))
            self._frames = []
        return step


def _jpeg(frame: object) -> bytes:
    """Return a frame in a hundredth of its memory: a long episode has thousands."""
    from PIL import Image

    if not isinstance(frame, np.ndarray):
        raise SpecError(f"the environment gives no pictures (rgb_array), but {type(frame).__name__}.")
    buffer = io.BytesIO()
    Image.fromarray(frame.astype(np.uint8)).convert("RGB").save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()
