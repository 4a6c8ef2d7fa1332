"""One run: all that determines a training and its evaluation, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, JsonValue, TypeAdapter
from pydantic.dataclasses import dataclass

from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.ids import canonical_json, config_id, content_id
from robusttune.declaration.space import STRICT
from robusttune.declaration.training import Training
from robusttune.seeds import Stage, stage_of


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RunSpec:
    """One training of one configuration with one seed, and its evaluation.

    Who trains it is no part of it: trainers differ in speed, not in what they do.

    Attributes
    ----------
    training : Training
        What is trained, without the hyperparameters that a study fixes.
    hyperparameters : mapping
        The configuration: real values; what is absent has its default.
    seed, evaluation_seed : int
        From `robusttune.seeds`; the first seeds the training, the second the evaluation environments.
    """

    training: Training
    hyperparameters: Mapping[str, JsonValue]
    evaluation: EvaluationSpec
    seed: int = Field(ge=0, lt=2**32)
    evaluation_seed: int = Field(ge=0, lt=2**32)

    @property
    def run_id(self) -> str:
        """Hash of all that determines the run. Keys that are None leave it as it was before there was such a key."""
        document = _RUN.dump_python(self, mode="json", exclude_none=True)
        return content_id({**document, "training": self.training.identity(document["training"])})

    @property
    def config_id(self) -> str:
        """Hash of the hyperparameters."""
        return config_id(self.hyperparameters)

    @property
    def stage(self) -> Stage:
        """The stage, which the seed tells."""
        return stage_of(self.seed)

    @property
    def total_timesteps(self) -> int:
        """Environment steps asked for, all environments together."""
        return self.training.timesteps(self.hyperparameters)

    def to_json(self) -> str:
        """Return the canonical JSON: sorted keys, no spaces."""
        return canonical_json(_RUN.dump_python(self, mode="json"))


_RUN = TypeAdapter(RunSpec)
