"""With what, and on which machines, runs were made: from the provenances that are stored with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from robusttune.report.prose.words import count, listed

Provenance = Mapping[str, Any]


def hosts(provenances: Iterable[Provenance]) -> tuple[str, ...]:
    """Return the names of the machines, each once."""
    return tuple(dict.fromkeys(str(one["host"]) for one in provenances if one.get("host")))


def software(provenances: Sequence[Provenance]) -> str:
    """Return the versions of Python and of the packages that matter, in a sentence; nothing where none is recorded."""
    versions: dict[str, dict[str, None]] = {}
    for one in provenances:
        for name, version in {"Python": one.get("python"), **(one.get("packages") or {})}.items():
            if version:
                versions.setdefault(name, {})[str(version)] = None
    if not versions:
        return ""
    named = listed(f"{name} {' or '.join(found)}" for name, found in versions.items())
    return f"The runs were made with {named}."


def hardware(provenances: Sequence[Provenance]) -> str:
    """Return processors, cores and systems in a sentence; nothing where none is recorded."""
    machines: dict[tuple[str, ...], dict[str, None]] = {}
    for one in provenances:
        if one.get("cpu"):
            cores = f" with {count(n, 'core')}" if isinstance(n := one.get("n_cores"), int) else ""
            what = (f"{one['cpu']}{cores}", str(one.get("platform") or "an unknown system"))
            machines.setdefault(what, {})[str(one.get("host"))] = None
    if not machines:
        return ""
    parts = [f"{count(len(own), 'machine')}: {cpu}, {system}" for (cpu, system), own in machines.items()]
    return f"The runs were made on {'; '.join(parts)}."
