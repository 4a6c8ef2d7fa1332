"""Functions of one's own, as studies declare them and worker processes receive them."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import JsonValue

from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.function import FunctionTraining
from robusttune.errors import SpecError

Train: TypeAlias = Callable[..., Any]


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


def check_portable(study: StudySpec) -> None:
    """Raise `SpecError` if the function of a study cannot go to worker processes."""
    try:
        pickle.dumps(study.training)
    except Exception as error:  # whatever an object does that cannot be pickled
        raise SpecError(
            f"{study.training.title} cannot be sent to worker processes ({error}). Call it with `workers` = 0, or let "
            "the function make what cannot be sent."
        ) from None


def declared(
    train: Train,
    hyperparameters: Mapping[str, JsonValue],
    total_timesteps: int,
    version: str | None,
    *,
    stored: bool,
) -> FunctionTraining:
    """Return what is trained, of a function; see `functions.tune`."""
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


def name_of(train: Train) -> str:
    """Return a name for the study of a function."""
    return getattr(train, "__name__", type(train).__name__).strip("_<>") or "function"
