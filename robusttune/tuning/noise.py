"""How noisy the objective value of a trial is, estimated from its seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from robusttune.stats.estimates.variance import shrink_variances

COUNTED = "counted_scores"
"""The scores that an objective value was made of, as a note with the trial in Optuna's storage."""


def noise_variances(scores: Sequence[Sequence[float]]) -> list[float]:
    """Return the noise variance of each trial's objective value.

    Parameters
    ----------
    scores : sequence of sequences of float
        By trial and seed; as they count, so that a diverged run has one too.

    Returns
    -------
    list of float
        s² / m for a trial of m seeds, in squared score units, with s² drawn towards the mean of all trials. Zero, for
        unknown, while no trial has two seeds.

    Notes
    -----
    This is the variance of the mean over independent seeds. It stands in for that of any other aggregation, and where
    all trials have the same seeds it says too much: what these seeds share does not set trials apart.
    """
    n_seeds = np.array([len(own) for own in scores])
    variance = np.array([np.var(own, ddof=1) if len(own) > 1 else 0.0 for own in scores])
    found: list[float] = (shrink_variances(variance, n_seeds - 1, otherwise=0.0) / n_seeds).tolist()
    return found


class TrialNoise:
    """Tells a sampler the noise variance of a complete trial, from all that are complete when it first asks.

    Parameters
    ----------
    trials : callable
        Returns the trials of the search.
    """

    def __init__(self, trials: Callable[[], Sequence[FrozenTrial]]) -> None:
        self._trials = trials
        self._variances: Mapping[int, float] | None = None

    def __call__(self, trial: FrozenTrial) -> float:
        """Return the noise variance of a trial's objective value."""
        if self._variances is None:
            complete = [t for t in self._trials() if t.state is TrialState.COMPLETE]
            variances = noise_variances([t.user_attrs[COUNTED] for t in complete])
            self._variances = {t.number: v for t, v in zip(complete, variances, strict=True)}
        return self._variances[trial.number]
