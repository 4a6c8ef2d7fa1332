"""How the seeds of the post-evaluation are divided among the configurations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from robusttune.declaration.space import STRICT
from robusttune.errors import SpecError

AllocationRule = Literal["fixed", "elimination", "ocba", "top-two", "halving"]

STAGES = (3, 5, 8, 12, 18, 25)
FIRST_SEEDS = 3
SEED_BLOCK = 2**10
"""Post-evaluation seeds that the seed layout reserves for each configuration, as one block."""
MAX_CONFIRMATION_SEEDS = 2**7
"""The last ones of the block confirm: no allocation can ever give them, whatever a study is edited into."""
MAX_SEEDS = SEED_BLOCK - MAX_CONFIRMATION_SEEDS
"""Seeds that an allocation can give one configuration."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    "fixed": (),
    "elimination": ("stages",),
    "ocba": ("budget", "first_seeds", "batch_size"),
    "top-two": ("budget", "first_seeds", "batch_size"),
    "halving": ("budget", "first_seeds"),
}


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AllocationSpec:
    """How many seeds each configuration gets, decided from round to round.

    Attributes
    ----------
    rule : {"fixed", "elimination", "ocba", "top-two", "halving"}
        `"fixed"` gives every configuration `n_seeds`. `"elimination"` drops what can no longer be the best after
        each stage. The others spend a budget on the question which is the best: `"ocba"` by the ratio of noise to
        distance, `"top-two"` by Thompson sampling, `"halving"` by keeping the better half.
    stages : tuple of int, optional
        For `"elimination"`: seeds that those still in the race have after each stage; 3, 5, 8, 12, 18, 25.
    budget : int, optional
        For `"ocba"`, `"top-two"`, `"halving"`: runs of all configurations together; as many as `"fixed"` would make.
    first_seeds : int, optional
        For the same: seeds for everybody before the first decision; 3.
    batch_size : int, optional
        For `"ocba"` and `"top-two"`: runs between two decisions; one per configuration.
    """

    rule: AllocationRule = "fixed"
    stages: tuple[int, ...] | None = None
    budget: int | None = Field(default=None, ge=1)
    first_seeds: int | None = Field(default=None, ge=2, le=MAX_SEEDS)
    batch_size: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key in ("stages", "budget", "first_seeds", "batch_size"):
            if getattr(self, key) is not None and key not in _KEYS[self.rule]:
                having = ", ".join(_KEYS[self.rule]) or "none; post_evaluation.n_seeds says how many"
                raise ValueError(f"{key}: rule = {self.rule!r} does not use it. It uses: {having}.")
        stages = self.stage_seeds
        if not stages or stages[0] < 2 or any(a >= b for a, b in itertools.pairwise(stages)):
            raise ValueError(
                f"stages = {list(stages)}: must begin with at least 2 seeds and increase, for example {list(STAGES)}."
            )
        if stages[-1] > MAX_SEEDS:
            raise ValueError(f"stages = {list(stages)}: must not exceed {MAX_SEEDS} seeds.")
        return self

    @property
    def is_adaptive(self) -> bool:
        """Whether scores decide who gets more seeds."""
        return self.rule != "fixed"

    @property
    def stage_seeds(self) -> tuple[int, ...]:
        """Seeds after each stage of an elimination."""
        return STAGES if self.stages is None else self.stages

    def n_first(self, n_configs: int, n_seeds: int) -> int:
        """Return how many seeds every configuration has before the first decision."""
        if self.rule == "fixed":
            return n_seeds
        if self.rule == "elimination":
            return self.stage_seeds[0]
        first = FIRST_SEEDS if self.first_seeds is None else self.first_seeds
        if self.rule == "halving":
            share = self.max_runs(n_configs, n_seeds) // (n_configs * n_halvings(n_configs))
            return min(max(first, share), MAX_SEEDS)
        return first

    def max_runs(self, n_configs: int, n_seeds: int) -> int:
        """Return the most runs that the post-evaluation can ask for."""
        if self.rule == "elimination":
            return n_configs * self.stage_seeds[-1]
        if self.rule == "fixed" or self.budget is None:
            return n_configs * n_seeds
        return self.budget

    def check_limits(self, n_configs: int, n_seeds: int) -> None:
        """Raise `SpecError` if the budget does not pay for the first seeds of all configurations."""
        if self.rule in ("fixed", "elimination"):
            return
        first = FIRST_SEEDS if self.first_seeds is None else self.first_seeds
        budget = self.max_runs(n_configs, n_seeds)
        if budget < first * n_configs:
            source = "" if self.budget is not None else " (n_seeds for each configuration)"
            raise SpecError(
                f"post_evaluation.allocation.budget = {budget}{source}: must be at least first_seeds * configurations "
                f"= {first} * {n_configs} = {first * n_configs}. Raise budget, or lower first_seeds or top_k."
            )


def n_halvings(n_configs: int) -> int:
    """Return the rounds after which keeping the better half leaves one configuration."""
    return max(1, math.ceil(math.log2(n_configs)))
