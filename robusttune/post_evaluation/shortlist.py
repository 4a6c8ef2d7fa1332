"""Whom to judge, and whom to recommend, by a model of the whole search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

import numpy as np

from robusttune.post_evaluation.smoothing import Smoothed
from robusttune.stats._checks import FloatArray, IntArray

PRIOR_DF = 4
"""As many degrees of freedom of the candidates' mean variance are added to each candidate's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A trial that is to be judged.

    Attributes
    ----------
    trial : int
        Its place among the trials.
    proposed_by : tuple of str
        The lists among whose first k it is: "top", by objective value; "model", by posterior mean.
    """

    trial: int
    proposed_by: tuple[str, ...]


def shortlist(rule: str, k: int, *, top: Sequence[int], model: Sequence[int]) -> tuple[Proposal, ...]:
    """Return the k trials to judge, in the order in which they are taken.

    Parameters
    ----------
    rule : {"top", "model", "mixed"}
        "mixed" takes from the two lists in turn, the model's first.
    k : int
    top, model : sequence of int
        The eligible trials by objective value and by posterior mean, best first.
    """
    lists = {"top": [top], "model": [model], "mixed": [model, top]}[rule]
    turns = chain.from_iterable(zip_longest(*lists))
    chosen = list(dict.fromkeys(trial for trial in turns if trial is not None))[:k]
    heads = (("top", set(top[:k])), ("model", set(model[:k])))
    return tuple(
        Proposal(trial=trial, proposed_by=tuple(name for name, head in heads if trial in head)) for trial in chosen
    )


def posterior_means(smoothed: Smoothed, trials: IntArray, scores: Sequence[FloatArray]) -> FloatArray:
    """Return the posterior means of candidates after their fresh runs, on the scale of z.

    Parameters
    ----------
    smoothed : Smoothed
        What the search alone says.
    trials : ndarray of int, shape (k,)
        The candidates' places among the trials.
    scores : sequence of arrays, shape (n_seeds_i,)
        Their fresh scores; a candidate with fewer than two is judged by the others' spread.

    Notes
    -----
    μ + Σ (Σ + D)⁻¹ (z̄ − μ) with D = diag(s̃² / n), s̃² = (4 p + (n − 1) s²) / (n + 3), and p the mean of all s². Fresh
    means are not clipped. Use it to choose only: the number to report is the fresh mean, which no model has touched.
    """
    z = [smoothed.scale.z(own) for own in scores]
    n = np.array([own.size for own in z])
    variance = np.array([own.var(ddof=1) if own.size > 1 else 0.0 for own in z])
    df = np.maximum(n - 1, 0)
    pooled = variance[n > 1].mean() if (n > 1).any() else 1.0
    shrunk = (PRIOR_DF * pooled + df * variance) / (PRIOR_DF + df)
    prior, covariance = smoothed.mean[trials], smoothed.covariance(trials)
    has_runs = np.flatnonzero(n)
    residual = np.array([z[i].mean() for i in has_runs]) - prior[has_runs]
    noise = np.diag(shrunk[has_runs] / n[has_runs])
    gain = np.linalg.solve(covariance[np.ix_(has_runs, has_runs)] + noise, residual) if has_runs.size else residual
    found: FloatArray = prior + covariance[:, has_runs] @ gain
    return found
