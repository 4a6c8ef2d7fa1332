"""Tables of results from files and from Python, whatever tool wrote them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from robusttune.declaration.files import regular
from robusttune.errors import SpecError, reason
from robusttune.interop.folders import read_folder
from robusttune.interop.roles import plain
from robusttune.interop.shapes import WIDE, from_columns, from_wide, is_wide, marl_eval_runs, unfolded
from robusttune.report.runs import COLUMNS, POST_EVALUATION, TUNING
from robusttune.training.table_formats import (
    COMPRESSED,
    read_parquet,
    read_separated,
    read_text,
    readable,
    unique_names,
)

_SEPARATED = (".csv", ".tsv", ".txt")
# CleanRL and RL Zoo name runs environment__experiment__seed__time.
_RUN_NAME = r"^(?P<task>.+)__(?P<configuration>.+)__(?P<seed>\d+)__\d+$"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenTable:
    """A table with text for column names, where it came from, and what was done to it in sentences."""

    frame: pd.DataFrame
    source: str
    notes: tuple[str, ...] = ()
    is_folder: bool = False


def read_results(results: Any, *, score: str | None = None, is_told: bool = False) -> GivenTable:
    """Return results as a table.

    Parameters
    ----------
    results : path, DataFrame or mapping
        A mapping has columns, or configuration → scores, one per seed; with several tasks
        configuration → array (n_seeds, n_tasks), as rliable has it.
    score : str, optional
        The metric that was asked for: a scalar of TensorBoard, or a metric of a marl-eval file.
    is_told : bool
        Whether columns were named: then no column is taken for a configuration.

    Raises
    ------
    SpecError
        If there is nothing that can be read as a table.
    MissingDependencyError
        If the format needs a package that is not installed.
    """
    if isinstance(results, pd.DataFrame):
        return _named(results, "the data frame", is_told)
    if isinstance(results, Mapping):
        return _named(_from_mapping(results, "the mapping"), "the mapping", is_told)
    if not isinstance(results, str | Path):
        raise SpecError(
            f"results must be a path, a data frame or a mapping, but got {type(results).__name__}."
        )
    path = Path(results)
    if path.is_dir():
        frame, notes = read_folder(path, score=score)
        return GivenTable(frame=frame, source=path.resolve().name or str(path), notes=notes, is_folder=True)
    return _named(_read_file(path, score), path.name, is_told)


def _named(frame: pd.DataFrame, source: str, is_told: bool) -> GivenTable:
    # What a pandas groupby leaves in the index are columns, too.
    levels = [name for name in frame.index.names if name is not None and name not in frame.columns]
    frame = frame.reset_index(levels).reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    unique_names(list(frame.columns), source)
    if not is_told and is_wide(frame, source):
        return GivenTable(frame=from_wide(frame, source), source=source, notes=(WIDE,))
    if set(COLUMNS) <= set(frame.columns):
        return _judging(frame, source)
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


def _judging(frame: pd.DataFrame, source: str) -> GivenTable:
    """Return the runs of a study's own list that judge its configurations: neither those that chose nor the last."""
    kept = frame[frame["purpose"] == POST_EVALUATION].reset_index(drop=True)
    tuning = frame[frame["purpose"] == TUNING]
    alone = tuning[
        ~tuning.duplicated("configuration", keep=False)
    ]  # how a study joins several is its own affair
    if not alone.empty and "tuning_score" not in kept.columns:
        kept = kept.assign(tuning_score=kept["configuration"].map(alone.set_index("configuration")["score"]))
    note = (
        f"Of this list of a study's runs, the {len(kept)} of its {POST_EVALUATION} are compared; the score of a "
        "configuration's only tuning run is its tuning score."
    )
    return GivenTable(frame=kept, source=source, notes=(note,))


def _read_file(path: Path, score: str | None) -> pd.DataFrame:
    suffix = path.with_suffix("").suffix if path.suffix in COMPRESSED else path.suffix
    suffix = suffix.lower()
    if suffix not in (*_SEPARATED, ".parquet", ".json", ".jsonl"):
        raise SpecError(
            f"{path}: must be a folder of runs, or a file called .csv, .tsv, .parquet, .json or .jsonl."
        )
    regular(path)
    with readable(path, suffix.removeprefix(".")):
        if suffix == ".parquet":
            return read_parquet(path)
        text = read_text(path)
        if suffix in _SEPARATED:
            return unfolded(read_separated(text, path.name), path.name)
        read = functools.partial(json.loads, object_pairs_hook=functools.partial(_object, path.name))
        return _from_json(_lines(text, read) if suffix == ".jsonl" else read(text), path.name, score)


def _lines(text: str, read: Callable[[str], Any]) -> list[Any]:
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            if line.strip():
                found.append(read(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number}, column {error.colno}: {error.msg}") from None
    return found


def _object(source: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; a name that appears twice would lose the values of the first."""
    found = dict(pairs)
    if len(found) < len(pairs):
        name = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise SpecError(f"{source}: {name!r:.60} appears twice in an object. Rename one.")
    return found


def _from_json(document: Any, source: str, score: str | None) -> pd.DataFrame:
    if isinstance(document, list) and document and all(isinstance(row, Mapping) for row in document):
        return unfolded(pd.DataFrame(document), source)
    if isinstance(document, Mapping):
        columns, rows = document.get("columns"), document.get("data")
        if isinstance(columns, list) and isinstance(rows, list):
            return pd.DataFrame(rows, columns=columns)
        runs = list(marl_eval_runs(document, score, source))
        return pd.DataFrame(runs) if runs else _from_mapping(document, source)
    raise SpecError(f"{source}: must hold a list of rows, columns, or configuration → scores.")


def _from_mapping(results: Mapping[Any, Any], source: str) -> pd.DataFrame:
    """Return columns as they are; of configuration → scores, one row per run."""
    try:
        arrays = {str(name): np.asarray(values) for name, values in results.items()}
        if not arrays:
            raise SpecError(f"{source}: is empty.")
        shapes = {array.ndim for array in arrays.values()}
        if shapes == {1} and not _is_columns(arrays):
            return from_columns(arrays)
        if shapes == {2}:
            return pd.concat(
                from_columns({name: array[:, task] for name, array in arrays.items()}).assign(
                    task=f"task {task + 1}"
                )
                for task in range(next(iter(arrays.values())).shape[1])
            )
        return pd.DataFrame(dict(results))
    except SpecError:
        raise
    except Exception as error:  # whatever pandas says about shapes that are no table
        raise SpecError(
            f"{source}: must have columns of one length, or configuration → scores, but {reason(error)}"
        ) from None


def _is_columns(arrays: Mapping[str, np.ndarray[Any, Any]]) -> bool:
    """Whether names and values are those of columns: some are no numbers, or one is called like a score and a seed."""
    if any(array.dtype.kind not in "biuf" for array in arrays.values()):
        return True
    names = {plain(name) for name in arrays}
    return bool(names & {"score", "return"}) and bool(names & {"seed", "configuration", "config_id"})
