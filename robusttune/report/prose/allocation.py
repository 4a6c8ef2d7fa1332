"""How seeds were shared out, and what that leaves valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.declaration.study import StudySpec
from robusttune.report.prose.words import count, listed

if TYPE_CHECKING:
    from robusttune.report.model import Ranking

_NAMES = {
    "ocba": "optimal computing budget allocation (OCBA)",
    "top-two": "top-two Thompson sampling",
    "halving": "sequential halving",
}


def seeds_clause(study: StudySpec) -> str:
    """Return on how many seeds configurations are evaluated."""
    post = study.post_evaluation
    match post.allocation.rule:
        case "fixed":
            return f"each on {count(post.n_seeds, 'seed')}"
        case "elimination":
            stages = post.allocation.stage_seeds
            return (
                f"those still in the race on {', '.join(map(str, stages))} seeds after the {len(stages)} stages of an "
                "elimination"
            )
        case rule:
            return f"on as many seeds as {_NAMES[rule]} gave them"


def sentences(ranking: Ranking) -> tuple[str, ...]:
    """Return what an adaptive allocation did, why it stopped, and what it leaves valid; nothing for a fixed one."""
    post, found = ranking.study.post_evaluation, ranking.found
    rule, rounds = post.allocation.rule, found.rounds
    if rule == "fixed":
        return ()
    most = post.allocation.max_runs(len(rounds.runs), post.n_seeds)
    did = (
        f"Seeds were given by {_NAMES.get(rule, rule)}: {rounds.n_runs} of at most {most} runs, "
        f"{count(rounds.n_decisions, 'decision')}. {rounds.stop or 'It has not finished.'}"
    )
    dropped = [c.name for c in found.candidates if c.config_id not in rounds.kept]
    if rule == "elimination" and dropped:
        did += f" Dropped along the way: {listed(dropped)}."
    return (
        did,
        "The best set is valid; the full ranking is not: configurations that got few seeds have wide intervals, and "
        "their means tend to be too low.",
    )
