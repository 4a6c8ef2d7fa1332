"""Search with real training, 20 times over, and judge what is recommended: `python -m experiments.search_budget`.

Every repetition is a TPE search of 240 trials with one seed each, trained for real; its first 60 trials are the search
of 60. After 60 and after 240 runs three ways of choosing are compared: the highest score is believed, or a quarter of
the runs is spent on fresh seeds, for the highest scores, or as the advice of `robusttune plan` says. What was chosen is
judged on 20 seeds that nothing else has seen. The repetitions go side by side, so that runs of equal shape train
together; that changes no result. What is stored in the results folder is not run again, so it can be stopped any time.
About two hours on one core. Written: `results.csv`, a row per repetition, budget and way of choosing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from experiments.side_by_side.choices import Plan, choose_all, rows
from experiments.side_by_side.gathering import StoredRuns
from experiments.side_by_side.options import parse_options
from experiments.side_by_side.searches import Searched, search_all
from robusttune import load_study
from robusttune.pipeline.location import location_of
from robusttune.pipeline.planning.advice import findings
from robusttune.pipeline.settle import settle

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.csv"
BUDGETS = (60, 240)
BELIEVED, TOP, ADVISED = "single seed, believed", "top k", "advised"


def main() -> None:
    """Run what is missing, and write the rows."""
    options = parse_options(__doc__, repetitions=20, results=RESULTS)
    study = settle(load_study(FOLDER / "pendulum.toml")).study
    store = location_of(study, out=options.out).open_to_write()
    with StoredRuns(study, store, options.workers) as runs:
        studies = [dataclasses.replace(study, root_seed=seed) for seed in range(options.repetitions)]
        longest = max(BUDGETS) * study.training.total_timesteps
        plans = [p for found in search_all(studies, runs, timesteps=longest) for p in plans_of(found)]
        rows(choose_all(plans, runs), runs).to_csv(options.results, index=False)
    store.close()


def plans_of(found: Searched) -> Iterator[Plan]:
    """Yield the ways of choosing after one search."""
    study, trials = found.study, found.trials
    for finding in findings()["tpe"]:
        if finding.budget not in BUDGETS:
            continue
        top = dataclasses.replace(study.post_evaluation, top_k=finding.top_k, n_seeds=finding.n_seeds)
        advised = dataclasses.replace(top, select=finding.select, recommend=finding.recommend)  # type: ignore[arg-type]
        for protocol, post in ((BELIEVED, top), (TOP, top), (ADVISED, advised)):
            spared = 0 if protocol == BELIEVED else finding.top_k * finding.n_seeds
            yield Plan(
                study=dataclasses.replace(study, post_evaluation=post),
                trials=trials[: finding.budget - spared],
                believes=protocol == BELIEVED,
                columns={
                    "repetition": study.root_seed,
                    "budget": finding.budget,
                    "protocol": protocol,
                },
            )


if __name__ == "__main__":
    main()
