"""Luck: does a tuning score exceed what fresh seeds of the same configuration give?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import special

from robusttune.stats._checks import FloatArray, as_runs, check_count
from robusttune.stats.estimates.estimate import ONE_SEED
from robusttune.stats.luck.verdict import (
    INCONCLUSIVE,
    LuckResult,
    LuckRules,
    Spread,
    decide,
    seeds_to_decide,
)


def luck(
    tuning: Iterable[npt.ArrayLike],
    post: Iterable[npt.ArrayLike],
    *,
    n_failed: Sequence[int] | None = None,
    rules: LuckRules | None = None,
) -> tuple[LuckResult, ...]:
    """Return for each candidate whether its tuning score was luck.

    Parameters
    ----------
    tuning : sequence of arrays, shape (n_tuning_seeds_i,)
        Tuning scores of each candidate.
    post : sequence of arrays, shape (n_seeds_i,)
        Scores of the same candidates, in the same order, on seeds that tuning never saw.
    n_failed : sequence of int, optional
        How many of the post-evaluation runs failed; default none.
    rules : LuckRules, optional
        What counts.

    Raises
    ------
    ValueError
        If scores are not finite or the two sequences do not match.

    Notes
    -----
    t = gap / (s sqrt(1/m + 1/n)) has n-1 degrees of freedom; with m >= 2 tuning seeds their spread is pooled
    in and it has n+m-2. Exact for normal noise of one configuration named in advance; among candidates that
    were selected for high scores about one in ten is flagged at .05, and rightly so: selection is what luck
    is about. A flag says that the tuning score overstates this configuration, not that it is bad.
    """
    tuning_runs = as_runs(list(tuning), name="tuning", min_n=1)
    post_runs = as_runs(list(post), name="post", min_n=1)
    k = len(post_runs)
    if len(tuning_runs) != k:
        raise ValueError(f"`tuning` must have as many entries as `post`, but got {len(tuning_runs)} and {k}.")
    failed = _check_failed(n_failed, post_runs)
    rules = rules or LuckRules()
    pooled = pooled_sd(post_runs)
    bare = [_measure(a, b, pooled) for a, b in zip(tuning_runs, post_runs, strict=True)]
    lucky = benjamini_hochberg([_or_one(one.p_lucky) for one in bare], rules.false_discovery)
    unlucky = benjamini_hochberg([_or_one(one.p_unlucky) for one in bare], rules.false_discovery)
    found = []
    for i, one in enumerate(bare):
        spread = Spread.of(post_runs[i], failed[i])
        verdict = decide(one, spread, lucky[i], unlucky[i], pooled, rules)
        needed = None
        if verdict == INCONCLUSIVE:
            cut = rules.false_discovery * min(k, 1 + max(sum(lucky), sum(unlucky))) / k
            needed = seeds_to_decide(one, spread, cut, pooled, rules)
        found.append(replace(one, verdict=verdict, seeds_to_decide=needed))
    return tuple(found)


def pooled_sd(runs: Sequence[FloatArray]) -> float:
    """Return the SD within configurations, pooled over all of them; 0 where nothing varies.

    Parameters
    ----------
    runs : sequence of arrays, shape (n_seeds_i,)
        Checked scores.
    """
    squares = sum(float(((x - x.mean()) ** 2).sum()) for x in runs if np.ptp(x) > 0)
    df = sum(x.size - 1 for x in runs)
    return math.sqrt(squares / df) if df else 0.0


def benjamini_hochberg(p: Sequence[float], q: float) -> tuple[bool, ...]:
    """Return which hypotheses are rejected when the expected share of false rejections is held at q.

    Parameters
    ----------
    p : sequence of float
        P-values.
    q : float
        False discovery rate.

    References
    ----------
    Benjamini and Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x
    """
    values = np.asarray(p, dtype=np.float64)
    ordered = np.sort(values)
    passing = np.flatnonzero(ordered <= q * np.arange(1, values.size + 1) / values.size)
    threshold = ordered[passing[-1]] if passing.size else -1.0
    return tuple((values <= threshold).tolist())


def _check_failed(n_failed: Sequence[int] | None, post: Sequence[FloatArray]) -> list[int]:
    if n_failed is None:
        return [0] * len(post)
    if len(n_failed) != len(post):
        raise ValueError(
            f"`n_failed` must have one entry per candidate, but got {len(n_failed)} for {len(post)}."
        )
    for i, (count, x) in enumerate(zip(n_failed, post, strict=True)):
        if check_count(count, name=f"n_failed[{i}]") > x.size:
            raise ValueError(f"`n_failed[{i}] <= n_seeds` must hold, but got {count} of {x.size} runs.")
    return list(n_failed)


def _or_one(p: float | None) -> float:
    return 1.0 if p is None else p


def _measure(tuning: FloatArray, post: FloatArray, pooled: float) -> LuckResult:
    m, n = tuning.size, post.size
    gap = float(tuning.mean() - post.mean())
    squares = float(((post - post.mean()) ** 2).sum() + ((tuning - tuning.mean()) ** 2).sum())
    df = n + m - 2
    t = p_lucky = p_unlucky = None
    if df > 0:
        floor = 1e-9 * (1.0 + abs(float(post.mean()))) / math.sqrt(12)
        error = max(math.sqrt(squares / df), floor) * math.sqrt(1 / m + 1 / n)
        t = gap / error
        p_lucky, p_unlucky = float(special.stdtr(df, -t)), float(special.stdtr(df, t))
    return LuckResult(
        tuning=float(tuning.mean()),
        post=float(post.mean()),
        gap=gap,
        gap_in_sd=gap / pooled if pooled > 0 else None,
        t=t,
        df=float(df) if df > 0 else None,
        p_lucky=p_lucky,
        p_unlucky=p_unlucky,
        p_rank=(1 + int((post >= tuning.mean()).sum())) / (n + 1),
        verdict=INCONCLUSIVE,
        seeds_to_decide=None,
        n_tuning=m,
        n_post=n,
        note=None if df > 0 else ONE_SEED,
    )
