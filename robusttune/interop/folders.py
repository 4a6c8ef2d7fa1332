"""Folders of runs: `evaluations.npz` and `monitor.csv` of Stable-Baselines3, and TensorBoard's event files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from robusttune.declaration.messages import did_you_mean
from robusttune.errors import SpecError, reason, require

_LAST = 100
"""Training episodes that make a score: the window of Stable-Baselines3's `rollout/ep_rew_mean`."""

_SCALARS = ("eval/mean_reward", "rollout/ep_rew_mean", "eval/episodic_return", "charts/episodic_return")
_PER_EPISODE = "episodic_return"  # a scalar of this name has one value per episode, not a mean

Rows: TypeAlias = list[dict[str, Any]]


def read_folder(folder: Path, *, score: str | None = None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the runs below a folder as a table, and what was read in sentences.

    The best kind that is there is read: evaluations, then monitors, then TensorBoard. Task, configuration and seed
    are those in the paths: `seed` last, as in `ppo/seed_3` and `task/ppo/3`; RL Zoo's `ppo/Pendulum-v1_3`; CleanRL's
    `Pendulum-v1__ppo__3__1700000000`.

    Parameters
    ----------
    folder : Path
    score : str, optional
        A scalar of TensorBoard, which is then read.

    Raises
    ------
    SpecError
        If there is no run, a file cannot be read, or a path does not tell the seed.
    MissingDependencyError
        If TensorBoard's files are there and the package is not.
    """
    kinds = {
        name: _by_run(folder, pattern)
        for name, pattern in (
            ("evaluations", "evaluations.npz"),
            ("monitor", "*monitor.csv"),
            ("events", "*tfevents*"),
        )
    }
    kind = "events" if score is not None else next((name for name, found in kinds.items() if found), "")
    runs = kinds.get(kind)
    if not runs:
        wanted = (
            "TensorBoard event files" if kind else "evaluations.npz, monitor.csv or TensorBoard event files"
        )
        raise SpecError(f"{folder}: holds no {wanted}, nor does a folder in it.")
    lacking = [run for run in kinds["monitor"] if kind == "evaluations" and run not in runs]
    if lacking:
        raise SpecError(
            f"{lacking[0]}: has a monitor.csv and no evaluations.npz, as {len(runs)} other runs have. All runs of a "
            "comparison need the same: move it away if it never finished, and say so."
        )
    reader, note = _READERS[kind](runs, score)
    rows = []
    for run, files in runs.items():
        named = _names(run.relative_to(folder), folder)
        rows += [{**named, **row} for row in reader(run, files)]
    if not rows:
        raise SpecError(f"{folder}: no file of its {len(runs)} runs holds a score.")
    told = "Task, configuration and seed are those in the paths of the runs."
    return pd.DataFrame(rows), (note, told)


def _by_run(folder: Path, pattern: str) -> dict[Path, list[Path]]:
    found = defaultdict(list)
    for path in sorted(folder.rglob(pattern)):
        if path.is_file():
            found[path.parent].append(path)
    return dict(found)


def _names(place: Path, folder: Path) -> dict[str, str]:
    """Return task, configuration and seed of a run from its path."""
    parts = list(place.parts)
    if parts and (found := re.fullmatch(r"(.+)__(.+)__(\d+)__\d+", parts[-1])):
        return {"task": found[1], "configuration": found[2], "seed": found[3]}
    last = parts.pop() if parts else ""
    if parts and (found := re.fullmatch(r"(?:seed|run|s)?[-_=]?(\d+)", last, re.IGNORECASE)):
        return {"task": "/".join(parts[:-1]) or folder.name, "configuration": parts[-1], "seed": found[1]}
    if found := re.fullmatch(r"(.+?)[-_](?:seed|run|s)?[-_=]?(\d+)", last, re.IGNORECASE):
        task, configuration = (found[1], "/".join(parts)) if parts else (folder.name, found[1])
        return {"task": task, "configuration": configuration, "seed": found[2]}
    raise SpecError(
        f"{folder / place}: its path does not tell which seed it is. Put runs into folders such as ppo/seed_3, "
        "task/ppo/3, ppo/Pendulum-v1_3 or Pendulum-v1__ppo__3__1700000000."
    )


def _evaluations(runs: dict[Path, list[Path]], score: str | None) -> tuple[Callable[..., Rows], str]:
    def read(run: Path, files: Sequence[Path]) -> Rows:
        try:
            with np.load(files[0], allow_pickle=False) as saved:
                steps, results = (
                    np.asarray(saved["timesteps"]),
                    np.asarray(saved["results"], dtype=np.float64),
                )
                return [{"step": int(steps[-1]), "score": float(results[-1].mean())}]
        except Exception as error:  # whatever numpy says about bytes that are no archive
            raise SpecError(
                f"{files[0]}: cannot be read as evaluations of EvalCallback ({reason(error)})."
            ) from None

    return read, "The score of a run is the mean return of the last evaluation in its evaluations.npz."


def _monitors(runs: dict[Path, list[Path]], score: str | None) -> tuple[Callable[..., Rows], str]:
    def read(run: Path, files: Sequence[Path]) -> Rows:
        try:
            episodes = pd.concat([pd.read_csv(file, comment="#") for file in files]).sort_values(
                "t", kind="stable"
            )
            if episodes.empty:
                return [{"step": None, "score": None}]
            returns = episodes["r"].to_numpy(dtype=np.float64)
            return [{"step": int(episodes["l"].sum()), "score": float(returns[-_LAST:].mean())}]
        except Exception as error:  # whatever pandas says about bytes that are no table
            raise SpecError(f"{run}: monitor.csv cannot be read ({reason(error)}).") from None

    return read, (
        f"The score of a run is the mean return of its last {_LAST} training episodes (monitor.csv), with the "
        "exploration of training in them."
    )


def _events(runs: dict[Path, list[Path]], score: str | None) -> tuple[Callable[..., Rows], str]:
    require("tensorboard", "tensorboard", who_needs="TensorBoard's event files need")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    loaded = {}
    for run in runs:
        events = EventAccumulator(str(run), size_guidance={"scalars": 0})
        try:
            events.Reload()
        except Exception as error:  # whatever TensorBoard says about bytes that are no events
            raise SpecError(f"{run}: its event files cannot be read ({reason(error)}).") from None
        loaded[run] = events
    tags = {run: set(events.Tags()["scalars"]) for run, events in loaded.items()}
    every, shared = sorted(set().union(*tags.values())), set.intersection(*tags.values())
    scalar = score or next((one for one in _SCALARS if one in shared), None)
    if scalar is None or scalar not in shared:
        run = next(iter(runs) if scalar is None else (run for run in runs if scalar not in tags[run]))
        what = (
            f"no scalar {scalar!r}{did_you_mean(scalar, every)}"
            if scalar
            else f"none of {', '.join(_SCALARS)}"
        )
        raise SpecError(f"{run}: has {what}. Name one with `score`: {', '.join(every) or 'there are none'}.")
    n = _LAST if scalar.endswith(_PER_EPISODE) else 1

    def read(run: Path, files: Sequence[Path]) -> Rows:
        points = loaded[run].Scalars(scalar)
        return [{"step": points[-1].step, "score": float(np.mean([one.value for one in points[-n:]]))}]

    last = f"mean of the last {n} values" if n > 1 else "last value"
    return read, f"The score of a run is the {last} of the TensorBoard scalar {scalar!r}."


_READERS: dict[str, Callable[..., tuple[Callable[..., Rows], str]]] = {
    "evaluations": _evaluations,
    "monitor": _monitors,
    "events": _events,
}
