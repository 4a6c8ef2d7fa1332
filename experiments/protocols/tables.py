"""Tables of real results as landscapes, in two ways.

As *rows*: random search draws configurations of the table, which are real in every respect; a model has nothing to go
by. *Interpolated* between the nearest four: any sampler can search it, but hardly anything comes near the best of the
table, so that differences of regret say more there than ratios. The nearest configuration alone would make steps, on
which a model-based sampler stays where it once was, whether there is noise or not.

Runs are drawn from all seeds of a configuration, with replacement: the table then is the exact truth, with the noise of
real training, and every draw of the post-evaluation is independent of those in tuning.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.protocols.landscapes import (
    N_SPACE,
    Landscape,
    random_configurations,
    table_of,
    truth,
)
from robusttune import load_study
from robusttune.declaration.training.tabular import file_hash

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
NOISE_TABLES = Path("experiments/noise_table")
FOLDER = Path("results/protocols/tables")
NEIGHBOURS = 4
FAILED_SHARE = 0.05
SCALE_RATIO = 50
"""A hyperparameter whose largest value is that many times its smallest is searched on the log scale."""

_KEYS = ("config_id", "seed", "return", "curve", "episode_returns", "row")


def own(*, interpolated: bool) -> list[Landscape]:
    """Return the landscapes of `experiments/noise_table`."""
    found = []
    for task in ("pendulum", "cartpole"):
        declared = load_study(ROOT / NOISE_TABLES / f"{task}.toml").to_dict()
        table = pd.read_parquet(ROOT / NOISE_TABLES / f"{task}.parquet")
        parameters = declared["search_space"]["parameters"]
        found.append(_landscape(task, table, parameters, interpolated=interpolated))
    return found


def arlbench(*, interpolated: bool) -> list[Landscape]:
    """Return the tasks of ARLBench outside Atari; none where its results are absent."""
    found = []
    for task, table in _arlbench_tables():
        parameters = {name: _parameter(table[name]) for name in table.columns if name not in _KEYS}
        found.append(_landscape(task, table, parameters, interpolated=interpolated))
    return found


def _landscape(
    task: str, table: pd.DataFrame, parameters: Mapping[str, Any], *, interpolated: bool
) -> Landscape:
    table = table.assign(row=table["config_id"].rank(method="dense").astype(int) - 1)
    # Relative, so that runs have the same ids wherever the checkout lies.
    path = FOLDER / f"{task}.parquet"
    _write(table, ROOT / path)
    ignored = ["row"] if interpolated else list(parameters)
    if "episode_returns" in table.columns:
        ignored.append("episode_returns")
    kwargs: dict[str, Any] = {
        "path": str(path),
        "sha256": file_hash(ROOT / path),
        "ignored": ignored,
        "draws": "all",
        "neighbours": NEIGHBOURS if interpolated else 1,
        **({"curve": "curve"} if "curve" in table.columns else {}),
    }
    tables = {"tabular": kwargs}
    known = table_of(tables)
    means = typical = np.array([scores.mean() for scores in known.scores])
    if interpolated:
        draws = random_configurations(parameters, N_SPACE, np.random.default_rng(0))
        typical = np.array([truth(tables, draw) for draw in draws])
    rows = {"row": {"type": "int", "low": 0, "high": len(known.scores) - 1}}
    return Landscape(
        name=task,
        tables=tables,
        parameters=parameters if interpolated else rows,
        n_evaluations=known.n_evaluations,
        best=float(means.max()),
        typical=float(np.median(typical)),
        is_searchable=interpolated,
        largest_budget=None if interpolated else len(known.scores),
    )


def _write(table: pd.DataFrame, path: Path) -> None:
    """Write a table whole; several processes may do so at once, and equal tables give equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    table.to_parquet(partial)
    partial.replace(path)


def _arlbench_tables() -> Iterator[tuple[str, pd.DataFrame]]:
    if not (SHARED / "arlbench_final.parquet").exists():
        return
    final = pd.read_parquet(SHARED / "arlbench_final.parquet")
    curves = pd.read_parquet(SHARED / "arlbench_curves.parquet")
    configs = pd.read_parquet(SHARED / "arlbench_configs.parquet")
    for task in sorted(set(final["task"])):
        if not task.startswith("atari"):
            parts = (frame[frame["task"] == task] for frame in (final, curves, configs))
            table = _arlbench_table(*parts)
            if np.ptp(table.groupby("config_id")["return"].mean()) > 0:
                yield str(task), table


def _arlbench_table(final: pd.DataFrame, curves: pd.DataFrame, configs: pd.DataFrame) -> pd.DataFrame:
    """Return one task: hyperparameters, return, and the curve where there is one.

    A run that diverged, is missing, or did worse than nearly all others of its task (some returns are below −100,000
    where good ones are 5,000) has failed, and all failed runs count the same: one of them must not outweigh all else.
    """
    values = final["return"].where(~final["diverged"])
    worst = float(values.quantile(FAILED_SHARE))
    values = values.fillna(worst).clip(lower=worst)
    table = final.assign(**{"return": values})[["config_id", "seed", "return"]]
    known = pd.DataFrame(
        [{"config_id": row.config_id, **json.loads(str(row.params))} for row in configs.itertuples()]
    )
    # What another hyperparameter switches off has no value; any one stands for that.
    known = known.fillna(known.min(numeric_only=True))
    table = table.merge(known, on="config_id").sort_values(["config_id", "seed"], ignore_index=True)
    if not curves.empty:
        wide = curves.pivot(index=["config_id", "seed"], columns="step", values="return")
        wide = wide.fillna(worst).clip(lower=worst).astype(float)
        lists = pd.Series(wide.to_numpy().tolist(), index=wide.index, name="curve")
        table = table.merge(lists, left_on=["config_id", "seed"], right_index=True)
    return table


def _parameter(values: pd.Series) -> dict[str, Any]:
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return {"type": "categorical", "choices": sorted(set(values.tolist()), key=str)}
    low, high = float(values.min()), float(values.max())
    is_log = low > 0 and high / low >= SCALE_RATIO
    return {"type": "float", "low": low, "high": high, "scale": "log" if is_log else "linear"}
