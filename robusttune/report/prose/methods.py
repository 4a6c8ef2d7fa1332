"""Captions, and how the numbers were made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from robusttune.declaration.post_evaluation import PostEvaluationSpec
from robusttune.declaration.study import StudySpec
from robusttune.report.prose.allocation import seeds_clause
from robusttune.report.prose.selection import candidates_clause, winner_clause
from robusttune.report.prose.words import count, listed, number
from robusttune.results.records import TrialState
from robusttune.stats.estimates.headline import METHOD

if TYPE_CHECKING:
    from robusttune.report.given import Given
    from robusttune.report.model import Ranking, Row

STATISTICS = {"mean": "mean", "iqm": "interquartile mean (IQM)"}
_SCORES = {
    "final": "mean return of the evaluation after training",
    "best": "highest mean return of its evaluations",
    "last-three": "average of the mean returns of its last three evaluations",
}


# Coverage of nominal 95 % in simulated studies of ten real configurations: benchmarks/calibration.csv, lowest and
# highest of 5, 10 and 20 seeds.
SIMULTANEOUS = {"all difference intervals": (0.895, 0.924), "all regret bounds": (0.891, 0.937)}


def caption(ranking: Ranking) -> str:
    """Return what a reader of the table alone must know."""
    study, table, seeds = ranking.study, ranking.found.scores, seeds_of(ranking)
    episodes = f", {count(study.n_post_evaluation_episodes, 'evaluation episode')} per seed"
    text = (
        f"{study.training.caption}; {seeds} per configuration{episodes if study.training.HAS_POLICY else ''}; "
        f"{ranking.analysis.level:.0%} intervals."
    )
    if ranking.given is not None:
        whose = count(len(ranking.rows), "configuration")
        text = f"{whose}, {seeds} each, from {ranking.given.source}; {ranking.analysis.level:.0%} intervals."
    n_diverged, n_missing = sum(table.n_diverged), sum(table.n_missing)
    if n_diverged:
        what = count(n_diverged, "diverged run" if ranking.given is None else "run")
        without = "" if ranking.given is None else " without a finite score"
        text += f" {what}{without} counted as {number(table.diverged_score)}."
    if n_missing:
        text += f" {count(n_missing, 'planned run')} missing."
    n_running = sum(trial.state is TrialState.RUNNING for trial in ranking.trials)
    if n_running:
        text += f" {count(n_running, 'trial')} that had not ended left out."
    return f"{text} Bold: cannot be told apart from the best."


def seeds_of(ranking: Ranking) -> str:
    """Return how many seeds a configuration of the ranking has."""
    counts = sorted({row.analysis.n_seeds for row in ranking.rows})
    if len(counts) == 1:
        return count(counts[0], ranking.seed)
    return f"{counts[0]} to {counts[-1]} {ranking.seed}s"


def methods(ranking: Ranking) -> tuple[str, ...]:
    """Return how the numbers were made."""
    study, analysis = ranking.study, ranking.analysis
    return (
        *(_made(ranking) if ranking.given is None else _read(ranking.given, ranking.has_tuning)),
        f"Ranking of the {STATISTICS[analysis.statistic]}: {analysis.method}; {analysis.n_resamples:,} draws.",
        f"Best set: {best_set(ranking)}.",
        "Simultaneous intervals hold less often on real scores than on normal ones. In simulated studies of ten "
        f"real configurations with 5 to 20 seeds, at 95%: {_simultaneous()}.",
        f"Intervals: {_interval_methods(ranking)}; trimmed t for the IQM. P(best) is descriptive.",
        f"Recommended: {winner_clause(study)}. Interval: {analysis.winner.method}.",
        f"Randomness of the statistics: {analysis.rng_note}.",
        f"Failures: {failures(study.post_evaluation, is_given=ranking.given is not None)}.",
    )


def _made(ranking: Ranking) -> tuple[str, ...]:
    study, post = ranking.study, ranking.study.post_evaluation
    return (
        _tuning(ranking),
        f"Post-evaluation: {candidates_clause(study)}, and the controls, "
        f"{seeds_clause(study)} that tuning never saw. Tuning scores enter no ranking.",
        *_confirmation(post),
        f"Score of a run: {score_of(study)}.",
    )


def _read(given: Given, has_tuning: bool) -> tuple[str, ...]:
    fresh = ["Tuning scores enter no ranking; the seeds of the scores are taken for fresh ones."]
    return (
        f"Scores are those of {given.source}, read with {given.columns}; nothing was trained.",
        *given.notes,
        *(fresh if has_tuning else []),
    )


def failures(post: PostEvaluationSpec, *, is_given: bool) -> str:
    """Return what becomes of runs without a score."""
    counts = f"counts as {_diverged_policy(post.diverged_score)}"
    if is_given:
        return f"a run without a finite score {counts}"
    missing = "may be missing" if post.allow_missing else "blocks the ranking"
    return f"a diverged run {counts}; a crashed, failed or timed-out run {missing}"


def score_of(study: StudySpec) -> str:
    """Return what the score of a run is."""
    rule = _SCORES[study.evaluation.score]
    if not study.training.HAS_POLICY:
        return rule
    kind = "deterministic" if study.evaluation.deterministic else "stochastic"
    return f"{rule}, {count(study.n_post_evaluation_episodes, 'episode')}, {kind} policy"


def _tuning(ranking: Ranking) -> str:
    tuning = ranking.study.tuning
    if not ranking.study.searches:
        return (
            "Tuning: none in this study; tuning scores are those reported for configurations found elsewhere."
        )
    again = (
        ""
        if tuning.incumbent_seeds is None
        else f"; one that beat all finished trials was run again, and believed after {tuning.incumbent_seeds} seeds"
    )
    batch = f"batches of {tuning.batch_size}" if tuning.batch_size else "one trial at a time per worker"
    repeat = (
        "The same study file gives the same trials again."
        if ranking.tuning_is_reproducible
        else "Trials were asked while others were running, or until a time was up: a new search may differ. "
        "tuning.batch_size makes it repeatable."
    )
    pruner = "no" if tuning.pruner == "none" else tuning.pruner
    return (
        f"Tuning: Optuna, {tuning.sampler} sampler, {pruner} pruner, {count(tuning.seeds_per_trial, 'seed')} "
        f"per trial{again}; {batch}. {repeat}"
    )


def _confirmation(post: PostEvaluationSpec) -> list[str]:
    whom = "the whole best set" if post.confirm_best_set else "the recommended configuration"
    seeds = count(post.confirm, "further seed")
    return [f"Confirmation: {whom} on {seeds}, which never enter the ranking."] if post.confirm else []


def _simultaneous() -> str:
    return listed(f"{what} in {low:.1%} to {high:.1%}" for what, (low, high) in SIMULTANEOUS.items())


def best_set(ranking: Ranking) -> str:
    """Return how the best set is found."""
    allocation = ranking.study.post_evaluation.allocation
    method = ranking.analysis.best_set_method
    if allocation.rule != "elimination" or ranking.found.rounds.n_decisions == 0:
        return method
    return f"{method}, at 1/{len(allocation.stage_seeds)} of the error in each stage"


def mean_intervals(rows: Iterable[Row]) -> str:
    """Return how the intervals of the means are made, in words."""
    found = {row.analysis.mean.method for row in rows}
    borrowed = ", for trials with their typical spread borrowed" if METHOD in found else ""
    others = sorted(found - {METHOD, "t"})
    return "; ".join([f"Student's t{borrowed}"] * (len(others) < len(found)) + others)


def _interval_methods(ranking: Ranking) -> str:
    """Return the interval method of the means, row by row where they differ."""
    by_method: dict[str, list[str]] = {}
    for row in ranking.rows:
        by_method.setdefault(row.analysis.mean.method, []).append(row.name)
    if len(by_method) == 1:
        return f"{next(iter(by_method))} for the mean"
    return "for the mean " + listed([f"{method} ({', '.join(names)})" for method, names in by_method.items()])


def _diverged_policy(score: float | None) -> str:
    return "the worst score of the study" if score is None else number(score)
