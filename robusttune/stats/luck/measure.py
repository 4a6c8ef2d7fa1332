"""Luck: by how much does a tuning score exceed what fresh seeds of the same configuration give?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import stats

from robusttune.stats._checks import FloatArray, as_runs, check_level, check_number
from robusttune.stats.estimates.estimate import ONE_SEED, Estimate
from robusttune.stats.estimates.headline import headline_intervals
from robusttune.stats.estimates.variance import typical_sd
from robusttune.stats.luck.verdict import (
    FALSE_DISCOVERY,
    INCONCLUSIVE,
    INDIFFERENCE,
    Evidence,
    LuckResult,
    decide,
    resolution,
)


def luck(
    tuning: Iterable[npt.ArrayLike],
    post: Iterable[npt.ArrayLike],
    *,
    is_control: Sequence[bool] | None = None,
    indifference: float | None = None,
    level: float = 0.95,
    false_discovery: float = FALSE_DISCOVERY,
    means: Sequence[Estimate] | None = None,
) -> tuple[LuckResult, ...]:
    """Return for each configuration how much of its tuning score was luck.

    Parameters
    ----------
    tuning : sequence of arrays, shape (n_tuning_seeds_i,)
        Tuning scores of each trial, or the one number that was reported of a control; their mean is the
        number in question.
    post : sequence of arrays, shape (n_seeds_i,)
        Scores of the same configurations, in the same order, on seeds that tuning never saw.
    is_control : sequence of bool, optional
        Which of them are controls; default none.
    indifference : float, optional
        Luck up to this does not count, in score units; default a quarter of the yardstick.
    level : float
        Confidence level of the intervals.
    false_discovery : float
        Expected share of false flags among the flagged trials, in each direction.
    means : sequence of Estimate, optional
        The intervals of the fresh means as they are printed elsewhere, at `level`: the interval of the luck is
        theirs, and the tests use their error and degrees of freedom. Default `headline_intervals`.

    Raises
    ------
    ValueError
        If scores are not finite, the sequences do not match, or an option breaks its rule.

    Notes
    -----
    The tuning score is a known number and the fresh seeds are independent of it, so the interval is valid
    whatever selected the trial. The verdict asks whether the number overstates the configuration, not
    whether it could have been drawn: LUCKY where "no luck beyond the indifference" is rejected (one-sided t test,
    Benjamini and Hochberg over the trials) and the interval excludes 0, UNLUCKY likewise, CONSISTENT where the
    90 % interval lies within one yardstick, INCONCLUSIVE otherwise. The yardstick is the median SD between the
    seeds of the trials. A borrowed spread counts as two more degrees of freedom (Smyth 2004), which finds more of
    the luck at few seeds.

    Controls are judged in the same units, but are a family of their own: they were named in advance, and no
    verdict of a trial may depend on which controls a study has.
    """
    tuning_runs = as_runs(list(tuning), name="tuning")
    runs = as_runs(list(post), name="post")
    controls = [False] * len(runs) if is_control is None else list(is_control)
    for name, given in (("tuning", tuning_runs), ("is_control", controls), ("means", means)):
        if given is not None and len(given) != len(runs):
            raise ValueError(f"`{name}` must match `post`, but got {len(given)} entries for {len(runs)}.")
    check_level(false_discovery, name="false_discovery")
    if indifference is not None:
        check_number(indifference, name="indifference", minimum=0.0)
    means = means or headline_intervals(runs, is_control=controls, level=level)
    scale = yardstick(runs, controls)
    delta = INDIFFERENCE * (scale or 0.0) if indifference is None else indifference
    evidence = [
        _evidence(float(a.mean()), x, mean, delta, scale or 0.0, level)
        for a, x, mean in zip(tuning_runs, runs, means, strict=True)
    ]
    bare = [
        _measure(float(a.mean()), x, mean, one, scale, level)
        for a, x, mean, one in zip(tuning_runs, runs, means, evidence, strict=True)
    ]
    found = list(bare)
    for family in (True, False):
        at = [i for i, control in enumerate(controls) if control is family]
        judged = _verdicts([bare[i] for i in at], [evidence[i] for i in at], false_discovery)
        for i, one in zip(at, judged, strict=True):
            found[i] = one
    return tuple(found)


def yardstick(runs: Sequence[FloatArray], is_control: Sequence[bool]) -> float | None:
    """Return the SD in which luck is told: the median of the trials' SDs between seeds.

    Parameters
    ----------
    runs : sequence of arrays, shape (n_seeds_i,)
        Checked scores.
    is_control : sequence of bool
        Which of them are controls; they count only where no trial has two seeds that differ.

    Returns
    -------
    float or None
        In score units; None where nothing varies.
    """
    trials = [x for x, control in zip(runs, is_control, strict=True) if not control]
    return typical_sd(trials) or typical_sd([x for x in runs if np.ptp(x) > 0])


def _evidence(
    tuning: float, x: FloatArray, mean: Estimate, delta: float, scale: float, level: float
) -> Evidence | None:
    if x.size < 2:
        return None
    step = resolution(
        float(x.mean())
    )  # where all seeds gave one value, an equal number is consistent with it
    return Evidence(
        luck=tuning - float(x.mean()),
        error=max(mean.standard_error, step / math.sqrt(12 * x.size)),
        df=mean.df,
        indifference=delta,
        yardstick=max(scale, 2 * step),
        level=level,
    )


def _measure(
    tuning: float, x: FloatArray, mean: Estimate, evidence: Evidence | None, scale: float | None, level: float
) -> LuckResult:
    gap = tuning - float(x.mean())
    n_reached = int(np.count_nonzero(x >= tuning))
    reached = stats.binomtest(n_reached, x.size).proportion_ci(level, method="exact")
    p_lucky, p_unlucky = (None, None) if evidence is None else evidence.p_values()
    return LuckResult(
        tuning=tuning,
        mean=float(x.mean()),
        luck=gap,
        low=tuning - mean.high,
        high=tuning - mean.low,
        luck_in_sd=None if scale is None else gap / scale,
        p_lucky=p_lucky,
        p_unlucky=p_unlucky,
        verdict=INCONCLUSIVE,
        seeds_to_decide=None,
        n_reached=n_reached,
        n_seeds=x.size,
        reached=n_reached / x.size,
        reached_low=float(reached.low),
        reached_high=float(reached.high),
        note=ONE_SEED if evidence is None else None,
    )


def _verdicts(
    family: Sequence[LuckResult], evidence: Sequence[Evidence | None], q: float
) -> Iterable[LuckResult]:
    """Yield the members of a family with their verdicts, flagged together."""
    if not family:
        return
    p = np.array([[_or_one(one.p_lucky), _or_one(one.p_unlucky)] for one in family])
    flagged = stats.false_discovery_control(p, axis=0) <= q
    cut = q * min(len(family), 1 + int(flagged.sum(axis=0).max())) / len(family)
    for one, known, (lucky, unlucky) in zip(family, evidence, flagged.tolist(), strict=True):
        if known is None:
            yield one
            continue
        verdict = decide(known, lucky=lucky and one.low > 0, unlucky=unlucky and one.high < 0)
        needed = known.seeds_to_decide(one.n_seeds, cut) if verdict == INCONCLUSIVE else None
        yield replace(one, verdict=verdict, seeds_to_decide=needed)


def _or_one(p: float | None) -> float:
    return 1.0 if p is None else p
