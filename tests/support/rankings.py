"""Rankings of scores that a test makes up: no run, no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from robusttune.pipeline import DEFAULT_COMMAND
from robusttune.post_evaluation.result import PostEvaluation
from robusttune.post_evaluation.rounds import Rounds
from robusttune.post_evaluation.select import Candidate
from robusttune.report.build import make_ranking
from robusttune.report.model import Ranking
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
