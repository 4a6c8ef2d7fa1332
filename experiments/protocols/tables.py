"""Tables of real results as landscapes: random search draws their rows, no row twice.

Our own tables have at least 20 seeds a row. Every repetition deals them anew into two halves: all runs, of tuning and
of the second stage, are drawn from one half with replacement, and the other half judges. The best is then the row that
the whole first half would choose. ARLBench has ten seeds a row, too few to halve: runs are drawn from all ten with
replacement, and their mean is the truth of that distribution.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.protocols.landscapes import FloatArray
from robusttune import load_study
from robusttune.declaration.space import Categorical, Float, Parameter, SearchSpace, n_grid_points
from robusttune.post_evaluation.encoding import encode
from robusttune.stats.arrays import IntArray

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
NOISE_TABLES = ROOT / "experiments" / "noise_table"
LEAST_HALVED, LEAST_FILLING = 20, 256
FAILED_SHARE = 0.05
SCALE_RATIO = 50
"""A hyperparameter whose largest value is that many times its smallest is searched on the log scale."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Configurations with the scores of their seeds.

    Attributes
    ----------
    name, source : str
    scores : ndarray, shape (n_rows, n_seeds)
    columns : ndarray, shape (n_rows, n_columns)
        The configurations, as the smoothing model reads them.
    groups : ndarray of int, shape (n_columns,)
    dimensions : tuple of int
        See `landscapes.Landscape`; in the order of the groups.
    """

    name: str
    source: str
    scores: FloatArray
    columns: FloatArray
    groups: IntArray
    dimensions: tuple[int, ...]

    @property
    def is_halved(self) -> bool:
        """Whether other seeds judge than search."""
        return bool(self.scores.shape[1] >= LEAST_HALVED)

    @property
    def fills_its_space(self) -> bool:
        """Whether its rows stand for all points near them: our Sobol sequences, with other seeds to judge."""
        return self.is_halved and len(self.scores) >= LEAST_FILLING


def own() -> list[Table]:
    """Return the tables of `experiments/noise_table`, one per environment: the larger where there are two."""
    found: dict[str, Table] = {}
    for path in sorted(NOISE_TABLES.glob("*.parquet")):
        study = load_study(path.with_suffix(".toml"))
        table = _table(path.stem, "own tables", pd.read_parquet(path), study.search_space)
        environment = path.stem.split("-")[0]
        if environment not in found or len(found[environment].scores) < len(table.scores):
            found[environment] = table
    return list(found.values())


def arlbench() -> list[Table]:
    """Return the tasks of ARLBench outside Atari; none where its results are absent."""
    return list(_arlbench())


def _arlbench() -> Iterator[Table]:
    if not (SHARED / "arlbench_final.parquet").exists():
        return
    final = pd.read_parquet(SHARED / "arlbench_final.parquet")
    configs = pd.read_parquet(SHARED / "arlbench_configs.parquet")
    for task in sorted(set(final["task"])):
        if str(task).startswith("atari"):
            continue
        runs, known = (frame[frame["task"] == task] for frame in (final, configs))
        frame = _with_hyperparameters(runs, known)
        if np.ptp(frame.groupby("config_id")["return"].mean()) > 0:
            names = [name for name in frame.columns if name not in ("config_id", "seed", "return")]
            space = SearchSpace(parameters={str(name): _parameter(frame[name]) for name in names})
            yield _table(str(task), "ARLBench", frame, space)


def _with_hyperparameters(runs: pd.DataFrame, configs: pd.DataFrame) -> pd.DataFrame:
    """Return one task's returns and hyperparameters.

    A run that diverged, is missing, or did worse than nearly all others of its task (some returns are below −100,000
    where good ones are 5,000) has failed, and all failed runs count the same: one of them must not outweigh all else.
    """
    values = runs["return"].where(~runs["diverged"])
    worst = float(values.quantile(FAILED_SHARE))
    table = runs.assign(**{"return": values.fillna(worst).clip(lower=worst)})[["config_id", "seed", "return"]]
    known = pd.DataFrame(
        [{"config_id": row.config_id, **json.loads(str(row.params))} for row in configs.itertuples()]
    )
    # What another hyperparameter switches off has no value; any one stands for that.
    return table.merge(known.fillna(known.min(numeric_only=True)), on="config_id")


def _table(name: str, source: str, frame: pd.DataFrame, space: SearchSpace) -> Table:
    worst = float(frame["return"].min())
    wide = frame.assign(**{"return": frame["return"].fillna(worst)}).pivot(
        index="config_id", columns="seed", values="return"
    )
    if wide.isna().to_numpy().any():  # seeds of its own for each row: only their order within it counts
        ordered = frame.assign(place=frame.groupby("config_id").cumcount())
        wide = ordered.pivot(index="config_id", columns="place", values="return").fillna(worst)
    first = frame.drop_duplicates("config_id").set_index("config_id").loc[wide.index]
    rows = [{str(k): v for k, v in row.items()} for row in first[list(space.parameters)].to_dict("records")]
    encoded = encode(space, rows)
    return Table(
        name=name,
        source=source,
        scores=wide.to_numpy(dtype=float),
        columns=encoded.columns,
        groups=encoded.groups,
        dimensions=tuple(_dimension(parameter) for _, parameter in sorted(space.parameters.items())),
    )


def _dimension(parameter: Parameter) -> int:
    if isinstance(parameter, Categorical):
        return -len(parameter.choices)
    return n_grid_points(parameter) or 0


def _parameter(values: pd.Series) -> Parameter:
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return Categorical(choices=tuple(sorted(set(values.tolist()), key=str)))
    low, high = float(values.min()), float(values.max())
    is_log = low > 0 and high / low >= SCALE_RATIO
    return Float(low=low, high=high, scale="log" if is_log else "linear")
