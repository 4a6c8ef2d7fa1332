"""From what a post-evaluation has found to a ranking."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.result import PostEvaluation
from robusttune.post_evaluation.search_advice import advise
from robusttune.post_evaluation.search_model import SearchModel
from robusttune.post_evaluation.select import Candidate
from robusttune.report.given import Given
from robusttune.report.model import Ranking, Row, Runs, Work
from robusttune.results.records import Evaluations, RunStatus, TrialRecord
from robusttune.results.scores import ScoreTable
from robusttune.seeds import generator
from robusttune.stats.analysis.analyse import analyse
from robusttune.stats.analysis.result import StudyAnalysis
from robusttune.stats.estimates.estimate import Estimate
from robusttune.stats.luck.curves import Curve, late_rise


def make_ranking(
    study: StudySpec,
    trials: Sequence[TrialRecord],
    found: PostEvaluation,
    *,
    is_reproducible: bool,
    command: str,
    evaluations: Mapping[str, Evaluations] = MappingProxyType({}),
    given: Given | None = None,
    work: Work | None = None,
) -> Ranking:
    """Return the ranking of a post-evaluation.

    Parameters
    ----------
    study : StudySpec
    trials : sequence of TrialRecord
        Of the search.
    found : PostEvaluation
        Candidates, runs and scores.
    is_reproducible : bool
        Whether the search repeats itself trial by trial.
    command : str
        What runs the study, for commands to paste.
    evaluations : mapping, optional
        run_id → evaluations of the completed runs: for learning curves and the noise between episodes.
    given : Given, optional
        Where the results come from, if no study has made them.
    work : Work, optional
        What the runs have cost.
    """
    scored = _scored(found)
    analysis = _analyse(study, trials, found, scored, evaluations)
    rows = tuple(
        Row(candidate=scored[name][0], analysis=one, runs=_runs(found, scored[name][1]))
        for name, one in analysis.configurations.items()
    )
    return Ranking(
        study=study,
        trials=tuple(trials),
        found=found,
        analysis=analysis,
        rows=rows,
        tuning_is_reproducible=is_reproducible,
        command=command,
        given=given,
        evaluations=dict(evaluations),
        work=work or Work(),
        advice=advise(study, trials),
        late_rise=_late_rise(study, _evaluated(scored[analysis.recommended][0], found, evaluations)),
    )


def best_set_first(study: StudySpec, trials: Sequence[TrialRecord], found: PostEvaluation) -> tuple[str, ...]:
    """Return the config_ids of the recommended configuration and then of the others that may be the best."""
    scored = _scored(found)
    analysis = _analyse(study, trials, found, scored)
    names = dict.fromkeys((analysis.recommended, *analysis.best_set))
    return tuple(scored[name][0].config_id for name in names)


def _scored(found: PostEvaluation) -> dict[str, tuple[Candidate, int]]:
    """Return name → (candidate, index in the table) of those that have a score."""
    index = {config_id: i for i, config_id in enumerate(found.scores.config_ids)}
    return {
        c.name: (c, index[c.config_id]) for c in found.candidates if found.scores.scores[index[c.config_id]]
    }


def _analyse(
    study: StudySpec,
    trials: Sequence[TrialRecord],
    found: PostEvaluation,
    scored: Mapping[str, tuple[Candidate, int]],
    evaluations: Mapping[str, Evaluations] = MappingProxyType({}),
) -> StudyAnalysis:
    table, post, rounds = found.scores, study.post_evaluation, found.rounds
    at = {name: i for name, (_, i) in scored.items()}
    candidates = [c for c, _ in scored.values()]
    names = {c.config_id: c.name for c in candidates}
    evaluated = {c.name: _evaluated(c, found, evaluations) for c in candidates}
    episodes = {name: [one.episode_returns for one in own] for name, own in evaluated.items()}
    dropped_some = post.allocation.rule == "elimination" and rounds.n_decisions > 0
    return analyse(
        {name: table.scores[i] for name, i in at.items()},
        tuning_scores={c.name: c.tuning_scores for c in candidates if c.tuning_scores},
        controls=[c.name for c in candidates if c.is_control],
        n_failed={name: table.n_diverged[i] for name, i in at.items()},
        episode_scores=episodes if study.evaluation.score == "final" and all(episodes.values()) else None,
        kept=[names[one] for one in rounds.kept if one in names] if dropped_some else None,
        curves={name: _curves(own) for name, own in evaluated.items()},
        confirmation={names[one]: x for one, x in found.confirmation.items() if one in names},
        preference=_posterior(study, trials, table, scored),
        level=post.confidence_level,
        indifference=post.indifference,
        statistic=post.statistic,
        rng=generator(study.root_seed, "ranking"),
    )


def _posterior(
    study: StudySpec,
    trials: Sequence[TrialRecord],
    table: ScoreTable,
    scored: Mapping[str, tuple[Candidate, int]],
) -> dict[str, float] | None:
    """Return name → posterior mean, where the study recommends by it and the search can be modelled."""
    if study.post_evaluation.recommend != "posterior" or not (model := SearchModel(study, trials)):
        return None
    means = model.posterior([(c.trial_number, table.scores[i]) for c, i in scored.values()])
    return dict(zip(scored, means, strict=True))


def _evaluated(
    candidate: Candidate, found: PostEvaluation, evaluations: Mapping[str, Evaluations]
) -> list[Evaluations]:
    """Return the evaluations of each of its completed runs."""
    run_ids = [run.run_id for run in found.rounds.results_of(candidate.config_id)]
    return [evaluations[run_id] for run_id in run_ids if run_id in evaluations]


def _curves(evaluated: Sequence[Evaluations]) -> list[Curve]:
    return [(one.timesteps, one.mean_returns) for one in evaluated]


def _late_rise(study: StudySpec, evaluated: Sequence[Evaluations]) -> Estimate | None:
    chose = {"final": 1, "last-three": 3}.get(study.evaluation.score)  # the best of all may be any
    curves = _curves(evaluated)
    return (
        None
        if chose is None
        else late_rise(curves, left_out=chose, level=study.post_evaluation.confidence_level)
    )


def _runs(found: PostEvaluation, index: int) -> Runs:
    table = found.scores
    results = found.rounds.results_of(table.config_ids[index])
    trained = [one.timesteps for one in results if one.status is RunStatus.COMPLETED]
    return Runs(
        timesteps=statistics.median_low(trained) if trained else None,
        seeds=table.seeds[index],
        scores=table.scores[index],
        n_diverged=table.n_diverged[index],
        n_missing=table.n_missing[index],
    )
