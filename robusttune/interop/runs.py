"""From a table of results to one score per run: what counts, what is averaged, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import JsonValue

from robusttune.errors import SpecError
from robusttune.interop.cells import hashable, labels, numbers
from robusttune.interop.roles import plain

_KEYS = ["task", "configuration", "seed"]
# Columns of loggers that say nothing about a configuration.
_LOGGERS = "id state user notes tags created updated runtime duration hostname sweep end_time"
_MOST_DIGITS = 20  # of a seed that is a number; longer ones are names


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenConfiguration:
    """One configuration on one task.

    Attributes
    ----------
    seeds : tuple of int or str
        As they are labelled in the table.
    scores : tuple of float or None
        One per seed; None for a run without a finite score.
    step : int, optional
        The last step of its runs (their median), where the table tells.
    tuning_score : float, optional
    hyperparameters : mapping
        The columns that differ between configurations and not within one.
    """

    name: str
    seeds: tuple[int | str, ...]
    scores: tuple[float | None, ...]
    step: int | None
    tuning_score: float | None
    hyperparameters: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRuns:
    """Task → its configurations, in the order of the table, and what was done to the table in sentences."""

    tasks: Mapping[str, tuple[GivenConfiguration, ...]]
    notes: tuple[str, ...]


def to_runs(
    frame: pd.DataFrame, roles: Mapping[str, tuple[str, ...]], *, minimize: bool, source: str
) -> GivenRuns:
    """Return the runs of a table.

    Parameters
    ----------
    frame : DataFrame
    roles : mapping of role to columns
        See `roles.find_roles`.
    minimize : bool
        Lower scores are better: their sign is turned.
    source : str
        For messages.

    Raises
    ------
    SpecError
        If a cell that names a run is empty, a score is no number, a run appears twice, or a configuration has two
        tuning scores.
    """
    if frame.empty:
        raise SpecError(f"{source}: has no rows.")
    used = _used(frame, roles, source)
    if minimize:
        used[["score", "tuning_score"]] *= -1.0
    notes = ["Lower scores are better: their sign is turned, so that higher is better."] if minimize else []
    runs = _one_row_per_run(used, roles, notes, source)
    values = _hyperparameters(frame.loc[runs.index], runs, roles, notes)
    runs = runs.assign(place=np.arange(len(runs)))
    tasks: dict[str, tuple[GivenConfiguration, ...]] = {}
    for task, on_task in runs.groupby("task", sort=False):
        groups = on_task.groupby("configuration", sort=False)
        tasks[str(task)] = tuple(_configuration(str(name), own, values, source) for name, own in groups)
    return GivenRuns(tasks=tasks, notes=tuple(notes))


def _used(frame: pd.DataFrame, roles: Mapping[str, tuple[str, ...]], source: str) -> pd.DataFrame:
    """Return the columns of the roles under the names of the roles, checked."""
    names = roles["configuration"]
    parts = [labels(frame, name, source) for name in names]
    if len(names) > 1:
        parts = [f"{name}=" + part for name, part in zip(names, parts, strict=True)]
    configuration = parts[0]
    for part in parts[1:]:
        configuration = configuration + ", " + part
    used = pd.DataFrame({"configuration": configuration}, index=frame.index)
    used["task"] = labels(frame, roles["task"][0], source) if "task" in roles else ""
    seeds = roles["seed"]
    used["seed"] = labels(frame, seeds[0], source) if seeds else np.arange(1, len(frame) + 1).astype(str)
    for role in ("score", "step", "tuning_score"):
        used[role] = numbers(frame[roles[role][0]], role, source) if role in roles else np.nan
    used["episode"] = labels(frame, roles["episode"][0], source) if "episode" in roles else ""
    return used


def _one_row_per_run(
    used: pd.DataFrame, roles: Mapping[str, tuple[str, ...]], notes: list[str], source: str
) -> pd.DataFrame:
    """Return the last step of each run, its episodes averaged."""
    run = used.groupby(_KEYS, sort=False).ngroup()
    if "step" in roles:
        logged = used["score"].notna()
        # A logger leaves cells empty between scores; a run that has none at all diverged.
        used = used[logged | ~logged.groupby(run).transform("any")]
        run = run[used.index]
        last = used["step"].groupby(run).transform("max")
        used = used[(used["step"] == last) | last.isna()]
        run = run[used.index]
        notes.append("The score of a run is that of its last step that has one.")
    twice = used.assign(run=run).duplicated(["run", "episode"])
    if twice.any():
        row = used[twice].iloc[0]
        what = f"episode {row['episode']} of seed" if row["episode"] else "seed"
        where = f" on {row['task']}" if row["task"] else ""
        raise SpecError(
            f"{source}: {what} {row['seed']} of {row['configuration']} appears twice{where}. Each run has one seed: "
            "name the column that tells its rows apart with `task`, `episode` or `step`, or remove one."
        )
    if "episode" not in roles:
        return used
    n_episodes = run.value_counts()
    notes.append(f"The score of a run is the mean of its {_span(n_episodes)} episodes.")
    score = used["score"].groupby(run).transform(lambda own: own.mean(skipna=False))
    return used.assign(score=score)[~run.duplicated()]


def _span(counts: pd.Series[int]) -> str:
    low, high = counts.min(), counts.max()
    return f"{low}" if low == high else f"{low} to {high}"


def _hyperparameters(
    rows: pd.DataFrame, runs: pd.DataFrame, roles: Mapping[str, tuple[str, ...]], notes: list[str]
) -> pd.DataFrame:
    """Return the columns that differ between configurations and not within one, with a row for each run."""
    taken = {column for columns in roles.values() for column in columns}
    by = [runs["task"], runs["configuration"]]
    kept: list[str] = []
    unused: list[str] = []
    for name in rows.columns:
        if (
            name in taken
            or name.startswith("_")
            or plain(name) in _LOGGERS.split()
            or not hashable(rows[name])
        ):
            continue
        if rows[name].nunique(dropna=False) < 2:
            continue
        varies = rows[name].groupby(by, sort=False).nunique(dropna=False).gt(1).any()
        (unused if varies else kept).append(name)
    if unused:
        notes.append(
            f"Columns that vary between the runs of a configuration were not used: {', '.join(unused)}."
        )
    kept += [name for name in roles["configuration"] if len(roles["configuration"]) > 1]
    return rows[kept]


def _seed(label: str) -> int | str:
    return int(label) if label.isdecimal() and label.isascii() and len(label) <= _MOST_DIGITS else label


def _configuration(name: str, own: pd.DataFrame, values: pd.DataFrame, source: str) -> GivenConfiguration:
    tuning = own["tuning_score"].dropna().unique()
    if len(tuning) > 1:
        raise SpecError(
            f"{source}: {name} has two values of `tuning_score`, {tuning[0]:g} and {tuning[1]:g}. It is the one score "
            "by which the search chose the configuration, the same in each of its rows."
        )
    steps = own["step"].dropna()
    first = values.iloc[int(own["place"].iloc[0])]
    return GivenConfiguration(
        name=name,
        seeds=tuple(_seed(seed) for seed in own["seed"]),
        scores=tuple(None if np.isnan(score) else float(score) for score in own["score"]),
        step=None if steps.empty or abs(steps.max()) > 1e15 else int(steps.median()),
        tuning_score=float(tuning[0]) if len(tuning) else None,
        hyperparameters=dict(_json_values(first)),
    )


def _json_values(row: pd.Series[Any]) -> Iterator[tuple[str, JsonValue]]:
    for name, value in row.items():
        value = value.item() if isinstance(value, np.generic) else value
        if value is None or value is pd.NA or (isinstance(value, float) and not np.isfinite(value)):
            continue  # an empty cell: a hyperparameter that this configuration does not have
        yield str(name), value if isinstance(value, bool | int | float | str) else str(value)
