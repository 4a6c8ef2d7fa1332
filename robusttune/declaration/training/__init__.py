"""What can be trained: one union, whose members say all that differs between kinds of training.

A new kind of training is a class here (see `base.TrainingBase`), its entry in `Training`, and a module that trains it.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from robusttune.declaration.training.base import TrainingBase
from robusttune.declaration.training.command import CommandTraining
from robusttune.declaration.training.function import FunctionTraining
from robusttune.declaration.training.sb3 import Sb3Training
from robusttune.declaration.training.synthetic import SyntheticTraining
from robusttune.declaration.training.tabular import TabularTraining
from robusttune.errors import SpecError

Training: TypeAlias = Annotated[
    Sb3Training | FunctionTraining | CommandTraining | SyntheticTraining | TabularTraining,
    Field(discriminator="kind"),
]


def kinds() -> dict[str, type[TrainingBase]]:
    """Return the members of the union by their kind."""
    members = typing.get_args(typing.get_args(Training)[0])
    return {typing.get_args(typing.get_type_hints(member)["kind"])[0]: member for member in members}


def tables() -> tuple[str, ...]:
    """Return the tables of a study file that declare what is trained."""
    return tuple(table for member in kinds().values() for table in member.TABLES)


def from_tables(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study's document with the tables that declare what is trained gathered under `training`.

    A kind that owns one table is that table; one that owns several has a field for each.

    Raises
    ------
    SpecError
        If there are tables of different kinds, or one is no table.
    """
    found = {
        kind: [table for table in member.TABLES if table in document] for kind, member in kinds().items()
    }
    present = {kind: own for kind, own in found.items() if own}
    if not present:
        return dict(document)
    (kind, own), *others = present.items()
    if others:
        raise SpecError(
            f"{others[0][1][0]}: a study trains one thing, but {_listed(own)} "
            f"{'declares' if len(own) == 1 else 'declare'} another. Remove either."
        )
    rest = {key: value for key, value in document.items() if key not in own}
    member = kinds()[kind]
    content = dict(document) if len(member.TABLES) > 1 else document[own[0]]
    if not isinstance(content, Mapping):
        raise SpecError(f"{own[0]} = {content!r}: must be a table.")
    fields = {table: content[table] for table in own} if len(member.TABLES) > 1 else content
    return {**rest, "training": {**fields, "kind": kind}}


def to_tables(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study's document as a study file has it; undoes `from_tables`."""
    training = dict(document["training"])
    member = kinds()[training.pop("kind")]
    own = training if len(member.TABLES) > 1 else {member.TABLES[0]: training}
    rest = {key: value for key, value in document.items() if key not in ("name", "training")}
    return {"name": document["name"], **own, **rest}


def _listed(names: list[str]) -> str:
    return " and ".join(f"[{name}]" for name in names)
