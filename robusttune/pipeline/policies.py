"""The saved policies of a study: loaded, or played side by side, which shows what luck is."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError, StudyError
from robusttune.pipeline.chosen import Chosen, choose
from robusttune.pipeline.location import DEFAULT_OUT, location_of
from robusttune.pipeline.reading import open_results
from robusttune.report.prose.words import count, number
from robusttune.results.models import is_saved
from robusttune.results.records import RunStatus

if TYPE_CHECKING:
    from robusttune.training.policies import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A policy that was played.

    Attributes
    ----------
    configuration : str
    label : str
        Its seed, its score and its place among the seeds of the configuration.
    episode_returns : tuple of float
        Of the episodes played.
    warning : str, optional
        What a viewer must know, where it was trained again.
    """

    configuration: str
    label: str
    episode_returns: tuple[float, ...]
    warning: str | None = None


def load_policy(
    study: StudySpec,
    configuration: str | None = None,
    seed: int | str | None = None,
    *,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
) -> Policy:
    """Return a saved policy and an environment for it, wrapped and normalised as in its evaluation.

    Parameters
    ----------
    study : StudySpec
        With `execution.save_models`.
    configuration : str, optional
        Its name in the ranking; None is the recommended one.
    seed : int or {"best", "median", "worst"}, optional
        Of the configuration's fresh seeds; None is the best.
    out, storage
        See `run_study`.

    Returns
    -------
    model : BaseAlgorithm
        Of Stable-Baselines3, as trained.
    environment : VecEnv
        One environment; normalisation, if any, has the statistics of training and no longer learns.

    Raises
    ------
    SpecError
        If there is no such configuration or seed.
    StudyError
        If there are no results, or the policy is not saved.
    """
    from robusttune.training.policies import load

    _check_saves_policies(study)
    location = location_of(study, out=out, storage=storage)
    with open_results(study, location) as results:
        (chosen,) = choose(results, configuration, "best" if seed is None else seed)
    _train_missing([chosen], location.models, retrain=False)
    return load(location.models, chosen.spec)


def play_study(
    study: StudySpec,
    *,
    configuration: str | None = None,
    seed: int | str | None = None,
    video: str | Path | None = None,
    n_episodes: int = 1,
    retrain: bool = False,
    out: str | Path = DEFAULT_OUT,
    storage: str | None = None,
) -> tuple[Played, ...]:
    """Play saved policies: by default the best, the median and the worst seed of the recommended configuration.

    All begin in the same start states, and act as `[evaluation]` says.

    Parameters
    ----------
    study : StudySpec
    configuration, seed
        See `load_policy`; without a seed three are played.
    video : path, optional
        An .mp4 file, in which they act side by side; needs `robusttune[video]`. None opens a window for each in turn.
    n_episodes : int
        Of each.
    retrain : bool
        Train those again whose runs were stored without their policies, and keep these.
    out, storage
        See `run_study`.

    Raises
    ------
    SpecError
        If there is no such configuration or seed, no display, or the environment makes no pictures.
    StudyError
        If there are no results, or a policy is not saved.
    MissingDependencyError
        If moviepy is missing.
    """
    from robusttune.report.video import Panel, check_video, write_video

    _check_saves_policies(study)
    if n_episodes < 1:
        raise SpecError(f"`n_episodes` must be 1 or more, but got {n_episodes}.")
    if video is not None:
        check_video(Path(video))
    else:
        _check_display()
    location = location_of(study, out=out, storage=storage)
    with open_results(study, location) as results:
        chosen = choose(results, configuration, seed)
        first = results.study
    warnings = _train_missing(chosen, location.models, retrain=retrain)

    from robusttune.training.policies import watch

    mode = "human" if video is None else "rgb_array"
    films = []
    for one in chosen:
        spec = dataclasses.replace(one.spec, evaluation_seed=chosen[0].spec.evaluation_seed)
        films.append(watch(location.models, spec, n_episodes=n_episodes, render_mode=mode))
    if video is not None:
        panels = [
            Panel(label=one.label, notes=_notes(film.episode_returns), frames=film.frames)
            for one, film in zip(chosen, films, strict=True)
        ]
        title = f"{first.name}, {chosen[0].configuration}: {first.training.caption}"
        write_video(Path(video), title, panels, fps=films[0].fps)
    return tuple(
        Played(
            configuration=one.configuration,
            label=one.label,
            episode_returns=film.episode_returns,
            warning=warnings.get(one.spec.run_id),
        )
        for one, film in zip(chosen, films, strict=True)
    )


def _train_missing(chosen: Sequence[Chosen], models: Path, *, retrain: bool) -> dict[str, str]:
    """Train runs again whose policies are not saved; return by run id what differs from what is stored."""
    missing = {one.spec.run_id: one for one in chosen if not is_saved(models, one.spec)}
    if not missing:
        return {}
    specs = [one.spec for one in missing.values()]
    if not retrain:
        seeds = ", ".join(str(spec.seed) for spec in specs)
        raise StudyError(
            f"There is no policy in {models} for seed {seeds} of {chosen[0].configuration}: the runs were stored "
            "without them. Set execution.save_models = 'best' or 'post-evaluation' before a study runs; `play_study` "
            f"with `retrain` = True trains such runs again ({count(len(specs), 'run')} of "
            f"{specs[0].total_timesteps:,} timesteps) and keeps their policies."
        )
    from robusttune.training import train

    warnings = {}
    for run_id, one in missing.items():
        trainer = one.spec.training.trainer(one.stored.provenance["trainer"])
        (again,) = train([one.spec], trainer=trainer, models=models)
        if again.status is not RunStatus.COMPLETED or again.warning is not None:
            raise StudyError(
                f"Seed {one.spec.seed} could not be trained again: {again.warning or again.error}"
            )
        assert again.score is not None
        assert one.stored.score is not None
        if not math.isclose(again.score, one.stored.score, rel_tol=1e-6):
            warnings[run_id] = (
                f"Trained again, seed {one.spec.seed} scores {number(again.score)} where {number(one.stored.score)} is "
                "stored: on another machine, or with other versions, runs differ."
            )
    return warnings


def _notes(episode_returns: Sequence[float]) -> tuple[str, ...]:
    n = len(episode_returns)
    which = [f"episode {i + 1} of {n}" if n > 1 else "this episode" for i in range(n)]
    return tuple(f"{own}: {number(value)}" for own, value in zip(which, episode_returns, strict=True))


def _check_saves_policies(study: StudySpec) -> None:
    if not study.training.SAVES_POLICIES:
        raise SpecError(f"{study.training.title} leaves no policy that could be loaded or played.")


def _check_display() -> None:
    if sys.platform.startswith("linux") and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        raise SpecError(
            "There is no display for a window. To make a video, give `video` the name of an .mp4 file."
        )
