"""Samplers that OptunaHub publishes: fetched at first use, cached afterwards."""

from __future__ import annotations

from collections.abc import Callable

import optuna
from optuna.samplers import BaseSampler

from robusttune.errors import MissingDependencyError


def hub_class(sampler: str, package: str, class_name: str, *, instead: str) -> Callable[..., BaseSampler]:
    """Return the class of a published sampler.

    Parameters
    ----------
    sampler : str
        What the study calls it.
    package, class_name : str
        What OptunaHub calls it.
    instead : str
        A sampler for those who cannot have this one.

    Raises
    ------
    MissingDependencyError
        If OptunaHub is not installed, or the package cannot be fetched, or does not import.
    """
    wanted = f"tuning.sampler = {sampler!r}"
    way_out = f"tuning.sampler = {instead!r} needs nothing more."
    try:
        import optunahub
    except ImportError as error:
        raise MissingDependencyError(
            f"{wanted} needs OptunaHub (`pip install robusttune[hub]`) and git, but got: {_line(error)}. {way_out}"
        ) from None
    try:
        kind: Callable[..., BaseSampler] = getattr(optunahub.load_module(f"samplers/{package}"), class_name)
    except (ImportError, AttributeError) as error:
        raise MissingDependencyError(
            f"{wanted}: OptunaHub's package samplers/{package} must import with the installed Optuna, but Optuna "
            f"{optuna.__version__} gives: {_line(error)}. A later version may do so (it is fetched again "
            f"when OptunaHub's cache is emptied); until then {way_out}"
        ) from error
    except Exception as error:  # of git, of GitHub or of the network: they have no base class of their own
        raise MissingDependencyError(
            f"{wanted}: OptunaHub's package samplers/{package} must be in its cache or come from github.com, but got: "
            f"{_line(error)}. Try again with a network; {way_out}"
        ) from error
    return kind


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(".")
