"""Rankings of scores that a test makes up: no run, no database."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from robusttune.declaration.study_runs import PlannedRuns, configuration, tuning_runs
from robusttune.pipeline import DEFAULT_COMMAND
from robusttune.post_evaluation.result import PostEvaluation
from robusttune.post_evaluation.rounds import Rounds
from robusttune.post_evaluation.select import Candidate
from robusttune.report.build import make_ranking
from robusttune.report.model import Ranking, Work
from robusttune.results.records import Cost, Evaluations, TrialRecord, TrialState
from robusttune.results.scores import ScoreTable
from robusttune.seeds import Stage, run_seed
from tests.support.studies import make_study


def ranked(
    scores: Mapping[str, Sequence[float] | np.ndarray],
    tuning: Mapping[str, float] | None = None,
    *,
    controls: Mapping[str, float | None] | None = None,
    confirmation: Mapping[str, Sequence[float]] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Ranking:
    """Return the ranking of some scores by name; `controls` has the reported scores of those that are controls."""
    candidates = [
        _candidate(number, name, (tuning or {}).get(name), controls or {})
        for number, name in enumerate(scores)
    ]
    found = PostEvaluation(
        candidates=tuple(candidates),
        rounds=Rounds(runs={}),
        scores=_table(scores),
        confirmed=None if confirmation is None else _table(confirmation),
    )
    return make_ranking(make_study(changes), [], found, is_reproducible=True, command=DEFAULT_COMMAND)


def _table(scores: Mapping[str, Sequence[float] | np.ndarray]) -> ScoreTable:
    return ScoreTable(
        config_ids=tuple(f"id of {name}" for name in scores),
        seeds=tuple(
            tuple(run_seed(0, Stage.POST_EVALUATION, 1000 * i + j) for j in range(len(own)))
            for i, own in enumerate(scores.values())
        ),
        scores=tuple(map(tuple, scores.values())),
        n_diverged=(0,) * len(scores),
        n_missing=(0,) * len(scores),
        diverged_score=None,
    )


def skewed_scores() -> dict[str, np.ndarray]:
    """Return three configurations of which two differ only if the noise is near normal."""
    rng = np.random.default_rng(14)
    wild = -rng.lognormal(0.0, 1.2, 12)
    return {"wild": wild, "calm": rng.normal(1.5, 0.6, 12), "bad": rng.normal(-9.0, 0.5, 12)}


def _candidate(
    number: int, name: str, score: float | None, controls: Mapping[str, float | None]
) -> Candidate:
    is_control = name in controls
    score = controls[name] if is_control else score
    return Candidate(
        name=name,
        config_id=f"id of {name}",
        hyperparameters={},
        tuning_score=score,
        tuning_scores=() if score is None else (score,),
        n_tuning_seeds=None if is_control else 1,
        trial_number=None if is_control else number,
        is_control=is_control,
    )


def with_runs(
    ranking: Ranking, *, points: int = 5, tuned: bool = True, wall_time_s: float = 2.0, missing: int = 0
) -> Ranking:
    """Return a ranking whose seeds are runs with learning curves that rise to their scores; some have none."""
    runs, evaluations, costs = {}, {}, {}
    pattern = tuning_runs(ranking.study, configuration(ranking.study, {"learning_rate": 1e-4}), 0)[0]
    for i, row in enumerate(ranking.rows):
        ids = tuple(f"run {i} {j}" for j in range(len(row.runs.scores)))
        seeds = tuple((int(seed), 0) for seed in row.runs.seeds)
        runs[row.candidate.config_id] = PlannedRuns(pattern=pattern, seeds=seeds, run_ids=ids)
        costs[row.candidate.config_id] = _cost(len(ids), points, wall_time_s)
        for run_id, score in list(zip(ids, row.runs.scores, strict=True))[missing:]:
            evaluations[run_id] = _curve(score, points)
    trials = []
    for row in ranking.rows:
        score, number = row.candidate.tuning_score, row.candidate.trial_number
        if tuned and score is not None and number is not None:
            run_id = f"tuning {number}"
            evaluations[run_id] = _curve(score, points)
            trials.append(trial(number, score, run_ids=(run_id,)))
    found = dataclasses.replace(ranking.found, rounds=Rounds(runs=runs))
    work = Work(
        tuning=_cost(len(trials), points, wall_time_s),
        post_evaluation=_cost(sum(map(len, runs.values())), points, wall_time_s),
        configurations=costs,
    )
    return dataclasses.replace(ranking, found=found, evaluations=evaluations, work=work, trials=tuple(trials))


def _cost(n_runs: int, points: int, wall_time_s: float) -> Cost:
    return Cost(n_runs, n_runs * points * 10, n_runs * wall_time_s)


def _curve(score: float, points: int) -> Evaluations:
    steps = np.arange(1, points + 1)
    return Evaluations(tuple((10 * steps).tolist()), score - 1.0 + steps / points, np.array([score]))


def trial(number: int, score: float | None, *, run_ids: tuple[str, ...] = (), **values: Any) -> TrialRecord:
    """Return a trial of the small study's search space; without a score it was pruned."""
    place = (number % 10) / 9
    hyperparameters = {
        "learning_rate": 1e-5 * 10 ** (3 * place),
        "gamma": 0.9 + 0.0999 * (7 * number % 11) / 10,
        "n_steps": 2 ** (3 + number % 3),
        "activation_fn": ("tanh", "relu")[number % 2],
    } | values
    return TrialRecord(
        number=number,
        config_id=f"config {number}",
        hyperparameters=hyperparameters,
        run_ids=run_ids,
        scores=(score,) * len(run_ids),
        objective_value=score,
        state=TrialState.PRUNED if score is None else TrialState.COMPLETE,
    )
