"""Ways to spend the runs of the second stage, for many searches at once.

The library decides the same for one study (`robusttune.post_evaluation`); here all repetitions go in lockstep.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from experiments.protocols.landscapes import FloatArray
from robusttune.stats.arrays import BoolArray, IntArray
from robusttune.stats.estimates.variance import PRIOR_DF, drawn_towards

N_FIRST = 3
STAGES = (3, 5, 8, 12, 18, 25)
_LEVEL = 0.95
_LEAST_GAP = 1e-3
_TRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """What the second stage knows.

    Attributes
    ----------
    mean, variance : ndarray, shape (n_searches, k)
        Of the runs of each candidate.
    n : ndarray of int, shape (n_searches, k)
        Runs of each candidate.
    kept : ndarray of bool, shape (n_searches, k)
        Who may still be picked.
    """

    mean: FloatArray
    variance: FloatArray
    n: IntArray
    kept: BoolArray

    def pick(self) -> IntArray:
        """Return the place of the highest mean."""
        found: IntArray = np.where(self.kept, self.mean, -np.inf).argmax(axis=1)
        return found


def fixed(fresh: FloatArray, n: int) -> Judged:
    """Give every candidate n runs."""
    return _judge(fresh, np.full(fresh.shape[:2], n))


def ocba(fresh: FloatArray, total: int) -> Judged:
    """Give runs one by one to the candidate that lacks most of its share by OCBA, with shrunk variances."""
    n: IntArray = np.full(fresh.shape[:2], N_FIRST)
    for _ in range(total - N_FIRST * fresh.shape[1]):
        now = _judge(fresh, n)
        best = now.mean.argmax(axis=1)[:, None]
        variance = _shrunk(now)
        gap = np.maximum(
            np.take_along_axis(now.mean, best, axis=1) - now.mean, _LEAST_GAP * np.sqrt(variance)
        )
        ratio = variance / gap**2
        np.put_along_axis(ratio, best, 0.0, axis=1)
        own = np.sqrt(
            np.take_along_axis(variance, best, axis=1) * np.sum(ratio**2 / variance, axis=1, keepdims=True)
        )
        np.put_along_axis(ratio, best, own, axis=1)
        share = ratio / ratio.sum(axis=1, keepdims=True)
        _give(n, share * (n.sum(axis=1, keepdims=True) + 1) - n, fresh.shape[2])
    return _judge(fresh, n)


def top_two(fresh: FloatArray, total: int, rng: np.random.Generator) -> Judged:
    """Give runs one by one by top-two Thompson sampling with t posteriors."""
    n: IntArray = np.full(fresh.shape[:2], N_FIRST)
    for _ in range(total - N_FIRST * fresh.shape[1]):
        now = _judge(fresh, n)
        error = np.sqrt(_shrunk(now) / n)
        draws = now.mean[:, None] + error[:, None] * rng.standard_t(
            (n - 1 + PRIOR_DF)[:, None], (len(n), 1 + _TRIES, n.shape[1])
        )
        winners = draws.argmax(axis=2)
        leader = winners[:, 0]
        is_rival = winners[:, 1:] != leader[:, None]
        rival = winners[np.arange(len(n)), 1 + is_rival.argmax(axis=1)]
        second = np.argsort(draws[:, 0], axis=1)[:, -2]
        rival = np.where(is_rival.any(axis=1), rival, second)
        chosen = np.where(rng.random(len(n)) < 0.5, leader, rival)
        _give(n, (np.arange(n.shape[1]) == chosen[:, None]).astype(float), fresh.shape[2])
    return _judge(fresh, n)


def halving(fresh: FloatArray, total: int) -> Judged:
    """Share the runs evenly over rounds, and keep the better half after each."""
    k = fresh.shape[1]
    n, kept, left = np.zeros(fresh.shape[:2], dtype=int), np.ones(fresh.shape[:2], dtype=bool), k
    n_rounds = math.ceil(math.log2(k))
    for _ in range(n_rounds):
        n[kept] = np.minimum(n[kept] + total // (left * n_rounds), fresh.shape[2])
        now = _judge(fresh, n)
        left = math.ceil(left / 2)
        order = np.argsort(-np.where(kept, now.mean, -np.inf), axis=1, kind="stable")
        kept = np.zeros_like(kept)
        np.put_along_axis(kept, order[:, :left], values=True, axis=1)
    final = _judge(fresh, n)
    return Judged(mean=final.mean, variance=final.variance, n=n, kept=kept)


def elimination(fresh: FloatArray, total: int) -> Judged:
    """Drop who is clearly worse than the best after 3, 5, 8, … runs each, until the runs are spent.

    Welch's t against the best so far, Bonferroni over candidates and stages: a little more cautious than the library's
    best set, which needs a simulation for each decision.
    """
    k = fresh.shape[1]
    n, kept = np.full(fresh.shape[:2], N_FIRST), np.ones(fresh.shape[:2], dtype=bool)
    quantile = 1.0 - (1.0 - _LEVEL) / (len(STAGES) * (k - 1))
    for stage in STAGES[1:]:
        now = _judge(fresh, n)
        best = np.where(kept, now.mean, -np.inf).argmax(axis=1)[:, None]
        part = _shrunk(now) / n
        error = np.sqrt(part + np.take_along_axis(part, best, axis=1))
        gap = np.take_along_axis(now.mean, best, axis=1) - now.mean
        kept &= gap <= special.stdtrit(2.0 * (n - 1), quantile) * error
        wanted = np.where(kept, stage, n)
        is_paid = (wanted.sum(axis=1) <= total) & (kept.sum(axis=1) > 1)
        n = np.where(is_paid[:, None], wanted, n)
    final = _judge(fresh, n)
    return Judged(mean=final.mean, variance=final.variance, n=n, kept=kept)


def shrunk_variance(judged: Judged) -> FloatArray:
    """Return the candidates' variances drawn towards their mean, as the library draws them."""
    return drawn_towards(judged.variance.mean(axis=1, keepdims=True), judged.variance, judged.n - 1)


def _shrunk(judged: Judged) -> FloatArray:
    found: FloatArray = np.maximum(shrunk_variance(judged), 1e-12)
    return found


def _judge(fresh: FloatArray, n: IntArray) -> Judged:
    used = np.arange(fresh.shape[2]) < n[..., None]
    mean = np.where(used, fresh, 0.0).sum(axis=-1) / n
    variance = np.where(used, (fresh - mean[..., None]) ** 2, 0.0).sum(axis=-1) / np.maximum(n - 1, 1)
    return Judged(mean=mean, variance=variance, n=n, kept=np.ones(n.shape, dtype=bool))


def _give(n: IntArray, wish: FloatArray, most: int) -> None:
    """Give one run in each search to the candidate with the largest wish that can have one."""
    chosen = np.where(n < most, wish, -np.inf).argmax(axis=1)
    n[np.arange(len(n)), chosen] += 1
