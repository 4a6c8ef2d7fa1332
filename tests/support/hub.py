"""A stand-in for OptunaHub, and whether the real one has what is wanted."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution
from optuna.samplers import RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import FrozenTrial, TrialState

from robusttune.errors import MissingDependencyError
from robusttune.tuning.hub import hub_class
from tests.support.studies import noise


class LedByNoise(RandomSampler):
    """Suggests what follows from all the noise variances that it is told, and from nothing else."""

    made: list[LedByNoise]

    def __init__(self, *, seed: int, noise_func: Callable[[FrozenTrial], float], **options: Any) -> None:
        super().__init__(seed=seed)
        self.seed, self.noise_func, self.options = seed, noise_func, options
        self.told: list[tuple[int, float]] = []
        self.made.append(self)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return IntersectionSearchSpace().calculate(study)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        self.told = [(t.number, self.noise_func(t)) for t in complete]
        random = RandomSampler(seed=int(noise(self.told, trial.number) * 2**32))
        return {n: random.sample_independent(study, trial, n, d) for n, d in search_space.items()}


def install(monkeypatch: pytest.MonkeyPatch, load_module: Callable[[str], Any]) -> None:
    """Put a loader in the place of OptunaHub's."""
    monkeypatch.setitem(sys.modules, "optunahub", SimpleNamespace(load_module=load_module))


def stand_in(monkeypatch: pytest.MonkeyPatch) -> Sequence[LedByNoise]:
    """Let the stand-in be what OptunaHub has; return all that will be made, in that order."""
    made: list[LedByNoise] = []
    kind = type("Noted", (LedByNoise,), {"made": made})
    packages = {"samplers/heteroscedastic_gp": SimpleNamespace(HeteroscedasticGPSampler=kind)}
    install(monkeypatch, packages.__getitem__)
    return made


@functools.cache
def has_heteroscedastic_gp() -> bool:
    """Whether OptunaHub's cache holds the package and it imports; nothing is fetched."""
    try:
        from optunahub import _conf
    except ImportError:
        return False
    cache = Path(_conf.cache_home()) / "github.com" / "optuna" / "optunahub-registry" / "main"
    if not (cache / "package" / "samplers" / "heteroscedastic_gp").exists():
        return False
    try:
        hub_class("heteroscedastic-gp", "heteroscedastic_gp", "HeteroscedasticGPSampler", instead="gp")
    except MissingDependencyError:
        return False
    return True


needs_heteroscedastic_gp = pytest.mark.skipif(
    not has_heteroscedastic_gp(),
    reason="OptunaHub's samplers/heteroscedastic_gp is not there or does not import",
)
