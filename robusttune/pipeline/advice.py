"""How to split a budget of training runs, as the protocol study found it (docs/protocols.md)."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from robusttune.errors import SpecError

LEAST_BUDGET, LARGEST_BUDGET = 20, 10_000
DEFAULT_SAMPLER = "tpe"
MAX_CONTROLS = 3
_LEAST_SEEDS = 3
_LARGEST_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One way to spend a budget on trials and a post-evaluation.

    Attributes
    ----------
    budget : int
        Training runs that may be spent; a few may be left over.
    n_trials, seeds_per_trial : int
        Of the tuning stage.
    top_k, n_controls : int
        Trials and controls that the post-evaluation judges.
    n_seeds : int
        Fresh seeds of each.
    """

    budget: int
    n_trials: int
    seeds_per_trial: int
    top_k: int
    n_controls: int
    n_seeds: int

    @property
    def n_judging_runs(self) -> int:
        """How many runs the post-evaluation takes."""
        return (self.top_k + self.n_controls) * self.n_seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the protocol study found at one budget; regrets are on its scale: 0 the best, 1 a middling configuration.

    Attributes
    ----------
    budget : int
        Training runs in all.
    seeds_per_trial, top_k, n_seeds : int
        The split to take: of those within one standard error of the least regret, the one with most seeds.
    regret, single_seed, multi_seed : float
        Mean regret of that split, of believing the best single-seed trial, and of the best way to give every trial
        several seeds and nothing more.
    """

    budget: int
    seeds_per_trial: int
    top_k: int
    n_seeds: int
    regret: float
    single_seed: float
    multi_seed: float


@functools.cache
def findings() -> Mapping[str, tuple[Finding, ...]]:
    """Return what the protocol study found, by sampler and budget."""
    text = resources.files("robusttune.pipeline").joinpath("splits.json").read_text(encoding="utf-8")
    return {sampler: tuple(Finding(**e) for e in entries) for sampler, entries in json.loads(text).items()}


def advised_split(budget: int, *, sampler: str = DEFAULT_SAMPLER, n_controls: int = 0) -> Split:
    """Return the split of a budget that the protocol study advises.

    Parameters
    ----------
    budget : int
        Training runs in all.
    sampler : str
        One that was studied.
    n_controls : int
        Controls that are judged beside the trials, on as many seeds; 3 at most.

    Raises
    ------
    SpecError
        If the budget is too small for two stages, or far beyond what was studied.
    ValueError
        If there are more controls.

    Notes
    -----
    Candidates and share of the runs are those of the nearest budget that was studied, nearest by ratio; controls come
    off the trials.
    """
    if not LEAST_BUDGET <= budget <= LARGEST_BUDGET:
        raise SpecError(
            f"--budget {budget}: must lie between {LEAST_BUDGET} and {LARGEST_BUDGET} training runs; fewer cannot "
            "search and judge too, and for more nothing has been studied."
        )
    if not 0 <= n_controls <= MAX_CONTROLS:
        raise ValueError(f"n_controls must lie between 0 and {MAX_CONTROLS}, but got {n_controls}.")
    found = min(findings()[sampler], key=lambda finding: abs(math.log(finding.budget / budget)))
    share = found.top_k * found.n_seeds / found.budget
    most = int(_LARGEST_SHARE * budget / _LEAST_SEEDS) - n_controls
    top_k = max(1, min(found.top_k, most))
    n_seeds = max(_LEAST_SEEDS, round(share * budget / top_k))
    n_seeds = min(n_seeds, int(_LARGEST_SHARE * budget / (top_k + n_controls)))
    left = budget - (top_k + n_controls) * n_seeds
    return Split(
        budget=budget,
        n_trials=left // found.seeds_per_trial,
        seeds_per_trial=found.seeds_per_trial,
        top_k=top_k,
        n_controls=n_controls,
        n_seeds=n_seeds,
    )
