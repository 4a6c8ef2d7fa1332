"""The post-evaluation of a study: who is evaluated, on how many seeds, and how the answer is given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator
from pydantic.dataclasses import dataclass

from robusttune.declaration.allocation import MAX_CONFIRMATION_SEEDS, MAX_SEEDS, AllocationSpec
from robusttune.declaration.space import STRICT

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Control:
    """A configuration that is re-evaluated beside the best trials.

    Attributes
    ----------
    name : str
        Shown in tables: one line of printable characters.
    hyperparameters : mapping
        The whole configuration; what is absent has the algorithm's default. With `n_envs`, a number of training
        environments of its own, and with `total_timesteps` a length of its own, to see what a longer training would
        bring; in a study file both may also stand beside `hyperparameters`.
    reported_score : float, optional
        The score published for it; used in place of a tuning score.
    """

    name: str = Field(min_length=1, max_length=_LONGEST_NAME)
    hyperparameters: Mapping[str, JsonValue] = Field(default_factory=dict)
    reported_score: float | None = None

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not name.isprintable() or name != name.strip():
            raise ValueError(
                f"must be one line of printable characters without spaces at its ends, but got {name!r}."
            )
        return name

    @property
    def where(self) -> str:
        """Its place in the study, for messages."""
        return f"post_evaluation.controls[{self.name!r}].hyperparameters"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Configuration(Control):
    """A configuration that was found elsewhere, and is evaluated like a trial of the search.

    Attributes
    ----------
    name : str
        Shown in tables; without a search it may be called like a trial of the one that found it, `"trial 7"`.
    hyperparameters : mapping
        The whole configuration; what is absent has the algorithm's default.
    reported_score : float, optional
        The score that chose it; used as its tuning score.
    """

    @property
    def where(self) -> str:
        """Its place in the study, for messages."""
        return f"post_evaluation.configurations[{self.name!r}].hyperparameters"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PostEvaluationSpec:
    """How the best trials are evaluated again.

    Attributes
    ----------
    top_k : int
        Complete trials to re-run.
    select : {"top", "model", "mixed"}
        Which: those with the highest objective values; those that a model of all trials, whose neighbours speak for
        each other, holds best; or both lists in turn.
    n_seeds : int
        Fresh seeds for each of them and for each control, unless `allocation` shares them out otherwise.
    allocation : AllocationSpec
        Who gets how many seeds.
    seeds : {"fresh", "common"}
        Every configuration its own seeds, or the same for all. Seeds explain next to nothing of the noise between
        configurations (0.2 % on ARLBench's landscapes), so common seeds gain nothing; they are for other designs.
    n_episodes : int, optional
        Episodes of each evaluation in this stage; None takes `evaluation.n_episodes`.
    confirm : int
        Further seeds on which the recommended configuration is run after the ranking, so that its number comes from
        seeds that no selection has seen; 0 for none. They never enter the ranking.
    confirm_best_set : bool
        Confirm the whole best set, not the recommended configuration alone.
    default_control : bool, optional
        Also run the default configuration, which names no hyperparameter. None does so where what is trained has
        defaults: an algorithm has, a function or a command of your own is not assumed to.
    configurations : tuple of Configuration
        Configurations found elsewhere, to be evaluated like the best trials. A study that names them needs neither
        `[tuning]` nor `[search_space]`.
    controls : tuple of Control
        Further configurations to run. In a study file, `"rl-zoo"` in the list is what RL Zoo tuned for the algorithm
        and the environment, with its own number of environments and for as long as this study trains.
    confidence_level : float
        Of all intervals.
    statistic : {"mean", "iqm"}
        What is ranked.
    recommend : {"mean", "posterior"}
        Whom of the best set: the highest estimate, or the highest posterior mean, in which the model of all trials
        weighs in. Ranking, intervals and the number that is reported are the same, and without the model.
    indifference : float, optional
        Differences of at most this size, in score units, are practically equal.
    diverged_score : float, optional
        Score of a diverged run; None takes the worst score of the study.
    allow_missing : bool
        Rank even where crashed, failed or timed-out runs are missing; every table then says how many.
    """

    top_k: int = Field(default=6, ge=1)
    select: Literal["top", "model", "mixed"] = "top"
    n_seeds: int = Field(default=5, ge=1, le=MAX_SEEDS)
    allocation: AllocationSpec = Field(default_factory=AllocationSpec)
    seeds: Literal["fresh", "common"] = "fresh"
    n_episodes: int | None = Field(default=None, ge=1)
    confirm: int = Field(default=0, ge=0, le=MAX_CONFIRMATION_SEEDS)
    confirm_best_set: bool = False
    default_control: bool | None = None
    configurations: tuple[Configuration, ...] = ()
    controls: tuple[Control, ...] = ()
    confidence_level: float = Field(default=0.95, gt=0, lt=1)
    statistic: Literal["mean", "iqm"] = "mean"
    recommend: Literal["mean", "posterior"] = "mean"
    indifference: float | None = Field(default=None, ge=0)
    diverged_score: float | None = None
    allow_missing: bool = False

    def n_confirmation_runs(self, n_candidates: int) -> int:
        """Return how many runs confirm at most, as if the whole best set were all of them."""
        return self.confirm * (n_candidates if self.confirm_best_set else 1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [one.name for one in self.named]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"controls and configurations must have different names, but {name!r} appears twice."
                )
        for control in self.controls:
            if is_trial_name(control.name):
                raise ValueError(
                    f"a control may not be called like a trial of the search, but got {control.name!r}."
                )
        if self.recommend == "posterior" and self.statistic != "mean":
            raise ValueError(
                'recommend = "posterior" is about means, but got statistic = "iqm". Choose statistic = "mean", or '
                'recommend = "mean", which takes the highest estimate.'
            )
        if self.confirm_best_set and not self.confirm:
            raise ValueError(
                "confirm_best_set = true needs confirm, the seeds to confirm on, for example 10."
            )
        return self

    @property
    def named(self) -> tuple[Control, ...]:
        """All that is evaluated beside the trials of the search: configurations found elsewhere, then controls."""
        return (*self.configurations, *self.controls)


def is_trial_name(name: str) -> bool:
    """Return whether a name is one that trials have, or looks like one."""
    return re.fullmatch(r"trial\s*\d+", unicodedata.normalize("NFKC", name).casefold()) is not None
