"""What a paper says of a study: captions of its tables, and how the numbers were made in one paragraph."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from robusttune.report.prose import methods
from robusttune.report.prose.allocation import seeds_clause
from robusttune.report.prose.selection import candidates_clause, winner_clause
from robusttune.report.prose.words import count, estimate, listed
from robusttune.results.records import TrialState
from robusttune.stats.comparisons.comparison import UNDECIDED

if TYPE_CHECKING:
    from robusttune.declaration.tuning import TuningSpec
    from robusttune.report.model import Ranking
    from robusttune.stats.analysis.result import StudyAnalysis

_SAMPLERS = {
    "tpe": "the tree-structured Parzen estimator (TPE)",
    "random": "random search",
    "cmaes": "CMA-ES",
    "gp": "Bayesian optimisation with a Gaussian process",
    "heteroscedastic-gp": "Bayesian optimisation with a Gaussian process that is told the noise between seeds",
    "auto": "OptunaHub's AutoSampler",
    "qmc": "quasi-random search",
    "grid": "grid search",
}
_AGGREGATIONS = {
    "mean": "the mean",
    "median": "the median",
    "iqm": "the interquartile mean",
    "minimum": "the minimum",
    "lower-tail-mean": "the mean of the worst {share:.0%}",
    "mean-minus-sd": "the mean minus {penalty:g} standard deviations",
}


def table_caption(ranking: Ranking) -> str:
    """Return the caption of the ranking: statistic, n, level, method, marks and failure policy."""
    confirmed = [
        f"On {count(found.n, 'confirmation seed')}, which had no part in the choice, {name} scores {estimate(found)}."
        for name, found in ranking.analysis.confirmed.items()
    ]
    parts = [
        f"{ranking.name}: {ranking.caption}",
        *marks(ranking.analysis, has_controls=any(row.candidate.is_control for row in ranking.rows)),
        ranked_by(ranking.analysis, methods.best_set(ranking)),
        f"Intervals: {intervals(ranking)}.",
        *confirmed,
        _failures(ranking),
    ]
    return " ".join(parts)


def marks(analysis: StudyAnalysis, *, has_controls: bool) -> list[str]:
    """Return what the marks of a ranking for a paper mean, beside the bold ones."""
    found = []
    if undecided(analysis):
        equal = "" if analysis.indifference is None else ", nor practically equal"
        found.append(f"†: not shown to be better or worse than {analysis.recommended}{equal}.")
    return [*found, "Italic: control."] if has_controls else found


def undecided(analysis: StudyAnalysis) -> frozenset[str]:
    """Return the configurations of which it is undecided how they compare with the recommended one."""
    open_pairs = (pair for pair, one in analysis.pairs.items() if one.comparison.verdict == UNDECIDED)
    return frozenset(
        name
        for pair in open_pairs
        if analysis.recommended in pair
        for name in pair
        if name != analysis.recommended
    )


def ranked_by(analysis: StudyAnalysis, best_set: str) -> str:
    """Return by what and how configurations are ranked."""
    return f"Ranked by the {methods.STATISTICS[analysis.statistic]}; ranks: {analysis.method}; best set: {best_set}."


def intervals(ranking: Ranking) -> str:
    """Return how the intervals of single configurations are made."""
    means = methods.mean_intervals(ranking.rows)
    return means if ranking.analysis.statistic == "mean" else f"{means}; trimmed t for the IQM"


def pairs_caption(ranking: Ranking) -> str:
    """Return the caption of the comparison of every two configurations."""
    analysis = ranking.analysis
    return (
        f"{ranking.name}: every two configurations, {methods.STATISTICS[analysis.statistic]} over "
        f"{methods.seeds_of(ranking)} per configuration. Differences with simultaneous {analysis.level:.0%} intervals "
        f"({analysis.method}). P(first beats second): probability that a fresh run of the first scores more than one "
        f"of the second, ties counting half; its interval holds pair by pair."
    )


def paragraph(ranking: Ranking) -> str:
    """Return how the numbers were made, in full sentences."""
    made = _read(ranking) if ranking.given is not None else _made(ranking)
    return " ".join([*made, *_analysed(ranking)])


def search(ranking: Ranking) -> str:
    """Return how hyperparameters were searched, without saying what for."""
    tuning, states = ranking.study.tuning, Counter(trial.state for trial in ranking.trials)
    ended = [
        count(n, f"{state.value} trial")
        for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED)
        if (n := states[state])
    ]
    pruner = "no pruner" if tuning.pruner == "none" else f"its {tuning.pruner} pruner"
    return (
        f"{_SAMPLERS[tuning.sampler]}, {pruner}, {listed(ended or ['no trial'])}, {_seeds_per_trial(tuning)}"
    )


def _seeds_per_trial(tuning: TuningSpec) -> str:
    most = "" if tuning.incumbent_seeds is None else f", up to {tuning.incumbent_seeds} for one that led"
    return f"{count(tuning.seeds_per_trial, 'seed')} per trial{most}"


def objective(tuning: TuningSpec) -> str:
    """Return what the objective value of a trial is."""
    if tuning.max_seeds_per_trial == 1:
        return "the score of its run"
    found = _AGGREGATIONS[tuning.aggregation]
    return f"{found.format(share=tuning.tail_fraction, penalty=tuning.sd_penalty)} of the scores of its seeds"


def versions(ranking: Ranking, package: str) -> str:
    """Return the versions of a package that made the runs; nothing where none is recorded."""
    found = {
        str(one["packages"][package])
        for one in ranking.work.provenances
        if one.get("packages", {}).get(package)
    }
    return f" {' and '.join(sorted(found))}" if found else ""


def work(ranking: Ranking) -> tuple[str, ...]:
    """Return what the stages have cost."""
    unit, seconds = ranking.study.training.UNIT, [one.wall_time_s for one in ranking.work.stages.values()]
    stages = [
        f"{name}, {count(cost.n_runs, 'run')}, {cost.timesteps:,} {unit}, {_time(cost.wall_time_s)}"
        for name, cost in ranking.work.stages.items()
    ]
    if not stages:
        return ()
    return (
        f"Computed were: {'; '.join(stages)}; in all {_time(sum(seconds))}. Times are added up over runs; runs that "
        "were trained side by side share theirs.",
    )


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 360 else f"{seconds:.3g} seconds"


def _made(ranking: Ranking) -> tuple[str, ...]:
    study, post = ranking.study, ranking.study.post_evaluation
    controls = [row.name for row in ranking.rows if row.candidate.is_control]
    beside = (
        f", and {'the control' if len(controls) == 1 else 'the controls'} {listed(controls)}"
        if controls
        else ""
    )
    found = (
        f"Hyperparameters were tuned with robusttune{versions(ranking, 'robusttune')}, which searches with "
        f"Optuna{versions(ranking, 'optuna')}: {search(ranking)}. The objective value of a trial is "
        f"{objective(study.tuning)}."
        if study.searches
        else f"Configurations found elsewhere were evaluated with robusttune{versions(ranking, 'robusttune')}."
    )
    confirmed = []
    if post.confirm:
        whom = "the best set" if post.confirm_best_set else "the recommended configuration"
        confirmed = [
            f"After that, {whom} was run on {count(post.confirm, 'further seed')} that no selection saw."
        ]
    return (
        f"What is trained: {study.training.caption} a run.",
        found,
        f"Then {candidates_clause(study)}{beside} were evaluated {seeds_clause(study)} that tuning never saw; tuning "
        "scores enter no ranking.",
        *confirmed,
        f"The score of a run is the {methods.score_of(study)}.",
    )


def _read(ranking: Ranking) -> tuple[str, ...]:
    given = ranking.given
    assert given is not None
    return (
        f"Scores of {count(len(ranking.rows), 'configuration')} were read from {given.source} ({given.columns}) and "
        "analysed with robusttune.",
        *given.notes,
    )


def _failures(ranking: Ranking) -> str:
    policy = methods.failures(ranking.study.post_evaluation, is_given=ranking.given is not None)
    return f"Failures: {policy}."


def _analysed(ranking: Ranking) -> tuple[str, ...]:
    analysis = ranking.analysis
    return (
        f"Configurations are ranked by the {methods.STATISTICS[analysis.statistic]} over seeds, with simultaneous "
        f"{analysis.level:.0%} intervals of ranks and differences ({analysis.method}; {analysis.n_resamples:,} draws); "
        f"the best set holds those that cannot be told apart from the best ({methods.best_set(ranking)}). "
        f"Intervals of single configurations: {intervals(ranking)}.",
        f"Recommended is {winner_clause(ranking.study)}, {analysis.recommended}.",
        _failures(ranking),
    )
