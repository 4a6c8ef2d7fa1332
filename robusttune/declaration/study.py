"""A whole study: what is tuned, how, and how the best trials are evaluated afterwards."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from robusttune.declaration._consistency import check_consistency
from robusttune.declaration.cluster import LOCAL, ClusterSpec, ExecutorName
from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.ids import content_id
from robusttune.declaration.messages import explain
from robusttune.declaration.post_evaluation import PostEvaluationSpec
from robusttune.declaration.space import STRICT, SearchSpace, n_grid_points
from robusttune.declaration.training import Training, from_tables, to_tables
from robusttune.declaration.training.base import AUTO, TrainerSpec
from robusttune.declaration.tuning import TuningSpec
from robusttune.errors import SpecError
from robusttune.seeds import MAX_ROOT


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ExecutionSpec:
    """How runs are carried out; changes no result.

    Attributes
    ----------
    trainer : {"auto", "sb3", "lockstep"}
        Who trains. `"lockstep"` trains many seeds at once, several times faster than `"sb3"` and seed for seed the same
        until rounding parts them; `"auto"` takes it where all runs of the study allow that. What is drawn
        and not trained has one trainer only.
    executor : {"local", "dask", "dask://host:port"}
        Where runs are carried out: in processes of this machine, through Dask in the jobs of `[cluster]` (without that
        table, on this machine), or by the workers of a Dask scheduler that is already there.
    run_timeout_s : float, optional
        A run that takes longer is stopped and counts as timed out. Needs at least one worker process.
    run_memory_mb : float, optional
        A run whose process, with all that it has started, holds more resident memory than this (as `top` shows it,
        looked at twice a second) is stopped and counts as crashed. Needs at least one worker process.
    max_attempts : int
        How often a crashed or timed-out run is tried in one invocation.
    save_models : {"none", "best", "post-evaluation"}
        Which trained policies are kept in `results/<study>/models/<configuration>/<seed>/`, as Stable-Baselines3's
        `model.zip` and, with normalisation, `vecnormalize.pkl`, beside a model card with what fresh seeds say of the
        configuration: those of all completed runs of the post-evaluation and the confirmation, or those of the
        recommended configuration alone. Who that is, only the end shows: until then the policies of all candidates
        are on the disk.
    tensorboard : str, optional
        Folder, from where the command is run, in which each finished run leaves event files of TensorBoard with its
        evaluation curve, score, configuration and seed, for TensorBoard's own page. Needs
        `robusttune[tensorboard]`.
    wandb : str, optional
        Project of Weights & Biases that gets the same; needs `robusttune[wandb]` and `wandb login`, or
        `WANDB_MODE=offline`. If it cannot be reached, the study goes on without it.
    """

    trainer: str = AUTO
    executor: ExecutorName = LOCAL
    run_timeout_s: float | None = Field(default=None, gt=0)
    run_memory_mb: float | None = Field(default=None, gt=0)
    max_attempts: int = Field(default=2, ge=1)
    save_models: Literal["none", "best", "post-evaluation"] = "none"
    tensorboard: str | None = Field(default=None, min_length=1)
    wandb: str | None = Field(default=None, min_length=1)

    @property
    def is_open(self) -> bool:
        """Whether the trainer is still to be chosen."""
        return self.trainer == AUTO


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class StudySpec:
    """A declared study, checked as a whole at construction.

    Attributes
    ----------
    name : str
        Letters, digits, `.`, `_` and `-`; names the results folder.
    training : Training
        What is trained. A study file declares it by its own tables: `[environment]` and `[algorithm]`, or
        `[function]`, or `[command]`, or `[synthetic]`, or `[tabular]`.
    search_space, tuning, evaluation, post_evaluation, execution, cluster
        See their types. Without `[tuning]` nothing is searched: the post-evaluation names what it evaluates.
    root_seed : int
        All seeds of the study follow from it.
    description : str
        For readers; shown in the report.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=120)
    training: Training
    tuning: TuningSpec = Field(default_factory=lambda: TuningSpec(n_trials=0))
    search_space: SearchSpace = Field(default_factory=SearchSpace)
    evaluation: EvaluationSpec = Field(default_factory=EvaluationSpec)
    post_evaluation: PostEvaluationSpec = Field(default_factory=PostEvaluationSpec)
    execution: ExecutionSpec = Field(default_factory=ExecutionSpec)
    cluster: ClusterSpec | None = None
    root_seed: int = Field(default=0, ge=0, le=MAX_ROOT)
    description: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_consistency(self)
        return self

    @property
    def n_trials(self) -> int | None:
        """How many finished trials are wanted; a grid has no more than its points. None if only a timeout ends it."""
        if self.tuning.sampler != "grid":
            return self.tuning.n_trials
        n_points = math.prod(n_grid_points(p) or 1 for p in self.search_space.parameters.values())
        return n_points if self.tuning.n_trials is None else min(self.tuning.n_trials, n_points)

    @property
    def n_candidates(self) -> int:
        """How many configurations are post-evaluated at most: the best trials and the controls."""
        post = self.post_evaluation
        n_trials = post.top_k if self.n_trials is None else min(post.top_k, self.n_trials)
        return n_trials + len(post.named) + self.has_default_control

    @property
    def searches(self) -> bool:
        """Whether there is a tuning stage; without one the post-evaluation names what it evaluates."""
        return self.n_trials != 0

    @property
    def has_default_control(self) -> bool:
        """Whether the default configuration is evaluated beside the best trials."""
        wanted = self.post_evaluation.default_control
        return self.training.HAS_DEFAULT if wanted is None else wanted

    @property
    def n_post_evaluation_episodes(self) -> int:
        """Evaluation episodes of a post-evaluation run."""
        return self.post_evaluation.n_episodes or self.evaluation.n_episodes

    @property
    def trainer(self) -> TrainerSpec:
        """Who trains; the study must be settled."""
        return self.training.trainer(self.execution.trainer)

    @property
    def tuning_id(self) -> str:
        """Id of all that determines the trials: studies that differ in it never share a trial.

        How many trials are wanted, who trains, and what happens afterwards is no part of it: a study grows. Keys that
        are None leave it as it was before there was such a key.

        Raises
        ------
        SpecError
            If the study is not settled.
        """
        if self.tuning.pruning_steps == AUTO:
            raise SpecError("tuning.pruning_steps = 'auto': must be settled first (pipeline.settle).")
        document = _STUDY.dump_python(self, mode="json", exclude_none=True)
        for key in ("name", "description", "post_evaluation", "execution", "cluster"):
            document.pop(key, None)
        for key in ("n_trials", "timeout_s"):
            document["tuning"].pop(key, None)
        return content_id({**document, "training": self.training.identity(document["training"])})

    def settled(self, trainer: TrainerSpec) -> StudySpec:
        """Return the study with nothing left open, to be trained by this trainer.

        Raises
        ------
        SpecError
            If the pruner is to be asked at evaluations which seeds reach together, and with this trainer they do not.
        """
        steps, tuning = self.tuning.pruning_steps, self.tuning
        if steps == AUTO:
            can_together = trainer.together and tuning.pruner != "wilcoxon" and self.has_evaluations
            steps = "evaluations" if can_together or not tuning.prunes_seeds else "seeds"
        if steps == "evaluations" and tuning.prunes_seeds and not trainer.together:
            raise SpecError(
                f"tuning.pruning_steps = 'evaluations': the trainer {trainer.name!r} trains the seeds of a trial one "
                "after the other, so they reach no evaluation together. Use pruning_steps = 'seeds'; with a name of "
                "its own, if the study has been run."
            )
        return dataclasses.replace(
            self,
            tuning=dataclasses.replace(tuning, pruning_steps=steps),
            execution=dataclasses.replace(self.execution, trainer=trainer.name),
        )

    @property
    def has_evaluations(self) -> bool:
        """Whether runs are evaluated before their end."""
        every = self.evaluation.every
        return every is not None and every < self.training.total_timesteps

    def to_dict(self) -> dict[str, Any]:
        """Return the study as plain JSON values, in the tables of a study file."""
        return to_tables(_STUDY.dump_python(self, mode="json"))

    def written(self) -> dict[str, Any]:
        """Return what differs from the defaults of this version, by field: all that was written on purpose."""
        document: dict[str, Any] = _STUDY.dump_python(self, mode="json", exclude_defaults=True)
        for name in self.training.FILLED:
            document["training"].pop(name, None)
        return document

    @staticmethod
    def from_dict(document: Mapping[str, Any]) -> StudySpec:
        """Return the study that a plain document declares.

        Raises
        ------
        SpecError
            One line per problem: place, rule, value received, nearest valid name.
        """
        _check_finite(document)
        try:
            # Through JSON text: there a list may become a tuple, while everything else stays strict.
            return _STUDY.validate_json(json.dumps(from_tables(document), default=str))
        except ValidationError as error:
            raise SpecError(explain(error, StudySpec)) from None


_STUDY = TypeAdapter(StudySpec)


def _check_finite(value: Any, *path: str) -> None:
    """JSON has no NaN and no infinity, and no setting can mean them."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SpecError(f"{'.'.join(path)} = {value}: must be a finite number.")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_finite(inner, *path, str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _check_finite(inner, *path, str(index))
