"""Trainers: they turn RunSpecs into RunResults. torch is loaded when the first run is trained."""

from __future__ import annotations

import contextlib
import copy
import functools
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.base import TrainerSpec
from robusttune.errors import SpecError
from robusttune.results.records import RunResult, RunStatus
from robusttune.results.running import Tell
from robusttune.training.compiled import keep_compiled
from robusttune.training.groups import fitting_trainer
from robusttune.training.imports import import_from, import_heavy, modules_from
from robusttune.training.interfaces import (
    Check,
    Choice,
    StopRule,
    StopRules,
    Trainer,
    by_rule,
    make_result,
    trained_by,
)


def train(
    specs: Sequence[RunSpec],
    stop_rule: StopRule | StopRules | None = None,
    *,
    trainer: TrainerSpec | None = None,
    models: Path | None = None,
    tell: Tell | None = None,
) -> list[RunResult]:
    """Train and evaluate runs that share all but their seed.

    An exception in training is data: the run is FAILED and keeps its traceback.

    Parameters
    ----------
    specs : sequence of RunSpec
        At least one.
    stop_rule : StopRule or StopRules, optional
        Asked at each evaluation during training.
    trainer : TrainerSpec, optional
        Who trains; None is the reference, which also trains a configuration that lockstep cannot stack. Its name goes
        into the provenance of each result.
    models : Path, optional
        Folder in which the policies of completed runs are saved, where the kind of training saves them.
    tell : callable, optional
        Told the timesteps that each run has taken, on the way.

    Returns
    -------
    list of RunResult
        In the order of `specs`.
    """
    trainer = fitting_trainer(specs, trainer or specs[0].training.TRAINERS[0])
    begin = time.perf_counter()
    try:
        work: Trainer = import_heavy(trainer.module).train
        with warnings.catch_warnings(), modules_from(specs[0].training.module_folder):
            # A minibatch size that does not divide the rollout is the search's choice, not a mistake.
            warnings.filterwarnings("ignore", message="You have specified a mini-batch size of")
            options = {"models": models, "tell": tell}
            results = work(specs, stop_rule, **{key: x for key, x in options.items() if x is not None})
    except Exception:
        if len(specs) > 1:  # one bad run must not take its companions with it
            parts = by_rule(specs, stop_rule)
            # A rule decides on all its runs together, or on none; it keeps what it was told, its copy does not.
            again = parts if len(parts) > 1 else [([spec], None) for spec in specs]
            retry = functools.partial(train, trainer=trainer, models=models, tell=tell)
            return [result for runs, rule in again for result in retry(runs, copy.copy(rule))]
        wall_time_s = (time.perf_counter() - begin) / len(specs)
        error = traceback.format_exc()
        results = [
            make_result(spec, RunStatus.FAILED, wall_time_s=wall_time_s, error=error) for spec in specs
        ]
    return [trained_by(trainer, result) for result in results]


def prepare(study: StudySpec, compiled: str | None = None) -> None:
    """Import what runs of a study need, and compile into a folder, if one is given."""
    import_heavy(study.trainer.module)
    if compiled is not None:
        keep_compiled(compiled)
    for module in study.training.imports:
        import_from(study.training.module_folder, module)


@contextlib.contextmanager
def _staying(study: StudySpec) -> Iterator[None]:
    """Refuse a study whose environment, function or module leaves Python."""
    try:
        with modules_from(study.training.module_folder):
            yield
    except SystemExit as error:
        *_, frame = traceback.extract_tb(error.__traceback__)
        raise SpecError(
            f"{study.training.title}: sys.exit({error.code!r:.200}) is called in {frame.filename}, line "
            f"{frame.lineno}. Raise an exception there instead."
        ) from None


def check(study: StudySpec) -> Choice:
    """Look at what a study's declaration alone cannot show, such as its environment; return who trains it.

    Raises
    ------
    SpecError
        If the study cannot be trained.
    """
    module = study.training.CHECK
    if module is None:
        return Choice(trainer=study.training.TRAINERS[0])
    look: Check = import_heavy(module).check
    with _staying(study):
        return look(study)


def rehearse(study: StudySpec) -> int | None:
    """Build what a run of the study will build, and take one short update.

    Returns
    -------
    int or None
        Size of one saved policy in bytes, if the study saves any.

    Raises
    ------
    SpecError
        If a run would fail at its beginning.
    """
    if study.training.REHEARSAL is None:
        return None
    with _staying(study):
        n_bytes: int | None = import_heavy(study.training.REHEARSAL).rehearse(study)
    return n_bytes
