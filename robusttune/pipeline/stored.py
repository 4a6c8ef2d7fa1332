"""Which of the stored studies a declaration describes, whatever version of the library settled it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from robusttune.declaration.study import StudySpec
from robusttune.declaration.training.base import AUTO
from robusttune.results.store import StoredStudy

T = TypeVar("T")

_GROWS = (
    *("name", "description", "post_evaluation", "execution", "cluster"),
    *("tuning.n_trials", "tuning.timeout_s"),
)


def as_stored(declared: StudySpec, stored: Sequence[StoredStudy]) -> StudySpec | None:
    """Return the declaration with all that it leaves open as it was settled before, or None if it is another search.

    Parameters
    ----------
    declared : StudySpec
    stored : sequence of StoredStudy
        Of its name, the latest first.

    Notes
    -----
    Open is what neither this declaration nor the stored one says: a changed default, or a choice that a newer version
    makes differently, must not separate a study from its results.
    """
    for one in stored:
        try:
            training = one.written.get("training", {})
            said = {key: value for key, value in training.items() if key not in declared.training.FILLED}
            filled = _filled(declared, one.settled, declared.written(), {**one.written, "training": said})
        except (ValueError, TypeError, AttributeError):
            continue  # the settings of that time contradict this declaration, or are damaged
        if filled.tuning_id == one.settled.tuning_id:
            return filled
    return None


def differences(first: StudySpec, second: StudySpec) -> tuple[str, ...]:
    """Return the settings in which two studies differ, as `key = value` of the second; open ones are no difference."""
    before, after = dict(_leaves(first.to_dict())), dict(_leaves(second.to_dict()))
    return tuple(
        f"{key} = {value!r}"
        for key, value in after.items()
        if key in before and before[key] not in (value, AUTO)
    )


def search_differences(declared: StudySpec, stored: StudySpec) -> tuple[str, ...]:
    """Return the settings of the stored search that are declared otherwise."""
    return tuple(text for text in differences(declared, stored) if not text.startswith(_GROWS))


def _filled(new: T, old: T, written: Mapping[str, Any], written_then: Mapping[str, Any]) -> T:
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(new):  # type: ignore[arg-type]
        name = field.name
        mine, settled = getattr(new, name), getattr(old, name)
        if dataclasses.is_dataclass(mine) and type(mine) is type(settled):
            changes[name] = _filled(mine, settled, written.get(name, {}), written_then.get(name, {}))
        elif name in getattr(new, "LOCAL", ()):
            continue
        elif name not in written and (name not in written_then or mine == AUTO):
            changes[name] = settled
    return dataclasses.replace(new, **changes)  # type: ignore[type-var]


def _leaves(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
