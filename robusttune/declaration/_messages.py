"""Pieces of error messages: the nearest valid name, and readable lines from validation errors."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any

from pydantic import ValidationError

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_MISSING = ("missing", "missing_argument", "missing_keyword_only_argument")


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return `" (did you mean 'x'?)"` for the nearest known name, or an empty string."""
    nearest = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""


def explain(error: ValidationError, root: type) -> str:
    """Return one line per problem: the place, the rule, the value received and the nearest valid name."""
    problems = [dict(problem) for problem in error.errors(include_url=False)]
    misspelt = {_meant(problem, root) for problem in problems if problem["type"] in _UNKNOWN}
    # A misspelt required key is one mistake, not an unknown and a missing one.
    told = [p for p in problems if p["type"] not in _MISSING or p["loc"] not in misspelt]
    return "\n".join(dict.fromkeys(_line(problem, root) for problem in told))


def _meant(problem: dict[str, Any], root: type) -> tuple[Any, ...]:
    """Return the location that an unknown key was probably meant for."""
    *parents, last = problem["loc"]
    return (*parents, *difflib.get_close_matches(str(last), _known_keys(root, parents), n=1, cutoff=0.6))


def _line(problem: dict[str, Any], root: type) -> str:
    location, kind, value = problem["loc"], problem["type"], problem["input"]
    place = ".".join(str(part) for part in location if not _is_tag(part)) or "study"
    if kind in _UNKNOWN:
        known = _known_keys(root, location[:-1])
        return f"{place}: unknown key{did_you_mean(location[-1], known)}. Known keys: {', '.join(known)}."
    if kind in _MISSING:
        return f"{place}: this key is required."
    message = problem["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return message if len(location) == 0 else f"{place}: {message}"
    if kind == "union_tag_invalid":
        expected = problem["ctx"]["expected_tags"].replace("'", "")
        return f"{place}: `type` must be one of {expected}, but got {problem['ctx']['tag']!r}."
    if kind == "union_tag_not_found":
        return f"{place}.type: this key is required."
    if kind == "literal_error":
        expected = problem["ctx"]["expected"]
        choices = [choice.strip("'") for choice in expected.replace(" or ", ", ").split(", ")]
        return f"{place} = {value!r}: must be one of {', '.join(choices)}{did_you_mean(value, choices)}."
    return f"{place} = {value!r}: {message[0].lower()}{message[1:]}."


def _is_tag(part: object) -> bool:
    return part in ("float", "int", "categorical")


def _known_keys(root: type, path: Iterable[Any]) -> list[str]:
    hint: Any = root
    for part in path:
        hint = _step(hint, part)
    return [
        field.name
        for member in _members(hint)
        if dataclasses.is_dataclass(member)
        for field in dataclasses.fields(member)
    ]


def _step(hint: Any, part: Any) -> Any:
    """Return the type found by following one part of a location."""
    for member in _members(hint):
        if dataclasses.is_dataclass(member):
            if any(field.name == "type" and field.default == part for field in dataclasses.fields(member)):
                return member  # the location names the member of a tagged union
            if not _is_tag(part):
                return typing.get_type_hints(member).get(part)
        elif typing.get_origin(member) is tuple:
            return typing.get_args(member)[0]
        elif typing.get_origin(member) is Mapping:
            values = typing.get_args(member)[1]
            return values if not _is_tag(part) else hint
    return None


def _members(hint: Any) -> list[Any]:
    """Return the alternatives of a union, or the type alone."""
    if typing.get_origin(hint) in (typing.Union, UnionType):
        return [member for arg in typing.get_args(hint) for member in _members(arg)]
    return [hint]
