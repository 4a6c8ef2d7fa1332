"""Simulated post-evaluations: how good a rule's pick is, and what it costs. No runs, no database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from robusttune.declaration.allocation import AllocationSpec
from robusttune.post_evaluation.allocate import Question, decide
from tests.support.places import SHARED_DATA

DATA = SHARED_DATA / "arlbench_final.parquet"
N_CONFIGS = 10
Draw = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""Returns true means, shape (n_configs,), and scores to take from, shape (n_configs, n_seeds)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Averages over studies: right picks, all best kept, runs, and loss of the pick in SDs between seeds."""

    right: float
    kept: float
    runs: float
    regret: float


def judge(draw: Draw, allocation: AllocationSpec, *, budget: int, studies: int, seed: int = 0) -> Outcome:
    """Return how a rule does, averaged over studies; equal seeds give all rules the same studies.

    Each draw has scores to spare, so that no allocation runs out of them.
    """
    found = []
    rng, own = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    for _ in range(studies):
        truth, pool = draw(rng)
        asked = Question(allocation=allocation, budget=budget, n_resamples=1000)
        planned = np.full(truth.size, allocation.n_first(truth.size, budget // truth.size))
        kept = np.ones(truth.size, dtype=bool)
        while True:
            scores = [pool[i, :n] for i, n in enumerate(planned)]
            decision = decide(scores, planned.tolist(), asked, rng=own)
            kept = np.array(decision.kept)
            if decision.stop is not None:
                break
            planned = planned + np.array(decision.more)
        means = np.array([pool[i, :n].mean() for i, n in enumerate(planned)])
        if allocation.rule in ("elimination", "halving"):
            means[~kept] = -np.inf
        pick, best = int(means.argmax()), truth == truth.max()
        found.append((best[pick], kept[best].all(), planned.sum(), _in_sds(truth.max() - truth[pick], pool)))
    right, all_kept, runs, regret = np.array(found, dtype=float).mean(axis=0)
    return Outcome(right=float(right), kept=float(all_kept), runs=float(runs), regret=float(regret))


def _in_sds(loss: float, pool: np.ndarray) -> float:
    spread = float(np.sqrt(pool.var(axis=1).mean()))
    return loss / spread if loss else 0.0


def linear(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return equally spaced means, half an SD apart, with unequal SDs."""
    truth = -0.5 * np.arange(N_CONFIGS)
    sd = np.where(np.arange(N_CONFIGS) % 2, 1.5, 0.75)
    return truth, truth[:, None] + sd[:, None] * rng.standard_normal((N_CONFIGS, 400))


def slippage(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return one configuration half an SD above nine equal ones, skewed to the left."""
    truth = np.where(np.arange(N_CONFIGS) == 0, 0.5, 0.0)
    skewed = 1.0 - rng.gamma(1.0, size=(N_CONFIGS, 400))
    return truth, truth[:, None] + skewed


def arlbench(scores: dict[str, np.ndarray]) -> Draw:
    """Return a draw of a task and of its ten best configurations by one seed; truth is the mean of all seeds.

    Parameters
    ----------
    scores : dict of str to ndarray, shape (n_configs, n_seeds)
        From `read_arlbench`.
    """
    names = list(scores)

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        table = scores[names[rng.integers(len(names))]]
        # As a study would have it: the best of 60 trials, by one seed each.
        trials = rng.choice(len(table), min(60, len(table)), replace=False)
        seen = table[trials, rng.integers(table.shape[1], size=trials.size)]
        top = table[trials[np.argsort(-seen, kind="stable")[:N_CONFIGS]]]
        pool = np.take_along_axis(top, rng.integers(top.shape[1], size=(N_CONFIGS, 400)), axis=1)
        return top.mean(axis=1), pool

    return draw


def read_arlbench() -> dict[str, np.ndarray]:
    """Return task → scores; a diverged or missing run has the worst score of its task."""
    import pandas as pd

    frame = pd.read_parquet(DATA)
    found = {}
    for task, rows in frame[~frame["task"].str.endswith("_rep2")].groupby("task"):
        values = rows["return"].where(~rows["diverged"])
        rows = rows.assign(value=values.fillna(values.min()))
        table = rows.pivot(index="config_id", columns="seed", values="value").dropna().to_numpy()
        if np.ptp(table.mean(axis=1)) > 0:
            found[str(task)] = table
    return found
