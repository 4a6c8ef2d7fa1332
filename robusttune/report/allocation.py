"""What the allocation of seeds leaves valid, in sentences and in the analysis."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.rounds import Rounds
from robusttune.post_evaluation.select import Candidate
from robusttune.stats.analysis.result import StudyAnalysis


def seeds_sentence(study: StudySpec) -> str:
    """Return on how many seeds configurations are judged."""
    post = study.post_evaluation
    match post.allocation.rule:
        case "fixed":
            return f"each on {post.n_seeds} seeds"
        case "elimination":
            stages = post.allocation.stage_seeds
            return (
                f"those still in the race on {', '.join(map(str, stages))} seeds after the {len(stages)} stages of an "
                "elimination"
            )
        case rule:
            return f"on as many seeds as {_NAMES[rule]} gave them"


_NAMES = {
    "fixed": "a fixed number of seeds",
    "elimination": "elimination",
    "ocba": "optimal computing budget allocation (OCBA)",
    "top-two": "top-two Thompson sampling",
    "halving": "sequential halving",
}


def allocation_findings(study: StudySpec, rounds: Rounds, candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Return what an adaptive allocation did, why it stopped, and what it leaves valid; nothing for a fixed one."""
    post = study.post_evaluation
    rule = post.allocation.rule
    if rule == "fixed":
        return ()
    most = post.allocation.max_runs(len(rounds.runs), post.n_seeds)
    stop = rounds.stop or "It is not finished."
    did = (
        f"Seeds were given by {_NAMES[rule]}: {rounds.n_runs} of at most {most} runs, "
        f"{rounds.n_decisions} decision(s). {stop}"
    )
    valid = (
        "The best set is valid; the full ranking is not: configurations that got few seeds have wide intervals, and "
        "their means tend to be too low."
    )
    if rule != "elimination":
        return (did, valid)
    dropped = [c.name for c in candidates if c.config_id not in rounds.kept]
    listed = f" Dropped on the way: {', '.join(dropped)}." if dropped else ""
    return (did + listed, valid)


def with_kept(
    analysis: StudyAnalysis, study: StudySpec, rounds: Rounds, judged: Sequence[Candidate]
) -> StudyAnalysis:
    """Return the analysis with the best set of an elimination: those that no stage dropped.

    A best set made anew from the last scores would promise more than it keeps: the same data were looked at before,
    and decided who got more of them. The stages share the error among them, so their set holds at any stop.
    """
    rule = study.post_evaluation.allocation
    if rule.rule != "elimination" or rounds.n_decisions == 0:
        return analysis
    kept = {candidate.name for candidate in judged if candidate.config_id in rounds.kept}
    champion = analysis.champion
    return dataclasses.replace(
        analysis,
        configurations=tuple(
            dataclasses.replace(one, in_best_set=one.config_id in kept) for one in analysis.configurations
        ),
        best_set=tuple(name for name in analysis.order if name in kept),
        best_set_method=f"{analysis.best_set_method}, at 1/{len(rule.stage_seeds)} of the error in each stage",
        champion=None
        if champion is None
        else dataclasses.replace(champion, in_best_set=champion.config_id in kept),
    )
