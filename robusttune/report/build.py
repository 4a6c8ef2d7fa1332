"""From what a post-evaluation has found to a ranking."""

from __future__ import annotations

from collections.abc import Sequence

from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.judged import Judged
from robusttune.post_evaluation.select import Candidate
from robusttune.report.model import Ranking, Row, Runs
from robusttune.results.records import TrialRecord
from robusttune.results.tables import ScoreTable
from robusttune.seeds import generator
from robusttune.stats.analysis.analyse import analyse
from robusttune.stats.analysis.result import StudyAnalysis


def make_ranking(
    study: StudySpec,
    trials: Sequence[TrialRecord],
    judged: Judged,
    *,
    tuning_is_reproducible: bool = True,
    study_file: str = "study.toml",
) -> Ranking:
    """Return the ranking of a post-evaluation.

    Parameters
    ----------
    study : StudySpec
    trials : sequence of TrialRecord
        Of the search.
    judged : Judged
        Candidates, runs and scores.
    tuning_is_reproducible : bool
        Whether the same study file gives the same trials again.
    study_file : str
        Where the study was declared, for commands to paste.
    """
    place = {config_id: i for i, config_id in enumerate(judged.scores.config_ids)}
    candidates = {c.name: c for c in judged.candidates if judged.scores.scores[place[c.config_id]]}
    analysis = _analyse(study, judged, tuple(candidates.values()), place)
    rows = tuple(
        Row(
            candidate=candidates[name],
            analysis=found,
            runs=_runs(judged.scores, place[candidates[name].config_id]),
        )
        for name, found in analysis.configurations.items()
    )
    return Ranking(
        study=study,
        trials=tuple(trials),
        judged=judged,
        analysis=analysis,
        rows=rows,
        tuning_is_reproducible=tuning_is_reproducible,
        study_file=study_file,
    )


def _analyse(
    study: StudySpec, judged: Judged, candidates: Sequence[Candidate], place: dict[str, int]
) -> StudyAnalysis:
    table, post, rounds = judged.scores, study.post_evaluation, judged.rounds
    at = {c.name: place[c.config_id] for c in candidates}
    names = {c.config_id: c.name for c in candidates}
    episodes = {name: [e for e in table.episode_returns[i] if e] for name, i in at.items()}
    dropped_some = post.allocation.rule == "elimination" and rounds.n_decisions > 0
    return analyse(
        {name: table.scores[i] for name, i in at.items()},
        tuning_scores={c.name: c.tuning_scores for c in candidates if c.tuning_scores},
        controls=[c.name for c in candidates if c.is_control],
        n_failed={name: table.n_diverged[i] for name, i in at.items()},
        episode_scores=episodes if study.evaluation.score == "final" and all(episodes.values()) else None,
        kept=[names[one] for one in rounds.kept if one in names] if dropped_some else None,
        confirmation={names[one]: x for one, x in judged.confirmation.items() if one in names},
        level=post.confidence_level,
        indifference=post.indifference,
        statistic=post.statistic,
        rng=generator(study.root_seed, "ranking"),
    )


def _runs(table: ScoreTable, place: int) -> Runs:
    return Runs(
        seeds=table.seeds[place],
        scores=table.scores[place],
        n_diverged=table.n_diverged[place],
        n_missing=table.n_missing[place],
    )
