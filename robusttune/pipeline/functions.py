"""Studies of a Python function, without any file."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue, ValidationError

from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.ids import config_id
from robusttune.declaration.messages import explain
from robusttune.declaration.post_evaluation import Control, PostEvaluationSpec
from robusttune.declaration.space import Categorical, Float, Int, Parameter, SearchSpace
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.function import FunctionTraining
from robusttune.declaration.tuning import TuningSpec
from robusttune.errors import SpecError
from robusttune.pipeline.location import location_of
from robusttune.pipeline.portable import Train, check_portable, declared, name_of
from robusttune.pipeline.ranked import rank, written
from robusttune.pipeline.settle import settle
from robusttune.post_evaluation.result import PostEvaluation

if TYPE_CHECKING:
    from robusttune.execution.choose import Given
    from robusttune.execution.progress import Reporter
    from robusttune.pipeline.session import Session
    from robusttune.report.model import Ranking


def tune(
    train: Train,
    space: Mapping[str, Parameter],
    n_trials: int,
    *,
    post_evaluation: PostEvaluationSpec | None = None,
    evaluation: EvaluationSpec | None = None,
    hyperparameters: Mapping[str, JsonValue] | None = None,
    total_timesteps: int = 1,
    root_seed: int = 0,
    version: str | None = None,
    out: str | Path | None = None,
    workers: int | None = None,
    executor: Given | None = None,
    reporter: Reporter | None = None,
    **tuning: Any,
) -> Ranking:
    """Tune a function, run the best trials again on fresh seeds, and rank them.

    Parameters
    ----------
    train : callable
        `train(config, seed, report)` returns a score, higher is better, or episode returns; see `FunctionTraining`.
    space : mapping
        Hyperparameter → `Float`, `Int` or `Categorical`.
    n_trials : int
    post_evaluation : PostEvaluationSpec, optional
    evaluation : EvaluationSpec, optional
        `EvaluationSpec(every=1)` keeps every report of the function, and lets a pruner see it.
    hyperparameters : mapping, optional
        Fixed for all trials.
    total_timesteps : int
        Steps of one run, as the function reports them.
    root_seed : int
        All seeds follow from it.
    version : str, optional
        Part of what identifies the function where results are stored.
    out : path, optional
        Results and report go to `<out>/<name of the function>/`, and the next call continues from there. Without it
        nothing is stored.
    workers : int, optional
        Worker processes; 0 runs the function in this process. None is one per core.
    executor : str, concurrent.futures.Executor or distributed.Client, optional
        Where runs are carried out; see `run_study`.
    reporter : Reporter, optional
        Told of the progress.
    **tuning
        Further settings of `TuningSpec`: `pruner="median"`.

    Raises
    ------
    SpecError
        If a setting breaks its rule, or the function cannot be called, sent to worker processes, or identified where
        results are stored.
    StudyError
        If runs keep failing.
    """
    _check_mapping(space, "space", "hyperparameter → Float, Int or Categorical")
    for name, parameter in space.items():
        if not isinstance(parameter, Float | Int | Categorical):
            raise SpecError(
                f"space: {name} = {parameter!r}: must be a Float, Int or Categorical of robusttune."
            )
    with _in_our_words():
        study = StudySpec(
            name=name_of(train),
            training=declared(train, hyperparameters or {}, total_timesteps, version, stored=out is not None),
            search_space=SearchSpace(parameters=dict(space)),
            tuning=TuningSpec(n_trials=n_trials, **tuning),
            evaluation=evaluation or EvaluationSpec(),
            post_evaluation=post_evaluation or PostEvaluationSpec(),
            root_seed=root_seed,
        )
    return _ranked(
        study,
        lambda session: session.evaluate(session.tune(then_evaluate=True)),
        out,
        workers,
        executor,
        reporter,
    )


def evaluate(
    train: Train,
    configurations: Mapping[str, Mapping[str, JsonValue]],
    *,
    n_seeds: int,
    root_seed: int = 0,
    version: str | None = None,
    out: str | Path | None = None,
    workers: int | None = None,
    executor: Given | None = None,
    reporter: Reporter | None = None,
    **post_evaluation: Any,
) -> Ranking:
    """Run configurations of a function on equally many fresh seeds, and rank them; nothing is tuned.

    Parameters
    ----------
    configurations : mapping
        Name → hyperparameters.
    n_seeds : int
        Runs of each.
    train, root_seed, version, out, workers, executor, reporter
        See `tune`, whose errors it raises too.
    **post_evaluation
        Further settings of `PostEvaluationSpec`: `statistic="iqm"`.
    """
    _check_mapping(configurations, "configurations", "name → hyperparameters")
    ids: dict[str, str] = {}
    for name, own in configurations.items():
        _check_mapping(own, f"configurations: {name}", "hyperparameter → value")
        try:
            own_id = config_id(own)
        except (TypeError, ValueError) as error:
            raise SpecError(
                f"configurations: {name} = {dict(own)!r:.200}: must be finite numbers, texts, lists and the like, as "
                f"JSON has them ({error})."
            ) from None
        other = ids.setdefault(own_id, name)
        if other != name:
            raise SpecError(f"configurations must differ, but {other!r} and {name!r} are both {dict(own)!r}.")
    if not ids:
        raise SpecError("configurations = {}: name at least one, as in {'a': {'rate': 0.1}}.")
    with _in_our_words():
        study = StudySpec(
            name=name_of(train),
            training=declared(train, {}, 1, version, stored=out is not None),
            tuning=TuningSpec(n_trials=1),
            post_evaluation=PostEvaluationSpec(
                n_seeds=n_seeds,
                controls=tuple(
                    Control(name=key, hyperparameters=value) for key, value in configurations.items()
                ),
                **post_evaluation,
            ),
            root_seed=root_seed,
        )
    return _ranked(study, lambda session: session.evaluate(()), out, workers, executor, reporter)


def _check_mapping(given: object, name: str, what: str) -> None:
    if not isinstance(given, Mapping):
        raise SpecError(f"{name} = {given!r:.200}: must be a mapping, {what}.")


@contextlib.contextmanager
def _in_our_words() -> Iterator[None]:
    """Say what breaks a rule as a study file is told it."""
    parts = (StudySpec, SearchSpace, TuningSpec, PostEvaluationSpec, Control, FunctionTraining)
    try:
        yield
    except ValidationError as error:
        root = next((part for part in parts if part.__name__ == error.title), StudySpec)
        raise SpecError(explain(error, root)) from None


def _ranked(
    study: StudySpec,
    stage: Callable[[Session], PostEvaluation],
    out: str | Path | None,
    workers: int | None,
    executor: Given | None,
    reporter: Reporter | None,
) -> Ranking:
    from robusttune.execution.choose import choose_executor
    from robusttune.execution.progress import SilentReporter
    from robusttune.pipeline.session import memory_session, open_session

    location = None if out is None else location_of(study, out=out)
    settled = settle(study, location=location)
    if workers != 0 or executor is not None:
        check_portable(study)
    if location is not None:
        with open_session(
            settled, location, workers=workers, executor=executor, reporter=reporter
        ) as session:
            ranking = rank(session, stage(session), command="")
        return written(ranking, location)
    reporter = reporter or SilentReporter()
    opened = choose_executor(settled.study, executor, workers)
    with tempfile.TemporaryDirectory() as folder, opened as running:
        session = memory_session(settled.study, executor=running, reporter=reporter, progress=Path(folder))
        reporter.watch(session.driver.board.outlook)
        with reporter:
            return rank(session, stage(session), command="")
