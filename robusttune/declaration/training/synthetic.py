"""A truth that is known: runs are drawn from it, and nothing is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator
from pydantic.dataclasses import dataclass

from robusttune.declaration.ids import canonical_json
from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.post_evaluation import Control
from robusttune.declaration.space import STRICT, Categorical, SearchSpace, bounds
from robusttune.declaration.training.base import TrainerSpec, TrainingBase
from robusttune.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Effect:
    """What one hyperparameter does to the true mean and to the spread between seeds.

    Attributes
    ----------
    best : float, optional
        The value of a number at which nothing is lost; else `drop` times the squared distance is.
    drop : float
        Loss at distance 1; on the log scale, that is a factor of ten.
    scale : {"linear", "log"}
        The scale on which distances are measured.
    means : mapping
        In place of `best`, what each value adds to the mean: `{tanh = 0.0, relu = 5.0}`.
    sd_factors : mapping
        By what each value multiplies the SD between seeds; 1 where it is not named.
    absent : float
        What it adds to the mean of a configuration that does not name it, such as the default.
    """

    best: float | None = None
    drop: float = Field(default=1.0, ge=0)
    scale: Literal["linear", "log"] = "linear"
    means: Mapping[str, float] | None = None
    sd_factors: Mapping[str, float] = Field(default_factory=dict)
    absent: float = 0.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.best is None) == (self.means is None):
            raise ValueError("one of best and means is needed, and not both.")
        if self.scale == "log" and self.best is not None and self.best <= 0:
            raise ValueError(f"best = {self.best}: must be positive on the log scale.")
        for value, factor in self.sd_factors.items():
            if factor < 0:
                raise ValueError(f"sd_factors.{value} = {factor}: must not be negative.")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class SyntheticTraining(TrainingBase):
    """A known truth: every run is a draw from it, and nothing is trained.

    Attributes
    ----------
    total_timesteps : int
        Length of one run; `evaluation.every` counts in it.
    hyperparameters : mapping
        Fixed for all trials; the search space must not repeat them.
    mean : float
        True mean of a configuration with no loss.
    sd : float
        SD between seeds.
    skewness : float
        Of the noise between seeds; negative has its long tail towards bad runs.
    effects : mapping
        Hyperparameter → what it does.
    p_failing, failing_mean : float
        Probability that a seed fails to learn, and the mean of those that do; it counts in the true mean.
    p_diverged : float
        Probability that a run diverges.
    episode_sd : float
        SD between the episodes of one evaluation.
    start : float, optional
        Mean before training, where learning curves begin; without it they are flat.
    half_life : float
        Fraction of training after which half of the way from `start` is done.
    """

    TABLES: ClassVar[tuple[str, ...]] = ("synthetic",)
    TRAINERS: ClassVar[tuple[TrainerSpec, ...]] = (
        TrainerSpec(name="synthetic", module="robusttune.training.synthetic"),
    )
    IN_MEMORY: ClassVar[bool] = True

    kind: Literal["synthetic"] = "synthetic"
    total_timesteps: int = Field(default=1000, ge=1)
    hyperparameters: Mapping[str, JsonValue] = Field(default_factory=dict)
    mean: float = 0.0
    sd: float = Field(default=1.0, ge=0)
    skewness: float = 0.0
    effects: Mapping[str, Effect] = Field(default_factory=dict)
    p_failing: float = Field(default=0.0, ge=0, le=1)
    failing_mean: float = 0.0
    p_diverged: float = Field(default=0.0, ge=0, le=1)
    episode_sd: float = Field(default=0.0, ge=0)
    start: float | None = None
    half_life: float = Field(default=0.25, gt=0)

    @property
    def title(self) -> str:
        """What the runs are drawn from."""
        return "A declared truth"

    def check(self, space: SearchSpace, controls: Sequence[Control]) -> None:
        """Raise `SpecError` if an effect is of nothing, or cannot be read off a value; of a range, off its ends."""
        fixed = [self.hyperparameters, *(control.hyperparameters for control in controls)]
        known = dict.fromkeys(name for table in (*fixed, space.parameters) for name in table)
        for name, effect in self.effects.items():
            if name not in known:
                raise SpecError(
                    f"synthetic.effects.{name}: no configuration of the study names {name!r}"
                    f"{did_you_mean(name, known)}. Search it, fix it, or remove its effect."
                )
            values = [table[name] for table in fixed if name in table]
            if name in space.parameters:
                parameter = space.parameters[name]
                values += parameter.choices if isinstance(parameter, Categorical) else bounds(parameter) or ()
            for value in values:
                gain(name, effect, value)

    def snippet(self, hyperparameters: Mapping[str, JsonValue]) -> str:
        """Return the configuration: there is nothing to train."""
        return f"hyperparameters = {dict(hyperparameters)!r}  # runs were drawn, not trained"


@plain_dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Of one configuration: mean and SD of seeds that learn, and the mean of all seeds that do not diverge."""

    learning_mean: float
    sd: float
    mean: float


def truth_of(synthetic: SyntheticTraining, hyperparameters: Mapping[str, JsonValue]) -> Truth:
    """Return the truth of a configuration.

    Parameters
    ----------
    synthetic : SyntheticTraining
    hyperparameters : mapping
        The configuration.

    Raises
    ------
    SpecError
        If an effect cannot be read off a value.
    """
    mean, sd = synthetic.mean, synthetic.sd
    for name, effect in synthetic.effects.items():
        if name not in hyperparameters:
            mean += effect.absent
            continue
        value = hyperparameters[name]
        mean += gain(name, effect, value)
        sd *= effect.sd_factors.get(_key(value), 1.0)
    share = synthetic.p_failing
    return Truth(learning_mean=mean, sd=sd, mean=(1.0 - share) * mean + share * synthetic.failing_mean)


def gain(name: str, effect: Effect, value: JsonValue) -> float:
    """Return what a hyperparameter's value adds to the mean; see `truth_of`."""
    where = f"synthetic.effects.{name}"
    if effect.means is not None:
        if _key(value) not in effect.means:
            listed = ", ".join(effect.means)
            raise SpecError(f"{where}.means: has no entry for {_key(value)}, only for {listed}. Add it.")
        return effect.means[_key(value)]
    assert effect.best is not None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(
            f"{where}.best: {name} = {value!r} is no number. Give `means` for each of its values."
        )
    if effect.scale == "linear":
        return -effect.drop * (value - effect.best) ** 2
    if value <= 0:
        raise SpecError(f"{where}.scale = 'log': {name} = {value!r} must be positive. Use scale = 'linear'.")
    return -effect.drop * math.log10(value / effect.best) ** 2


def _key(value: JsonValue) -> str:
    return value if isinstance(value, str) else canonical_json(value)
