"""What the comparison across studies says, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.declaration.matrix import BEST, WORST
from robusttune.report.matrix.across import AcrossTasks
from robusttune.report.matrix.ranking import TaskRanking
from robusttune.report.matrix.scores import TUNED
from robusttune.report.prose.methods import STATISTICS
from robusttune.report.prose.words import count, estimate, listed, number, share, share_interval

if TYPE_CHECKING:
    from robusttune.report.matrix.result import MatrixReport

_FEW_SEEDS = 30
MANY_TASKS = 4  # from so many on, the winners of all tasks are told in one sentence


def answers(report: MatrixReport) -> tuple[str, ...]:
    """Return the answer over tasks, if there is one, and the answer on each task."""
    found = [] if report.across is None else [_over_tasks(report.across)]
    if report.given is not None and len(report.rankings) >= MANY_TASKS:
        return (*found, _winners(report))
    return (*found, *(_on_task(one, report.given is not None) for one in report.rankings))


def findings(report: MatrixReport) -> tuple[str, ...]:
    """Return what else a reader has to know, one sentence each."""
    sentences = [*_roles(report), *_different(report), *_failures(report)]
    if report.why_not_across is not None:
        sentences.insert(0, f"There is no comparison over tasks. {report.why_not_across}")
    if report.across is not None and report.across.left_out:
        twice = "" if report.given is None else " with two seeds"
        sentences.append(
            f"Left out of the comparison over tasks, as not on every task{twice}: {listed(report.across.left_out)}."
        )
    if report.given is not None and len(report.rankings) >= MANY_TASKS:
        return tuple(sentences)
    return (*sentences, *(text for one in report.rankings for text in _next(one)))


def methods(report: MatrixReport) -> tuple[str, ...]:
    """Return how the numbers were made."""
    across = report.across
    ranked = [one.analysis for one in report.rankings if one.analysis is not None]
    lines = [] if across is None else _across_methods(across)
    given = report.given
    if given is not None:
        read = f"Scores are those of {given.source}, read with {given.columns}; nothing was trained."
        lines = [read, *given.notes, *lines]
    if ranked:
        searched = (
            ""
            if given is not None
            else (" Every study searched on its own; the luck of its trials is in its report.")
        )
        lines.append(
            f"Ranking of the {STATISTICS[ranked[0].statistic]} of all {_noun(report)}s: {ranked[0].method}. Best set: "
            f"{ranked[0].best_set_method}.{searched}"
        )
    return tuple(lines)


def _noun(report: MatrixReport) -> str:
    return "candidate" if report.given is None else "configuration"


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
    ends = {WORST: "the lowest mean of all methods", BEST: "the highest mean of all methods"}
    low, high = (ends.get(name, f"the mean of the control {name}") for name in (across.low, across.high))
    return (
        f"Scores are normalised on each task: 0 is {low}, 1 is {high}, both taken as "
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


def _winners(report: MatrixReport) -> str:
    """Return who is shown to be the best on how many of many tasks."""
    clear: dict[str, list[str]] = {}
    for one in report.rankings:
        if one.analysis is not None and one.analysis.winner_is_clear:
            clear.setdefault(one.analysis.recommended, []).append(one.task)
    rest = len(report.rankings) - sum(map(len, clear.values()))
    parts = [
        f"{name} on {len(tasks)}" for name, tasks in sorted(clear.items(), key=lambda item: -len(item[1]))
    ]
    nobody = f"nobody on {rest}" if rest else ""
    return (
        f"Task by task, shown to be better than every other configuration: {', '.join([*parts, nobody]).rstrip(', ')} "
        f"of {len(report.rankings)} tasks."
    )


def _on_task(ranking: TaskRanking, is_given: bool) -> str:
    where, analysis = _place(ranking, ": "), ranking.analysis
    if analysis is None:
        return (
            f"{where}no ranking of all candidates, as the scores of the studies are not the same quantity "
            f"({_values(ranking)})."
        )
    top, n = analysis.recommended, len(analysis.configurations)
    seeds, who = ("seeds", f"{n} configurations") if is_given else ("fresh seeds", f"{n} candidates")
    score = (
        f"{estimate(analysis.configurations[top].mean)} over {analysis.configurations[top].n_seeds} {seeds}"
    )
    found = f"{where}{top} is the best of {who} ({score})"
    if analysis.winner_is_clear:
        return f"{found}, better than every other one at {analysis.level:.0%} confidence."
    others = [name for name in analysis.best_set if name != top]
    doubt = (
        f"cannot be told apart from {listed(others)}"
        if others
        else "is not shown to be better than every other one"
    )
    return f"{where}{top} has the highest estimate of {who} ({score}), but {doubt}."


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
    if report.across is None or report.given is not None:
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
        if diverged and report.given is not None:
            worst = min(score for one in study.configurations for score in one.scores)
            sentences.append(
                f"{count(diverged, 'run')} on {study.task} without a finite score, counted as {number(worst)}."
            )
        elif diverged:
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
