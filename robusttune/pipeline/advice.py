"""How to split a budget of training runs, as the protocol study found it (docs/protocols.md)."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from importlib import resources

from robusttune.errors import SpecError

LEAST_BUDGET = 20
_LEAST_SEEDS = 3
_LARGEST_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One way to spend a budget on single-seed trials and a post-evaluation.

    Attributes
    ----------
    budget : int
        Training runs in all.
    n_trials : int
        Runs of the tuning stage, one seed each.
    top_k, n_controls : int
        Trials and controls that the post-evaluation judges.
    n_seeds : int
        Fresh seeds of each.
    """

    budget: int
    n_trials: int
    top_k: int
    n_controls: int
    n_seeds: int

    @property
    def post_share(self) -> float:
        """Share of the budget that the post-evaluation takes."""
        return 1.0 - self.n_trials / self.budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the protocol study found at one budget; regrets are on its scale: 0 the best, 1 a middling configuration.

    Attributes
    ----------
    budget : int
        Training runs in all.
    top_k, n_seeds : int
        The split to take: of those within one standard error of the least regret, the one with most seeds.
    regret, single_seed, multi_seed : float
        Mean regret of that split, of believing the best single-seed trial, and of the best way to give every trial
        several seeds instead.
    """

    budget: int
    top_k: int
    n_seeds: int
    regret: float
    single_seed: float
    multi_seed: float


@functools.cache
def findings() -> tuple[Finding, ...]:
    """Return what the protocol study found, by budget."""
    text = resources.files("robusttune.pipeline").joinpath("splits.json").read_text(encoding="utf-8")
    return tuple(Finding(**entry) for entry in json.loads(text))


def advised_split(budget: int, *, n_controls: int = 0) -> Split:
    """Return the split of a budget that the protocol study advises.

    Parameters
    ----------
    budget : int
        Training runs in all.
    n_controls : int
        Controls that are judged beside the trials, on as many seeds.

    Raises
    ------
    SpecError
        If the budget is too small for two stages.

    Notes
    -----
    Candidates and share of the runs are those of the nearest budget that was studied, nearest by ratio; controls come
    off the trials.
    """
    if budget < LEAST_BUDGET:
        raise SpecError(
            f"--budget {budget}: must be at least {LEAST_BUDGET} training runs; fewer cannot search and judge too."
        )
    found = min(findings(), key=lambda finding: abs(math.log(finding.budget / budget)))
    share = found.top_k * found.n_seeds / found.budget
    most = int(_LARGEST_SHARE * budget / _LEAST_SEEDS) - n_controls
    top_k = max(1, min(found.top_k, most))
    n_seeds = max(_LEAST_SEEDS, round(share * budget / top_k))
    n_seeds = min(n_seeds, int(_LARGEST_SHARE * budget / (top_k + n_controls)))
    n_trials = budget - (top_k + n_controls) * n_seeds
    return Split(budget=budget, n_trials=n_trials, top_k=top_k, n_controls=n_controls, n_seeds=n_seeds)
