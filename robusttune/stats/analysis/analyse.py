"""One call from scores to the whole analysis of a study."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import (
    FloatArray,
    as_runs,
    check_count,
    check_level,
    check_rng,
)
from robusttune.stats.analysis.configurations import analyse_configurations
from robusttune.stats.analysis.inputs import Inputs, check_known, checked
from robusttune.stats.analysis.pairs import analyse_pairs, plan
from robusttune.stats.analysis.result import StudyAnalysis
from robusttune.stats.comparisons.bayes import best_probability
from robusttune.stats.comparisons.best_set import best_set_contrasts, unbeaten
from robusttune.stats.comparisons.comparison import compare_contrasts
from robusttune.stats.comparisons.contrasts import make_contrasts
from robusttune.stats.comparisons.maxt import DEFAULT_RESAMPLES
from robusttune.stats.comparisons.ranking import rank_contrasts
from robusttune.stats.comparisons.winner import winner_interval
from robusttune.stats.estimates.estimate import Estimate, mean_interval
from robusttune.stats.estimates.headline import headline_intervals
from robusttune.stats.estimates.noise import NoiseComponents, noise_components
from robusttune.stats.luck.curves import Curve
from robusttune.stats.luck.measure import luck
from robusttune.stats.luck.reliability import Correlation, single_seed_reliability, tuning_agreement
from robusttune.stats.luck.verdict import LuckResult


def analyse(
    scores: Mapping[str, npt.ArrayLike],
    *,
    tuning_scores: Mapping[str, npt.ArrayLike] | None = None,
    controls: Collection[str] = (),
    n_failed: Mapping[str, int] | None = None,
    episode_scores: Mapping[str, Iterable[npt.ArrayLike]] | None = None,
    kept: Collection[str] | None = None,
    curves: Mapping[str, Sequence[Curve]] | None = None,
    confirmation: Mapping[str, npt.ArrayLike] | None = None,
    preference: Mapping[str, float] | None = None,
    level: float = 0.95,
    indifference: float | None = None,
    statistic: str = "mean",
    robust: bool | None = None,
    resolution: float | None = None,
    power: float = 0.8,
    n_resamples: int = DEFAULT_RESAMPLES,
    rng: np.random.Generator,
) -> StudyAnalysis:
    """Return the analysis of one study.

    Parameters
    ----------
    scores : mapping of name to array_like, shape (n_seeds_i,)
        Post-evaluation scores of each configuration, one per seed, failed runs included at the score their policy
        gives; higher is better.
    tuning_scores : mapping of name to array_like, shape (n_tuning_seeds_i,), optional
        Tuning scores of the trials, and scores that were reported for controls.
    controls : collection of str
        Configurations that this search has not made.
    n_failed : mapping of name to int, optional
        Failed runs among the post-evaluation runs; default none.
    episode_scores : mapping of name to sequence (seeds) of array_like, shape (n_episodes,), optional
        Episode returns behind the scores, for the noise components.
    kept : collection of str, optional
        The best set of an elimination: those that no stage dropped. A best set made anew from the last scores would
        promise more than it keeps: the same data were looked at before, and decided who got more of them.
    curves : mapping of name to sequence (runs) of (timesteps, scores), optional
        Learning curves, for the reliability of training; those with fewer than three points are left out.
    confirmation : mapping of name to array_like, shape (n_confirmation_seeds_i,), optional
        Scores on seeds that no selection has seen.
    preference : mapping of name to float, optional
        By what to recommend one of the best set, higher is better; default the estimates. It enters no other number.
    level : float
        Confidence level of everything.
    indifference : float, optional
        Differences within plus or minus this are practically equal, and luck up to this does not count, in score
        units.
    statistic : {"mean", "iqm"}
        What is ranked.
    robust, resolution, n_resamples
        See `ranking.rank`.
    power : float
        For the plan.
    rng : numpy.random.Generator
        Source of randomness; equal generators and equal scores give equal results.

    Raises
    ------
    ValueError
        If scores are not finite or not one per seed, names do not match, or an option breaks its rule.

    Notes
    -----
    Configurations with one seed are listed and enter no claim. Assumptions of each number: see its own
    module, and `docs/statistics.md`.
    """
    inputs = checked(scores, tuning_scores, n_failed, controls, kept)
    for name, given in (("confirmation", confirmation), ("curves", curves), ("preference", preference)):
        check_known(given or (), {one: i for i, one in enumerate(inputs.names)}, name)
    names, runs = inputs.names, inputs.runs
    check_level(level)
    check_level(power, name="power")
    check_count(n_resamples, name="n_resamples", minimum=100)
    note = _rng_note(check_rng(rng))
    noise = _noise(episode_scores, names, level)
    prepare = partial(
        make_contrasts, runs, statistic=statistic, resolution=resolution, n_resamples=n_resamples, rng=rng
    )
    contrasts, own = prepare(robust=robust, borrow=True), prepare(robust=False)
    ranking = rank_contrasts(contrasts, level=level)
    best = unbeaten(best_set_contrasts(own, level=level), ranking)
    members = best.members if kept is None else tuple(name in kept for name in names)
    comparison = compare_contrasts(contrasts, ranking, margin=indifference)
    bayes = best_probability(runs, rng=rng)
    is_control = [i not in inputs.trials for i in range(len(runs))]
    means = headline_intervals(runs, is_control=is_control, level=level)
    lucks = _luck(inputs, means, indifference, level)
    configurations = analyse_configurations(
        names,
        runs,
        inputs.failed,
        means,
        ranking,
        best,
        members,
        bayes,
        lucks,
        inputs.trials,
        curves or {},
        level=level,
    )
    best_first = [i for i in ranking.order if members[i]] or ranking.order[:1]
    # One seed is luck until others say more.
    best_first = [i for i in best_first if runs[i].size > 1] or best_first
    top = max(best_first, key=lambda i: (preference or {}).get(names[i], -math.inf))
    judged = [i for i in inputs.trials if i in inputs.tuning]
    tuning = [float(inputs.tuning[i].mean()) for i in judged]
    return StudyAnalysis(
        configurations=configurations,
        recommended=names[top],
        winner=winner_interval(runs, winner=top, is_control=is_control, plain=means[top], level=level),
        confirmed={
            name: winner_interval(
                runs, winner=names.index(name), is_control=is_control, confirmation=x, level=level
            )
            for name, x in (confirmation or {}).items()
        },
        winner_is_clear=all(ranking.better[top][i] for i in range(len(runs)) if i != top),
        champion=names[judged[int(np.argmax(tuning))]] if judged else None,
        mean_luck=mean_interval([lucks[i].luck for i in judged], level=level) if judged else None,
        reliability=_reliability(runs, inputs.trials, level),
        best_set_reliability=_reliability(runs, [i for i in inputs.trials if members[i]], level),
        tuning_agreement=tuning_agreement(
            tuning, [ranking.estimates[i] for i in judged], level=level, rng=rng
        )
        if len(judged) > 1
        else None,
        noise=noise,
        plan=plan(names, runs, ranking, comparison, top, power, rng),
        pairs=analyse_pairs(names, runs, comparison, level, rng),
        statistic=statistic,
        method=ranking.method,
        best_set_method=best.method,
        level=level,
        indifference=indifference,
        n_resamples=n_resamples,
        rng_note=note,
    )


def _luck(
    inputs: Inputs, means: Sequence[Estimate], indifference: float | None, level: float
) -> dict[int, LuckResult]:
    """Return the luck of everyone with a tuning or reported score, by position."""
    if not inputs.tuning:
        return {}
    found = luck(
        list(inputs.tuning.values()),
        [inputs.runs[i] for i in inputs.tuning],
        is_control=[i not in inputs.trials for i in inputs.tuning],
        indifference=indifference,
        level=level,
        means=[means[i] for i in inputs.tuning],
    )
    return dict(zip(inputs.tuning, found, strict=True))


def _reliability(runs: Sequence[FloatArray], at: Sequence[int], level: float) -> Correlation | None:
    return single_seed_reliability([runs[i] for i in at], level=level) if len(at) > 1 else None


def _noise(
    episodes: Mapping[str, Iterable[npt.ArrayLike]] | None, names: Sequence[str], level: float
) -> NoiseComponents | None:
    """Return the noise components, or None where the episodes cannot tell seeds from episodes."""
    if not episodes:
        return None
    check_known(episodes, {one: i for i, one in enumerate(names)}, "episode_scores")
    nested = [as_runs(list(runs), name=f"episode_scores[{one!r}]", min_n=1) for one, runs in episodes.items()]
    enough = any(len(one) > 1 for one in nested) and any(x.size > 1 for one in nested for x in one)
    return noise_components(nested, level=level) if enough else None


def _rng_note(rng: np.random.Generator) -> str:
    generator = rng.bit_generator
    entropy = getattr(generator.seed_seq, "entropy", None)
    return f"{type(generator).__name__}, seed {entropy}"
