"""The answer, in at most five lines: what to use, what was luck, what cannot be told apart, what to run next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.report.prose.words import count, interval, known_decimals, listed, number, with_interval
from robusttune.stats.luck.verdict import LUCKY

if TYPE_CHECKING:
    from robusttune.report.model import Ranking, Row

CONFIRMATION_SEEDS = 10
FEW_SEEDS = 5  # below it the interval widths say more about chance than about the configurations
MOST_MORE_SEEDS = 100  # for each configuration; a study that needs more is better left alone
_NAMED = 3  # lucky configurations in the answer; the findings tell of all


def answer(ranking: Ranking) -> tuple[str, ...]:
    """Return the answer."""
    return (_choice(ranking), *_lucky(ranking), _rivals(ranking), *_next(ranking))


def _choice(ranking: Ranking) -> str:
    """Return the recommended configuration's number: confirmed, or corrected for having been chosen."""
    analysis = ranking.analysis
    found, seeds, chosen = analysis.winner, ranking.seed, ""
    confirmed = analysis.confirmed.get(analysis.recommended)
    if confirmed is not None:
        found, seeds = confirmed, "confirmation seed"
        chosen = ", which had no part in choosing it"
    elif len(ranking.rows) > 1:
        is_first = analysis.recommended == ranking.rows[0].name
        by_mean = is_first and ranking.study.post_evaluation.recommend == "mean"
        being = "the best of" if by_mean else "chosen from"
        chosen = f", corrected for being {being} {len(ranking.rows)}"
    decimals = known_decimals(found.low, found.high)
    bounds = interval(found.low, found.high, decimals=decimals)
    return (
        f"Use {analysis.recommended}: it scores {number(found.estimate, decimals=decimals)} on average, "
        f"{analysis.level:.0%} interval {bounds}, over {count(found.n, seeds)}{chosen}."
    )


def _lucky(ranking: Ranking) -> tuple[str, ...]:
    if ranking.given is not None and not ranking.has_tuning:
        return ()
    lucky = [row for row in ranking.rows if row.verdict == LUCKY]
    if not lucky:
        return ("No tuning score is shown to be lucky.",)
    lucky.sort(key=lambda row: -(row.candidate.tuning_score or 0.0))  # the most tempting first
    more = [f"So were {len(lucky) - _NAMED} more."] if len(lucky) > _NAMED else []
    return (" ".join([*(luck_sentence(ranking, row) for row in lucky[:_NAMED]), *more]),)


def luck_sentence(ranking: Ranking, row: Row) -> str:
    """Return by how much a configuration was lucky, in words."""
    luck = row.analysis.luck
    assert luck is not None
    score = number(luck.tuning, decimals=known_decimals(luck.low, luck.high))
    reach = "reaches" if luck.n_reached == 1 else "reach"
    return (
        f"The {score} {whose(ranking, row)} was lucky by {with_interval(luck.luck, luck.low, luck.high)}; "
        f"{luck.n_reached} of {count(luck.n_seeds, 'fresh seed')} {reach} it."
    )


def whose(ranking: Ranking, row: Row) -> str:
    """Return whose a tuning score is, in words that follow it: of this search, or from elsewhere."""
    is_of_search = row.candidate.trial_number is not None
    if is_of_search or (ranking.given is not None and not row.candidate.is_control):
        return f"that {row.name} scored in tuning"
    return f"reported for {row.name}"


def _rivals(ranking: Ranking) -> str:
    analysis, n_others = ranking.analysis, len(ranking.rows) - 1
    top, others = analysis.recommended, [one for one in analysis.best_set if one != analysis.recommended]
    if not n_others:
        return f"{top} is the only configuration that was evaluated."
    if others:
        all_of_them = n_others > _NAMED and len(others) == n_others
        return (
            f"Cannot be told apart from {top}: {f'all {n_others} others' if all_of_them else listed(others)}."
        )
    if analysis.winner_is_clear:
        whom = "the other one" if n_others == 1 else f"each of the {n_others} others"
        return f"{top} is better than {whom}, at {analysis.level:.0%} confidence."
    return f"Only {top} may be the best, but it is not shown to be better than each of the others."


def _next(ranking: Ranking) -> tuple[str, ...]:
    analysis = ranking.analysis
    if ranking.given is None and not analysis.confirmed:
        run = command(ranking, f"post_evaluation.confirm={CONFIRMATION_SEEDS}")
        return (
            f"Next: confirm {analysis.recommended} on {CONFIRMATION_SEEDS} seeds that no selection has seen: {run}",
        )
    single = [name for name in analysis.best_set if analysis.configurations[name].n_seeds == 1]
    if single and ranking.given is not None:
        return (
            f"Next: run {listed(single)} on {FEW_SEEDS - 1} further seeds at least; a single seed shows no noise, and "
            "cannot be compared.",
        )
    plan = [step for step in analysis.plan if step.second in analysis.best_set]
    if not plan and ranking.given is not None:
        return (
            f"Next: run {analysis.recommended} on {CONFIRMATION_SEEDS} new seeds, for a number that comes from none of "
            "those that chose it.",
        )
    if not plan or ranking.study.post_evaluation.allocation.is_adaptive:
        return ()
    fewest = min(plan, key=lambda step: step.more_seeds or MOST_MORE_SEEDS + 1)
    if fewest.more_seeds is None or fewest.more_seeds > MOST_MORE_SEEDS:
        names = listed([fewest.first, *(step.second for step in plan)])
        return (f"Next: choose between {names} by spread and cost; more seeds would hardly tell them apart.",)
    return (
        f"Next: tell {fewest.first} from {fewest.second} with {count(fewest.more_seeds, 'more seed')} each "
        f"({fewest.power:.0%} power if the observed difference is the true one)"
        f"{to_run(ranking, more_seeds(ranking, fewest.more_seeds))}",
    )


def more_seeds(ranking: Ranking, n: int) -> str:
    """Return the setting that gives every configuration n more seeds."""
    return f"post_evaluation.n_seeds={ranking.study.post_evaluation.n_seeds + n}"


def to_run(ranking: Ranking, setting: str) -> str:
    """Return the end of a sentence that names what runs the study with a setting; nothing runs what was given."""
    return "." if ranking.given is not None else f": {command(ranking, setting)}"


def command(ranking: Ranking, setting: str) -> str:
    """Return a command to paste, between backticks; the setting alone for a study that no command runs."""
    if not ranking.command:
        return f"`{setting}`"
    return f"`{ranking.command} --set {setting}`"
