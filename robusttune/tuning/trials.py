"""The trials of one search in Optuna's storage: asking, adopting, telling, recording."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from robusttune.declaration.ids import config_id
from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.study_runs import configuration, tuning_runs
from robusttune.results.interfaces import Store
from robusttune.results.records import RunStatus, TrialRecord, TrialState
from robusttune.tuning.noise import COUNTED
from robusttune.tuning.parameters import distributions, real_values, shown
from robusttune.tuning.pruning import PruningView
from robusttune.tuning.samplers import KNOWS_NOISE, make_pruner, make_sampler
from robusttune.tuning.task import TrialOutcome

_HYPERPARAMETERS = "hyperparameters"
_RUN_IDS = "run_ids"
_ERROR = "error"
_STATES = {
    OptunaState.COMPLETE: TrialState.COMPLETE,
    OptunaState.PRUNED: TrialState.PRUNED,
    OptunaState.FAIL: TrialState.FAILED,
    OptunaState.RUNNING: TrialState.RUNNING,
    OptunaState.WAITING: TrialState.RUNNING,
}
_NOTES_AT_END = ("cmaes", "auto")
"""Samplers that note in a trial's attributes which generation it belongs to."""
_OPTUNA_STATES = {TrialState.PRUNED: OptunaState.PRUNED, TrialState.FAILED: OptunaState.FAIL}


def optuna_study_name(study: StudySpec) -> str:
    """Return what a settled study's search is called in Optuna's storage."""
    return f"{study.name}-{study.tuning_id[:8]}"


class Trials:
    """One search: a study of Optuna's and the records of its trials in ours.

    Parameters
    ----------
    study : StudySpec
    storage : optuna.storages.BaseStorage
    store : Store
    """

    def __init__(self, study: StudySpec, storage: BaseStorage, store: Store) -> None:
        self._spec = study
        self._tuning_id = study.tuning_id  # a hash of the whole study
        self._storage = storage
        self._store = store
        self._distributions = distributions(study.search_space)
        self._worst: dict[int, float | None] = {}  # by finished trial, which stays as it is
        self._study = optuna.create_study(
            study_name=optuna_study_name(study),
            storage=storage,
            direction="maximize",
            load_if_exists=True,
            sampler=make_sampler(study, 0, self.all),
            pruner=make_pruner(study.tuning),
        )

    def all(self) -> list[FrozenTrial]:
        """Return all trials by number."""
        return self._study.get_trials(deepcopy=False)

    def running(self) -> list[FrozenTrial]:
        """Return the trials that have not been told."""
        return [trial for trial in self.all() if not trial.state.is_finished()]

    def n_finished(self) -> int:
        """Return how many trials are complete or pruned; a failed trial is made up for by another."""
        return sum(trial.state in (OptunaState.COMPLETE, OptunaState.PRUNED) for trial in self.all())

    def ask(self) -> FrozenTrial:
        """Return a new trial with its configuration."""
        # Not by `study.ask`, which samples before we do: once too often for samplers that keep count.
        trial_id = self._storage.create_new_trial(self._study._study_id)
        return self._suggest(self._storage.get_trial(trial_id))

    def adopt(self, number: int) -> FrozenTrial:
        """Return a trial whose worker has gone, with the configuration that it had or would have had."""
        trial = self._frozen(number)
        return trial if _HYPERPARAMETERS in trial.user_attrs else self._suggest(trial)

    def runs(self, trial: FrozenTrial, indices: range | None = None) -> tuple[RunSpec, ...]:
        """Return the runs that a trial begins with, or those at some indices among its seeds."""
        return tuning_runs(self._spec, trial.user_attrs[_HYPERPARAMETERS], trial.number, indices=indices)

    def mark(self, trial: FrozenTrial, key: str, value: Any) -> None:
        """Keep a note with a trial."""
        self._storage.set_trial_user_attr(trial._trial_id, key, value)

    def view(self, trial: FrozenTrial, *, before: int) -> PruningView | None:
        """Return what the pruner may see for a trial: trials that have finished, with numbers below `before`."""
        if self._spec.tuning.pruner == "none":
            return None
        finished, worst = self._finished(before), self.worst_score(before=before)
        return PruningView(self._study.study_name, self._spec.tuning, finished, trial, worst=worst)

    def worst_score(self, *, before: int) -> float | None:
        """Return the worst score of any run of the finished trials with numbers below `before`."""
        finished = self._finished(before)
        new = {t.number: t.user_attrs.get(_RUN_IDS, ()) for t in finished if t.number not in self._worst}
        results = self._store.results(run_id for run_ids in new.values() for run_id in run_ids)
        for number, run_ids in new.items():
            scores = [results[run_id].score for run_id in run_ids if run_id in results]
            self._worst[number] = min((s for s in scores if s is not None), default=None)
        known = [self._worst[t.number] for t in finished]
        return min((score for score in known if score is not None), default=None)

    def incumbent(self, *, before: int) -> float | None:
        """Return the highest objective value of the complete trials with numbers below `before`."""
        values = [t.value for t in self._finished(before) if t.state is OptunaState.COMPLETE]
        return max((value for value in values if value is not None), default=None)

    def tell(self, outcome: TrialOutcome, view: PruningView | None) -> TrialRecord:
        """End a trial, unless another process has done so, and return its record."""
        trial = self._frozen(outcome.number)
        if not trial.state.is_finished():
            if self._spec.tuning.sampler in _NOTES_AT_END:
                optuna.Trial(
                    self._study, trial._trial_id
                )  # asks the sampler once more, for nothing but its notes
            for step, value in outcome.reports:
                if step not in trial.intermediate_values:
                    self._storage.set_trial_intermediate_value(trial._trial_id, step, value)
            for key, value in view.system_attributes().items() if view is not None else ():
                self._storage.set_trial_system_attr(trial._trial_id, key, value)
            if outcome.error is not None:
                self.mark(trial, _ERROR, outcome.error)
            run_ids = [result.run_id for result in outcome.results]
            if trial.user_attrs[_RUN_IDS] != run_ids:  # more than it began with, or fewer
                self.mark(trial, _RUN_IDS, run_ids)
            if outcome.counted and self._spec.tuning.sampler in KNOWS_NOISE:
                self.mark(trial, COUNTED, list(outcome.counted))
            state = _OPTUNA_STATES.get(outcome.state)
            # A finished trial stays as it is: then another process was first.
            self._study.tell(outcome.number, outcome.objective_value, state=state, skip_if_finished=True)
        record = self.record(self._storage.get_trial(trial._trial_id))
        self._store.save_trial(self._tuning_id, record)
        return record

    def record(self, trial: FrozenTrial) -> TrialRecord:
        """Return our record of one of Optuna's trials."""
        hyperparameters = trial.user_attrs.get(_HYPERPARAMETERS, {})
        run_ids: Sequence[str] = trial.user_attrs.get(_RUN_IDS, ())
        results = self._store.results(run_ids)
        complete = trial.state is OptunaState.COMPLETE
        return TrialRecord(
            number=trial.number,
            config_id=config_id(hyperparameters),
            hyperparameters=hyperparameters,
            run_ids=tuple(run_ids),
            scores=tuple(results[run_id].score if run_id in results else None for run_id in run_ids),
            # A pruned trial has a value too, its last intermediate one, which must not pass for a score.
            objective_value=trial.value if complete else None,
            state=_STATES[trial.state],
            n_diverged=sum(result.status is RunStatus.DIVERGED for result in results.values()),
            error=trial.user_attrs.get(_ERROR),
        )

    def synchronize(self) -> None:
        """Bring our records up to Optuna's: a process may have been killed between the two."""
        known = {record.number: record.state for record in self._store.trials(self._tuning_id)}
        for trial in self.all():
            if known.get(trial.number) is not _STATES[trial.state]:
                self._store.save_trial(self._tuning_id, self.record(trial))

    def _suggest(self, trial: FrozenTrial) -> FrozenTrial:
        """Sample the configuration of a trial: a function of the study, the finished trials and the number.

        Samplers are asked directly: a trial that was cut off in the middle of its suggestions gets, all at once,
        those that it would have got.
        """
        number, trial_id = trial.number, trial._trial_id
        sampler = make_sampler(self._spec, number, self.all)
        self._study.sampler = sampler
        self._study._thread_local.cached_all_trials = (
            None  # as `study.ask` does: samplers read from this cache
        )
        blank = copy.copy(trial)
        blank.params, blank.distributions = {}, {}
        sampler.before_trial(self._study, blank)
        blank.system_attrs = self._storage.get_trial(trial_id).system_attrs  # with what the sampler noted
        space = sampler.infer_relative_search_space(self._study, blank)
        relative = sampler.sample_relative(self._study, blank, space)
        suggested: dict[str, Any] = {}
        for name, distribution in self._distributions.items():
            value = self._value(sampler, blank, name, distribution, relative)
            suggested[name] = value
            if name not in trial.params:
                internal = distribution.to_internal_repr(value)
                self._storage.set_trial_param(trial_id, name, internal, distribution)
        real = real_values(self._spec.search_space, suggested)
        hyperparameters = configuration(self._spec, real)
        for name, value in hyperparameters.items():
            if name not in suggested:
                self.mark(trial, name, shown(value))
        self.mark(trial, _RUN_IDS, [run.run_id for run in tuning_runs(self._spec, hyperparameters, number)])
        self.mark(trial, _HYPERPARAMETERS, shown(hyperparameters))  # last: the trial is now whole
        return self._storage.get_trial(trial_id)

    def _value(
        self,
        sampler: optuna.samplers.BaseSampler,
        trial: FrozenTrial,
        name: str,
        distribution: BaseDistribution,
        relative: dict[str, Any],
    ) -> Any:
        if name in relative:
            return relative[name]
        if distribution.single():
            return distribution.to_external_repr(distribution.to_internal_repr(_only_value(distribution)))
        return sampler.sample_independent(self._study, trial, name, distribution)

    def _finished(self, before: int) -> list[FrozenTrial]:
        return [trial for trial in self.all() if trial.number < before and trial.state.is_finished()]

    def _frozen(self, number: int) -> FrozenTrial:
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)
        return self._storage.get_trial(trial_id)


def _only_value(distribution: BaseDistribution) -> Any:
    choices = getattr(distribution, "choices", None)
    return choices[0] if choices else distribution.low  # type: ignore[attr-defined]
