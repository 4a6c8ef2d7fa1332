"""The answer, in at most five lines: what to use, what was luck, what cannot be told apart, what to run next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.report.prose.words import count, interval, known_decimals, listed, number, with_interval
from robusttune.stats.luck.verdict import LUCKY

if TYPE_CHECKING:
    from robusttune.report.model import Ranking, Row

CONFIRMATION_SEEDS = 10
MOST_MORE_SEEDS = 100  # for each configuration; a study that needs more is better left alone
_NAMED = 3  # lucky configurations in the answer; the findings tell of all


def answer(ranking: Ranking) -> tuple[str, ...]:
    """Return the answer."""
    return (_choice(ranking), _lucky(ranking), _rivals(ranking), *_next(ranking))


def worth(ranking: Ranking) -> str:
    """Return the recommended configuration's number: confirmed, or corrected for having been chosen."""
    level = f"{ranking.analysis.level:.0%} interval"
    found, chosen, seeds = ranking.analysis.winner, "", "fresh seed"
    confirmed = ranking.analysis.confirmed.get(ranking.analysis.recommended)
    if confirmed is not None:
        found, seeds = confirmed, "confirmation seed"
    elif len(ranking.rows) > 1:
        chosen = f", corrected for being the best of {len(ranking.rows)}"
    decimals = known_decimals(found.low, found.high)
    return (
        f"{number(found.estimate, decimals=decimals)} on average over {count(found.n, seeds)}, {level} "
        f"{interval(found.low, found.high, decimals=decimals)}{chosen}"
    )


def _choice(ranking: Ranking) -> str:
    return f"Use {ranking.analysis.recommended}: {worth(ranking)}."


def _lucky(ranking: Ranking) -> str:
    lucky = [row for row in ranking.rows if row.verdict == LUCKY]
    if not lucky:
        return "Lucky: no tuning score is shown to overstate its configuration."
    lucky.sort(key=lambda row: -(row.candidate.tuning_score or 0.0))  # the most tempting first
    more = f"; and {len(lucky) - _NAMED} more" if len(lucky) > _NAMED else ""
    return f"Lucky: {'; '.join(luck_clause(row) for row in lucky[:_NAMED])}{more}."


def luck_clause(row: Row) -> str:
    """Return by how much a configuration was lucky, in words."""
    luck = row.analysis.luck
    assert luck is not None
    score = number(luck.tuning, decimals=known_decimals(luck.low, luck.high))
    source = f"reported at {score}" if row.candidate.is_control else f"{score} in tuning"
    return (
        f"{row.name}, {source}, by {with_interval(luck.luck, luck.low, luck.high)}: "
        f"{luck.n_reached} of {count(luck.n_seeds, 'fresh seed')} {'reaches' if luck.n_reached == 1 else 'reach'} it"
    )


def _rivals(ranking: Ranking) -> str:
    analysis = ranking.analysis
    others = [name for name in analysis.best_set if name != analysis.recommended]
    top = analysis.recommended
    if others:
        return f"Cannot be told apart from {top}: {listed(others)}."
    if len(ranking.rows) == 1:
        return f"{top} is the only configuration that was judged."
    if analysis.winner_is_clear:
        return f"{top} is better than each of the {len(ranking.rows) - 1} others, at {analysis.level:.0%} confidence."
    return f"Only {top} may be the best, but it is not shown to be better than each of the others."


def _next(ranking: Ranking) -> tuple[str, ...]:
    analysis = ranking.analysis
    if not analysis.confirmed:
        run = command(ranking, f"post_evaluation.confirm={CONFIRMATION_SEEDS}")
        return (
            f"Next: confirm {analysis.recommended} on {CONFIRMATION_SEEDS} seeds that no selection has seen: {run}",
        )
    if not analysis.plan or ranking.study.post_evaluation.allocation.is_adaptive:
        return ()
    fewest = min(analysis.plan, key=lambda step: step.more_seeds or MOST_MORE_SEEDS + 1)
    if fewest.more_seeds is None or fewest.more_seeds > MOST_MORE_SEEDS:
        others = listed(step.second for step in analysis.plan)
        return (
            f"Next: choose between {fewest.first} and {others} by spread and cost; seeds hardly tell them apart.",
        )
    return (
        f"Next: tell {fewest.first} from {fewest.second} with {count(fewest.more_seeds, 'more seed')} each "
        f"({fewest.power:.0%} power if the observed difference is the true one): "
        f"{command(ranking, more_seeds(ranking, fewest.more_seeds))}",
    )


def more_seeds(ranking: Ranking, n: int) -> str:
    """Return the setting that gives every configuration n more seeds."""
    return f"post_evaluation.n_seeds={ranking.study.post_evaluation.n_seeds + n}"


def command(ranking: Ranking, setting: str) -> str:
    """Return a command to paste, between backticks."""
    return f"`{ranking.command} --set {setting}`"
