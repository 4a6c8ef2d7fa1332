"""How to split a budget between trials, tuning seeds, re-evaluated candidates, seeds and episodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import FloatArray, as_sample, check_count, check_number, check_rng
from robusttune.stats.estimates.variance import best_episodes

TUNING_SEEDS = (1, 2, 3, 5)
CANDIDATES = (1, 3, 5, 10, 20)
POST_SEEDS = (3, 5, 10, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSplit:
    """One way to spend a budget.

    Attributes
    ----------
    n_trials, n_tuning_seeds : int
        Trials of the tuning stage, and seeds of each.
    n_candidates, n_post_seeds : int
        Re-evaluated configurations, and fresh seeds of each; zero seeds mean no second stage.
    n_episodes : int
        Evaluation episodes per run.
    n_runs : int
        Training runs in total.
    post_share : float
        Share of the runs that the second stage takes.
    expected_score : float
        Expected true mean of the configuration that is chosen in the end, in score units.
    shortfall : float
        How much less than the best split that was tried.
    standard_error : float
        Of the expected score, from the simulation.
    """

    n_trials: int
    n_tuning_seeds: int
    n_candidates: int
    n_post_seeds: int
    n_episodes: int
    n_runs: int
    post_share: float
    expected_score: float
    shortfall: float
    standard_error: float


def split_budget(
    *,
    budget: float,
    sd_seed: float,
    sd_between: float | None = None,
    landscape: npt.ArrayLike | None = None,
    sd_episode: float = 0.0,
    cost_training: float = 1.0,
    cost_episode: float | None = None,
    n_studies: int = 2000,
    rng: np.random.Generator,
) -> tuple[BudgetSplit, ...]:
    """Return ways to spend a budget, best first.

    Parameters
    ----------
    budget : float
        In the unit of the costs; with the default costs, the number of training runs.
    sd_seed : float
        SD between training seeds, in score units.
    sd_between : float, optional
        SD of the true means of the configurations that tuning tries, in score units.
    landscape : array_like, shape (n_configs,), optional
        Means of many configurations to draw from, instead of a normal distribution.
    sd_episode : float
        SD between episodes of one policy, in score units.
    cost_training, cost_episode : float
        Cost of a training run, and of an evaluation episode (default a thousandth of a run).
    n_studies : int
        Simulated studies for each split.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    ValueError
        If neither or both of `sd_between` and `landscape` are given, the budget pays for fewer than ten
        runs, or a number breaks its rule.

    Notes
    -----
    Trials are drawn at random: a model-based sampler finds better trials with the same runs, which favours
    the same splits as long as it is not misled by noise. Noise is normal and equal for all configurations.
    """
    check_number(sd_seed, name="sd_seed", minimum=0.0)
    check_number(cost_training, name="cost_training", minimum=0.0, strict=True)
    cost_episode = cost_training / 1000 if cost_episode is None else cost_episode
    check_count(n_studies, name="n_studies", minimum=100)
    check_rng(rng)
    if (sd_between is None) == (landscape is None):
        raise ValueError("Give exactly one of `sd_between` and `landscape`; got both or neither.")
    episodes = best_episodes(
        sd_seed=sd_seed, sd_episode=sd_episode, cost_training=cost_training, cost_episode=cost_episode
    )
    per_run = cost_training + (episodes * cost_episode if sd_episode > 0 else 0.0)
    n_runs = int(check_number(budget, name="budget", minimum=0.0) / per_run + 1e-9)
    if n_runs < 10:
        raise ValueError(f"`budget` must pay for at least 10 runs, but it pays for {n_runs}. Raise it.")
    noise = math.sqrt(sd_seed**2 + sd_episode**2 / episodes)
    truth = _truth(sd_between, landscape, n_studies, n_runs, rng)
    splits = [_simulate(split, truth, noise, rng) for split in _splits(n_runs)]
    best = max(mean for mean, _ in splits)
    found = [
        BudgetSplit(
            n_trials=n_trials,
            n_tuning_seeds=m,
            n_candidates=top,
            n_post_seeds=n,
            n_episodes=episodes,
            n_runs=n_trials * m + top * n,
            post_share=top * n / (n_trials * m + top * n),
            expected_score=mean,
            shortfall=best - mean,
            standard_error=error,
        )
        for (n_trials, m, top, n), (mean, error) in zip(_splits(n_runs), splits, strict=True)
    ]
    return tuple(sorted(found, key=lambda split: split.shortfall))


def _splits(n_runs: int) -> list[tuple[int, int, int, int]]:
    """Return (trials, tuning seeds, candidates, post seeds) of all splits, with and without stage two."""
    found = []
    for m in TUNING_SEEDS:
        if n_runs // m >= 2:
            found.append((n_runs // m, m, 1, 0))
        for top in CANDIDATES[1:]:
            for n in POST_SEEDS:
                trials = (n_runs - top * n) // m
                if trials >= 2 * top:
                    found.append((trials, m, top, n))
    return found


def _truth(
    sd_between: float | None,
    landscape: npt.ArrayLike | None,
    n_studies: int,
    n_runs: int,
    rng: np.random.Generator,
) -> FloatArray:
    if sd_between is not None:
        check_number(sd_between, name="sd_between", minimum=0.0)
        return rng.standard_normal((n_studies, n_runs)) * sd_between
    pool = as_sample(landscape if landscape is not None else [], name="landscape", min_n=2)
    return rng.choice(pool, size=(n_studies, n_runs))


def _simulate(
    split: Sequence[int], truth: FloatArray, noise: float, rng: np.random.Generator
) -> tuple[float, float]:
    n_trials, m, top, n = split
    means = truth[:, :n_trials]
    tuned = means + rng.standard_normal(means.shape) * noise / math.sqrt(m)
    rows = np.arange(means.shape[0])
    if n == 0:
        chosen = means[rows, tuned.argmax(axis=1)]
    else:
        finalists = np.take_along_axis(means, np.argpartition(-tuned, top - 1, axis=1)[:, :top], axis=1)
        judged = finalists + rng.standard_normal(finalists.shape) * noise / math.sqrt(n)
        chosen = finalists[rows, judged.argmax(axis=1)]
    return float(chosen.mean()), float(chosen.std(ddof=1) / math.sqrt(chosen.size))
