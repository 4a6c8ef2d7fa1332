"""What the data say beyond the answer: heading → sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.post_evaluation.select import DEFAULT_CONTROL
from robusttune.report.prose import allocation
from robusttune.report.prose.answer import command, luck_clause, more_seeds
from robusttune.report.prose.words import (
    count,
    estimate,
    interval,
    known_decimals,
    listed,
    number,
    share,
    span,
    with_interval,
)
from robusttune.stats.comparisons.comparison import BETTER, EQUAL, SKEW_SENSITIVE
from robusttune.stats.luck.spread import ERRATIC, STEADY
from robusttune.stats.luck.verdict import CONSISTENT, INCONCLUSIVE, LUCKY, UNLUCKY

if TYPE_CHECKING:
    from robusttune.report.model import Ranking, Row
    from robusttune.stats.luck.reliability import Correlation

FEW_SEEDS = 5  # below it the interval widths say more about chance than about the configurations
NOISY_EVALUATION = 0.25  # share of a score's variance that comes from evaluation


def findings(ranking: Ranking) -> dict[str, tuple[str, ...]]:
    """Return the sentences of each heading that has any."""
    found = {
        "Who is better": (*_champion(ranking), *_runner_up(ranking), *_controls(ranking), *_plan(ranking)),
        "Luck of the tuning scores": (*_luck(ranking), *_rank_shifts(ranking), *_episodes(ranking)),
        "Spread between seeds": (
            *_spread(ranking),
            *_two_groups(ranking),
            *_failures(ranking),
            *_constant(ranking),
        ),
        "What one seed tells": _reliability(ranking),
        "Before using these numbers": (*allocation.sentences(ranking), *_cautions(ranking)),
    }
    return {heading: tuple(sentences) for heading, sentences in found.items() if sentences}


def _champion(ranking: Ranking) -> list[str]:
    """Return what tuning's own choice came to on fresh seeds."""
    # By objective value, which is known even where one of the tuning seeds diverged; of equal trials the first counts.
    trial = next((one for one in ranking.found.candidates if not one.is_control), None)
    row = next((row for row in ranking.rows if row.candidate is trial), None)
    if row is None or row.candidate.tuning_score is None:
        return []
    score = f"{number(row.candidate.tuning_score)} on {count(row.candidate.n_tuning_seeds or 1, 'seed')}"
    if row.name == ranking.analysis.recommended:
        return [f"The tuning champion, {row.name} ({score}), is also the best on fresh seeds."]
    return [
        f"The tuning champion was {row.name} ({score}); {count(row.analysis.n_seeds, 'fresh seed')} give "
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
            f"Skew-sensitive, claimed only if the noise is near normal: {'; '.join(fragile)}. The robust ranks leave "
            "such claims out."
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
            else (f": {command(ranking, more_seeds(ranking, step.more_seeds))}")
        )
        sentences.append(
            f"{count(step.more_seeds, 'more seed')} each would tell {step.first} from {step.second} with probability "
            f"{step.power:.0%} if the observed difference, {gap}, is the true one{how}"
        )
    return sentences


def _luck(ranking: Ranking) -> list[str]:
    sentences = [f"Lucky: {luck_clause(row)}." for row in _with(ranking, LUCKY)]
    for row in _with(ranking, UNLUCKY):
        luck = row.analysis.luck
        assert luck is not None
        sentences.append(
            f"Unlucky: {row.name}, whose {number(luck.tuning)} in tuning is "
            f"{with_interval(-luck.luck, -luck.high, -luck.low)} below what fresh seeds give."
        )
    consistent = [row.name for row in _with(ranking, CONSISTENT)]
    if consistent:
        sentences.append(f"The tuning score tells the worth to within one SD: {listed(consistent)}.")
    undecided = _with(ranking, INCONCLUSIVE)
    if undecided:
        told = [
            row.name
            + (
                ""
                if row.analysis.luck is None or row.analysis.luck.seeds_to_decide is None
                else f" (would be decided by {count(row.analysis.luck.seeds_to_decide, 'seed')} in total)"
            )
            for row in undecided
        ]
        sentences.append(
            f"Open is only how lucky the tuning score was, not how good the configuration is: {listed(told)}."
        )
    mean = ranking.analysis.mean_luck
    if mean is not None and mean.n > 1:
        sentences.append(
            f"On average over the {count(mean.n, 'trial')}, tuning overstated by {estimate(mean)}."
        )
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
    tuning, judging = ranking.study.evaluation.n_episodes, ranking.study.n_judging_episodes
    if tuning == judging:
        return []
    return [
        f"A tuning score rests on {count(tuning, 'episode')} per seed, a post-evaluation score on {judging}: part of "
        "the luck is that of few episodes."
    ]


def _spread(ranking: Ranking) -> list[str]:
    found = {STEADY: "less", ERRATIC: "more"}
    sentences = []
    for word, how in found.items():
        names = [row.name for row in ranking.rows if row.analysis.spread == word]
        if names:
            scatter = "its seeds scatter" if len(names) == 1 else "their seeds scatter"
            sentences.append(f"{word}: {listed(names)}; {scatter} {how} than those of the other trials.")
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
            f"The seeds of {row.name} fall in two groups: {groups.n_worse} of {row.analysis.n_seeds} in the worse one, "
            f"{span(*worse, decimals=decimals)}, the others {span(*better, decimals=decimals)}. Which of them a run "
            "gets is the luck."
        )
    return sentences


def _failures(ranking: Ranking) -> list[str]:
    table, sentences = ranking.found.scores, []
    for candidate, n_diverged, n_missing, scores in zip(
        ranking.found.candidates, table.n_diverged, table.n_missing, table.scores, strict=True
    ):
        if n_diverged:
            sentences.append(
                f"{n_diverged} of {count(len(scores), 'run')} of {candidate.name} diverged, each counted "
                f"as {number(table.diverged_score)}."
            )
        if n_missing:
            sentences.append(
                f"{count(n_missing, 'run')} of {candidate.name} missing: its numbers rest on {len(scores)}."
            )
    return sentences


def _constant(ranking: Ranking) -> list[str]:
    same = [row.name for row in ranking.rows if row.analysis.sd == 0.0]
    if not same:
        return []
    return [
        f"All runs of {listed(same)} gave one value: its interval says what was seen, not what is certain."
    ]


def _reliability(ranking: Ranking) -> tuple[str, ...]:
    analysis, sentences = ranking.analysis, []
    among = (
        (analysis.reliability, "among the trials"),
        (analysis.best_set_reliability, "within the best set"),
    )
    shares = [
        f"{_correlation(one)} {where}" for one, where in among if one is not None and one.low is not None
    ]
    if shares:
        sentences.append(
            f"Share of the variance of one seed's scores that tells configurations apart (ICC): {listed(shares)}. "
            "The rest is chance."
        )
    tau = analysis.tuning_agreement
    if tau is not None and tau.low is not None:
        sentences.append(
            f"The order of the tuning scores agrees with that of the means with Kendall's tau {_correlation(tau)}."
        )
    noise = analysis.noise
    if noise is not None and noise.evaluation_share > NOISY_EVALUATION:
        advised = (
            ""
            if noise.advised_episodes is None
            else f" {count(noise.advised_episodes, 'episode')} per seed would do."
        )
        sentences.append(
            f"{noise.evaluation_share:.0%} of a score's variance comes from the evaluation episodes, not from training."
            + advised
        )
    return tuple(sentences)


def _correlation(found: Correlation) -> str:
    if found.estimate is None:
        return "unknown"
    return f"{share(found.estimate)} {interval(found.low, found.high)}"


def _cautions(ranking: Ranking) -> list[str]:
    sentences = []
    few = [row.name for row in ranking.rows if row.analysis.n_seeds < FEW_SEEDS]
    if few:
        sentences.append(f"Fewer than {FEW_SEEDS} seeds for {listed(few)}: good for screening only.")
    if ranking.study.evaluation.starts == "common":
        sentences.append(
            "All runs were judged on the same start states. Comparisons are sharper for it, but every score shares one "
            "error that no number of seeds shows."
        )
    if ranking.study.post_evaluation.statistic == "iqm":
        sentences.append(
            "The ranked statistic, the IQM, ignores the worst quarter of the seeds: it says how good a run is that "
            "goes well, and is silent about those that fail."
        )
    return sentences
