"""Landscapes whose truth is known: declared ones, the project's own tables, and real results of others.

Runs on a table are drawn from all seeds of a configuration, with replacement: the table then is the exact truth, with
the noise of real training, and every draw of the post-evaluation is independent of those in tuning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from robusttune import StudySpec, load_study
from robusttune.spec.run import EnvironmentSpec
from robusttune.spec.synthetic import synthetic_of, truth_of
from robusttune.spec.tabular import file_hash, tabular_of
from robusttune.training.table import Table, read_table

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
NOISE_TABLES = Path("experiments/noise_table")
SMOOTH, NEIGHBOURS = "-smooth", 4
"""The tables once more, interpolated: a model-based sampler gets stuck on steps, and random search does not."""
STEPS = 1000
N_SPACE = 4000
FAILED_SHARE = 0.05
SCALE_RATIO = 50
"""A hyperparameter whose largest value is that many times its smallest is searched on the log scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landscape:
    """Something to tune, of which all is known.

    Attributes
    ----------
    name, source : str
        The source is `"synthetic"`, `"own"` or `"arlbench"`; the latter two also with `SMOOTH` after it.
    environment : mapping
        Of the study: what runs are drawn from.
    parameters : mapping
        Of the search space.
    n_evaluations : int
        Of a run; with one, nothing can be pruned.
    best, typical : float
        Highest true mean, and the median of the true means of configurations drawn at random, in score units.
    """

    name: str
    source: str
    environment: Mapping[str, Any]
    parameters: Mapping[str, Any]
    n_evaluations: int
    best: float
    typical: float

    def truth(self, hyperparameters: Mapping[str, Any]) -> float:
        """Return the true mean of a configuration, in score units."""
        return _truth(self.environment, hyperparameters)

    def scaled(self, difference: float) -> float:
        """Return a difference on the scale where the best has 0 and the middle one of all configurations loses 1."""
        return difference / (self.best - self.typical)

    def study(self, *, tuning: Mapping[str, Any], post: Mapping[str, Any], root_seed: int) -> StudySpec:
        """Return a study of this landscape."""
        every = -(-STEPS // self.n_evaluations)
        return StudySpec.from_dict(
            {
                "name": self.name,
                "root_seed": root_seed,
                "environment": self.environment,
                "algorithm": {"name": "ppo", "trainer": self.environment["id"], "total_timesteps": STEPS},
                "search_space": {"parameters": self.parameters},
                "tuning": tuning,
                "evaluation": {"n_episodes": 1, **({"every": every} if self.n_evaluations > 1 else {})},
                "post_evaluation": {"default_control": False, **post},
            }
        )


def landscapes(sources: Sequence[str]) -> list[Landscape]:
    """Return the landscapes of some sources; a source whose data are absent has none."""
    makers = {"synthetic": _synthetic, "own": _own, "arlbench": _arlbench}
    found = []
    for source in sources:
        made = makers[source.removesuffix(SMOOTH)]()
        found += [_smooth(landscape) for landscape in made] if source.endswith(SMOOTH) else made
    return found


_SYNTHETIC_SPACE = {
    "learning_rate": {"type": "float", "low": 1e-5, "high": 1e-1, "scale": "log"},
    "gamma": {"type": "float", "low": 0.9, "high": 0.999},
    "ent_coef": {"type": "float", "low": 1e-5, "high": 1e-1, "scale": "log"},
    "activation_fn": {"type": "categorical", "choices": ["tanh", "relu"]},
}
_EFFECTS = {
    "learning_rate": {"best": 1e-3, "drop": 40.0, "scale": "log"},
    "gamma": {"best": 0.97, "drop": 20_000.0},
    "ent_coef": {"best": 1e-4, "drop": 5.0, "scale": "log"},
    "activation_fn": {"means": {"tanh": 0.0, "relu": -10.0}, "sd_factors": {"relu": 2.0}},
}
_SYNTHETIC = {
    # About half of the variance between runs is between configurations, as on ARLBench's median landscape.
    "normal-noise": {"mean": 0.0, "sd": 70.0, "effects": _EFFECTS},
    "skewed-noise": {"mean": 0.0, "sd": 60.0, "skewness": -1.5, "effects": _EFFECTS},
    "failing-seeds": {
        "mean": 0.0,
        "sd": 15.0,
        "p_failing": 0.2,
        "failing_mean": -250.0,
        "effects": _EFFECTS,
    },
}


def _synthetic() -> list[Landscape]:
    found = []
    for name, kwargs in _SYNTHETIC.items():
        environment = {"id": "synthetic", "kwargs": kwargs}
        rng = np.random.default_rng(0)
        # Neither a search nor a repetition is drawn from this generator.
        draws = [
            {
                "learning_rate": float(10 ** rng.uniform(-5, -1)),
                "gamma": float(rng.uniform(0.9, 0.999)),
                "ent_coef": float(10 ** rng.uniform(-5, -1)),
                "activation_fn": str(rng.choice(["tanh", "relu"])),
            }
            for _ in range(N_SPACE)
        ]
        best = {"learning_rate": 1e-3, "gamma": 0.97, "ent_coef": 1e-4, "activation_fn": "tanh"}
        found.append(
            Landscape(
                name=name,
                source="synthetic",
                environment=environment,
                parameters=_SYNTHETIC_SPACE,
                n_evaluations=1,
                best=_truth(environment, best),
                typical=float(np.median([_truth(environment, draw) for draw in draws])),
            )
        )
    return found


def _own() -> list[Landscape]:
    """Return the landscapes of `experiments/noise_table`."""
    found = []
    for task in ("pendulum", "cartpole"):
        path = NOISE_TABLES / f"{task}.parquet"
        if (ROOT / path).exists():
            declared = load_study(ROOT / NOISE_TABLES / f"{task}.toml").to_dict()
            found.append(
                _tabular(
                    task, "own", path, declared["search_space"]["parameters"], ignored=["episode_returns"]
                )
            )
    return found


def _arlbench() -> list[Landscape]:
    """Return the tasks of ARLBench outside Atari, whose tables are written where the results go."""
    if not (SHARED / "arlbench_final.parquet").exists():
        return []
    final = pd.read_parquet(SHARED / "arlbench_final.parquet")
    curves = pd.read_parquet(SHARED / "arlbench_curves.parquet")
    configs = pd.read_parquet(SHARED / "arlbench_configs.parquet")
    found = []
    for task in sorted(set(final["task"])):
        if task.startswith("atari"):
            continue
        path = Path("results/protocols/tables") / f"{task}.parquet"
        table = _arlbench_table(
            final[final["task"] == task], curves[curves["task"] == task], configs[configs["task"] == task]
        )
        names = [name for name in table.columns if name not in ("config_id", "seed", "return", "curve")]
        means = table.groupby("config_id")["return"].mean()
        if np.ptp(means) == 0:
            continue
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        if not (ROOT / path).exists():
            table.to_parquet(ROOT / path)
        parameters = {name: _parameter(table[name]) for name in names}
        found.append(_tabular(str(task), "arlbench", path, parameters))
    return found


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


def _smooth(landscape: Landscape) -> Landscape:
    kwargs = {**landscape.environment["kwargs"], "neighbours": NEIGHBOURS}
    return replace(
        landscape,
        name=landscape.name + SMOOTH,
        source=landscape.source + SMOOTH,
        environment={"id": "tabular", "kwargs": kwargs},
    )


def _parameter(values: pd.Series) -> dict[str, Any]:
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return {"type": "categorical", "choices": sorted(set(values.tolist()), key=str)}
    low, high = float(values.min()), float(values.max())
    is_log = low > 0 and high / low >= SCALE_RATIO
    return {"type": "float", "low": low, "high": high, "scale": "log" if is_log else "linear"}


def _tabular(
    name: str, source: str, path: Path, parameters: Mapping[str, Any], ignored: Sequence[str] = ()
) -> Landscape:
    columns = pd.read_parquet(ROOT / path).columns
    kwargs = {
        # Relative, so that runs have the same ids wherever the checkout lies.
        "path": str(path),
        "sha256": file_hash(ROOT / path),
        "draws": "all",
        **({"ignored": list(ignored)} if ignored else {}),
        **({"curve": "curve"} if "curve" in columns else {}),
    }
    environment = {"id": "tabular", "kwargs": kwargs}
    table = _table(environment)
    means = np.array([scores.mean() for scores in table.scores])
    return Landscape(
        name=name,
        source=source,
        environment=environment,
        parameters=parameters,
        n_evaluations=table.n_evaluations,
        best=float(means.max()),
        typical=float(np.median(means)),
    )


def _truth(environment: Mapping[str, Any], hyperparameters: Mapping[str, Any]) -> float:
    if environment["id"] == "synthetic":
        synthetic = synthetic_of(EnvironmentSpec(id="synthetic", kwargs=environment["kwargs"]))
        return truth_of(synthetic, hyperparameters).mean
    return _table(environment).truth(hyperparameters, environment["kwargs"].get("neighbours", 1))


def _table(environment: Mapping[str, Any]) -> Table:
    return read_table(tabular_of(EnvironmentSpec(id="tabular", kwargs=environment["kwargs"])))
