"""From the results database to a ranking."""

from __future__ import annotations

from collections.abc import Sequence

from robusttune.declaration.study import StudySpec
from robusttune.errors import StudyError
from robusttune.post_evaluation.rounds import replay
from robusttune.post_evaluation.select import Candidate, select
from robusttune.report.allocation import allocation_findings, with_kept
from robusttune.report.findings import caption, findings, headline, methods
from robusttune.report.model import Pair, Ranking, Row
from robusttune.report.snippet import sb3_snippet
from robusttune.results.store import ResultStore
from robusttune.results.tables import ScoreTable, score_table
from robusttune.seeds import generator
from robusttune.stats.analysis.analyse import analyse
from robusttune.stats.analysis.result import StudyAnalysis


def make_ranking(study: StudySpec, store: ResultStore) -> Ranking:
    """Return the ranking of a stored post-evaluation.

    Raises
    ------
    StudyError
        If nothing has been judged, or runs are missing and the study does not allow that.
    """
    trials = store.trials(study.tuning_id)
    candidates = select(study, trials)
    if not candidates:
        raise StudyError("There is nothing to rank: no trial is complete and the study names no control.")
    rounds = replay(study, candidates, store.results)
    planned, results = rounds.runs, rounds.results
    post = study.post_evaluation
    table = score_table(
        planned, results, diverged_score=post.diverged_score, allow_missing=post.allow_missing
    )
    judged = [candidate for candidate, scores in zip(candidates, table.scores, strict=True) if scores]
    analysis = with_kept(_analyse(study, judged, table), study, rounds, judged)
    rows = _rows(study, judged, table, analysis)
    level = study.post_evaluation.confidence_level
    reproducible = store.tuning_time(study.tuning_id)[1]
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
        methods=methods(study, analysis, reproducible=reproducible),
        level=level,
        analysis=analysis.to_dict(),
        trials=tuple(trials),
        tuning_is_reproducible=reproducible,
        provenances=_distinct([result.provenance for result in results.values()]),
    )


def _analyse(study: StudySpec, judged: Sequence[Candidate], table: ScoreTable) -> StudyAnalysis:
    index = {config_id: place for place, config_id in enumerate(table.config_ids)}
    # Names instead of ids: the sentences that come back are for people.
    episodes = {c.name: [e for e in table.episode_returns[index[c.config_id]] if e] for c in judged}
    post = study.post_evaluation
    return analyse(
        {c.name: table.scores[index[c.config_id]] for c in judged},
        tuning_scores={c.name: c.tuning_scores for c in judged if c.tuning_scores and not c.is_control},
        reported_scores={c.name: c.tuning_scores for c in judged if c.tuning_scores and c.is_control},
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
    rows = [_row(study, c, table, index[c.config_id], analysis) for c in judged]
    return tuple(sorted(rows, key=lambda row: row.rank))


def _row(
    study: StudySpec,
    candidate: Candidate,
    table: ScoreTable,
    place: int,
    analysis: StudyAnalysis,
) -> Row:
    found = analysis.by_id(candidate.name)
    fortune = found.luck
    return Row(
        name=candidate.name,
        config_id=candidate.config_id,
        hyperparameters=candidate.hyperparameters,
        snippet=sb3_snippet(study, candidate.hyperparameters),
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
        gap=None if fortune is None else fortune.luck,
        gap_in_sd=None if fortune is None else fortune.luck_in_sd,
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
