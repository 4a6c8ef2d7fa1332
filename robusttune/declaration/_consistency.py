"""Rules that hold between the parts of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robusttune.declaration.post_evaluation import is_trial_name
from robusttune.declaration.space import n_grid_points
from robusttune.errors import SpecError
from robusttune.seeds import MAX_RUNS

if TYPE_CHECKING:
    from robusttune.declaration.study import StudySpec


def check_consistency(study: StudySpec) -> None:
    """Raise `SpecError` at the first rule between parts of the study that is broken."""
    _check_search(study)
    study.training.check(study.search_space, study.post_evaluation.named)
    if not study.execution.is_open:
        study.training.trainer(study.execution.trainer)
    if study.execution.save_models != "none" and not study.training.SAVES_POLICIES:
        raise SpecError(
            f"execution.save_models = {study.execution.save_models!r}: {study.training.title} leaves no policy that "
            "robusttune knows how to save. Leave it out; what is trained may save what it likes itself."
        )
    _check_fixed(study)
    _check_pruning(study)
    _check_seeds(study)
    _check_grid(study)
    _check_recommendation(study)
    if study.has_default_control and any(c.name == "default" for c in study.post_evaluation.named):
        raise SpecError(
            "post_evaluation: a control may not be called 'default' while default_control = true."
        )
    study.post_evaluation.allocation.check_limits(study.n_candidates, study.post_evaluation.n_seeds)


def _check_search(study: StudySpec) -> None:
    """Something must be evaluated: trials of a search, or configurations by name."""
    if study.searches:
        for one in study.post_evaluation.configurations:
            if is_trial_name(one.name):
                raise SpecError(
                    f"post_evaluation.configurations: {one.name!r} is the name of a trial of this study's own search. "
                    "Give it another name."
                )
        return
    if not study.post_evaluation.named:
        raise SpecError(
            "tuning.n_trials = 0: makes no trial, like a study without the table [tuning]; only one whose "
            "post_evaluation.configurations or controls name what is evaluated does without a search."
        )
    if study.search_space.parameters:
        raise SpecError(
            f"search_space.parameters: nothing searches {', '.join(study.search_space.parameters)}. Add [tuning] with "
            "n_trials, or remove them."
        )


def _check_fixed(study: StudySpec) -> None:
    table = study.training.table
    for key in study.search_space.parameters:
        if key in study.training.hyperparameters:
            raise SpecError(
                f"{key} is both fixed ({table}.hyperparameters) and searched (search_space.parameters): "
                "remove one of them."
            )


def _check_pruning(study: StudySpec) -> None:
    tuning, every, total = study.tuning, study.evaluation.every, study.training.total_timesteps
    table = study.training.table
    if every is not None and not study.training.HAS_EVALUATIONS:
        raise SpecError(
            f"evaluation.every = {every}: a {study.training.kind} has its score when it has ended. Leave it out."
        )
    if every is not None and every > total:
        raise SpecError(
            f"evaluation.every = {every}: must not exceed {table}.total_timesteps = {total}; leave it out to "
            "evaluate after training only."
        )
    can_evaluate = study.training.HAS_EVALUATIONS
    earlier = f"Set evaluation.every below {table}.total_timesteps, or " if can_evaluate else "Set "
    if tuning.pruner != "none" and tuning.seeds_per_trial == 1 and not study.has_evaluations:
        between = "" if can_evaluate else "tuning.seeds_per_trial to 2 or more, to prune between seeds, or "
        raise SpecError(
            f"tuning.pruner = {tuning.pruner!r}: a pruner needs intermediate values, but there is one seed per trial "
            f"and evaluation.every = {every} gives none before the end. {earlier}{between}pruner = 'none'."
        )
    if tuning.pruning_steps == "evaluations" and tuning.prunes_seeds and not study.has_evaluations:
        raise SpecError(
            f"tuning.pruning_steps = 'evaluations': evaluation.every = {every} gives none before the end. "
            f"{earlier}pruning_steps = 'seeds'."
        )


def _check_seeds(study: StudySpec) -> None:
    """Every trial has seeds of its own, whether it comes to need them or not."""
    tuning, n_trials = study.tuning, study.n_trials
    n_each = tuning.max_seeds_per_trial
    if tuning.seeds == "common" or n_trials is None or n_trials * n_each <= MAX_RUNS:
        return
    key = "seeds_per_trial" if tuning.incumbent_seeds is None else "incumbent_seeds"
    raise SpecError(
        f"tuning.n_trials * tuning.{key} = {n_trials} * {n_each} = {n_trials * n_each}: must not exceed {MAX_RUNS}, "
        "the seeds of a stage. Lower one of them, or set tuning.seeds = 'common'."
    )


def _check_grid(study: StudySpec) -> None:
    if study.tuning.sampler != "grid":
        return
    for name, parameter in study.search_space.parameters.items():
        if n_grid_points(parameter) is None:
            raise SpecError(
                f"tuning.sampler = 'grid': search_space.parameters.{name} is continuous. "
                "Give it a `step`, or list its values as choices of type = 'categorical'."
            )


def _check_recommendation(study: StudySpec) -> None:
    tuning = study.tuning
    if study.post_evaluation.recommend != "posterior" or tuning.max_seeds_per_trial == 1:
        return
    if tuning.aggregation != "mean":
        raise SpecError(
            "post_evaluation.recommend = 'posterior' weighs fresh means against objective values, which must then be "
            f"means too, but got tuning.aggregation = {tuning.aggregation!r}. Choose one of the two otherwise."
        )
