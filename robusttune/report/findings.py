"""What the numbers say, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.select import DEFAULT_CONTROL, Candidate
from robusttune.report.allocation import seeds_sentence
from robusttune.report.columns import interval, number
from robusttune.report.model import Row
from robusttune.report.recommendation import passed_over, recommendation, recommended
from robusttune.results.tables import ScoreTable
from robusttune.stats.analysis.result import StudyAnalysis
from robusttune.stats.luck.verdict import CONSISTENT, LUCKY, UNLUCKY


def headline(rows: Sequence[Row], level: float, *, is_clear: bool) -> str:
    """Return the answer: who may be the best, and whether the first is better than each of the others."""
    best = [row for row in rows if row.in_best_set]
    top = recommended(rows)
    score = f"{number(top.mean)} over {top.n_seeds} fresh seeds, {level:.0%} interval "
    score += interval(top.mean_low, top.mean_high)
    if len(best) == 1 and not is_clear:
        return (
            f"Highest mean: {top.name} ({score}). At {level:.0%} confidence the best set holds it alone, but it is not "
            "shown to be better than each of the others."
        )
    if len(best) == 1:
        return f"Best: {top.name} ({score}). At {level:.0%} confidence no other configuration is as good."
    names = ", ".join(row.name for row in best)
    return (
        f"Highest mean: {top.name} ({score}). At {level:.0%} confidence {len(best)} of {len(rows)} configurations may "
        f"be the best: {names}."
    )


def findings(
    study: StudySpec,
    rows: Sequence[Row],
    analysis: StudyAnalysis,
    candidates: Sequence[Candidate],
    table: ScoreTable,
) -> tuple[str, ...]:
    """Return one sentence for each thing worth knowing beyond the table."""
    sentences = [
        *recommendation(rows, candidates, analysis),
        *_luck(rows, passed_over(rows, candidates)),
        *_rank_shifts(analysis),
        *_reliability(analysis),
        *_controls(rows, analysis),
        *_winner(analysis, rows),
        *(step.sentence for step in analysis.plan[:1]),
        *analysis.warnings,
        *_failures(candidates, table),
    ]
    if study.evaluation.starts == "common":
        sentences.append(
            "All runs were judged on the same start states. Comparisons are sharper for it, but every score shares one "
            "error that no number of seeds shows."
        )
    return tuple(dict.fromkeys(_sentence(text) for text in sentences))


def caption(study: StudySpec, rows: Sequence[Row], table: ScoreTable) -> str:
    """Return what a reader of the table alone must know."""
    counts = sorted({row.n_seeds for row in rows})
    seeds = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    post = study.post_evaluation
    text = (
        f"{study.training.caption}; "
        f"{seeds} fresh seeds per configuration, {study.n_judging_episodes} evaluation episodes per seed; "
        f"{post.confidence_level:.0%} intervals."
    )
    if table.diverged_score is not None:
        text += f" {sum(table.n_diverged)} diverged run(s) count as {number(table.diverged_score)}."
    if any(table.n_missing):
        text += f" {sum(table.n_missing)} planned run(s) are missing."
    return text


def methods(study: StudySpec, analysis: StudyAnalysis, *, reproducible: bool) -> tuple[str, ...]:
    """Return how the numbers were made."""
    post, tuning = study.post_evaluation, study.tuning
    again = (
        ""
        if tuning.incumbent_seeds is None
        else f"; one that beat all finished trials was run again, and believed after {tuning.incumbent_seeds} seeds"
    )
    batch = f"batches of {tuning.batch_size}" if tuning.batch_size else "one trial at a time per worker"
    repeat = (
        "The same study file gives the same trials again."
        if reproducible
        else "Trials were asked while others were running, or until a time was up: a new search may differ. "
        "tuning.batch_size makes it repeatable."
    )
    return (
        f"Tuning: Optuna, {tuning.sampler} sampler, {tuning.pruner} pruner, {tuning.seeds_per_trial} seed(s) per "
        f"trial{again}; {batch}. {repeat}",
        f"Post-evaluation: the {post.top_k} complete trials with the highest objective value, and the controls, "
        f"{seeds_sentence(study)} that tuning never saw. Tuning scores enter no ranking.",
        f"Score of a run: {_SCORES[study.evaluation.score]}, {study.n_judging_episodes} "
        f"episodes, {'deterministic' if study.evaluation.deterministic else 'stochastic'} policy.",
        f"Ranking of the {analysis.statistic}: {analysis.method}; {analysis.n_resamples:,} draws.",
        f"Best set: {analysis.best_set_method}.",
        f"Intervals: {analysis.configurations[0].mean.method} for the mean, "
        f"{analysis.configurations[0].iqm.method} for the IQM. P(best) is descriptive.",
        f"Randomness of the statistics: {analysis.rng_note}.",
        f"Failures: a diverged run counts as {_diverged_policy(post.diverged_score)}; a crashed, failed or timed-out "
        f"run {'may be missing' if post.allow_missing else 'blocks the ranking'}.",
    )


_SCORES = {
    "final": "mean return of the evaluation after training",
    "best": "highest mean return of its evaluations",
    "last-three": "average of the mean returns of its last three evaluations",
}


def _diverged_policy(score: float | None) -> str:
    return "the worst score of the study" if score is None else number(score)


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _luck(rows: Sequence[Row], told: Row | None) -> list[str]:
    sentences = []
    for row in rows:
        if row.verdict not in (LUCKY, UNLUCKY) or row.tuning_score is None or row is told:
            continue
        source = "was reported at" if row.is_control else "scored"
        when = "" if row.is_control else " in tuning"
        sentences.append(
            f"{row.name} was {row.verdict}: it {source} {number(row.tuning_score)}{when}, and {row.n_seeds} fresh "
            f"seeds give {number(row.mean)} {interval(row.mean_low, row.mean_high)}"
            + (
                f", a gap of {number(row.gap_in_sd, signed=True)} standard deviations"
                if row.gap_in_sd
                else ""
            )
            + "."
        )
    consistent = [row.name for row in rows if row.verdict == CONSISTENT]
    if consistent:
        sentences.append(f"Consistent: {', '.join(consistent)}.")
    open_rows = [row for row in rows if row.seeds_to_decide is not None]
    if open_rows:
        listed = ", ".join(f"{row.name} with {row.seeds_to_decide}" for row in open_rows)
        sentences.append(
            f"Verdicts that are still open would be decided by this many seeds in total: {listed}."
        )
    return sentences


def _rank_shifts(analysis: StudyAnalysis) -> list[str]:
    lucky = [one.config_id for one in analysis.configurations if one.rank_lucky]
    gems = [one.config_id for one in analysis.configurations if one.hidden_gem]
    sentences = []
    if lucky:
        sentences.append(f"Ranked higher by tuning than fresh seeds allow: {', '.join(lucky)}.")
    if gems:
        sentences.append(f"Hidden gem, ranked lower by tuning than fresh seeds allow: {', '.join(gems)}.")
    return sentences


def _reliability(analysis: StudyAnalysis) -> list[str]:
    icc, tau = analysis.reliability, analysis.tuning_agreement
    sentences = []
    if icc.estimate is not None:
        sentences.append(
            f"Reliability of one seed among these configurations: ICC {icc.estimate:.2f}"
            + (f" [{icc.low:.2f}, {icc.high:.2f}]." if icc.low is not None and icc.high is not None else ".")
        )
    if tau is not None and tau.estimate is not None:
        sentences.append(
            f"Tuning scores and post-evaluation means of the trials agree with Kendall's tau {tau.estimate:.2f}"
            + (f" [{tau.low:.2f}, {tau.high:.2f}]." if tau.low is not None and tau.high is not None else ".")
        )
    return sentences


def _controls(rows: Sequence[Row], analysis: StudyAnalysis) -> list[str]:
    top = recommended(rows)
    better_than = {
        pair.second for pair in analysis.pairs if pair.first == top.name and pair.verdict == "better"
    }
    sentences = []
    for row in rows:
        if not row.is_control or row is top:
            continue
        what = "The default configuration" if row.name == DEFAULT_CONTROL else f"The control {row.name}"
        relation = "is worse than" if row.name in better_than else "cannot be told apart from"
        reported = "" if row.tuning_score is None else f"reported {number(row.tuning_score)}, "
        shown = f"{reported}fresh seeds {number(row.mean)} {interval(row.mean_low, row.mean_high)}"
        sentences.append(f"{what} ({shown}) {relation} {top.name}.")
    return sentences


def _winner(analysis: StudyAnalysis, rows: Sequence[Row]) -> list[str]:
    if len(rows) < 2 or analysis.winner.low is None:
        return []
    return [
        f"{analysis.winner_id} has the highest of {len(rows)} means; corrected for having been chosen for that, its "
        f"interval is {interval(analysis.winner.low, analysis.winner.high)}."
    ]


def _failures(candidates: Sequence[Candidate], table: ScoreTable) -> list[str]:
    sentences = []
    for candidate, n_diverged, n_missing, scores in zip(
        candidates, table.n_diverged, table.n_missing, table.scores, strict=True
    ):
        if n_diverged:
            sentences.append(f"{n_diverged} of {len(scores)} runs of {candidate.name} diverged.")
        if n_missing:
            sentences.append(
                f"{n_missing} runs of {candidate.name} are missing; its numbers rest on {len(scores)}."
            )
    return sentences
