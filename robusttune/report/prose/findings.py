"""What the data say beyond the answer: heading → sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.declaration.training.base import MAX_BUDGET_RATIO
from robusttune.report.prose import allocation, comparisons, luck, next_search, selection
from robusttune.report.prose.answer import FEW_SEEDS
from robusttune.report.prose.words import count, listed, number, share, share_interval

if TYPE_CHECKING:
    from robusttune.report.model import Ranking
    from robusttune.stats.luck.reliability import Correlation

CAUTIONS = "Before using these numbers"
NOISY_EVALUATION = 0.25  # share of a score's variance that comes from evaluation


def findings(ranking: Ranking) -> dict[str, tuple[str, ...]]:
    """Return the sentences of each heading that has any."""
    found = {
        "The configuration to use": _configuration(ranking),
        "Who was evaluated": selection.sentences(ranking),
        "Who is better": comparisons.sentences(ranking),
        "Luck of the tuning scores": luck.sentences(ranking),
        "Spread between seeds": (*luck.spread_sentences(ranking), *_failures(ranking), *_constant(ranking)),
        "What one seed tells": _reliability(ranking),
        next_search.HEADING: next_search.sentences(ranking),
        CAUTIONS: (
            *allocation.sentences(ranking),
            *_budgets(ranking),
            *_cautions(ranking),
        ),
    }
    return {heading: tuple(sentences) for heading, sentences in found.items() if sentences}


def _configuration(ranking: Ranking) -> tuple[str, ...]:
    row = ranking.row(ranking.analysis.recommended)
    if ranking.given is not None and not row.candidate.hyperparameters:
        return ()
    values = ", ".join(f"{name}={value!r}" for name, value in row.candidate.hyperparameters.items())
    return (f"{row.name}: `{values}`." if values else f"{row.name}: all hyperparameters at their defaults.",)


def _failures(ranking: Ranking) -> list[str]:
    table, sentences = ranking.found.scores, []
    for candidate, n_diverged, n_missing, scores in zip(
        ranking.found.candidates, table.n_diverged, table.n_missing, table.scores, strict=True
    ):
        if n_diverged:
            ended = "diverged" if ranking.given is None else "have no finite score"
            sentences.append(
                f"{n_diverged} of {count(len(scores), 'run')} of {candidate.name} {ended}, each counted "
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
        (
            analysis.reliability,
            "among the trials" if ranking.seed == "fresh seed" else "among the configurations",
        ),
        (analysis.best_set_reliability, "among those in the best set"),
    )
    shares = [
        f"{_correlation(one)} {where}" for one, where in among if one is not None and one.low is not None
    ]
    if shares:
        sentences.append(
            "Share of the variance between single runs that is due to the configuration (intraclass correlation, ICC): "
            f"{listed(shares)}. The rest is chance."
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
    if found.estimate is None or found.low is None or found.high is None:
        return "unknown"
    return f"{share(found.estimate)} {share_interval(found.low, found.high)}"


def _budgets(ranking: Ranking) -> list[str]:
    wanted = ranking.study.training
    trained = {  # a control that is meant to train longer is no surprise
        row.name: row.runs.timesteps
        for row in ranking.rows
        if row.runs.timesteps is not None
        and wanted.timesteps(row.candidate.hyperparameters) == wanted.total_timesteps
    }
    if not trained or max(trained.values()) <= MAX_BUDGET_RATIO * min(trained.values()):
        return []
    (least, fewest), (most, longest) = (
        choose(trained.items(), key=lambda item: item[1]) for choose in (min, max)
    )
    if ranking.given is not None:
        return [
            f"Budgets differ: the scores of {most} are of step {longest:,} and those of {least} of step {fewest:,}. "
            "Who trains longer has an advantage that the configuration does not explain."
        ]
    return [
        f"Budgets differ: {most} trained {longest:,} timesteps and {least} {fewest:,}, of "
        f"{ranking.study.training.total_timesteps:,} asked for, because rollouts are collected whole. Who trains "
        "longer has an advantage that the hyperparameters do not explain; `algorithm.exact_timesteps = true` makes "
        "budgets equal."
    ]


def _cautions(ranking: Ranking) -> list[str]:
    sentences = []
    few = [row.name for row in ranking.rows if row.analysis.n_seeds < FEW_SEEDS]
    if few:
        sentences.append(f"Fewer than {FEW_SEEDS} seeds for {listed(few)}: good for screening only.")
    if ranking.study.evaluation.starts == "common":
        sentences.append(
            "All runs were evaluated on the same start states. Comparisons are sharper for it, but every score shares "
            "one error that no number of seeds shows."
        )
    if ranking.study.post_evaluation.statistic == "iqm":
        sentences.append(
            "The ranked statistic, the IQM, ignores the worst quarter of the seeds: it says how good a run is that "
            "goes well, and is silent about those that fail. Its claims hold where the noise is skewed, and are "
            "somewhat fewer than those about the mean."
        )
    return sentences
