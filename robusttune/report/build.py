"""From what a study found to a ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.result import PostEvaluation
from robusttune.post_evaluation.select import Candidate
from robusttune.report.allocation import allocation_findings, with_kept
from robusttune.report.findings import caption, findings, headline, methods
from robusttune.report.model import Pair, Ranking, Row
from robusttune.results.records import TrialRecord
from robusttune.results.tables import ScoreTable
from robusttune.seeds import generator
from robusttune.stats.analysis.analyse import analyse
from robusttune.stats.analysis.result import StudyAnalysis
from robusttune.stats.luck.measure import luck, pooled_sd
from robusttune.stats.luck.verdict import LuckResult, LuckRules


def make_ranking(
    study: StudySpec, trials: Sequence[TrialRecord], found: PostEvaluation, *, is_reproducible: bool
) -> Ranking:
    """Return the ranking of a post-evaluation.

    Parameters
    ----------
    study : StudySpec
        Settled.
    trials : sequence of TrialRecord
    found : PostEvaluation
    is_reproducible : bool
        Whether the search repeats itself trial by trial.
    """
    candidates, rounds, table = found.candidates, found.rounds, found.scores
    judged = [candidate for candidate, scores in zip(candidates, table.scores, strict=True) if scores]
    analysis = with_kept(_analyse(study, judged, table), study, rounds, judged)
    rows = _rows(study, judged, table, analysis)
    level = study.post_evaluation.confidence_level
    return Ranking(
        study=study,
        rows=rows,
        pairs=_pairs(analysis),
        headline=headline(rows, level, is_clear=analysis.winner_is_clear),
        findings=(
            *allocation_findings(study, rounds, candidates),
            *findings(study, rows, analysis, candidates, table),
        ),
        caption=caption(study, rows, table),
        methods=methods(study, analysis, reproducible=is_reproducible),
        level=level,
        analysis=analysis.to_dict(),
        trials=tuple(trials),
        tuning_is_reproducible=is_reproducible,
        provenances=_distinct([result.provenance for result in rounds.results.values()]),
    )


def best_set_first(study: StudySpec, found: PostEvaluation) -> tuple[str, ...]:
    """Return the config_ids of the best set, highest mean first: the first one is recommended."""
    table = found.scores
    judged = [candidate for candidate, scores in zip(found.candidates, table.scores, strict=True) if scores]
    analysis = with_kept(_analyse(study, judged, table), study, found.rounds, judged)
    ids = {candidate.name: candidate.config_id for candidate in judged}
    return tuple(ids[name] for name in analysis.best_set or analysis.order[:1])


def _analyse(study: StudySpec, judged: Sequence[Candidate], table: ScoreTable) -> StudyAnalysis:
    index = {config_id: place for place, config_id in enumerate(table.config_ids)}
    # Names instead of ids: the sentences that come back are for people.
    episodes = {c.name: [e for e in table.episode_returns[index[c.config_id]] if e] for c in judged}
    post = study.post_evaluation
    return analyse(
        {c.name: table.scores[index[c.config_id]] for c in judged},
        tuning_scores={c.name: c.tuning_scores for c in judged if c.tuning_scores and not c.is_control},
        n_failed={c.name: table.n_diverged[index[c.config_id]] for c in judged},
        episode_scores=episodes if study.evaluation.score == "final" and all(episodes.values()) else None,
        level=post.confidence_level,
        delta=post.indifference,
        statistic=post.statistic,
        rng=generator(study.root_seed, "ranking"),
    )


def _rows(
    study: StudySpec, judged: Sequence[Candidate], table: ScoreTable, analysis: StudyAnalysis
) -> tuple[Row, ...]:
    index = {config_id: place for place, config_id in enumerate(table.config_ids)}
    reported = _luck_of_reported(judged, table, index)
    rows = [_row(study, c, table, index[c.config_id], analysis, reported) for c in judged]
    return tuple(sorted(rows, key=lambda row: row.rank))


def _row(
    study: StudySpec,
    candidate: Candidate,
    table: ScoreTable,
    place: int,
    analysis: StudyAnalysis,
    reported: Mapping[str, LuckResult],
) -> Row:
    found = analysis.by_id(candidate.name)
    fortune = found.luck or reported.get(candidate.name)
    return Row(
        name=candidate.name,
        config_id=candidate.config_id,
        hyperparameters=candidate.hyperparameters,
        snippet=study.training.snippet(candidate.hyperparameters),
        is_control=candidate.is_control,
        rank=found.rank,
        rank_low=found.rank_low,
        rank_high=found.rank_high,
        in_best_set=found.in_best_set,
        tuning_score=candidate.tuning_score,
        n_tuning_seeds=candidate.n_tuning_seeds,
        mean=found.mean.estimate,
        mean_low=found.mean.low,
        mean_high=found.mean.high,
        iqm=found.iqm.estimate,
        iqm_low=found.iqm.low,
        iqm_high=found.iqm.high,
        sd=found.sd,
        worst=found.worst,
        gap=None if fortune is None else fortune.gap,
        gap_in_sd=None if fortune is None else fortune.gap_in_sd,
        p_lucky=None if fortune is None else fortune.p_lucky,
        verdict=None if fortune is None else fortune.verdict,
        seeds_to_decide=None if fortune is None else fortune.seeds_to_decide,
        p_best=found.p_best,
        regret_low=found.regret_low,
        regret_high=found.regret_high,
        n_seeds=found.n_seeds,
        n_diverged=table.n_diverged[place],
        n_missing=table.n_missing[place],
        seeds=table.seeds[place],
        scores=table.scores[place],
        note=found.mean.note,
    )


def _luck_of_reported(
    judged: Sequence[Candidate], table: ScoreTable, index: Mapping[str, int]
) -> dict[str, LuckResult]:
    """Return the luck of controls with a reported score.

    They are judged apart from the trials: they did not come from this search, and say nothing about its signal. What
    counts as a small gap and a small spread is measured on the whole study all the same.
    """
    controls = [c for c in judged if c.is_control and c.tuning_scores]
    if not controls:
        return {}
    typical = pooled_sd([np.asarray(scores) for scores in table.scores if scores])
    rules = LuckRules(tolerance=0.25 * typical, spread_tolerance=2.0 * typical)
    found = luck(
        [np.asarray(c.tuning_scores) for c in controls],
        [np.asarray(table.scores[index[c.config_id]]) for c in controls],
        n_failed=[table.n_diverged[index[c.config_id]] for c in controls],
        rules=rules,
    )
    return {c.name: one for c, one in zip(controls, found, strict=True)}


def _pairs(analysis: StudyAnalysis) -> tuple[Pair, ...]:
    return tuple(
        Pair(
            first=pair.first,
            second=pair.second,
            difference=pair.difference,
            low=pair.low,
            high=pair.high,
            p_adjusted=pair.p_adjusted,
            verdict=pair.verdict + (f" ({pair.support})" if pair.support else ""),
        )
        for pair in analysis.pairs
    )


def _distinct(provenances: Sequence[dict[str, object]]) -> tuple[dict[str, object], ...]:
    distinct: list[dict[str, object]] = []
    for provenance in provenances:
        if provenance not in distinct:
            distinct.append(provenance)
    return tuple(distinct)
