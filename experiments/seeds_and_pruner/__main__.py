"""Search in three ways with real training, ten times over: `python -m experiments.seeds_and_pruner`.

Every repetition is three TPE searches from the same root seed, each with the training steps of 120 runs: one seed a
trial; three seeds a trial, a third of the trials; one seed a trial and the median pruner, which stops bad trials early
and so has more of them. Its options are RL Zoo's: it decides from the second of four evaluations on. After each search
the highest score is believed, or, after a search with the steps of 90 runs, the six highest get five fresh seeds each.
What was chosen is judged on 20 seeds that nothing else has seen. The searches go side by side, so that runs of equal
shape train together; that changes no result. What is stored in the results folder is not run again, so it can be
stopped any time. About an hour and a half on one core. Written: `results.csv`, a row per repetition, search and way of
choosing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from experiments.side_by_side.choices import Plan, choose_all, rows
from experiments.side_by_side.gathering import StoredRuns
from experiments.side_by_side.options import parse_options
from experiments.side_by_side.searches import Searched, search_all
from robusttune import StudySpec, load_study
from robusttune.pipeline.location import location_of
from robusttune.pipeline.settle import settle

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.csv"
BUDGET = 120
ARMS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "1 seed": {},
        "3 seeds": {"seeds_per_trial": 3},
        "1 seed, pruner": {
            "pruner": "median",
            "pruner_options": {"n_startup_trials": 5, "n_warmup_steps": 1},
        },
    }
)
"""How a trial of each search is made, as a study file says it in `[tuning]`."""
BELIEVED, FRESH = "believed", "fresh seeds"


def main() -> None:
    """Run what is missing, and write the rows."""
    options = parse_options(__doc__, repetitions=10, results=RESULTS)
    study = settle(load_study(FOLDER / "pendulum.toml")).study
    store = location_of(study, out=options.out).open_to_write()
    with StoredRuns(study, store, options.workers) as runs:
        arms = [(seed, arm) for seed in range(options.repetitions) for arm in ARMS]
        studies = [search_of(study, seed, arm) for seed, arm in arms]
        searches = search_all(studies, runs, timesteps=BUDGET * study.training.total_timesteps)
        plans = [p for (_, arm), found in zip(arms, searches, strict=True) for p in plans_of(found, arm)]
        rows(choose_all(plans, runs), runs).to_csv(options.results, index=False)
    store.close()


def search_of(study: StudySpec, seed: int, arm: str) -> StudySpec:
    """Return the study of one search."""
    tuning = dataclasses.replace(study.tuning, **ARMS[arm])
    return dataclasses.replace(study, root_seed=seed, tuning=tuning)


def plans_of(found: Searched, arm: str) -> Iterator[Plan]:
    """Yield the ways of choosing after one search."""
    study = found.study
    post, steps = study.post_evaluation, study.training.total_timesteps
    for protocol, n_fresh in ((BELIEVED, 0), (FRESH, post.top_k * post.n_seeds)):
        trials = found.within((BUDGET - n_fresh) * steps)
        taken = sum(found.timesteps[: len(trials)]) + n_fresh * steps
        yield Plan(
            study=study,
            trials=trials,
            believes=protocol == BELIEVED,
            columns={
                "repetition": study.root_seed,
                "search": arm,
                "protocol": protocol,
                "n_trials": len(trials),
                "timesteps": taken,
            },
        )


if __name__ == "__main__":
    main()
