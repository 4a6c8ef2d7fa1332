"""One call from scores to the whole analysis of a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robusttune.stats._checks import (
    FloatArray,
    as_runs,
    as_sample,
    check_count,
    check_ids,
    check_level,
    check_rng,
)
from robusttune.stats.analysis import configurations as _configurations
from robusttune.stats.analysis import findings as _findings
from robusttune.stats.analysis.result import Interval, StudyAnalysis
from robusttune.stats.comparisons.bayes import best_probability
from robusttune.stats.comparisons.best_set import best_set_contrasts
from robusttune.stats.comparisons.comparison import compare_contrasts
from robusttune.stats.comparisons.contrasts import make_contrasts
from robusttune.stats.comparisons.maxt import DEFAULT_RESAMPLES
from robusttune.stats.comparisons.ranking import rank_contrasts
from robusttune.stats.comparisons.winner import winner_interval
from robusttune.stats.estimates.bootstrap import headline_intervals
from robusttune.stats.estimates.estimate import Estimate
from robusttune.stats.estimates.variance import NoiseComponents, noise_components
from robusttune.stats.luck.measure import luck
from robusttune.stats.luck.reliability import single_seed_reliability, tuning_agreement
from robusttune.stats.luck.verdict import LuckResult


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    ids: tuple[str, ...]
    runs: tuple[FloatArray, ...]
    failed: tuple[int, ...]
    tuning: dict[int, FloatArray]
    reported: dict[int, FloatArray]


def analyse(
    scores: Mapping[str, npt.ArrayLike],
    *,
    tuning_scores: Mapping[str, npt.ArrayLike] | None = None,
    reported_scores: Mapping[str, npt.ArrayLike] | None = None,
    n_failed: Mapping[str, int] | None = None,
    episode_scores: Mapping[str, Iterable[npt.ArrayLike]] | None = None,
    level: float = 0.95,
    delta: float | None = None,
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
    scores : mapping of config id to array_like, shape (n_seeds_i,)
        Post-evaluation scores, one per seed, failed runs included at the score their policy gives; higher is
        better.
    tuning_scores : mapping of config id to array_like, shape (n_tuning_seeds_i,), optional
        Tuning scores of the trials.
    reported_scores : mapping of config id to array_like, shape (n_reported_i,), optional
        Numbers that somebody reported of controls: their luck is told too.
    n_failed : mapping of config id to int, optional
        Failed runs among the post-evaluation runs; default none.
    episode_scores : mapping of config id to sequence (seeds) of array_like, shape (n_episodes,), optional
        Episode returns behind the scores, for the noise components.
    level : float
        Confidence level of everything.
    delta : float, optional
        Differences within plus or minus this are practically equal, and luck up to this does not count, in
        score units.
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
        If scores are not finite or not one per seed, ids do not match, or an option breaks its rule.

    Notes
    -----
    Configurations with one seed are listed and enter no claim. Assumptions of each number: see its own
    module, and `docs/statistics.md`.
    """
    inputs = _check(scores, tuning_scores, reported_scores, n_failed)
    check_level(level)
    check_level(power, name="power")
    check_count(n_resamples, name="n_resamples", minimum=100)
    note = _rng_note(check_rng(rng))
    noise = _noise(episode_scores, inputs.ids, level)
    contrasts = make_contrasts(
        inputs.runs,
        statistic=statistic,
        robust=robust,
        resolution=resolution,
        n_resamples=n_resamples,
        rng=rng,
    )
    ranking = rank_contrasts(contrasts, level=level)
    best = best_set_contrasts(contrasts, level=level)
    comparison = compare_contrasts(contrasts, ranking, margin=delta)
    bayes = best_probability(inputs.runs, rng=rng)
    means = headline_intervals(inputs.runs, level=level, rng=rng)
    lucks = _luck(inputs, means, delta=delta, level=level)
    configurations = _configurations.analyse_configurations(
        inputs.ids, inputs.runs, inputs.failed, means, ranking, best, bayes, lucks, inputs.tuning, level=level
    )
    order = ranking.order
    top = order[0]
    candidates = list(inputs.tuning)
    return StudyAnalysis(
        configurations=configurations,
        order=tuple(inputs.ids[i] for i in order),
        best_set=tuple(inputs.ids[i] for i in order if best.members[i]),
        pairs=_findings.pairs(inputs.ids, inputs.runs, comparison, top, rng),
        winner_id=inputs.ids[top],
        winner=Interval.of(winner_interval(inputs.runs[top], n_configs=len(inputs.runs), level=level)),
        winner_is_clear=ranking.rank_high[top] == 1,
        champion=_findings.champion(configurations, inputs.tuning, level),
        reliability=single_seed_reliability(inputs.runs, level=level),
        tuning_agreement=tuning_agreement(
            [inputs.tuning[i].mean() for i in candidates],
            [ranking.estimates[i] for i in candidates],
            level=level,
            rng=rng,
        )
        if len(candidates) > 1
        else None,
        noise=noise,
        plan=_findings.plan(inputs.ids, inputs.runs, ranking, comparison, power, rng),
        warnings=_findings.warnings(configurations, ranking, noise),
        statistic=statistic,
        method=ranking.method,
        best_set_method=best.method,
        level=level,
        margin=delta,
        n_resamples=n_resamples,
        robust_checked=ranking.robust is not None,
        rng_note=note,
    )


def _check(
    scores: Mapping[str, npt.ArrayLike],
    tuning_scores: Mapping[str, npt.ArrayLike] | None,
    reported_scores: Mapping[str, npt.ArrayLike] | None,
    n_failed: Mapping[str, int] | None,
) -> _Inputs:
    if not isinstance(scores, Mapping) or not scores:
        raise ValueError(
            f"`scores` must map config ids to arrays, and hold one at least, but got {scores!r}."
        )
    ids = check_ids(scores)
    runs = as_runs(list(scores.values()))
    position = {one: i for i, one in enumerate(ids)}
    numbers = {"tuning_scores": tuning_scores, "reported_scores": reported_scores}
    for name, given in (*numbers.items(), ("n_failed", n_failed)):
        _known(given or {}, position, name)
    failed = [0] * len(ids)
    for one, count in (n_failed or {}).items():
        i = position[str(one)]
        failed[i] = check_count(count, name=f"n_failed[{one!r}]")
        if count > runs[i].size:
            raise ValueError(f"`n_failed[{one!r}] <= {runs[i].size}` (its runs) must hold, but got {count}.")
    tuning, reported = (
        {
            position[str(one)]: as_sample(np.atleast_1d(np.asarray(x)), name=f"{name}[{one!r}]")
            for one, x in sorted((given or {}).items(), key=lambda item: position[str(item[0])])
        }
        for name, given in numbers.items()
    )
    both = [ids[i] for i in reported if i in tuning]
    if both:
        raise ValueError(
            f"a configuration is a trial or a control, but {both[0]!r} is in `tuning_scores` and "
            "`reported_scores`. Leave one out."
        )
    return _Inputs(ids=ids, runs=runs, failed=tuple(failed), tuning=tuning, reported=reported)


def _known(given: Iterable[str], position: Mapping[str, int], name: str) -> None:
    unknown = [one for one in given if str(one) not in position]
    if unknown:
        raise ValueError(
            f"`{name}` must name configurations of `scores`, but got {unknown[0]!r}. "
            f"Known: {', '.join(position)}."
        )


def _luck(
    inputs: _Inputs, means: Sequence[Estimate], *, delta: float | None, level: float
) -> dict[int, LuckResult]:
    numbers = inputs.tuning | inputs.reported
    if not numbers:
        return {}
    found = luck(
        list(numbers.values()),
        [inputs.runs[i] for i in numbers],
        is_control=[i in inputs.reported for i in numbers],
        indifference=delta,
        level=level,
        means=[means[i] for i in numbers],
    )
    return dict(zip(numbers, found, strict=True))


def _noise(
    episodes: Mapping[str, Iterable[npt.ArrayLike]] | None, ids: Sequence[str], level: float
) -> NoiseComponents | None:
    """Return the noise components, or None where the episodes cannot tell seeds from episodes."""
    if not episodes:
        return None
    _known(episodes, {one: i for i, one in enumerate(ids)}, "episode_scores")
    nested = [as_runs(list(runs), name=f"episode_scores[{one!r}]", min_n=1) for one, runs in episodes.items()]
    enough = any(len(one) > 1 for one in nested) and any(x.size > 1 for one in nested for x in one)
    return noise_components(nested, level=level) if enough else None


def _rng_note(rng: np.random.Generator) -> str:
    generator = rng.bit_generator
    entropy = getattr(generator.seed_seq, "entropy", None)
    return f"{type(generator).__name__}, seed {entropy}"
