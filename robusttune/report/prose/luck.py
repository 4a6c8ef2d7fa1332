"""How lucky the tuning scores were, and how the seeds scatter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.report.prose.answer import luck_sentence, whose
from robusttune.report.prose.words import count, estimate, known_decimals, listed, number, span, with_interval
from robusttune.stats.luck.spread import ERRATIC, STEADY
from robusttune.stats.luck.verdict import CONSISTENT, INCONCLUSIVE, LUCKY, UNLUCKY

if TYPE_CHECKING:
    from robusttune.report.model import Ranking, Row


def sentences(ranking: Ranking) -> tuple[str, ...]:
    """Return each trial's luck, what it did to the ranks, and what it is made of."""
    return (*_luck(ranking), *_rank_shifts(ranking), *_episodes(ranking))


def spread_sentences(ranking: Ranking) -> tuple[str, ...]:
    """Return who is steady or erratic, and whose seeds fall into two groups."""
    return (*_spread(ranking), *_two_groups(ranking))


def _luck(ranking: Ranking) -> list[str]:
    sentences = [luck_sentence(ranking, row) for row in _with(ranking, LUCKY)]
    for row in _with(ranking, UNLUCKY):
        luck = row.analysis.luck
        assert luck is not None
        sentences.append(
            f"The {number(luck.tuning)} {whose(ranking, row)} was unlucky: fresh seeds give "
            f"{with_interval(-luck.luck, -luck.high, -luck.low)} more on average."
        )
    consistent = [row.name for row in _with(ranking, CONSISTENT)]
    if consistent:
        sentences.append(f"The tuning score is right to within one SD: {listed(consistent)}.")
    undecided = _with(ranking, INCONCLUSIVE)
    if undecided:
        told = [
            row.name
            + (
                ""
                if row.analysis.luck is None or row.analysis.luck.seeds_to_decide is None
                else f" ({count(row.analysis.luck.seeds_to_decide, 'seed')} in total would decide)"
            )
            for row in undecided
        ]
        sentences.append(
            f"Still open is how lucky the tuning score was, not how good the configuration is: {listed(told)}."
        )
    mean = ranking.analysis.mean_luck
    if mean is not None and mean.n > 1:
        how = (
            f"high by {estimate(mean)}"
            if mean.estimate >= 0
            else f"low by {with_interval(-mean.estimate, -mean.high, -mean.low)}"
        )
        sentences.append(f"On average over the {count(mean.n, 'trial')}, tuning scores were too {how}.")
    return sentences


def _with(ranking: Ranking, verdict: str) -> list[Row]:
    return [row for row in ranking.rows if row.verdict == verdict]


def _rank_shifts(ranking: Ranking) -> list[str]:
    lucky = [row.name for row in ranking.rows if row.analysis.rank_lucky]
    gems = [row.name for row in ranking.rows if row.analysis.hidden_gem]
    sentences = []
    if lucky:
        sentences.append(f"Ranked higher by tuning than fresh seeds allow: {listed(lucky)}.")
    if gems:
        sentences.append(f"Hidden gem, ranked lower by tuning than fresh seeds allow: {listed(gems)}.")
    return sentences


def _episodes(ranking: Ranking) -> list[str]:
    tuning, again = ranking.study.evaluation.n_episodes, ranking.study.n_post_evaluation_episodes
    if tuning == again:
        return []
    return [
        f"A tuning score rests on {count(tuning, 'episode')} per seed, a post-evaluation score on {again}: part of "
        "the luck is that of few episodes."
    ]


def _spread(ranking: Ranking) -> list[str]:
    found = {STEADY: "less", ERRATIC: "more"}
    sentences = []
    for word, how in found.items():
        names = [row.name for row in ranking.rows if row.analysis.spread == word]
        if names:
            scatter = "its seeds scatter" if len(names) == 1 else "their seeds scatter"
            others = "the others" if ranking.given is not None else "the other trials"
            sentences.append(f"{word}: {listed(names)}; {scatter} {how} than those of {others}.")
    return sentences


def _two_groups(ranking: Ranking) -> list[str]:
    sentences = []
    for row in ranking.rows:
        groups = row.analysis.two_groups
        if groups is None:
            continue
        worse, better = (groups.worse_low, groups.worse_high), (groups.better_low, groups.better_high)
        decimals = known_decimals(groups.worse_low, groups.better_high)
        sentences.append(
            f"The seeds of {row.name} fall into two groups: {groups.n_worse} of {row.analysis.n_seeds} in the worse "
            f"one, {span(*worse, decimals=decimals)}, the others {span(*better, decimals=decimals)}. Which one a run "
            "falls into is luck."
        )
    return sentences
