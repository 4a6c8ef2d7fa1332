"""How to split a budget of training runs, as the protocol study found it (docs/protocols.md)."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError

DEFAULT_BUDGET = 120
LEAST_BUDGET, LARGEST_BUDGET = 20, 10_000
DEFAULT_SAMPLER = "tpe"
_LEAST_SEEDS = 3
_LARGEST_SHARE = 0.5
_CONFIRMATION_SEEDS, _CONFIRMED_FROM = 10, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the protocol study found at one budget; regrets are on its scale: 0 the best, 1 a middling configuration.

    Attributes
    ----------
    budget : int
        Training runs in all.
    protocol : str
        What the study calls it.
    seeds_per_trial, top_k, n_seeds : int
        The split to take.
    allocation, select, recommend : str
        How fresh seeds are shared out, who has them, and whom to take; see `PostEvaluationSpec`.
    regret, single_seed, multi_seed : float
        Mean regret of that protocol, of believing the best single-seed trial, and of the best way to give every trial
        several seeds and nothing more.
    """

    budget: int
    protocol: str
    seeds_per_trial: int
    top_k: int
    n_seeds: int
    allocation: str
    select: str
    recommend: str
    regret: float
    single_seed: float
    multi_seed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One way to spend a budget on trials and a post-evaluation.

    Attributes
    ----------
    budget : int
        Training runs that may be spent; a few may be left over.
    sampler : str
        The sampler it was studied with.
    n_trials, seeds_per_trial : int
        Of the tuning stage.
    top_k, n_controls : int
        Trials and controls that are post-evaluated.
    n_seeds : int
        Fresh seeds of each.
    n_confirm : int
        Further seeds for the recommended configuration alone, from 120 runs on: fewer cannot spare them.
    finding : Finding
        What it rests on.
    """

    budget: int
    sampler: str
    n_trials: int
    seeds_per_trial: int
    top_k: int
    n_controls: int
    n_seeds: int
    n_confirm: int
    finding: Finding

    @property
    def n_post_evaluation_runs(self) -> int:
        """How many runs the ranking of the post-evaluation takes."""
        return (self.top_k + self.n_controls) * self.n_seeds


@functools.cache
def findings() -> Mapping[str, tuple[Finding, ...]]:
    """Return what the protocol study found, by sampler and budget."""
    text = resources.files("robusttune.pipeline.planning").joinpath("splits.json").read_text(encoding="utf-8")
    return {sampler: tuple(Finding(**e) for e in entries) for sampler, entries in json.loads(text).items()}


def advised_split(budget: int, *, sampler: str = DEFAULT_SAMPLER, n_controls: int = 1) -> Split:
    """Return the split of a budget that the protocol study advises.

    Parameters
    ----------
    budget : int
        Training runs in all.
    sampler : str
        One that was studied.
    n_controls : int
        Controls that are evaluated beside the trials, on as many seeds; a study has the default configuration unless it
        says otherwise.

    Raises
    ------
    SpecError
        If the budget is too small for two stages, or far beyond what was studied.

    Notes
    -----
    Candidates and share of the runs are those of the nearest budget that was studied, nearest by ratio; controls come
    off the trials, and so do confirmation seeds.
    """
    least = max(LEAST_BUDGET, math.ceil((n_controls + 1) * _LEAST_SEEDS / _LARGEST_SHARE))
    if not least <= budget <= LARGEST_BUDGET:
        raise SpecError(
            f"budget = {budget}: must lie between {least} and {LARGEST_BUDGET} training runs; fewer cannot both search "
            f"and evaluate {n_controls + 1} configurations, and larger budgets have not been studied."
        )
    found = min(findings()[sampler], key=lambda finding: abs(math.log(finding.budget / budget)))
    share = found.top_k * found.n_seeds / found.budget
    top_k = min(found.top_k, int(_LARGEST_SHARE * budget / _LEAST_SEEDS) - n_controls)
    n_seeds = max(_LEAST_SEEDS, round(share * budget / top_k))
    n_seeds = min(n_seeds, int(_LARGEST_SHARE * budget / (top_k + n_controls)))
    n_confirm = _CONFIRMATION_SEEDS if budget >= _CONFIRMED_FROM else 0
    left = budget - (top_k + n_controls) * n_seeds - n_confirm
    return Split(
        budget=budget,
        sampler=sampler,
        n_trials=left // found.seeds_per_trial,
        seeds_per_trial=found.seeds_per_trial,
        top_k=top_k,
        n_controls=n_controls,
        n_seeds=n_seeds,
        n_confirm=n_confirm,
        finding=found,
    )


def split_for(study: StudySpec, budget: int) -> Split:
    """Return the advised split for a study's sampler and controls; see `advised_split`.

    A sampler that was not studied has the split of the default sampler.
    """
    sampler = study.tuning.sampler if study.tuning.sampler in findings() else DEFAULT_SAMPLER
    n_controls = len(study.post_evaluation.named) + study.has_default_control
    return advised_split(budget, sampler=sampler, n_controls=n_controls)
