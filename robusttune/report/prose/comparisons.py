"""Who is better than whom, and how many seeds would tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.post_evaluation.select import DEFAULT_CONTROL, reported_champion, tuning_champion
from robusttune.report.prose.answer import more_seeds, to_run
from robusttune.report.prose.words import count, estimate, number, share
from robusttune.stats.comparisons.comparison import BETTER, EQUAL, SKEW_SENSITIVE

if TYPE_CHECKING:
    from robusttune.report.model import Ranking


def sentences(ranking: Ranking) -> tuple[str, ...]:
    """Return what became of the tuning champion, first against second, the controls, and what would tell."""
    return (
        *_confirmed(ranking),
        *_champion(ranking),
        *_runner_up(ranking),
        *_controls(ranking),
        *_plan(ranking),
    )


def _confirmed(ranking: Ranking) -> list[str]:
    """Return what the confirmation seeds say beside those that chose."""
    return [
        f"{count(found.n, 'confirmation seed')} of {name} give {estimate(found)}; the {row.n_seeds} seeds that chose "
        f"it gave {estimate(row.mean)}."
        for name, found in ranking.analysis.confirmed.items()
        for row in [ranking.row(name).analysis]
    ]


def _champion(ranking: Ranking) -> list[str]:
    """Return what tuning's own choice came to on fresh seeds."""
    of_search = tuning_champion(ranking.trials)
    trial = of_search or reported_champion(ranking.found.candidates)
    if trial is None:
        return []
    seeds = "" if trial.n_tuning_seeds is None else f" on {count(trial.n_tuning_seeds, 'seed')}"
    score = f"{number(trial.tuning_score)}{seeds}"
    is_searched = of_search is not None or ranking.given is not None
    champion = "tuning champion" if is_searched else "configuration with the highest reported score"
    row = next((row for row in ranking.rows if row.candidate.config_id == trial.config_id), None)
    if row is None:
        return [f"The {champion}, {trial.name} ({score}), has no fresh seeds: the model did not propose it."]
    if row.name == ranking.analysis.recommended:
        return [f"The {champion}, {row.name} ({score}), is recommended after its fresh seeds too."]
    return [
        f"The {champion} was {row.name} ({score}); {count(row.analysis.n_seeds, 'fresh seed')} give "
        f"{estimate(row.analysis.mean)}, rank {row.analysis.rank} of {len(ranking.rows)}."
    ]


def _runner_up(ranking: Ranking) -> list[str]:
    """Return first against second, and claims that rest on near-normal noise."""
    sentences = []
    own = [pair for pair in ranking.analysis.pairs.items() if pair[0][0] == ranking.analysis.recommended]
    for (first, second), pair in own[:1]:
        if pair.improvement is not None:
            sentences.append(
                f"A fresh run of {first} beats one of {second} with probability {share(pair.improvement.estimate)} "
                f"[{share(pair.improvement.low)}, {share(pair.improvement.high)}]."
            )
    fragile = [
        f"{first} over {second}"
        for (first, second), pair in ranking.analysis.pairs.items()
        if pair.comparison.verdict == BETTER and pair.comparison.support == SKEW_SENSITIVE
    ]
    if fragile:
        sentences.append(
            f"Skew-sensitive claims, which hold only if noise is nearly normal: {'; '.join(fragile)}. The robust ranks "
            f"leave them out. The IQM suffers less from skew{to_run(ranking, 'post_evaluation.statistic=iqm')}"
        )
    equal = [
        f"{a} and {b}" for (a, b), pair in ranking.analysis.pairs.items() if pair.comparison.verdict == EQUAL
    ]
    if equal:
        margin = number(ranking.analysis.indifference)
        sentences.append(f"Practically equal, to within ±{margin}: {'; '.join(equal)}.")
    return sentences


def _controls(ranking: Ranking) -> list[str]:
    top, pairs = ranking.analysis.recommended, ranking.analysis.pairs
    worse = {b for (a, b), pair in pairs.items() if a == top and pair.comparison.verdict == BETTER}
    sentences = []
    for row in ranking.rows:
        if not row.candidate.is_control or row.name == top:
            continue
        what = "The default configuration" if row.name == DEFAULT_CONTROL else f"The control {row.name}"
        score = row.candidate.tuning_score
        reported = "" if score is None else f"reported {number(score)}, "
        relation = "is worse than" if row.name in worse else "is not shown to be worse than"
        sentences.append(f"{what} ({reported}fresh seeds {estimate(row.analysis.mean)}) {relation} {top}.")
    return sentences


def _plan(ranking: Ranking) -> list[str]:
    sentences = []
    for step in ranking.analysis.plan[:1]:
        pair = ranking.analysis.pairs[step.first, step.second].comparison
        gap = number(pair.difference)
        if step.more_seeds is None:
            sentences.append(
                f"No affordable number of seeds would tell {step.first} from {step.second}: the observed difference, "
                f"{gap}, is too small. Look at their spread instead."
            )
            continue
        how = (
            ""
            if ranking.study.post_evaluation.allocation.is_adaptive
            else to_run(ranking, more_seeds(ranking, step.more_seeds))
        )
        sentences.append(
            f"{count(step.more_seeds, 'more seed')} each would tell {step.first} from {step.second} with probability "
            f"{step.power:.0%} if the observed difference, {gap}, is the true one{how}"
        )
    return sentences
