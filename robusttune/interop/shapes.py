"""The shapes in which tools write results: W&B's charts and runs, marl-eval's tree, a column per configuration."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from robusttune.errors import SpecError
from robusttune.interop.roles import find_roles, plain

# W&B names columns of a chart "run - metric", and adds the range over a group of runs.
WIDE = "Each column is a configuration, each row a seed."
_WANDB_CHART = re.compile(r"^(?P<run>.+) - (?P<metric>.+?)(?P<range>__MIN|__MAX)?$")


def unfolded(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return a long table from the shapes in which W&B writes charts and runs; others as they are."""
    charts = {str(name): found for name in frame.columns if (found := _WANDB_CHART.match(str(name)))}
    others = [name for name in frame.columns if str(name) not in charts]
    if charts and len(others) == 1:
        step = others[0]
        return pd.concat(
            pd.DataFrame({"name": found["run"], "step": frame[step], found["metric"]: frame[name]})
            for name, found in charts.items()
            if found["range"] is None
        )
    folded = [name for name in ("config", "summary") if name in frame.columns and _is_folded(frame[name])]
    if folded:
        opened = [pd.DataFrame([_opened(cell, source) for cell in frame[name]]) for name in folded]
        plain_columns = frame.drop(columns=folded)
        parts = [plain_columns, *opened]
        seen: set[str] = set()
        for place, part in enumerate(parts):
            parts[place] = part[[name for name in part.columns if name not in seen]]
            seen |= set(part.columns)
        return pd.concat(parts, axis=1)
    return frame


def is_wide(frame: pd.DataFrame, source: str) -> bool:
    """Return whether a table has a column of scores for each configuration, and a row for each seed."""
    columns = [name for name in frame.columns if not _is_beside(name)]
    return (
        len(columns) > 1
        and not frame.empty
        and all(pd.api.types.is_numeric_dtype(frame[name]) for name in columns)
        and not _has_roles(frame[columns], source)
    )


def _is_beside(name: str) -> bool:
    """Return whether a column of a wide table is no configuration: its seeds, or the row numbers that pandas saves."""
    return plain(name) == "seed" or bool(re.fullmatch(r"Unnamed: \d+", name))


def _has_roles(frame: pd.DataFrame, source: str) -> bool:
    known = {"configuration", "seed", "score", "task", "step", "episode"}
    try:
        return bool(known & find_roles(frame, {}, source).keys())
    except SpecError:
        # Configuration and score are missing; a step or a seed alone still makes it a long table.
        return any(plain(name) in ("step", "global_step", "episode", "score", "return") for name in frame)


def from_columns(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row per run of configuration → scores."""
    return pd.concat(
        pd.DataFrame({"configuration": name, "seed": np.arange(1, len(own) + 1), "score": own})
        for name, own in columns.items()
    )


def from_wide(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return one row per run of a table with a column for each configuration and a row for each seed.

    Cells that are empty at the foot of a column are seeds that were not run; another empty cell is a run without a
    score.
    """
    last = {name: frame[name].last_valid_index() for name in frame.columns if not _is_beside(name)}
    runs = [
        from_columns({name: frame[name].loc[:end].to_numpy()})
        for name, end in last.items()
        if end is not None
    ]
    if not runs:
        raise SpecError(f"{source}: no column holds a score.")
    seeds = next((frame[name] for name in frame.columns if plain(name) == "seed"), None)
    if seeds is not None:
        runs = [own.assign(seed=seeds.iloc[: len(own)].to_numpy()) for own in runs]
    return pd.concat(runs, ignore_index=True)


def _is_folded(column: pd.Series[Any]) -> bool:
    return len(column) > 0 and all(
        isinstance(cell, Mapping) or str(cell).lstrip().startswith("{") for cell in column
    )


def _opened(cell: Any, source: str) -> dict[str, Any]:
    """Return the cell of a table of W&B's runs: a mapping, as JSON or as Python writes it."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except ValueError:
            try:
                cell = ast.literal_eval(re.sub(r"(?<=[:\[,] )(nan|-?inf)\b", "None", cell))
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                raise SpecError(
                    f"{source}: a cell with the values of a run cannot be read: {cell[:60]}…"
                ) from None
    if not isinstance(cell, Mapping):
        raise SpecError(f"{source}: a cell with the values of a run is no mapping: {str(cell)[:60]}.")
    return {
        str(name): value["value"] if isinstance(value, Mapping) and "value" in value else value
        for name, value in cell.items()
        if not str(name).startswith("_") or name == "_step"
    }


def marl_eval_runs(document: Mapping[str, Any], score: str | None, source: str) -> Iterator[dict[str, Any]]:
    """Yield the runs of a marl-eval file: environment → task → algorithm → run → evaluations."""
    for place, run in _nested(document, 4):
        steps = {
            name: one
            for name, one in run.items()
            if str(name).startswith("step_") and isinstance(one, Mapping)
        }
        absolute = run.get("absolute_metrics")
        if not steps and not isinstance(absolute, Mapping):
            continue
        last = max(steps.values(), key=lambda one: _number(one.get("step_count")), default={})
        metrics = absolute if isinstance(absolute, Mapping) and absolute else last
        known = [name for name in metrics if name not in ("step_count", "elapsed_time")]
        name = score or next((name for name in known if "return" in str(name)), known[0] if known else None)
        if name not in known:
            raise SpecError(
                f"{source}: {'/'.join(place)} has no metric {name!r}; it has: {', '.join(known)}."
            )
        values = metrics[name] if isinstance(metrics[name], list) else [metrics[name]]
        environment, task, algorithm, seed = place
        numbers = [_number(value) for value in values]
        yield {
            "task": f"{environment}/{task}",
            "configuration": algorithm,
            "seed": seed.removeprefix("run_").removeprefix("seed_"),
            str(name): float(np.mean(numbers)) if numbers else None,
        }


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _nested(
    value: Any, depth: int, place: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    if not isinstance(value, Mapping):
        return
    if depth == 0:
        yield place, value
        return
    for name, inner in value.items():
        yield from _nested(inner, depth - 1, (*place, str(name)))
