"""Between records and rows of the results database."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic_core import from_json

from robusttune.declaration.ids import canonical_json, content_id
from robusttune.declaration.run import RunSpec
from robusttune.results.records import (
    Cost,
    CurvePoint,
    Evaluations,
    RunOutcome,
    RunResult,
    RunStatus,
    TrialRecord,
    TrialState,
)
from robusttune.seeds import Stage, evaluation_seed


def spec_row(spec: RunSpec) -> dict[str, Any]:
    """Return the columns of what runs share that differ in their seeds: an evaluation seed only where it is common."""
    document = json.loads(spec.to_json())
    if evaluation_seed(document.pop("seed")) == spec.evaluation_seed:
        del document["evaluation_seed"]
    return {"spec_id": content_id(document), "spec": canonical_json(document)}


def run_row(spec_id: str, result: RunResult) -> dict[str, Any]:
    """Return the columns of one run."""
    points = [[p.index, p.timesteps, p.n_updates, p.mean_return] for p in result.curve]
    return {
        "run_id": result.run_id,
        "config_id": result.config_id,
        "seed": result.seed,
        "stage": result.stage.value,
        "status": result.status.value,
        "score": result.score,
        "score_rule": result.score_rule,
        "spec": spec_id,
        "episode_returns": canonical_json(_finite(result.episode_returns)),
        "curve": canonical_json([_finite(point) for point in points]),
        "timesteps": result.timesteps,
        "n_updates": result.n_updates,
        "wall_time_s": result.wall_time_s,
        "evaluation_time_s": result.evaluation_time_s,
        "error": result.error,
        "provenance_id": content_id(result.provenance),
        "finished_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _finite(values: Sequence[float]) -> list[float | str]:
    # JSON has no NaN; a diverged run keeps its returns as they were.
    return [value if abs(value) < float("inf") else str(value) for value in values]


_STAGES = {stage.value: stage for stage in Stage}
_STATUSES = {status.value: status for status in RunStatus}
_NUMBER = (int, float)
_RUN_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(("config_id", "score_rule"), str),
    **dict.fromkeys(("seed", "timesteps", "n_updates"), int),
    **dict.fromkeys(("wall_time_s", "evaluation_time_s"), _NUMBER),
    "error": str | None,
}
_TRIAL_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(("number", "n_diverged"), int),
    **{"config_id": str, "objective_value": float | int | None, "error": str | None},
}


def _check_types(row: Any, types: Mapping[str, Any]) -> None:
    """Raise `ValueError` at a value of another type than its column's: SQLite keeps what it is given."""
    for name, kind in types.items():
        value = getattr(row, name)
        if not isinstance(value, kind) or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"{name} = {value!r:.60}")


def run_result(row: Any) -> RunResult:
    """Return the result that a row of runs, joined with its provenance, holds."""
    _check_types(row, _RUN_TYPES)
    return RunResult(
        run_id=row.run_id,
        config_id=row.config_id,
        seed=row.seed,
        stage=Stage(row.stage),
        status=RunStatus(row.status),
        score_rule=row.score_rule,
        episode_returns=tuple(float(value) for value in json.loads(row.episode_returns)),
        curve=tuple(
            CurvePoint(
                index=int(index), timesteps=int(timesteps), n_updates=int(n_updates), mean_return=float(mean)
            )
            for index, timesteps, n_updates, mean in json.loads(row.curve)
        ),
        timesteps=row.timesteps,
        n_updates=row.n_updates,
        wall_time_s=row.wall_time_s,
        evaluation_time_s=row.evaluation_time_s,
        error=row.error,
        provenance=provenance(row.provenance),
    )


def provenance(text: str) -> dict[str, Any]:
    """Return the provenance that a column holds."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"provenance = {text:.60}")
    return found


def run_outcome(row: Sequence[Any], provenances: Mapping[str, Any]) -> RunOutcome:
    """Return how a run ended; the row ends with whether its evaluations are JSON, and the id of its provenance."""
    run_id, seed, status, score, timesteps, error, is_whole, made_by = row
    if not is_whole:
        raise ValueError(f"curve or episode_returns of the run {run_id:.40}: no JSON")
    # A completed run that has lost its score would count as diverged.
    is_score = isinstance(score, _NUMBER) and math.isfinite(score)
    if is_score != (status == RunStatus.COMPLETED) or not (is_score or score is None):
        raise ValueError(f"status = {status!r:.20}, score = {score!r:.60}")
    if not (isinstance(seed, int) and isinstance(timesteps, int) and isinstance(error, str | None)):
        raise ValueError(f"seed = {seed!r:.60}, timesteps = {timesteps!r:.60}, error = {error!r:.60}")
    return RunOutcome(run_id, seed, _STATUSES[status], score, timesteps, error, provenances[made_by])


def run_cost(rows: Sequence[Sequence[Any]], provenances: Mapping[str, dict[str, Any]]) -> Cost:
    """Return what runs have cost, from counts, sums of timesteps and seconds, and ids of provenances."""
    n_runs, timesteps, seconds, made_by = zip(*rows, strict=True) if rows else ((), (), (), ())
    distinct = tuple(provenances[one] for one in dict.fromkeys(made_by))
    return Cost(sum(n_runs), sum(map(int, timesteps)), float(sum(seconds)), distinct)


def run_statuses(rows: Iterable[Sequence[Any]]) -> dict[tuple[Stage, RunStatus], set[str]]:
    """Return (stage, status) → run ids; each row holds run id, stage, status and the id of the configuration."""
    found: dict[tuple[Any, Any], set[str]] = {}
    for run_id, stage, status, config_id in rows:
        if config_id is None:
            raise ValueError("config_id = None")
        found.setdefault((stage, status), set()).add(run_id)
    return {(_STAGES[stage], _STATUSES[status]): ids for (stage, status), ids in found.items()}


def evaluations(curve: str, episode_returns: str) -> Evaluations:
    """Return the evaluations of a completed run from the columns that hold them."""
    _, timesteps, _, means = zip(*from_json(curve), strict=True)
    returns = from_json(episode_returns)
    # A sum of finite numbers may overflow, and is found in a fraction of the time.
    finite = math.isfinite(sum(means) + sum(returns)) or all(map(math.isfinite, (*means, *returns)))
    if not (returns and finite):
        raise ValueError(f"returns of a completed run = {means!r:.60}, {returns!r:.60}")
    return Evaluations(timesteps, np.array(means, float), np.array(returns, float))


def trial_row(tuning_id: str, record: TrialRecord) -> dict[str, Any]:
    """Return the columns of one trial."""
    return {
        "tuning_id": tuning_id,
        "number": record.number,
        "config_id": record.config_id,
        "hyperparameters": canonical_json(record.hyperparameters),
        "run_ids": canonical_json(record.run_ids),
        "scores": canonical_json(record.scores),
        "objective_value": record.objective_value,
        "state": record.state.value,
        "n_diverged": record.n_diverged,
        "error": record.error,
    }


def trial_record(row: Any) -> TrialRecord:
    """Return the record that a row of trials holds."""
    _check_types(row, _TRIAL_TYPES)
    scores = tuple(None if score is None else float(score) for score in json.loads(row.scores))
    return TrialRecord(
        number=row.number,
        config_id=row.config_id,
        hyperparameters=dict(json.loads(row.hyperparameters)),
        run_ids=tuple(str(run_id) for run_id, _ in zip(json.loads(row.run_ids), scores, strict=True)),
        scores=scores,
        objective_value=row.objective_value,
        state=TrialState(row.state),
        n_diverged=row.n_diverged,
        error=row.error,
    )
