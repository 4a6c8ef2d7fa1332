"""The ways to spend a budget of training runs, and what one of them comes to on one landscape."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.protocols.landscapes import STEPS, Landscape
from robusttune.pipeline.session import Session
from robusttune.pipeline.simulate import simulation_session
from robusttune.post_evaluation.result import PostEvaluation
from robusttune.post_evaluation.select import Candidate, select
from robusttune.results.memory import MemoryStore
from robusttune.results.records import TrialRecord
from robusttune.stats.comparisons.winner import winner_interval
from robusttune.stats.estimates.estimate import Estimate, mean_interval

BUDGETS = (60, 120, 240, 480)
"""Training runs, both stages together."""
SEEDS_PER_TRIAL = (1, 2, 3, 5)
CANDIDATES = (3, 5, 10, 20)
POST_SEEDS = (3, 5, 10, 20)
LEAST_SHARE, LARGEST_SHARE = 0.08, 0.5
"""Of the budget, for the second stage."""
ADAPTIVE: Mapping[int, tuple[int, tuple[int, ...], int]] = {
    # budget: (candidates, stages of the elimination, runs that OCBA has)
    60: (5, (3, 5), 20),
    120: (5, (3, 5, 8), 30),
    240: (10, (3, 5, 8), 50),
    480: (10, (3, 5, 8, 12, 18), 100),
}
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One way to spend a budget.

    Attributes
    ----------
    name : str
        As it is shown.
    reserved : int
        Runs that tuning leaves to the second stage; an elimination may not need all of them.
    post : mapping, optional
        The second stage, as a study declares it; None picks the trial with the best objective value.
    """

    name: str
    reserved: int = 0
    post: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a protocol came to, on the scale of `Landscape.scaled`.

    Attributes
    ----------
    runs : float
        Training runs spent; a pruned run counts by its timesteps.
    regret : float
        True mean of the best configuration minus that of the pick.
    optimism : float
        Reported number minus true mean of the pick.
    covered : bool, optional
        Whether the reported 95 % interval holds the true mean; None where one seed allows no interval.
    width : float, optional
        Of that interval.
    """

    runs: float
    regret: float
    optimism: float
    covered: bool | None = None
    width: float | None = None


@dataclass(slots=True)
class Search:
    """A tuning stage that is long enough for the largest budget.

    A search of fewer trials is its beginning: what is asked next follows from the trials before. So all budgets, and
    all second stages, share one search, which makes their comparison sharper too.
    """

    landscape: Landscape
    session: Session
    trials: tuple[TrialRecord, ...]
    costs: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        results = self.session.store.results(run_id for trial in self.trials for run_id in trial.run_ids)
        steps = [sum(results[run_id].timesteps for run_id in trial.run_ids) for trial in self.trials]
        self.costs = np.cumsum(steps) / STEPS

    def beginning(self, budget: float) -> tuple[TrialRecord, ...]:
        """Return the trials that the budget pays for."""
        return self.trials[: int(np.searchsorted(self.costs, budget + _ROUNDING, side="right"))]


def search(landscape: Landscape, *, tuning: Mapping[str, Any], budget: int, root_seed: int) -> Search:
    """Return a tuning stage that uses up the budget.

    Parameters
    ----------
    landscape : Landscape
    tuning : mapping
        Sampler, pruner and seeds per trial.
    budget : int
        Training runs.
    root_seed : int
        Which repetition.
    """
    n_seeds = tuning.get("seeds_per_trial", 1)
    n_trials = budget // n_seeds
    while True:
        declared = landscape.study(tuning={**tuning, "n_trials": n_trials}, post={}, root_seed=root_seed)
        session = simulation_session(declared)
        found = Search(landscape=landscape, session=session, trials=session.tune())
        if found.costs[-1] > budget - n_seeds:
            return found
        n_trials *= 2  # pruned trials cost less, so that more of them fit


def protocols(budget: int, seeds_per_trial: int, *, with_second_stage: bool) -> Iterator[Protocol]:
    """Yield the protocols of one budget on top of one search.

    Parameters
    ----------
    budget : int
        Training runs, both stages together.
    seeds_per_trial : int
        Of the search.
    with_second_stage : bool
        Yield the post-evaluations too.
    """
    name = "single seed" if seeds_per_trial == 1 else f"{seeds_per_trial} seeds a trial"
    yield Protocol(name=name)
    if not with_second_stage:
        return
    prefix = "" if seeds_per_trial == 1 else f"{name}, "
    for k in CANDIDATES:
        for n in POST_SEEDS:
            if LEAST_SHARE * budget <= k * n <= LARGEST_SHARE * budget:
                yield Protocol(name=f"{prefix}top {k} × {n}", reserved=k * n, post={"top_k": k, "n_seeds": n})
    k, stages, n_ocba = ADAPTIVE[budget]
    yield Protocol(
        name=f"{prefix}elimination",
        reserved=k * stages[-1],
        post={"top_k": k, "allocation": {"rule": "elimination", "stages": list(stages)}},
    )
    yield Protocol(
        name=f"{prefix}ocba",
        reserved=n_ocba,
        post={"top_k": k, "allocation": {"rule": "ocba", "budget": n_ocba}},
    )


def outcome(found: Search, protocol: Protocol, budget: int) -> Outcome:
    """Return what a protocol comes to on a search."""
    trials = found.beginning(budget - protocol.reserved)
    spent = float(found.costs[len(trials) - 1])
    if protocol.post is None:
        return _by_tuning(found, trials, spent)
    # The same study but for its second stage: seeds do not depend on the sampler, and its trials are there.
    declared = found.landscape.study(
        tuning={"n_trials": len(trials), "sampler": "random"},
        post=protocol.post,
        root_seed=found.session.study.root_seed,
    )
    assert isinstance(found.session.store, MemoryStore)
    second = simulation_session(declared, store=found.session.store).evaluate(trials)
    return _by_post_evaluation(found, second, spent)


def _by_tuning(found: Search, trials: Sequence[TrialRecord], spent: float) -> Outcome:
    """Return what comes of believing the best objective value."""
    best = select(found.session.study, trials)[0]
    interval = mean_interval(best.tuning_scores) if len(best.tuning_scores) > 1 else None
    reported = float(best.tuning_score or 0.0)
    return _outcome(found.landscape, best, reported=reported, interval=interval, spent=spent)


def _by_post_evaluation(found: Search, second: PostEvaluation, spent: float) -> Outcome:
    """Return what comes of the highest mean over fresh seeds, with the interval that corrects for the choice."""
    table = second.scores
    kept = second.rounds.kept or table.config_ids
    means = [
        float(np.mean(scores)) if config_id in kept else -math.inf
        for config_id, scores in zip(table.config_ids, table.scores, strict=True)
    ]
    place = int(np.argmax(means))
    return _outcome(
        found.landscape,
        second.candidates[place],
        reported=means[place],
        interval=winner_interval(table.scores[place], n_configs=len(means)),
        spent=spent + second.rounds.n_runs,
    )


def _outcome(
    landscape: Landscape, pick: Candidate, *, reported: float, interval: Estimate | None, spent: float
) -> Outcome:
    truth = landscape.truth(pick.hyperparameters)
    return Outcome(
        runs=spent,
        regret=landscape.scaled(landscape.best - truth),
        optimism=landscape.scaled(reported - truth),
        covered=None if interval is None else _covers(interval.low, interval.high, truth),
        width=None if interval is None else landscape.scaled(interval.width),
    )


def _covers(low: float, high: float, truth: float) -> bool:
    # Of a table's mean, rounding is not to be held against an interval of no length.
    slack = _ROUNDING * max(1.0, abs(truth))
    return low - slack <= truth <= high + slack
