"""Results whose runs all have a score, and the limits of what can be compared."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from robusttune.errors import StudyError
from robusttune.interop.runs import GivenConfiguration
from robusttune.post_evaluation.select import Candidate
from robusttune.report.model import Runs

MAX_CONFIGURATIONS, MAX_METHODS, MAX_SEEDS = 100, 30, 2000
"""All pairs are compared, on several tasks by resampling: more would take hours and tell nobody anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A configuration whose runs all have a score, those that diverged the one that the policy gives them."""

    given: GivenConfiguration
    scores: tuple[float, ...]
    n_diverged: int
    worst: float


def known_scores(
    task: str, configurations: tuple[GivenConfiguration, ...], diverged_score: float | None, minimize: bool
) -> tuple[Scored, ...]:
    """Return the configurations of a task with a score for every run.

    Parameters
    ----------
    task : str
        For messages; empty where there is one.
    configurations : tuple of GivenConfiguration
    diverged_score : float, optional
        What a run without a score counts as, in the units of the table; None takes the worst score of the task.
    minimize : bool
        Whether the sign of the scores was turned.

    Raises
    ------
    StudyError
        If there is no finite score, or too much or too little to compare.
    """
    where = f" on {task}" if task else ""
    known = [score for one in configurations for score in one.scores if score is not None]
    if not known:
        raise StudyError(f"There is nothing to compare{where}: no run has a finite score.")
    if len(configurations) > MAX_CONFIGURATIONS:
        raise StudyError(
            f"There are {len(configurations):,} configurations{where}, and every two are compared: at most "
            f"{MAX_CONFIGURATIONS}. Leave those out that were never in question, by anything but these scores; if the "
            "column that names configurations is another one, say `configuration`."
        )
    longest = max(configurations, key=lambda one: len(one.seeds))
    if len(longest.seeds) > MAX_SEEDS:
        raise StudyError(
            f"{longest.name} has {len(longest.seeds):,} seeds{where}: at most {MAX_SEEDS:,}. If rows are episodes or "
            "steps of fewer runs, name their columns with `seed`, `episode` and `step`."
        )
    if all(len(one.seeds) == 1 for one in configurations):
        raise StudyError(
            f"Every configuration has a single seed{where}, which shows no noise between seeds: nothing can be told "
            "apart. Run each on further seeds, five at least."
        )
    worst = min(known) if diverged_score is None else (-diverged_score if minimize else diverged_score)
    return tuple(
        Scored(
            given=one,
            scores=tuple(worst if score is None else score for score in one.scores),
            n_diverged=sum(score is None for score in one.scores),
            worst=worst,
        )
        for one in configurations
    )


def candidates_of(configurations: tuple[Scored, ...], controls: Collection[str]) -> tuple[Candidate, ...]:
    """Return the configurations; where some were tuned, those without a tuning score are controls."""
    some_tuned = any(one.given.tuning_score is not None for one in configurations)
    found = []
    for number, one in enumerate(configurations):
        name, score = one.given.name, one.given.tuning_score
        is_control = name in controls or (some_tuned and score is None)
        found.append(
            Candidate(
                name=name,
                config_id=name,
                hyperparameters=dict(one.given.hyperparameters),
                tuning_score=score,
                tuning_scores=() if score is None else (score,),
                trial_number=None if is_control else number,
                is_control=is_control,
            )
        )
    return tuple(found)


def runs_of(one: Scored) -> Runs:
    """Return the runs of a configuration as the report shows them."""
    return Runs(
        seeds=one.given.seeds,
        scores=one.scores,
        n_diverged=one.n_diverged,
        n_missing=0,
        timesteps=one.given.step,
    )
