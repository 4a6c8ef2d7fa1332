"""What the comparison across studies says, in sentences."""

from __future__ import annotations

from robusttune.declaration.matrix import BEST
from robusttune.report.matrix.across import AcrossTasks
from robusttune.report.matrix.ranking import TaskRanking
from robusttune.report.matrix.result import MatrixReport
from robusttune.report.matrix.scores import TUNED
from robusttune.report.prose.words import count, estimate, listed, number, share, share_interval

_FEW_SEEDS = 30


def answers(report: MatrixReport) -> tuple[str, ...]:
    """Return the answer over tasks, if there is one, and the answer on each task."""
    found = [] if report.across is None else [_over_tasks(report.across)]
    return (*found, *(_on_task(one) for one in report.rankings))


def findings(report: MatrixReport) -> tuple[str, ...]:
    """Return what else a reader has to know, one sentence each."""
    sentences = [*_roles(report), *_different(report), *_failures(report)]
    if report.why_not_across is not None:
        sentences.insert(0, f"There is no comparison over tasks. {report.why_not_across}")
    if report.across is not None and report.across.left_out:
        sentences.append(
            f"Left out of the comparison over tasks, as not on every task: {listed(report.across.left_out)}."
        )
    return (*sentences, *(text for one in report.rankings for text in _next(one)))


def methods(report: MatrixReport) -> tuple[str, ...]:
    """Return how the numbers were made."""
    across = report.across
    ranked = [one.analysis for one in report.rankings if one.analysis is not None]
    lines = [] if across is None else _across_methods(across)
    if ranked:
        lines.append(
            f"Ranking of the {ranked[0].statistic} of all candidates: {ranked[0].method}. Best set: "
            f"{ranked[0].best_set_method}. Every study searched on its own; the luck of its trials is in its report."
        )
    return tuple(lines)


def _across_methods(across: AcrossTasks) -> list[str]:
    analysis = across.analysis
    fewest = min(count for one in analysis.methods for count in one.metrics["iqm"].n_seeds)
    short = (
        f" They are too short with few seeds, here {fewest} at least: over 3 tasks of normal scores, nominal 95% "
        "intervals contain the truth in 86 to 87% of studies with 5 seeds, 90 to 92% with 10, 92 to 93% with 20."
        if fewest < _FEW_SEEDS
        else ""
    )
    return [
        _normalisation(across),
        f"Intervals over tasks: {analysis.level:.0%} percentile intervals of a bootstrap that resamples seeds within "
        f"each task, {analysis.methods[0].metrics['iqm'].n_resamples:,} resamples, seeded. They speak about other "
        f"seeds on these {len(analysis.tasks)} tasks, not about other tasks.{short}",
        _cross_check(analysis.rliable_difference),
    ]


def _normalisation(across: AcrossTasks) -> str:
    if across.low is None or across.high is None:
        return "Scores are normalised by the declared reference scores of each task."
    top = (
        "the highest mean of all methods" if across.high == BEST else f"the mean of the control {across.high}"
    )
    return (
        f"Scores are normalised on each task: 0 is the mean of the control {across.low}, 1 is {top}, both taken as "
        "known. Differences between methods keep their order; how large they are is relative to these two."
    )


def _cross_check(difference: float | None) -> str:
    if difference is None:
        return "Numbers of seeds are unequal, which rliable's metrics cannot take; every task has the same weight."
    return (
        f"rliable computes the same metrics from the same scores; the largest difference is {difference:.1g}. "
        "The figures are drawn by rliable."
    )


def _over_tasks(across: AcrossTasks) -> str:
    analysis = across.analysis
    top = analysis.methods[0]
    iqm, level = top.metrics["iqm"], f"{analysis.level:.0%}"
    text = (
        f"Highest IQM over {len(analysis.tasks)} tasks: {top.method}, {share(iqm.estimate)} ({level} interval "
        f"{share_interval(iqm.low, iqm.high)})."
    )
    for one in analysis.improvements:
        if one.first == top.method:
            p = one.probability
            doubt = "" if p.low > 0.5 else "; the two cannot be told apart"
            return (
                f"{text} On a task, one of its runs beats one of {one.second} with probability {share(p.estimate)} "
                f"{share_interval(p.low, p.high)}{doubt}."
            )
    return text


def _on_task(ranking: TaskRanking) -> str:
    where, analysis = _place(ranking, ": "), ranking.analysis
    if analysis is None:
        return (
            f"{where}no ranking of all candidates, as the scores of the studies are not the same quantity "
            f"({_values(ranking)})."
        )
    top = analysis.recommended
    score = f"{estimate(analysis.configurations[top].mean)} over {analysis.configurations[top].n_seeds} fresh seeds"
    found = f"{where}{top} is the best of {len(analysis.configurations)} candidates ({score})"
    if analysis.winner_is_clear:
        return f"{found}, better than every other one at {analysis.level:.0%} confidence."
    others = [name for name in analysis.best_set if name != top]
    doubt = (
        f"cannot be told apart from {listed(others)}"
        if others
        else "is not shown to be better than every other one"
    )
    return f"{where}{top} has the highest estimate of {len(analysis.configurations)} candidates ({score}), but {doubt}."


def _next(ranking: TaskRanking) -> list[str]:
    """Return what would tell the first two apart."""
    if ranking.analysis is None or not ranking.analysis.plan:
        return []
    step = ranking.analysis.plan[0]
    pair = f"{step.first} from {step.second}"
    gap = number(ranking.analysis.pairs[step.first, step.second].comparison.difference)
    if step.more_seeds is None:
        return [
            f"{_place(ranking, ': ')}no affordable number of seeds would tell {pair}; the observed difference, {gap}, "
            "is too small."
        ]
    return [
        f"{_place(ranking, ': ')}{count(step.more_seeds, 'more seed')} each would tell {pair} if the observed "
        f"difference, {gap}, is the true one."
    ]


def _roles(report: MatrixReport) -> list[str]:
    if report.across is None:
        return []
    sentences = []
    if not all(one.is_confirmed for one in report.studies):
        sentences.append(
            "Each tuned configuration is the one that its study recommends, chosen by the very seeds that score it "
            "here: its scores are slightly too high, those of controls are not. Set post_evaluation.confirm to mend it."
        )
    for study in report.studies:
        same = [role for role, one in study.roles.items() if role != TUNED and one is study.roles[TUNED]]
        if same:
            sentences.append(f"{study.study.name} recommends its control {same[0]}: tuned is that one there.")
    return sentences


def _different(report: MatrixReport) -> list[str]:
    return [
        f"{_place(one, ': ')}the studies differ in {_values(one)}, so the ranking compares that too."
        for one in report.rankings
        if one.analysis is not None and one.different
    ]


def _failures(report: MatrixReport) -> list[str]:
    sentences = []
    for study in report.studies:
        diverged = sum(one.runs.n_diverged for one in study.configurations)
        missing = sum(one.runs.n_missing for one in study.configurations)
        if diverged:
            sentences.append(
                f"{count(diverged, 'run')} of {study.study.name} diverged; each counts as its failure policy says."
            )
        if missing:
            sentences.append(f"{count(missing, 'planned run')} of {study.study.name} missing.")
    return sentences


def _values(ranking: TaskRanking) -> str:
    return "; ".join(f"{name}: {', '.join(values)}" for name, values in ranking.different.items())


def _place(ranking: TaskRanking, after: str) -> str:
    return f"{ranking.task}{after}" if ranking.task else ""
