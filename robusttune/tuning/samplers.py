"""Samplers and pruners by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from robusttune.declaration.study import StudySpec
from robusttune.declaration.tuning import TuningSpec
from robusttune.errors import SpecError
from robusttune.seeds import sampler_seed, study_sampler_seed
from robusttune.tuning.hub import hub_class
from robusttune.tuning.noise import TrialNoise
from robusttune.tuning.parameters import distributions, grid

_PRUNERS: Mapping[str, Callable[..., BasePruner]] = {
    "none": optuna.pruners.NopPruner,
    "median": optuna.pruners.MedianPruner,
    "percentile": optuna.pruners.PercentilePruner,
    "halving": optuna.pruners.SuccessiveHalvingPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
    "wilcoxon": optuna.pruners.WilcoxonPruner,
}


KNOWS_NOISE = ("heteroscedastic-gp",)
"""Samplers that are told how noisy each trial is."""


def make_sampler(
    study: StudySpec, trial_number: int, trials: Callable[[], Sequence[FrozenTrial]] = tuple
) -> BaseSampler:
    """Return the sampler for one trial.

    A fresh one for each trial, seeded by the trial's number: what it suggests follows from the finished trials and
    the number alone, so that a resumed study asks what it would have asked.

    Parameters
    ----------
    study : StudySpec
    trial_number : int
    trials : callable
        Returns the trials of the search; asked when a sampler wants to know how noisy they are.

    Raises
    ------
    MissingDependencyError
        If the sampler is OptunaHub's and cannot be fetched from there.
    SpecError
        If Optuna refuses an option's value.
    """
    name = study.tuning.sampler
    options: dict[str, Any] = dict(study.tuning.sampler_options)
    seed = sampler_seed(study.root_seed, trial_number)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            match name:
                case "tpe":
                    return optuna.samplers.TPESampler(seed=seed, **options)
                case "random":
                    return optuna.samplers.RandomSampler(seed=seed)
                case "cmaes":
                    return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False, **options)
                case "gp":
                    return optuna.samplers.GPSampler(seed=seed, **options)
                case "qmc":
                    # One low-discrepancy sequence for the whole study: its seed must not change.
                    fixed = study_sampler_seed(study.root_seed)
                    return _QuasiRandom(study, trial_number, seed=fixed, **{"scramble": True, **options})
                case "grid":
                    return _Grid(grid(study.search_space), seed=study_sampler_seed(study.root_seed))
                case "auto":
                    return hub_class(name, "auto_sampler", "AutoSampler", instead="tpe")(seed=seed)
                case "heteroscedastic-gp":
                    kind = hub_class(name, "heteroscedastic_gp", "HeteroscedasticGPSampler", instead="gp")
                    return kind(seed=seed, noise_func=TrialNoise(trials), **options)
        except (TypeError, ValueError) as error:
            raise SpecError(
                f"tuning.sampler_options = {options}: Optuna refuses them for {name!r}: {error}"
            ) from None


def make_pruner(tuning: TuningSpec) -> BasePruner:
    """Return the pruner of a study.

    Raises
    ------
    SpecError
        If Optuna refuses an option's value.
    """
    options: dict[str, Any] = dict(tuning.pruner_options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            if tuning.pruner == "patient":
                return optuna.pruners.PatientPruner(optuna.pruners.MedianPruner(), **options)
            return _PRUNERS[tuning.pruner](**options)
        except (TypeError, ValueError) as error:
            raise SpecError(
                f"tuning.pruner_options = {options}: Optuna refuses them for {tuning.pruner!r}: {error}"
            ) from None


class _QuasiRandom(optuna.samplers.QMCSampler):
    """Takes the point of the sequence that the trial's number tells.

    Optuna counts the points in the study instead: there the first points of trials that begin together are equal, and
    a trial that is asked again after a crash gets another point.
    """

    def __init__(self, study: StudySpec, trial_number: int, **options: Any) -> None:
        super().__init__(**options)
        self._trial_number = trial_number
        self._space = {name: d for name, d in distributions(study.search_space).items() if not d.single()}

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._space

    def _find_sample_id(self, study: optuna.Study, search_space: dict[str, BaseDistribution]) -> int:
        return self._trial_number


class _Grid(optuna.samplers.GridSampler):
    """Visits every point once; a point whose trial failed is visited again. The study knows when all are done."""

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        pass  # Optuna's stops the loop of `study.optimize` here, which we do not use

    def _get_unvisited_grid_ids(self, study: optuna.Study) -> list[int]:
        trials = study.get_trials(deepcopy=False)
        visited = {t.system_attrs.get("grid_id") for t in trials if t.state is not TrialState.FAIL}
        return [index for index in range(len(self._all_grids)) if index not in visited]
