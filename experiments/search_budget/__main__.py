"""Search with real training, 20 times over, and judge what is recommended: `python -m experiments.search_budget`.

Every repetition is a TPE search of 240 trials with one seed each, trained for real; its first 60 trials are the search
of 60. After 60 and after 240 runs three ways of choosing are compared: the highest score is believed, or a quarter of
the runs is spent on fresh seeds, for the highest scores, or as the advice of `robusttune plan` says. What was chosen is
judged on 20 seeds that nothing else has seen. The repetitions go side by side, so that runs of equal shape train
together; that changes no result. What is stored in the results folder is not run again, so it can be stopped any time.
About two hours on one core. Written: `results.csv`, a row per repetition, budget and way of choosing.
"""

from __future__ import annotations

import argparse
import dataclasses
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.search_budget.gathering import Gathering, StoredRuns
from robusttune import StudySpec, load_study
from robusttune.declaration.run import RunSpec
from robusttune.declaration.study_runs import confirmation_runs, post_evaluation_runs
from robusttune.pipeline.location import location_of
from robusttune.pipeline.planning.advice import Finding, findings
from robusttune.pipeline.session import memory_session
from robusttune.pipeline.settle import settle
from robusttune.post_evaluation.result import candidates_of, stored_post_evaluation
from robusttune.post_evaluation.select import Candidate, tuning_champion
from robusttune.report.build import best_set_first
from robusttune.results.records import RunOutcome, RunResult, TrialRecord

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.csv"
BUDGETS = (60, 240)
BELIEVED, TOP, ADVISED = "single seed, believed", "top k", "advised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One way of choosing after one search.

    Attributes
    ----------
    study : StudySpec
        With the post-evaluation of this way.
    finding : Finding
        What is advised at the budget.
    searched, believed_from : tuple of TrialRecord
        The trials that leave a quarter of the budget for fresh seeds, and those of the whole budget.
    """

    study: StudySpec
    finding: Finding
    protocol: str
    searched: tuple[TrialRecord, ...]
    believed_from: tuple[TrialRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one way of choosing recommends after one search, and the score that it reports."""

    plan: Plan
    protocol: str
    candidate: Candidate
    reported: float


def main() -> None:
    """Run what is missing, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    study = settle(load_study(FOLDER / "pendulum.toml")).study
    store = location_of(study, out=options.out).open_to_write()
    with StoredRuns(study, store, options.workers) as runs:
        studies = [dataclasses.replace(study, root_seed=seed) for seed in range(options.repetitions)]
        searches = search_all(studies, runs)
        plans = [p for own, found in zip(studies, searches, strict=True) for p in plans_of(own, found)]
        rows(choose_all(plans, runs), runs).to_csv(options.results, index=False)
    store.close()


def search_all(studies: Sequence[StudySpec], runs: StoredRuns) -> list[tuple[TrialRecord, ...]]:
    """Return the trials of each study's search, all searched at the same time."""
    size = studies[0].tuning.batch_size
    assert size is not None
    executor = Gathering(runs, n_workers=size, n_searches=len(studies))
    found: list[tuple[TrialRecord, ...]] = [()] * len(studies)

    def search(i: int) -> None:
        try:
            found[i] = memory_session(studies[i], executor=executor).tune()
        finally:
            executor.leave()

    threads = [threading.Thread(target=search, args=(i,), daemon=True) for i in range(len(studies))]
    for thread in threads:
        thread.start()
    executor.serve()
    for thread in threads:
        thread.join()
    return found


def plans_of(study: StudySpec, trials: tuple[TrialRecord, ...]) -> list[Plan]:
    """Return the ways of choosing after one search."""
    plans = []
    for finding in findings()["tpe"]:
        if finding.budget not in BUDGETS:
            continue
        for protocol in (TOP, ADVISED):
            post = dataclasses.replace(study.post_evaluation, top_k=finding.top_k, n_seeds=finding.n_seeds)
            if protocol == ADVISED:
                post = dataclasses.replace(post, select=finding.select, recommend=finding.recommend)  # type: ignore[arg-type]
            plan = Plan(
                study=dataclasses.replace(study, post_evaluation=post),
                finding=finding,
                protocol=protocol,
                searched=trials[: finding.budget - finding.top_k * finding.n_seeds],
                believed_from=trials[: finding.budget],
            )
            plans.append(plan)
    return plans


def choose_all(plans: Sequence[Plan], runs: StoredRuns) -> list[Choice]:
    """Return what is recommended: by each plan, and once a budget by believing the highest score."""
    candidates = [candidates_of(plan.study, plan.searched) for plan in plans]
    specs = [
        spec
        for plan, own in zip(plans, candidates, strict=True)
        for fresh in post_evaluation_runs(plan.study, {c.config_id: c.hyperparameters for c in own}).values()
        for spec in fresh
    ]
    known = runs.results(specs)

    def lookup(run_ids: Iterable[str]) -> dict[str, RunOutcome]:
        return {run_id: known[run_id].outcome for run_id in run_ids if run_id in known}

    choices = []
    for plan, own in zip(plans, candidates, strict=True):
        if plan.protocol == TOP:
            champion = tuning_champion(plan.believed_from)
            assert champion is not None
            assert champion.tuning_score is not None
            choices.append(
                Choice(plan=plan, protocol=BELIEVED, candidate=champion, reported=champion.tuning_score)
            )
        found = stored_post_evaluation(plan.study, own, lookup)
        best = best_set_first(plan.study, plan.searched, found)[0]
        mean = float(np.mean(found.scores.scores[found.scores.config_ids.index(best)]))
        chosen = next(c for c in own if c.config_id == best)
        choices.append(Choice(plan=plan, protocol=plan.protocol, candidate=chosen, reported=mean))
    return choices


def rows(choices: Sequence[Choice], runs: StoredRuns) -> pd.DataFrame:
    """Return a row per choice, judged on seeds that nothing else has seen."""
    judging = [_judging(choice) for choice in choices]
    known = runs.results([spec for own in judging for spec in own])
    return pd.DataFrame(
        {
            "repetition": choice.plan.study.root_seed,
            "budget": choice.plan.finding.budget,
            "protocol": choice.protocol,
            "trial": choice.candidate.trial_number,
            **choice.candidate.hyperparameters,
            "reported": round(choice.reported, 3),
            "true": round(float(np.mean([_score(known[spec.run_id]) for spec in own])), 3),
            "n_judging": len(own),
        }
        for choice, own in zip(choices, judging, strict=True)
    )


def _judging(choice: Choice) -> Sequence[RunSpec]:
    own = {choice.candidate.config_id: choice.candidate.hyperparameters}
    return confirmation_runs(choice.plan.study, own, own)[choice.candidate.config_id]


def _score(result: RunResult) -> float:
    if result.score is None:
        raise RuntimeError(f"A run has no score: {result.status}, {result.error}")
    return result.score


if __name__ == "__main__":
    main()
