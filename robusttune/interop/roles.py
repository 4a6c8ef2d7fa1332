"""Which column of a table says what: guessed from its name, unless told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from robusttune.declaration.messages import did_you_mean
from robusttune.errors import SpecError

ROW = "row"
"""Told as the seed: every row is a run of its own."""

# Role → names that mean it, the surest first; lower case, and all that is no letter or digit is `_`.
_NAMES: Mapping[str, str] = {
    "configuration": "configuration config config_id algorithm algo method agent exp_name variant group model trial "
    "name",
    "seed": "seed random_seed run_seed seed_id run run_id replicate replication repetition",
    "score": "score final_score final_return return returns mean_return episode_return episodic_return "
    "eval_mean_reward eval_mean_return mean_reward ep_rew_mean rollout_ep_rew_mean charts_episodic_return "
    "normalized_score normalised_score reward performance value result",
    "task": "task env env_id environment env_name environment_name game domain dataset",
    "episode": "episode eval_episode episode_id",
    "step": "step steps timestep timesteps global_step total_timesteps num_timesteps env_step step_count frame "
    "frames iteration",
    "tuning_score": "tuning_score tuning objective_value search_score tuning_value",
}
ROLES = tuple(_NAMES)
_NEEDED = ("configuration", "seed", "score")


def plain(name: object) -> str:
    """Return a column's name in lower case, with `_` for all that is no letter or digit."""
    return re.sub(r"[^a-z0-9]+", "_", str(name).lower()).strip("_")


def find_roles(
    frame: pd.DataFrame, told: Mapping[str, str | None], source: str
) -> dict[str, tuple[str, ...]]:
    """Return role → its column, or several columns whose values together name a configuration.

    Parameters
    ----------
    frame : DataFrame
        Its columns are text.
    told : mapping of role to str or None
        Columns that were named; those of a configuration may be several, with commas between.
    source : str
        For messages.

    Raises
    ------
    SpecError
        If a column does not exist or has two roles, or there is none for configuration, seed or score.
    """
    found = {role: _told(frame, role, name, source) for role, name in told.items() if name is not None}
    taken = {column for columns in found.values() for column in columns}
    for role, names in _NAMES.items():
        if role not in found and (column := _guess(frame, names.split(), taken)) is not None:
            found[role] = (column,)
            taken.add(column)
    if "score" not in found and len(left := _numeric(frame, taken)) == 1:
        found["score"] = (left[0],)
    for role in _NEEDED:
        if role not in found:
            raise SpecError(_missing(frame, role, taken, source))
    owners: dict[str, str] = {}
    for role, columns in found.items():
        for column in columns:
            if owners.setdefault(column, role) != role:
                raise SpecError(
                    f"{source}: the column {column!r} cannot be both `{owners[column]}` and `{role}`."
                )
    return found


def _told(frame: pd.DataFrame, role: str, name: str, source: str) -> tuple[str, ...]:
    if role == "seed" and name == ROW and ROW not in frame.columns:
        return ()
    several = role == "configuration" and name not in frame.columns
    columns = tuple(part.strip() for part in name.split(",")) if several else (name,)
    for column in columns:
        if column not in frame.columns:
            raise SpecError(
                f"{source}: has no column {column!r} for `{role}`{did_you_mean(column, list(frame.columns))}. "
                f"It has: {_listed(frame.columns)}."
            )
    return columns


def _guess(frame: pd.DataFrame, names: Sequence[str], taken: Iterable[str]) -> str | None:
    by_name: dict[str, str] = {}
    for column in frame.columns:
        if column not in taken:
            by_name.setdefault(plain(column), column)
    return next((by_name[name] for name in names if name in by_name), None)


def _numeric(frame: pd.DataFrame, taken: Iterable[str]) -> list[str]:
    return [
        column
        for column in frame.columns
        if column not in taken and pd.api.types.is_numeric_dtype(frame[column])
    ]


def _missing(frame: pd.DataFrame, role: str, taken: Iterable[str], source: str) -> str:
    usual = ", ".join(_NAMES[role].split()[:5])
    text = f"{source}: no column says what the {role} is (none is called {usual}, …). Name it with `{role}`."
    if role == "seed":
        text += (
            f" Say `seed` = '{ROW}' only if every row is a run of its own: episodes of one run are no seeds."
        )
    if role == "score" and (numbers := _numeric(frame, taken)):
        return f"{text} Columns with numbers: {_listed(numbers)}."
    return f"{text} It has: {_listed(frame.columns)}."


def _listed(names: Iterable[object]) -> str:
    found = list(map(str, names))
    more = f", … ({len(found)} in all)" if len(found) > 30 else ""
    return ", ".join(found[:30]) + more if found else "no columns"
