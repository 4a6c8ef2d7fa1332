"""A trial is believed to be the best only after as many seeds as the study asks for.

One seed's score that beats all others is lucky more often than not. Such a trial, a would-be incumbent, is run again
on further seeds, and all its seeds together decide. A trial that falls behind stays behind: the highest
objective value of a search rests on `incumbent_seeds` seeds, always.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from robusttune.declaration.run import RunSpec
from robusttune.declaration.tuning import TuningSpec
from robusttune.execution.tasks import Task
from robusttune.results.records import TrialState
from robusttune.tuning.task import TrialOutcome, ended, jobs


def proven(
    first: Task[TrialOutcome],
    tuning: TuningSpec,
    *,
    incumbent: float | None,
    worst: float | None,
    runs: Callable[[range], Sequence[RunSpec]],
    together: bool = False,
) -> Task[TrialOutcome]:
    """Return the task of a trial that is run again while it would be the best.

    Parameters
    ----------
    first : Task of TrialOutcome
        The trial on the seeds that every trial has; a pruner sees these only.
    tuning : TuningSpec
    incumbent : float, optional
        Highest objective value when the trial began; None if there was none.
    worst : float, optional
        What a diverged run counts as.
    runs : callable
        From indices among the seeds of the trial to runs.
    together : bool
        Whether the trainer takes many runs at once.
    """
    outcome = yield from first
    steps = [outcome]
    while _is_would_be(outcome, incumbent) and len(outcome.results) < tuning.max_seeds_per_trial:
        indices = _next_indices(len(outcome.results), tuning, incumbent)
        more = yield jobs(runs(indices), together=together, label=f"trial {outcome.number}")
        outcome = ended(outcome.number, [*outcome.results, *more], tuning, worst, outcome.reports)
        steps.append(outcome)
    return dataclasses.replace(outcome, note=_note(steps, incumbent)) if len(steps) > 1 else outcome


def _is_would_be(outcome: TrialOutcome, incumbent: float | None) -> bool:
    value = outcome.objective_value
    return value is not None and (incumbent is None or value > incumbent)


def _next_indices(n_seeds: int, tuning: TuningSpec, incumbent: float | None) -> range:
    """Return the seeds of the next round: as many again, or at once all where no value could end the rounds."""
    most = tuning.max_seeds_per_trial
    return range(n_seeds, most if incumbent is None else min(2 * n_seeds, most))


def _note(steps: Sequence[TrialOutcome], incumbent: float | None) -> str:
    """Return the way from the first value to the verdict."""
    *before, last = steps
    way = ", ".join(f"{step.objective_value:.4g} on {_seeds(step)}" for step in before)
    if last.state is not TrialState.COMPLETE:
        return f"would-be incumbent ({way}), a re-run failed"
    verdict = "believed" if _is_would_be(last, incumbent) else "not believed"
    return f"on {_seeds(last)}: would-be incumbent ({way}), {verdict}"


def _seeds(outcome: TrialOutcome) -> str:
    n_seeds = len(outcome.results)
    return f"{n_seeds} seed" if n_seeds == 1 else f"{n_seeds} seeds"
