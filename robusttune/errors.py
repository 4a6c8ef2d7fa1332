"""Errors that name the rule, the value received and the way out."""

from __future__ import annotations


class RobusttuneError(Exception):
    """Base class of every error that robusttune raises on purpose."""


class SpecError(RobusttuneError, ValueError):
    """A declaration (study file, search space, option) breaks a rule."""


class StudyError(RobusttuneError, RuntimeError):
    """A well-declared study cannot go on, for example because every run fails."""


class NoResultsError(StudyError):
    """Nothing is stored of what shall be read."""


class MissingDependencyError(RobusttuneError, ImportError):
    """An optional package is needed for what was asked; the message names the install command."""
