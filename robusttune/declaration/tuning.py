"""The tuning stage of a study: trials, sampler, pruner, seeds per trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator
from pydantic.dataclasses import dataclass

from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.space import STRICT

# What each sampler and pruner of Optuna may be told; its seed and the study's direction are ours to set.
SAMPLER_OPTIONS: Mapping[str, Mapping[str, type]] = {
    "tpe": {
        "n_startup_trials": int,
        "n_ei_candidates": int,
        "multivariate": bool,
        "group": bool,
        "constant_liar": bool,
    },
    "random": {},
    "cmaes": {
        "n_startup_trials": int,
        "sigma0": float,
        "popsize": int,
        "with_margin": bool,
        "use_separable_cma": bool,
        "consider_pruned_trials": bool,
    },
    "gp": {"n_startup_trials": int, "deterministic_objective": bool},
    "heteroscedastic-gp": {"n_startup_trials": int, "deterministic_objective": bool},
    "auto": {},
    "qmc": {"qmc_type": str, "scramble": bool},
    "grid": {},
}
_MEDIAN = {"n_startup_trials": int, "n_warmup_steps": int, "interval_steps": int, "n_min_trials": int}
PRUNER_OPTIONS: Mapping[str, Mapping[str, type]] = {
    "none": {},
    "median": _MEDIAN,
    "percentile": {"percentile": float, **_MEDIAN},
    "halving": {
        "min_resource": int,
        "reduction_factor": int,
        "min_early_stopping_rate": int,
        "bootstrap_count": int,
    },
    "hyperband": {"min_resource": int, "max_resource": int, "reduction_factor": int, "bootstrap_count": int},
    "patient": {"patience": int, "min_delta": float},
    "wilcoxon": {"p_threshold": float, "n_startup_steps": int},
}
_TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}

SamplerName = Literal["tpe", "random", "cmaes", "gp", "heteroscedastic-gp", "auto", "qmc", "grid"]
PrunerName = Literal["none", "median", "percentile", "halving", "hyperband", "patient", "wilcoxon"]
AggregationName = Literal["mean", "median", "iqm", "minimum", "lower-tail-mean", "mean-minus-sd"]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class TuningSpec:
    """How hyperparameters are searched.

    Attributes
    ----------
    n_trials : int, optional
        Finished (complete or pruned) trials wanted in the study, all workers and resumptions together; 0 searches
        nothing.
    timeout_s : float, optional
        No new trial begins after this many seconds, all invocations together.
    sampler : str
        Optuna's, by their short names. `"heteroscedastic-gp"` and `"auto"` are OptunaHub's: they need
        `pip install robusttune[hub]` and come from GitHub at first use. `"heteroscedastic-gp"` is `"gp"` that is told
        the noise variance of each objective value: the variance between the trial's seeds, drawn towards the mean of
        all trials, over the number of seeds; unknown while no trial has two. What `"gp"` estimates comes on top, unless
        `deterministic_objective` is set. It ignores trials that run in parallel, and as published for
        Optuna 4 it does not import with Optuna 5: the study then stops before its first run and says so.
    pruner : str
        Optuna's, by their short names.
    sampler_options, pruner_options : mapping
        Their arguments, by Optuna's names.
    pruning_steps : {"auto", "evaluations", "seeds"}
        Where a trial has several seeds, when the pruner is asked: at each evaluation that all of them reach together,
        about their aggregate there; or after each seed, about the aggregate of those so far. The first needs a trainer
        that trains them side by side; `"auto"` is the first where the trainer, the pruner and `evaluation.every` allow
        it when the study first runs, and stays what it was then.
    seeds_per_trial : int
        Runs per trial; their scores become one objective value by `aggregation`.
    incumbent_seeds : int, optional
        Seeds after which a trial is believed. One that beats all finished trials is run again, on twice as many seeds
        each time, as long as its objective value over all of them still beats theirs; then that value counts. A pruner
        sees the first seeds only.
    seeds : {"fresh", "common"}
        Every trial its own seeds, or the same for all.
    aggregation : str
        `"mean"`, `"median"`, `"iqm"`, `"minimum"`, `"lower-tail-mean"` (mean of the worst `tail_fraction`) or
        `"mean-minus-sd"` (mean − `sd_penalty` · standard deviation).
    tail_fraction : float
        For `"lower-tail-mean"`.
    sd_penalty : float
        For `"mean-minus-sd"`.
    batch_size : int, optional
        Ask this many trials, run them on any number of workers, tell them in order; a pruner sees finished
        batches only. The study then repeats itself trial by trial whatever the number of workers. In lockstep,
        trials of one batch whose runs are alike enough train together, which costs less.
    """

    n_trials: int | None = Field(default=None, ge=0)
    timeout_s: float | None = Field(default=None, gt=0)
    sampler: SamplerName = "tpe"
    sampler_options: Mapping[str, JsonValue] = Field(default_factory=dict)
    pruner: PrunerName = "none"
    pruner_options: Mapping[str, JsonValue] = Field(default_factory=dict)
    pruning_steps: Literal["auto", "evaluations", "seeds"] = "auto"
    seeds_per_trial: int = Field(default=1, ge=1, le=1000)
    incumbent_seeds: int | None = Field(default=None, ge=1, le=1000)
    seeds: Literal["fresh", "common"] = "fresh"
    aggregation: AggregationName = "mean"
    tail_fraction: float = Field(default=0.25, gt=0, le=1)
    sd_penalty: float = Field(default=1.0, ge=0)
    batch_size: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.n_trials is None and self.timeout_s is None:
            raise ValueError("one of n_trials and timeout_s is needed, otherwise the search never ends.")
        _check_options("sampler_options", self.sampler, self.sampler_options, SAMPLER_OPTIONS)
        _check_options("pruner_options", self.pruner, self.pruner_options, PRUNER_OPTIONS)
        if self.pruner == "percentile" and "percentile" not in self.pruner_options:
            raise ValueError("pruner = 'percentile' needs pruner_options.percentile, for example 25.0.")
        if self.pruner == "patient" and "patience" not in self.pruner_options:
            raise ValueError(
                "pruner = 'patient' needs pruner_options.patience, the evaluations to wait, for example 2."
            )
        if self.pruner == "wilcoxon" and self.seeds_per_trial < 2:
            raise ValueError(
                "pruner = 'wilcoxon' compares trials seed by seed and needs seeds_per_trial >= 2, "
                f"but got {self.seeds_per_trial}; 'median' prunes single-seed trials."
            )
        if self.seeds_per_trial == 1 and self.aggregation == "mean-minus-sd":
            raise ValueError(
                "aggregation = 'mean-minus-sd' needs seeds_per_trial >= 2: one seed has no standard deviation."
            )
        self._check_pruning_steps()
        self._check_incumbents()
        return self

    @property
    def prunes_seeds(self) -> bool:
        """Whether a pruner decides on trials of several seeds."""
        return self.pruner != "none" and self.seeds_per_trial > 1

    @property
    def max_seeds_per_trial(self) -> int:
        """How many runs a trial has at most; that many seeds are reserved for each."""
        return self.seeds_per_trial if self.incumbent_seeds is None else self.incumbent_seeds

    def _check_pruning_steps(self) -> None:
        if self.pruning_steps == "seeds" and not self.prunes_seeds:
            raise ValueError(
                "pruning_steps = 'seeds' needs a pruner and seeds_per_trial >= 2, but got "
                f"pruner = {self.pruner!r} and seeds_per_trial = {self.seeds_per_trial}. Leave it out."
            )
        if self.pruning_steps == "evaluations" and self.pruner == "wilcoxon":
            raise ValueError(
                "pruner = 'wilcoxon' compares trials seed by seed and needs pruning_steps = 'seeds', but got "
                "'evaluations'. Leave it out."
            )

    def _check_incumbents(self) -> None:
        if self.incumbent_seeds is None:
            return
        if self.incumbent_seeds <= self.seeds_per_trial:
            raise ValueError(
                "`incumbent_seeds > seeds_per_trial` must hold, but got "
                f"{self.incumbent_seeds} and {self.seeds_per_trial}. Leave incumbent_seeds out to run no trial again."
            )
        if self.pruner == "wilcoxon":
            raise ValueError(
                "pruner = 'wilcoxon' compares trials with the best one seed by seed and needs incumbent_seeds left "
                f"out, but got {self.incumbent_seeds}: a re-run trial is the best by seeds that no other trial has. "
                "'median' prunes beside incumbent_seeds."
            )


def _check_options(
    key: str, owner: str, options: Mapping[str, JsonValue], known: Mapping[str, Mapping[str, type]]
) -> None:
    for name, value in options.items():
        if name not in known[owner]:
            having = ", ".join(known[owner]) or "none"
            raise ValueError(
                f"{key}.{name}: {owner!r} has no such option{did_you_mean(name, known[owner])}. It has: {having}."
            )
        wanted = known[owner][name]
        fits = isinstance(value, int | float) if wanted is float else isinstance(value, wanted)
        if not fits or (isinstance(value, bool) and wanted is not bool):
            raise ValueError(f"{key}.{name} = {value!r}: must be {_TYPE_NAMES[wanted]}.")
