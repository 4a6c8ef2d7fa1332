"""A results folder with a known story, made without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from robusttune.declaration.ids import config_id
from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import configuration, tuning_runs
from robusttune.pipeline.location import location_of
from robusttune.post_evaluation.select import select
from robusttune.results.records import CurvePoint, RunStatus, TrialRecord, TrialState
from robusttune.training.interfaces import make_result
from tests.support.studies import fixed_runs, make_study, settled

N_SEEDS = 9
# name → (tuning score, true mean): the champion was lucky, the honest trial is the best, the default is bad.
STORY = {"trial 0": (-100.0, -400.0), "trial 1": (-160.0, -165.0)}
DEFAULT_MEAN, REPORTED_MEAN = -900.0, -395.0
REPORTED = "as_published & 100%"


def told_study(changes: dict[str, Any] | None = None) -> StudySpec:
    """Return a study with two trials, the default and one reported control."""
    control = {"name": REPORTED, "hyperparameters": {"gamma": 0.97}, "reported_score": -198.0}
    return make_study(
        {
            "name": "told",
            "tuning.n_trials": 2,
            "post_evaluation.n_seeds": N_SEEDS,
            "post_evaluation.controls": [control],
            **(changes or {}),
        }
    )


def store_story(study: StudySpec, out: Path, *, diverged: int = 0, missing: int = 0, failed: int = 0) -> None:
    """Store the story's trials and post-evaluation; some of the default's runs end otherwise or not at all."""
    declared, study = study, settled(study)
    store = location_of(study, out=out).open_to_write()
    store.save_study(declared, study)
    rng = np.random.default_rng(7)
    trials = []
    for number, (tuning_score, _) in enumerate(STORY.values()):
        hyperparameters = configuration(study, {"learning_rate": 1e-4 * (number + 1), "n_steps": 16})
        runs = tuning_runs(study, hyperparameters, number)
        _add(store, runs[0], RunStatus.COMPLETED, [tuning_score] * 2)
        trials.append(
            TrialRecord(
                number=number,
                config_id=config_id(hyperparameters),
                hyperparameters=hyperparameters,
                run_ids=tuple(run.run_id for run in runs),
                scores=(tuning_score,),
                objective_value=tuning_score,
                state=TrialState.COMPLETE,
            )
        )
        store.save_trial(study.tuning_id, trials[-1])
    means = {name: mean for name, (_, mean) in STORY.items()} | {
        "default": DEFAULT_MEAN,
        REPORTED: REPORTED_MEAN,
    }
    candidates = select(study, trials)
    planned = fixed_runs(study, candidates)
    for candidate in candidates:
        for index, run in enumerate(planned[candidate.config_id]):
            status = RunStatus.COMPLETED
            if candidate.name == "default" and index < diverged + missing + failed:
                status = RunStatus.DIVERGED if index < diverged else RunStatus.FAILED
                if index >= diverged + failed:
                    continue
            score = means[candidate.name] + 40.0 * rng.standard_normal()
            _add(store, run, status, list(score + 20.0 * rng.standard_normal(4)))
    store.close()


def _add(store: Any, run: RunSpec, status: RunStatus, episodes: list[float]) -> None:
    completed = status is RunStatus.COMPLETED
    point = CurvePoint(
        index=0, timesteps=run.total_timesteps, n_updates=4, mean_return=float(np.mean(episodes))
    )
    result = make_result(
        run,
        status,
        episode_returns=episodes if completed else (),
        curve=[point] if completed else (),
        error=None if completed else "Traceback (most recent call last):\nValueError: the environment broke",
    )
    store.add_result(run, result)
