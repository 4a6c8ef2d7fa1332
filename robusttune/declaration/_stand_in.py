"""What stands in the place of an environment: declared as a type of its own, kept as the environment's arguments."""

from __future__ import annotations

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from robusttune.declaration._messages import explain
from robusttune.declaration.run import EnvironmentSpec, canonical_json
from robusttune.errors import SpecError

T = TypeVar("T")


def stand_in(environment: EnvironmentSpec, adapter: TypeAdapter[T], kind: type[T], name: str) -> T:
    """Return what an environment's arguments declare.

    Parameters
    ----------
    environment : EnvironmentSpec
    adapter : TypeAdapter
        Of `kind`.
    kind : type
        What is declared.
    name : str
        Its table in the study file, for messages.

    Raises
    ------
    SpecError
        One line per problem.
    """
    try:
        return adapter.validate_json(canonical_json(dict(environment.kwargs)))
    except ValidationError as error:
        lines = explain(error, kind).splitlines()
        raise SpecError("\n".join(f"{name}.{line.removeprefix('study: ')}" for line in lines)) from None
