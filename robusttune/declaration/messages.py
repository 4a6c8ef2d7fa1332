"""Pieces of error messages: the nearest valid name, and readable lines from validation errors."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import UnionType
from typing import Any

from pydantic import AfterValidator, ValidationError
from pydantic_core import PydanticCustomError

_TAG = "kind"
_INNER = "hyperparameters"
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_MISSING = ("missing", "missing_argument", "missing_keyword_only_argument")


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return `" (did you mean 'x'?)"` for the nearest known name, or an empty string."""
    nearest = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""


def one_of(names: Iterable[str], *, or_if: Callable[[str], bool], such_as: str) -> AfterValidator:
    """Return a validator of names that a table holds, whose error reads like that of a `Literal`.

    Parameters
    ----------
    names : iterable of str
    or_if : callable
        Whether another name is allowed, too.
    such_as : str
        What these others are, for the message.
    """
    known = tuple(names)

    def check(value: str) -> str:
        if value not in known and not or_if(value):
            expected = ", ".join((*known, such_as))
            raise PydanticCustomError("one_of", "must be one of {expected}", {"expected": expected})
        return value

    return AfterValidator(check)


def explain(error: ValidationError, root: type) -> str:
    """Return one line per problem: the key, the rule, the value received and the nearest valid name."""
    problems: list[dict[str, Any]] = [dict(problem) for problem in error.errors(include_url=False)]
    misspelt = {_meant(problem, root) for problem in problems if problem["type"] in _UNKNOWN}
    # A misspelt required key is one mistake, not an unknown and a missing one.
    told = [p for p in problems if p["type"] not in _MISSING or not _is_misspelt(p["loc"], misspelt, root)]
    return "\n".join(dict.fromkeys(_line(problem, root) for problem in told))


def _meant(problem: dict[str, Any], root: type) -> tuple[Any, ...]:
    """Return the location that an unknown key was probably meant for."""
    *parents, last = problem["loc"]
    nearest = difflib.get_close_matches(str(last), _known_keys(root, parents), n=1, cutoff=0.6)
    return (*_key(parents, root), *nearest)


def _key(location: Sequence[Any], root: type) -> tuple[Any, ...]:
    """Return where a study file has what a type has at a location: without tags, and without the union of tables."""
    if location and location[0] in _tables(root):
        field, *rest = location
        kind, *inner = rest or [None]
        # A kind that owns several tables has a field for each; one that owns a single table is that table.
        is_one = kind is not None and kind in _tables(root)[field]
        location = rest if is_one else inner
    return tuple(part for part in location if not _is_tag(part))


def _tables(root: type) -> dict[str, list[str]]:
    """Return the fields of a type that a file declares by tables of their own, and these tables."""
    found = {}
    for name, hint in typing.get_type_hints(root).items():
        names = [table for member in _members(hint) for table in getattr(member, "TABLES", ())]
        if names:
            found[name] = names
    return found


def _is_misspelt(location: Sequence[Any], misspelt: set[tuple[Any, ...]], root: type) -> bool:
    names = _tables(root).get(location[0], []) if len(location) == 1 else []
    return not misspelt.isdisjoint([_key(location, root), *((name,) for name in names)])


def _line(problem: dict[str, Any], root: type) -> str:
    location, kind, value = problem["loc"], problem["type"], problem["input"]
    key = ".".join(map(str, _key(location, root))) or "study"
    if kind in _UNKNOWN:
        known = _known_keys(root, location[:-1])
        inner = f"{key.rpartition('.')[0]}.{_INNER}"
        beyond = f" Hyperparameters belong to {inner}." if _INNER in known else ""
        return (
            f"{key}: unknown key{did_you_mean(location[-1], known)}. Known keys: {', '.join(known)}.{beyond}"
        )
    if kind in _MISSING and len(location) == 1 and location[0] in _tables(root):
        listed = ", ".join(f"[{name}]" for name in _tables(root)[location[0]])
        return f"study: what is trained is missing. Tables that declare it: {listed}."
    if kind in _MISSING:
        return f"{key}: this key is required."
    message = problem["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return message if len(location) == 0 else f"{key}: {message}"
    if kind == "union_tag_invalid":
        expected = problem["ctx"]["expected_tags"].replace("'", "")
        return f"{key}: `type` must be one of {expected}, but got {problem['ctx']['tag']!r}."
    if kind == "union_tag_not_found":
        return f"{key}.type: this key is required."
    if kind in ("literal_error", "one_of"):
        expected = problem["ctx"]["expected"]
        choices = [choice.strip("'") for choice in expected.replace(" or ", ", ").split(", ")]
        return f"{key} = {value!r}: must be one of {', '.join(choices)}{did_you_mean(value, choices)}."
    return f"{key} = {value!r}: {message[0].lower()}{message[1:]}."


def _is_tag(part: object) -> bool:
    return part in ("float", "int", "categorical")


def _known_keys(root: type, path: Iterable[Any]) -> list[str]:
    hint: Any = root
    for part in path:
        hint = _step(hint, part)
    return [
        name
        for member in _members(hint)
        if dataclasses.is_dataclass(member)
        for field in dataclasses.fields(member)
        if field.name != _TAG
        for name in _tables(typing.cast(type, member)).get(field.name, [field.name])
    ]


def _step(hint: Any, part: Any) -> Any:
    """Return the type found by following one part of a location."""
    members = _members(hint)
    for member in members:
        if dataclasses.is_dataclass(member) and any(
            field.name in ("type", _TAG) and field.default == part for field in dataclasses.fields(member)
        ):
            return member  # the location names the member of a tagged union
    for member in members:
        if dataclasses.is_dataclass(member):
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
