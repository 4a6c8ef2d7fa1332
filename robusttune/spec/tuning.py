"""The tuning stage of a study: trials, sampler, pruner, seeds per trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator
from pydantic.dataclasses import dataclass

from robusttune.spec._messages import did_you_mean
from robusttune.spec.space import STRICT

# What each sampler and pruner of Optuna may be told; its seed and the study's direction are ours to set.
SAMPLER_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "tpe": ("n_startup_trials", "n_ei_candidates", "multivariate", "group", "constant_liar"),
    "random": (),
    "cmaes": (
        "n_startup_trials",
        "sigma0",
        "popsize",
        "with_margin",
        "use_separable_cma",
        "consider_pruned_trials",
    ),
    "gp": ("n_startup_trials", "deterministic_objective"),
    "auto": (),
    "qmc": ("qmc_type", "scramble"),
    "grid": (),
}
PRUNER_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "median": ("n_startup_trials", "n_warmup_steps", "interval_steps", "n_min_trials"),
    "percentile": ("percentile", "n_startup_trials", "n_warmup_steps", "interval_steps", "n_min_trials"),
    "halving": ("min_resource", "reduction_factor", "min_early_stopping_rate", "bootstrap_count"),
    "hyperband": ("min_resource", "max_resource", "reduction_factor", "bootstrap_count"),
    "patient": ("patience", "min_delta"),
    "wilcoxon": ("p_threshold", "n_startup_steps"),
}

SamplerName = Literal["tpe", "random", "cmaes", "gp", "auto", "qmc", "grid"]
PrunerName = Literal["none", "median", "percentile", "halving", "hyperband", "patient", "wilcoxon"]
AggregationName = Literal["mean", "median", "iqm", "minimum", "lower-tail-mean", "mean-minus-sd"]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class TuningSpec:
    """How the search goes.

    Attributes
    ----------
    n_trials : int, optional
        Finished (complete or pruned) trials wanted in the study, all workers and resumptions together.
    timeout_s : float, optional
        No new trial begins after this many seconds, all invocations together.
    sampler, pruner : str
        Optuna's, by their short names.
    sampler_options, pruner_options : mapping
        Their arguments, by Optuna's names.
    seeds_per_trial : int
        Runs per trial; their scores become one objective value by `aggregation`.
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
        batches only. The study then repeats itself trial by trial whatever the number of workers.
    """

    n_trials: int | None = Field(default=None, ge=1)
    timeout_s: float | None = Field(default=None, gt=0)
    sampler: SamplerName = "tpe"
    sampler_options: Mapping[str, JsonValue] = Field(default_factory=dict)
    pruner: PrunerName = "none"
    pruner_options: Mapping[str, JsonValue] = Field(default_factory=dict)
    seeds_per_trial: int = Field(default=1, ge=1, le=1000)
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
        return self


def _check_options(
    key: str, owner: str, options: Mapping[str, JsonValue], known: Mapping[str, tuple[str, ...]]
) -> None:
    for name in options:
        if name not in known[owner]:
            having = ", ".join(known[owner]) or "none"
            raise ValueError(
                f"{key}.{name}: {owner!r} has no such option{did_you_mean(name, known[owner])}. It has: {having}."
            )
