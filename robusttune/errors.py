"""Errors that name the rule, the value received and the way out."""

from __future__ import annotations

import importlib.util


def shortened(text: str, longest: int = 10_000) -> str:
    """Return a text without its middle if it is longer than `longest`: nobody reads megabytes."""
    if len(text) <= longest:
        return text
    begin, end = longest // 4, longest - longest // 4
    return f"{text[:begin]}\n… {len(text) - longest:,} characters left out …\n{text[-end:]}"


def reason(error: BaseException, longest: int = 200) -> str:
    """Return what an error of another library says, in one line."""
    return " ".join(str(error).split())[:longest] or type(error).__name__


def require(package: str, extra: str, *, who_needs: str) -> None:
    """Raise `MissingDependencyError` if a package is not installed.

    Parameters
    ----------
    package : str
        Its name on the package index.
    extra : str
        Of robusttune, which brings it.
    who_needs : str
        The beginning of the message: "A video needs".
    """
    if importlib.util.find_spec(package.replace("-", "_")) is None:
        raise MissingDependencyError(f"{who_needs} the package {package}: `pip install robusttune[{extra}]`.")


class RobusttuneError(Exception):
    """Base class of every error that robusttune raises on purpose."""


class SpecError(RobusttuneError, ValueError):
    """A declaration (study file, search space, option) breaks a rule."""


class StudyError(RobusttuneError, RuntimeError):
    """A valid study cannot continue, for example because every run fails."""


class NoResultsError(StudyError):
    """There are no stored results of the study."""


class MissingDependencyError(RobusttuneError, ImportError):
    """An optional package is needed for what was asked; the message names the install command."""
