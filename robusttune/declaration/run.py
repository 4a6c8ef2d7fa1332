"""One run: all that determines a training and its evaluation, and nothing else."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping

from pydantic import Field, JsonValue, TypeAdapter
from pydantic.dataclasses import dataclass

from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.ids import ID_LENGTH, canonical_json, config_id
from robusttune.declaration.space import STRICT
from robusttune.declaration.training import Training
from robusttune.seeds import Stage, stage_of


@dataclass(frozen=True, kw_only=True, config=STRICT)  # no slots: the id is made once
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

    @functools.cached_property
    def run_id(self) -> str:
        """Hash of all that determines the run. Keys that are None leave it as it was before there was such a key."""
        return run_ids(self, [(self.seed, self.evaluation_seed)])[0]

    @functools.cached_property
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


def run_ids(run: RunSpec, seeds: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    """Return the ids of runs that differ from this one at most in their (seed, evaluation seed)."""
    document = _RUN.dump_python(run, mode="json", exclude_none=True)
    document["training"] = run.training.identity(document["training"])
    # `content_id` of the document, of which all but two numbers is written, and its beginning hashed, once.
    texts = {key: canonical_json(value) for key, value in document.items()}
    # In this order; JSON text holds no such character.
    texts |= dict.fromkeys(("evaluation_seed", "seed"), "\0")
    whole = "{" + ",".join(f'"{key}":{text}' for key, text in sorted(texts.items())) + "}"
    begin, middle, end = whole.encode().split(b"\0")
    begun, found = hashlib.sha256(begin), []
    for seed, evaluation_seed in seeds:
        one = begun.copy()
        one.update(b"%d%b%d%b" % (evaluation_seed, middle, seed, end))
        found.append(one.hexdigest()[:ID_LENGTH])
    return tuple(found)


_RUN = TypeAdapter(RunSpec)
