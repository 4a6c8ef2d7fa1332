"""Runs drawn from a table of results that somebody has made. Nothing is trained."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import JsonValue

from robusttune.errors import SpecError
from robusttune.results.records import CurvePoint, RunResult, RunStatus
from robusttune.seeds import Stage
from robusttune.spec._messages import did_you_mean
from robusttune.spec.algorithms import check_names
from robusttune.spec.run import RunSpec
from robusttune.spec.study import StudySpec
from robusttune.spec.tabular import TabularSpec, file_hash, tabular_of
from robusttune.training.protocol import StopRule, make_result

MIN_SEEDS = 3
"""One for tuning, and two for the post-evaluation to scatter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A checked table.

    Attributes
    ----------
    hyperparameters : DataFrame
        One row per configuration.
    scores : tuple of ndarray, shape (n_seeds_i,)
        Per configuration, by seed; not finite where a run diverged.
    """

    hyperparameters: pd.DataFrame
    scores: tuple[npt.NDArray[np.float64], ...]

    def nearest(self, hyperparameters: Mapping[str, JsonValue]) -> int:
        """Return the place of the configuration nearest to this one.

        Parameters
        ----------
        hyperparameters : mapping
            Exactly the table's names.

        Raises
        ------
        SpecError
            If a name is missing or is not in the table.

        Notes
        -----
        Numbers are compared by their place among the values of the column, so that no scale need be known; other
        values are equal or not. A model-based sampler sees a landscape of steps, with the noise of real runs.
        """
        columns = list(self.hyperparameters.columns)
        for name in hyperparameters:
            if name not in columns:
                raise SpecError(
                    f"tabular: the table has no hyperparameter {name!r}{did_you_mean(name, columns)}. "
                    f"It has: {', '.join(columns)}."
                )
        distance = np.zeros(len(self.scores))
        for name in columns:
            if name not in hyperparameters:
                raise SpecError(
                    f"tabular: a configuration does not name {name!r}, a hyperparameter of the table. Search or fix "
                    "it; the default configuration names none: set post_evaluation.default_control = false."
                )
            distance += _distances(self.hyperparameters[name], hyperparameters[name])
        return int(np.argmin(distance))


def train(specs: Sequence[RunSpec], stop_rule: StopRule | None) -> list[RunResult]:
    """Return one result per specification; see `protocol.Trainer`.

    Notes
    -----
    The first half of a configuration's seeds is drawn from in tuning and the rest in the post-evaluation, with
    replacement: what selects does not judge. The table has no curves, so a stop rule is never asked.
    """
    table = read_table(tabular_of(specs[0].environment))
    return [_result(spec, _draw(table, spec)) for spec in specs]


def check_table(study: StudySpec) -> None:
    """Raise `SpecError` if the table is faulty or does not have what the study's configurations name."""
    table = read_table(tabular_of(study.environment))
    check_names(study.algorithm.name, dict.fromkeys(table.hyperparameters.columns), where="tabular")
    algorithm, post = study.algorithm, study.post_evaluation
    searched = dict.fromkeys(study.search_space.parameters)
    table.nearest({**algorithm.hyperparameters, **searched})
    for hyperparameters in [c.hyperparameters for c in post.controls] + [{}] * post.default_control:
        table.nearest(hyperparameters)
    if study.tuning.pruner != "none" and study.tuning.seeds_per_trial == 1:
        raise SpecError(
            f"tuning.pruner = {study.tuning.pruner!r}: the table has no learning curves to prune by. "
            "Use pruner = 'none'."
        )


@functools.lru_cache(maxsize=4)
def read_table(tabular: TabularSpec) -> Table:
    """Return the table of a file, checked.

    Raises
    ------
    SpecError
        If the file has changed or cannot be read, a column is missing, a cell that must hold something is empty, a
        seed of a configuration stands twice, or a configuration has too few seeds or two sets of hyperparameters.
    """
    path = Path(tabular.path)
    where = f"tabular.path = {tabular.path!r}"
    if tabular.sha256 is not None and file_hash(path) != tabular.sha256:
        raise SpecError(f"{where}: has changed since the study was read. Start again with the new table.")
    frame = _read(path, where)
    keys = [tabular.config, tabular.seed, tabular.score]
    for key in keys:
        if key not in frame.columns:
            listed = ", ".join(map(str, frame.columns))
            raise SpecError(
                f"{where}: has no column {key!r}{did_you_mean(key, frame.columns)}. It has: {listed}."
            )
    names = [name for name in frame.columns if name not in keys]
    if frame.empty or not names:
        raise SpecError(
            f"{where}: needs rows, and a column for each hyperparameter beside {', '.join(keys)}."
        )
    for name in (tabular.config, tabular.seed, *names):
        if frame[name].isna().any():
            row = int(np.flatnonzero(frame[name].isna())[0])
            raise SpecError(
                f"{where}: {name} is empty in row {row + 1}. Only {tabular.score} may be: it diverged."
            )
    if not pd.api.types.is_numeric_dtype(frame[tabular.score]):
        raise SpecError(f"{where}: {tabular.score} must hold numbers only.")
    _check_rows(frame, tabular, names, where)
    groups = frame.sort_values([tabular.config, tabular.seed], kind="stable").groupby(tabular.config)
    scores = tuple(own[tabular.score].to_numpy(dtype=np.float64) for _, own in groups)
    return Table(hyperparameters=groups[names].first().reset_index(drop=True), scores=scores)


def _read(path: Path, where: str) -> pd.DataFrame:
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except ImportError:
        raise SpecError(f"{where}: parquet needs `pip install pyarrow`; CSV needs nothing.") from None
    except (OSError, ValueError) as error:
        raise SpecError(f"{where}: is no table that can be read ({error}).") from None


def _check_rows(frame: pd.DataFrame, tabular: TabularSpec, names: Sequence[str], where: str) -> None:
    twice = frame.duplicated([tabular.config, tabular.seed])
    if twice.any():
        row = frame[twice].iloc[0]
        raise SpecError(
            f"{where}: seed {row[tabular.seed]} of configuration {row[tabular.config]} stands twice. "
            "Give each run a seed of its own, or remove one."
        )
    groups = frame.groupby(tabular.config)
    counts = groups.size()
    if counts.min() < MIN_SEEDS:
        raise SpecError(
            f"{where}: configuration {counts.idxmin()} has {counts.min()} seed(s), and {MIN_SEEDS} are the least: one "
            "for tuning, two for the post-evaluation. Add runs, or leave the configuration out."
        )
    differing = groups[list(names)].nunique().gt(1).any(axis=1)
    if differing.any():
        raise SpecError(
            f"{where}: configuration {differing.idxmax()} has different hyperparameters in different rows."
        )


def _distances(column: pd.Series, value: JsonValue) -> npt.NDArray[np.float64]:
    """Return the squared distance of one value to each configuration's."""
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if not is_number or isinstance(value, bool) or not isinstance(value, int | float):
        unequal: npt.NDArray[np.float64] = np.asarray(column != value, dtype=np.float64)
        return unequal
    known = np.unique(column.to_numpy(dtype=np.float64))
    place = np.linspace(0.0, 1.0, known.size)
    squares: npt.NDArray[np.float64] = (
        np.interp(column.to_numpy(dtype=np.float64), known, place) - np.interp(value, known, place)
    ) ** 2
    return squares


def _draw(table: Table, spec: RunSpec) -> float:
    scores = table.scores[table.nearest(spec.hyperparameters)]
    half = scores.size // 2
    pool = scores[:half] if spec.stage is Stage.TUNING else scores[half:]
    return float(np.random.default_rng(int(spec.run_id, 16)).choice(pool))


def _result(spec: RunSpec, score: float) -> RunResult:
    every, steps = spec.evaluation.every, spec.total_timesteps
    index = 0 if every is None else math.ceil(steps / every) - 1
    is_finite = math.isfinite(score)
    return make_result(
        spec,
        RunStatus.COMPLETED if is_finite else RunStatus.DIVERGED,
        # The table holds means, not episodes: one value stands for all.
        episode_returns=(score,) if is_finite else (),
        curve=[CurvePoint(index=index, timesteps=steps, n_updates=steps, mean_return=score)],
        timesteps=steps,
        n_updates=steps,
        error=None if is_finite else "the return of this run is not finite in the table.",
    )
