"""Studies of a Python function, without any file."""

from __future__ import annotations

import pickle
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.ids import config_id
from robusttune.declaration.post_evaluation import Control, PostEvaluationSpec
from robusttune.declaration.space import Parameter, SearchSpace
from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.function import FunctionTraining
from robusttune.declaration.tuning import TuningSpec
from robusttune.errors import SpecError
from robusttune.pipeline.location import location_of
from robusttune.pipeline.ranked import rank, written
from robusttune.pipeline.settle import settle
from robusttune.post_evaluation.result import PostEvaluation

if TYPE_CHECKING:
    from robusttune.execution.choose import Given
    from robusttune.execution.progress import Reporter
    from robusttune.pipeline.session import Session
    from robusttune.report.model import Ranking

Train = Callable[..., Any]


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
        If the function cannot be called, sent to worker processes, or identified where results are stored.
    pydantic.ValidationError
        If a setting breaks a rule.
    StudyError
        If runs keep failing.
    """
    study = StudySpec(
        name=_name(train),
        training=_training(train, hyperparameters or {}, total_timesteps, version, stored=out is not None),
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
    ids: dict[str, str] = {}
    for name, own in configurations.items():
        other = ids.setdefault(config_id(own), name)
        if other != name:
            raise SpecError(f"configurations must differ, but {other!r} and {name!r} are both {dict(own)!r}.")
    if not ids:
        raise SpecError("configurations = {}: name at least one, as in {'a': {'rate': 0.1}}.")
    study = StudySpec(
        name=_name(train),
        training=_training(train, {}, 1, version, stored=out is not None),
        tuning=TuningSpec(n_trials=1),
        post_evaluation=PostEvaluationSpec(
            n_seeds=n_seeds,
            controls=tuple(Control(name=key, hyperparameters=value) for key, value in configurations.items()),
            **post_evaluation,
        ),
        root_seed=root_seed,
    )
    return _ranked(study, lambda session: session.evaluate(()), out, workers, executor, reporter)


class _Portable:
    """A function that goes to worker processes whether or not they can import it."""

    def __init__(self, function: Train) -> None:
        self._function = function
        self.__wrapped__ = function  # its signature

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __repr__(self) -> str:
        return repr(self._function)

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        import cloudpickle

        return cloudpickle.loads, (cloudpickle.dumps(self._function),)


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
        _check_portable(study)
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


def _check_portable(study: StudySpec) -> None:
    try:
        pickle.dumps(study.training)
    except Exception as error:  # whatever an object does that cannot be pickled
        raise SpecError(
            f"{study.training.title} cannot be sent to worker processes ({error}). Call it with `workers` = 0, or let "
            "the function make what cannot be sent."
        ) from None


def _training(
    train: Train,
    hyperparameters: Mapping[str, JsonValue],
    total_timesteps: int,
    version: str | None,
    *,
    stored: bool,
) -> FunctionTraining:
    if not callable(train):
        raise SpecError(f"train = {train!r}: must be a function, called as train(config, seed, report).")
    named = train if hasattr(train, "__qualname__") else type(train)
    module = str(named.__module__)
    if module == "__main__" and getattr(sys.modules[module], "__file__", None):
        module = Path(str(sys.modules[module].__file__)).stem  # as a study file would name it
    entry_point = f"{module}:{named.__qualname__}"
    if stored and version is None and (named is not train or "<" in named.__qualname__):
        raise SpecError(
            f"{entry_point} is made anew each time, so its name does not tell whether stored results are its own. "
            "Give `version` a text that does, or leave out `out` to store nothing."
        )
    return FunctionTraining(
        entry_point=entry_point,
        version=version,
        total_timesteps=total_timesteps,
        hyperparameters=dict(hyperparameters),
        function=_Portable(train),
    )


def _name(train: Train) -> str:
    return getattr(train, "__name__", type(train).__name__).strip("_<>") or "function"
