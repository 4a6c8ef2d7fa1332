"""The model of a study's search: who is proposed by it, and who is recommended with its help."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.encoding import encode
from robusttune.post_evaluation.smoothing import Smoothed, posterior_means, scale_of, smooth
from robusttune.results.records import TrialRecord, TrialState
from robusttune.stats.arrays import FloatArray

_TOLD = (TrialState.COMPLETE, TrialState.PRUNED)
_PRUNED_QUANTILE = 0.25
_DECIMALS = 4  # of z: what another processor rounds differently must not choose others


def told_values(trials: Sequence[TrialRecord]) -> tuple[list[TrialRecord], FloatArray]:
    """Return the trials that say something, by number, and what each is worth; none where no trial is complete."""
    told = [t for t in sorted(trials, key=lambda t: t.number) if t.state in _TOLD]
    known = [t.objective_value for t in told if t.objective_value is not None]
    if not known:
        return [], np.empty(0)
    behind = float(np.quantile(known, _PRUNED_QUANTILE))
    values = [behind if t.objective_value is None else t.objective_value for t in told]
    return told, np.array(values, dtype=float)


class SearchModel:
    """What all trials of a search say of each, by number.

    A diverged trial has the value that the search gave it. A pruned trial has none of its own: it was behind the
    middle of the others when it was stopped, and stands at the lower quartile of the complete ones. Failed trials say
    nothing.

    Parameters
    ----------
    study : StudySpec
    trials : sequence of TrialRecord
    """

    def __init__(self, study: StudySpec, trials: Sequence[TrialRecord]) -> None:
        told, values = told_values(trials)
        self._places = {t.number: i for i, t in enumerate(told)}
        self._smoothed: Smoothed | None = None
        if told:
            known = np.array([t.objective_value for t in told if t.objective_value is not None], dtype=float)
            scale = scale_of(known)
            encoded = encode(study.search_space, [t.hyperparameters for t in told])
            self._smoothed = None if scale is None else smooth(encoded, values, scale=scale)

    def __bool__(self) -> bool:
        """Return whether the search was long and varied enough to learn from."""
        return self._smoothed is not None

    def best_first(self, numbers: Sequence[int]) -> list[int]:
        """Return trials by posterior mean, best first; of equals the one that came first."""
        assert self._smoothed is not None
        means = dict(zip(self._places, np.round(self._smoothed.mean, _DECIMALS), strict=True))
        return sorted(numbers, key=lambda number: -means[number])

    def posterior(self, evaluated: Sequence[tuple[int | None, npt.ArrayLike]]) -> list[float]:
        """Return posterior means after fresh runs, on one scale.

        Parameters
        ----------
        evaluated : sequence of (trial number, array_like of shape (n_seeds_i,))
            Fresh scores. Without a number for what the search has not made: no neighbours speak for that, and its
            fresh mean stands.
        """
        assert self._smoothed is not None
        means = [float(self._smoothed.scale.z(scores).mean()) for _, scores in evaluated]
        of_trials = [i for i, (number, _) in enumerate(evaluated) if number is not None]
        places = np.array([self._places[evaluated[i][0] or 0] for i in of_trials], dtype=np.int64)
        found = posterior_means(self._smoothed, places, [evaluated[i][1] for i in of_trials])
        for i, mean in zip(of_trials, found, strict=True):
            means[i] = float(mean)
        return [round(mean, _DECIMALS) for mean in means]
