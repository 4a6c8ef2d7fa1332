"""Pruning decisions that depend on finished trials only.

A decision is made where the run is trained, on a copy of the study that holds the trials which had finished when
this one began. It needs no communication between processes, and does not depend on the progress of other trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from robusttune.declaration.tuning import TuningSpec
from robusttune.tuning.aggregation import aggregate
from robusttune.tuning.samplers import make_pruner


class PruningView:
    """One trial and the finished trials it is compared with; pickles, and serves as a run's `StopRule`.

    Parameters
    ----------
    study_name : str
        Hyperband assigns brackets by it.
    tuning : TuningSpec
    finished : sequence of FrozenTrial
        What the pruner may see.
    trial : FrozenTrial
        The trial itself.
    worst : float, optional
        What a diverged run counts as.
    """

    def __init__(
        self,
        study_name: str,
        tuning: TuningSpec,
        finished: Sequence[FrozenTrial],
        trial: FrozenTrial,
        *,
        worst: float | None = None,
    ) -> None:
        self._study_name = study_name
        self._tuning = tuning
        self._finished = tuple(finished)
        self._trial = trial
        self._worst = worst
        self._live: optuna.Trial | None = None

    def __call__(self, index: int, mean_returns: Sequence[float]) -> bool:
        """Report the aggregate of the runs that train together; return True to stop them."""
        value = self.value(mean_returns)
        return value is not None and self.report(index, value)

    def value(self, mean_returns: Sequence[float]) -> float | None:
        """Return the aggregate of the runs that train together; NaN stands for a run that has diverged."""
        scores = [mean if math.isfinite(mean) else None for mean in mean_returns]
        return aggregate(scores, self._tuning, worst=self._worst)

    def report(self, step: int, value: float) -> bool:
        """Report an intermediate value; return True if the trial should be pruned."""
        live = self._trial_in_view()
        live.report(value, step)
        return live.should_prune()

    def forget(self) -> None:
        """Discard all reports."""
        self._live = None

    def system_attributes(self) -> dict[str, Any]:
        """Return what the pruner noted about the trial (halving's rungs): later trials are compared with it."""
        live = self._trial_in_view()
        return dict(live.study.get_trials(deepcopy=False)[self._trial.number].system_attrs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_live": None}

    def _trial_in_view(self) -> optuna.Trial:
        if self._live is None:
            optuna.logging.set_verbosity(optuna.logging.WARNING)  # this may be a fresh worker process
            storage = InMemoryStorage()
            study = optuna.create_study(
                storage=storage,
                study_name=self._study_name,
                direction="maximize",
                pruner=make_pruner(self._tuning),
                sampler=optuna.samplers.RandomSampler(seed=0),
            )
            by_number = {trial.number: trial for trial in self._finished}
            # Numbers follow from the order of creation; trials that may not be seen leave an empty place.
            for number in range(self._trial.number):
                template = by_number.get(number) or create_trial(state=TrialState.WAITING)
                storage.create_new_trial(study._study_id, template_trial=template)
            own = create_trial(
                state=TrialState.RUNNING, params=self._trial.params, distributions=self._trial.distributions
            )
            trial_id = storage.create_new_trial(study._study_id, template_trial=own)
            self._live = optuna.Trial(study, trial_id)
        return self._live
