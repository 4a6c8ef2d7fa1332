"""Tables of results from files and from Python, whatever tool wrote them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from robusttune.declaration.files import regular
from robusttune.errors import MissingDependencyError, RobusttuneError, SpecError
from robusttune.interop.folders import read_folder
from robusttune.interop.roles import find_roles, plain

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
# W&B names columns of a chart "run - metric", and adds the range over a group of runs.
_WANDB_CHART = re.compile(r"^(?P<run>.+) - (?P<metric>.+?)(?P<range>__MIN|__MAX)?$")
# CleanRL and RL Zoo name runs environment__experiment__seed__time.
_RUN_NAME = r"^(?P<task>.+)__(?P<configuration>.+)__(?P<seed>\d+)__\d+$"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenTable:
    """A table with text for column names, where it came from, and what was done to it in sentences."""

    frame: pd.DataFrame
    source: str
    notes: tuple[str, ...] = ()
    is_folder: bool = False


def read_results(results: Any, *, score: str | None = None) -> GivenTable:
    """Return results as a table.

    Parameters
    ----------
    results : path, DataFrame or mapping
        A mapping has columns, or configuration → scores, one per seed; with several tasks
        configuration → array (n_seeds, n_tasks), as rliable has it.
    score : str, optional
        The metric that was asked for: a scalar of TensorBoard, or a metric of a marl-eval file.

    Raises
    ------
    SpecError
        If there is nothing that can be read as a table.
    MissingDependencyError
        If the format needs a package that is not installed.
    """
    if isinstance(results, pd.DataFrame):
        return _named(results, "the data frame")
    if isinstance(results, Mapping):
        return _named(_from_mapping(results, "the mapping"), "the mapping")
    if not isinstance(results, str | Path):
        raise SpecError(
            f"results must be a path, a data frame or a mapping, but got {type(results).__name__}."
        )
    path = Path(results)
    if path.is_dir():
        frame, notes = read_folder(path, score=score)
        return GivenTable(frame=frame, source=path.resolve().name or str(path), notes=notes, is_folder=True)
    return _named(_read_file(path, score), path.name)


def _named(frame: pd.DataFrame, source: str) -> GivenTable:
    frame = frame.reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise SpecError(f"{source}: the column {twice[0]!r} appears twice. Rename one.")
    runs = frame.columns[[plain(name) == "name" for name in frame.columns]]
    if len(runs) == 1 and not any(plain(name) == "seed" for name in frame.columns):
        parts = frame[runs[0]].astype(str).str.extract(_RUN_NAME)
        if len(parts) and parts.notna().all(axis=None):
            return GivenTable(
                frame=frame.drop(columns=[*runs, *parts.columns.intersection(frame.columns)]).join(parts),
                source=source,
                notes=("Task, configuration and seed are those in the names of the runs.",),
            )
    return GivenTable(frame=frame, source=source)


def _read_file(path: Path, score: str | None) -> pd.DataFrame:
    suffix = path.with_suffix("").suffix if path.suffix in (".gz", ".bz2", ".xz", ".zip") else path.suffix
    suffix = suffix.lower()
    if suffix not in (*_SEPARATORS, ".parquet", ".json", ".jsonl"):
        raise SpecError(
            f"{path}: must be a folder of runs, or a file called .csv, .tsv, .parquet, .json or .jsonl."
        )
    regular(path)
    try:
        if suffix == ".parquet":
            return pd.read_parquet(path)
        if suffix in _SEPARATORS:
            return _unfolded(_read_text(path, _SEPARATORS[suffix]), path.name)
        text = path.read_text(encoding="utf-8-sig")
        lines = [line for line in text.splitlines() if line.strip()]
        document = [json.loads(line) for line in lines] if suffix == ".jsonl" else json.loads(text)
        return _from_json(document, path.name, score)
    except RobusttuneError:
        raise
    except ImportError:
        raise MissingDependencyError(
            f"{path}: parquet needs `pip install pyarrow`; CSV and JSON need nothing."
        ) from None
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except Exception as error:  # whatever a parser says about bytes that are not its format
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise SpecError(f"{path}: cannot be read as {suffix.removeprefix('.')} ({reason}).") from None


def _read_text(path: Path, separator: str) -> pd.DataFrame:
    frame = pd.read_csv(path, sep=separator, low_memory=False, encoding="utf-8-sig")
    if len(frame.columns) == 1 and ";" in str(frame.columns[0]):
        return pd.read_csv(path, sep=";", low_memory=False, encoding="utf-8-sig")
    return frame


def _unfolded(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return a long table from the shapes that tools write: W&B's charts and runs, one column per configuration."""
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
    is_wide = (
        len(frame.columns) > 1
        and not frame.empty
        and all(pd.api.types.is_numeric_dtype(frame[name]) for name in frame.columns)
    )
    return _from_wide(frame) if is_wide and not _has_roles(frame, source) else frame


def _has_roles(frame: pd.DataFrame, source: str) -> bool:
    known = {"configuration", "seed", "score", "task", "step", "episode"}
    try:
        return bool(known & find_roles(frame, {}, source).keys())
    except SpecError:
        # Configuration and score are missing; a step or a seed alone still makes it a long table.
        return any(
            plain(name) in ("seed", "step", "global_step", "episode", "score", "return") for name in frame
        )


def _from_columns(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row per run of configuration → scores."""
    return pd.concat(
        pd.DataFrame({"configuration": name, "seed": np.arange(1, len(own) + 1), "score": own})
        for name, own in columns.items()
    )


def _from_wide(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per run of a table with a column for each configuration and a row for each seed.

    Cells that are empty at the foot of a column are seeds that were not run; another empty cell is a run without a
    score.
    """
    last = {name: frame[name].last_valid_index() for name in frame.columns}
    return _from_columns(
        {name: frame[name].loc[:end].to_numpy() for name, end in last.items() if end is not None}
    )


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


def _from_json(document: Any, source: str, score: str | None) -> pd.DataFrame:
    if isinstance(document, list) and document and all(isinstance(row, Mapping) for row in document):
        return _unfolded(pd.DataFrame(document), source)
    if isinstance(document, Mapping):
        columns, rows = document.get("columns"), document.get("data")
        if isinstance(columns, list) and isinstance(rows, list):
            return pd.DataFrame(rows, columns=columns)
        runs = list(_marl_eval_runs(document, score, source))
        return pd.DataFrame(runs) if runs else _from_mapping(document, source)
    raise SpecError(f"{source}: must hold a list of rows, columns, or configuration → scores.")


def _marl_eval_runs(document: Mapping[str, Any], score: str | None, source: str) -> Iterator[dict[str, Any]]:
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


def _from_mapping(results: Mapping[Any, Any], source: str) -> pd.DataFrame:
    """Return columns as they are; of configuration → scores, one row per run."""
    try:
        arrays = {str(name): np.asarray(values) for name, values in results.items()}
        if not arrays:
            raise SpecError(f"{source}: is empty.")
        shapes = {array.ndim for array in arrays.values()}
        if shapes == {1} and not _is_columns(arrays):
            return _from_columns(arrays)
        if shapes == {2}:
            return pd.concat(
                _from_columns({name: array[:, task] for name, array in arrays.items()}).assign(
                    task=f"task {task + 1}"
                )
                for task in range(next(iter(arrays.values())).shape[1])
            )
        return pd.DataFrame(dict(results))
    except SpecError:
        raise
    except Exception as error:  # whatever pandas says about shapes that are no table
        raise SpecError(
            f"{source}: must have columns of one length, or configuration → scores, but {' '.join(str(error).split())}"
        ) from None


def _is_columns(arrays: Mapping[str, np.ndarray[Any, Any]]) -> bool:
    """Whether names and values are those of columns: some are no numbers, or one is called like a score and a seed."""
    if any(array.dtype.kind not in "biuf" for array in arrays.values()):
        return True
    names = {plain(name) for name in arrays}
    return bool(names & {"score", "return"}) and bool(names & {"seed", "configuration", "config_id"})
